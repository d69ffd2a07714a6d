using System.Globalization;
using System.Numerics;
using static Pav.Grading.Expression;

namespace Pav.Grading;

/// <summary>Reads an expression by recursive descent: sums of products of powers, with products that are not written out, fractions, roots,
/// functions, mixed numbers.</summary>
internal sealed class ExpressionParser
{
    private readonly List<Token> tokens;
    private readonly string plusMinus;
    private readonly Work work;
    private int position, depth;
    private bool inBars;

    private ExpressionParser(IEnumerable<Token> tokens, string plusMinus, Work work) =>
        (this.tokens, this.plusMinus, this.work) = ([.. tokens], plusMinus, work);

    /// <summary>The expression that all these tokens are; words after a number, which name its unit, may follow.</summary>
    public static Expression Parse(IReadOnlyList<Token> tokens, int from, int to, string plusMinus, Work work)
    {
        var parser = new ExpressionParser(tokens.Skip(from).Take(to - from), plusMinus, work);
        var expression = parser.Sum();
        return parser.AtEndOrUnit(expression) ? expression : throw new UnreadableAnswer();
    }

    private bool AtEndOrUnit(Expression expression)
    {
        if (position == tokens.Count) return true;
        return tokens[position].Kind == TokenKind.Word && expression.HasNumber && Enumerable.Range(position, tokens.Count - position)
            .All(InUnit);
    }

    /// <summary>Numbers stand in a unit as exponents only: "12 cm^2" is one, "12 maybe 13" is none.</summary>
    private bool InUnit(int i) => tokens[i] switch
    {
        { Kind: TokenKind.Word } => true,
        { Kind: TokenKind.Number } => tokens[i - 1].Is("^") || (tokens[i - 1].Is("{") && tokens[i - 2].Is("^")),
        var token => token.Text is "^" or "{" or "}" or "/" or "(" or ")",
    };

    private Token? Here => position < tokens.Count ? tokens[position] : null;

    private bool Take(string mark)
    {
        if (Here is not { } token || !token.Is(mark)) return false;
        position++;
        return true;
    }

    private void Need(string mark)
    {
        if (!Take(mark)) throw new UnreadableAnswer();
    }

    private Expression Sum()
    {
        work.Spend();
        if (++depth > 40) throw new UnreadableAnswer();
        var sum = Product();
        while (Sign() is { } negative)
        {
            var term = Product();
            sum = new Sum(sum, negative ? Negative(term) : term);
        }

        depth--;
        return sum;
    }

    /// <summary>+, − or ± here: is it a minus?</summary>
    private bool? Sign()
    {
        if (Take("+")) return false;
        if (Take("-")) return true;
        if (Take("pm")) return plusMinus == "-";
        return Take("mp") ? plusMinus == "+" : null;
    }

    private Expression Product()
    {
        var negative = false;
        while (Sign() is { } minus) negative ^= minus;
        var product = Power();
        while (true)
        {
            if (Take("*")) product = new Product(product, Signed());
            else if (Take("/")) product = new Quotient(product, Signed());
            else if (StartsFactor()) product = new Product(product, Power());
            else break;
        }

        return negative ? Negative(product) : product;
    }

    private Expression Signed()
    {
        var negative = false;
        while (Sign() is { } minus) negative ^= minus;
        return negative ? Negative(Power()) : Power();
    }

    private bool StartsFactor() => Here is { } token && (token.Kind switch
    {
        TokenKind.Number => tokens[position - 1].Kind != TokenKind.Number,
        TokenKind.Symbol or TokenKind.Function => true,
        TokenKind.Mark => token.Text is "(" or "[" or "{" or "frac" or "sqrt" or "binom" or "overline" || (token.Text == "|" && !inBars),
        _ => false,
    });

    private Expression Power()
    {
        work.Spend();
        var value = Primary();
        while (Take("!")) value = new Call("!", value);
        return Take("^") ? new Power(value, Exponent()) : value;
    }

    private Expression Exponent()
    {
        var negative = false;
        while (Sign() is { } minus) negative ^= minus;
        if (++depth > 40) throw new UnreadableAnswer();
        var exponent = Power();
        depth--;
        return negative ? Negative(exponent) : exponent;
    }

    private Expression Primary()
    {
        var token = Here ?? throw new UnreadableAnswer();
        position++;
        return token.Kind switch
        {
            TokenKind.Number => Mixed(token),
            TokenKind.Symbol => new Symbol(token.Text + Subscript()),
            TokenKind.Function => Function(token.Text),
            TokenKind.Mark => Structure(token.Text),
            _ => throw new UnreadableAnswer(),
        };
    }

    private Expression Structure(string mark)
    {
        switch (mark)
        {
            case "(": return Closed(")");
            case "[": return Closed("]");
            case "{": return Closed("}");
            case "frac": return new Quotient(Argument(), Argument());
            case "overline": return new Symbol($"overline {Flat()}");
            case "binom":
                var (n, k) = (Argument(), Argument());
                return new Quotient(new Call("!", n), new Product(new Call("!", k), new Call("!", new Sum(n, Negative(k)))));
            case "sqrt":
                var order = Take("[") ? Closed("]") : Whole(2);
                return order is Number { IsWhole: true } whole && whole.Top > 0 && whole.Top <= 100
                    ? new Root((int)whole.Top, Argument()) : new Power(Argument(), new Quotient(Whole(1), order));
            case "|" when !inBars:
                inBars = true;
                var inside = Sum();
                Need("|");
                inBars = false;
                return new Call("abs", inside);
            default: throw new UnreadableAnswer();
        }
    }

    private Expression Closed(string bracket)
    {
        var bars = inBars;
        inBars = false;
        var inside = Sum();
        inBars = bars;
        Need(bracket);
        return inside;
    }

    /// <summary>A group in braces, or the next single digit, symbol or command.</summary>
    private Expression Argument()
    {
        if (Take("{")) return Closed("}");
        if (Here is { Kind: TokenKind.Number, Text.Length: > 1 } digits && digits.Text.All(char.IsAsciiDigit))
        {
            tokens[position] = digits with { Text = digits.Text[1..] };
            return ToNumber(digits.Text[..1]);
        }

        return Here is { Kind: TokenKind.Number } ? ToNumber(tokens[position++].Text) : Primary();
    }

    /// <summary>3\frac{1}{2} and 3 1/2 are three and a half; a number with a subscript is one in that base, and no value is made of
    /// it.</summary>
    private Expression Mixed(Token number)
    {
        if (Subscript() is { Length: > 0 } subscript) return new Symbol(number.Text + subscript);
        var value = ToNumber(number.Text);
        if (!value.IsWhole) return value;
        if (Here is { } next && next.Is("frac"))
        {
            var back = (position, Tokens: tokens.ToArray());
            position++;
            if (new Quotient(Argument(), Argument()) is { WrittenFraction: not null } fraction) return new Sum(value, fraction);
            position = back.position;
            tokens.Clear();
            tokens.AddRange(back.Tokens);
        }
        else if (position + 2 < tokens.Count && tokens[position] is { Kind: TokenKind.Number, Spaced: true } top
            && tokens[position + 1].Is("/") && tokens[position + 2].Kind == TokenKind.Number)
        {
            position += 3;
            return new Sum(value, new Quotient(ToNumber(top.Text), ToNumber(tokens[position - 1].Text)));
        }

        return value;
    }

    private string Subscript()
    {
        if (!Take("_")) return "";
        return "_" + Flat();
    }

    /// <summary>The texts of a group or of one token.</summary>
    private string Flat()
    {
        if (!Take("{")) return Here is not null ? tokens[position++].Text : throw new UnreadableAnswer();
        var text = "";
        while (!Take("}")) text += Here is not null ? tokens[position++].Text : throw new UnreadableAnswer();
        return text;
    }

    /// <summary>sin²x, sin⁻¹x, log₂x, and the argument: a bracket, or the factors that follow up to a sign.</summary>
    private Expression Function(string name)
    {
        work.Spend();
        if (++depth > 40) throw new UnreadableAnswer();
        Expression? power = null, logBase = null;
        if (Take("_")) logBase = Argument();
        if (Take("^")) power = Take("{") ? Closed("}") : Exponent();
        if (Take("_")) logBase = Argument();
        Expression argument;
        if (Take("(")) argument = Closed(")");
        else
        {
            argument = Power();
            while (Here is not { Kind: TokenKind.Function } && StartsFactor()) argument = new Product(argument, Power());
        }

        depth--;
        if (power is Number { IsWhole: true } inverse && inverse.Top == -1 && name is "sin" or "cos" or "tan")
            return new Call("arc" + name, argument);
        Expression value = new Call(name, argument);
        if (logBase is not null) value = new Quotient(value, new Call(name, logBase));
        return power is null ? value : new Power(value, power);
    }

    private static Number ToNumber(string text)
    {
        if (text.IndexOf('e') is var e and >= 0)
        {
            var (mantissa, exponent) = (ToNumber(text[..e]), int.Parse(text[(e + 1)..], CultureInfo.InvariantCulture));
            var power = BigInteger.Pow(10, Math.Abs(exponent));
            return exponent < 0 ? Ratio(mantissa.Top, mantissa.Bottom * power) : Ratio(mantissa.Top * power, mantissa.Bottom);
        }

        var dot = text.IndexOf('.');
        if (dot < 0) return Whole(BigInteger.Parse(text, CultureInfo.InvariantCulture));
        var bracket = text.IndexOf('(');
        var (whole, once) = (text[..dot], bracket < 0 ? text[(dot + 1)..] : text[(dot + 1)..bracket]);
        var scale = BigInteger.Pow(10, once.Length);
        var first = BigInteger.Parse("0" + whole + once, CultureInfo.InvariantCulture);
        if (bracket < 0) return Ratio(first, scale);
        var again = text[(bracket + 1)..^1];
        var nines = BigInteger.Pow(10, again.Length) - 1;
        return Ratio(first * nines + BigInteger.Parse(again, CultureInfo.InvariantCulture), scale * nines);
    }
}
