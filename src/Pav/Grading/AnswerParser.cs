using System.Numerics;
using static Pav.Grading.Answer;

namespace Pav.Grading;

/// <summary>Reads the structure of an answer from its tokens: lists, tuples, intervals, sets, unions, matrices, relations; what is left are
/// words and expressions.</summary>
internal sealed class AnswerParser
{
    private static readonly HashSet<string> Signs = ["=", "<", ">", "<=", ">=", "!=", "in", "~"];

    /// <summary>Two letters that are no product.</summary>
    private static readonly HashSet<string> ShortWords = ["no", "on", "so", "up", "is", "it", "we", "ok"];

    private readonly IReadOnlyList<Token> tokens;
    private readonly int[] match;
    private readonly Work work;
    private int depth;

    private AnswerParser(IReadOnlyList<Token> tokens, Work work) => (this.tokens, match, this.work) = (tokens, Matches(tokens), work);

    /// <summary>Throws <see cref="UnreadableAnswer"/> where the tokens are no answer.</summary>
    public static Answer Parse(IReadOnlyList<Token> tokens, Work work) => new AnswerParser(tokens, work).List(0, tokens.Count);

    /// <summary>Where the bracket that opens here closes. "(" and "[" may close each other: intervals.</summary>
    private static int[] Matches(IReadOnlyList<Token> tokens)
    {
        var match = new int[tokens.Count];
        var open = new Stack<int>();
        for (var i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Kind != TokenKind.Mark) continue;
            var text = tokens[i].Text;
            if (text is "(" or "[" or "{" or "{set" or "begin") open.Push(i);
            var opener = text switch { ")" or "]" => "([", "}" => "{", "set}" => "{set", "end" => "begin", _ => "" };
            if (opener == "") continue;
            if (open.Count == 0 || !opener.StartsWith(tokens[open.Peek()].Text, StringComparison.Ordinal)
                && !(opener == "([" && tokens[open.Peek()].Text == "[")) throw new UnreadableAnswer();
            match[open.Pop()] = i;
        }

        return open.Count == 0 ? match : throw new UnreadableAnswer();
    }

    private Answer List(int from, int to)
    {
        if (++depth > 20) throw new UnreadableAnswer();
        var items = Split(from, to, t => t.Is(",")).Where(p => p.From < p.To).SelectMany(p => Item(p.From, p.To)).ToList();
        depth--;
        return items.Count switch { 0 => throw new UnreadableAnswer(), 1 => items[0], _ => new Sequence("", "", items) };
    }

    /// <summary>One item, or the two of a ±.</summary>
    private IEnumerable<Answer> Item(int from, int to)
    {
        var wrapped = tokens[from].Text is "{" or "{set" && match[from] == to - 1;
        if (wrapped || !Range(from, to).Any(t => t.Is("pm") || t.Is("mp"))) return [Related(from, to, "+")];
        return [Related(from, to, "+"), Related(from, to, "-")];
    }

    private Answer Related(int from, int to, string plusMinus)
    {
        var sides = Split(from, to, t => t.Kind == TokenKind.Mark && Signs.Contains(t.Text)).ToList();
        if (sides.Count == 1) return Joined(from, to, plusMinus);
        if (sides is [{ From: var a, To: var b }, ..] && a == b) sides.RemoveAt(0);
        var signs = sides.Skip(1).Select(s => tokens[s.From - 1].Text).ToList();
        return sides.Count == 1
            ? Joined(sides[0].From, to, plusMinus) : new Relation([.. sides.Select(s => Joined(s.From, s.To, plusMinus))], signs);
    }

    private Answer Joined(int from, int to, string plusMinus)
    {
        foreach (var sign in new[] { "cup", ":" })
        {
            var parts = Split(from, to, t => t.Is(sign)).ToList();
            if (parts.Count > 1) return new Sequence(sign, "", [.. parts.Select(p => Atom(p.From, p.To, plusMinus))]);
        }

        return Atom(from, to, plusMinus);
    }

    private Answer Atom(int from, int to, string plusMinus)
    {
        if (from >= to) throw new UnreadableAnswer();
        var last = to - 1;
        if (match[from] == last && last > from)
        {
            var (open, close) = (tokens[from].Text, tokens[last].Text);
            if (open == "begin") return Matrix(from, last);
            if (tokens[from + 1].Is("begin") && match[from + 1] == last - 1) return Matrix(from + 1, last - 1);
            if (open == "{set" && last == from + 1) return new Value(new Expression.Symbol(AnswerLexer.EmptySet));
            if (open == "{set") return new Sequence("{", "", Items(List(from + 1, last)));
            var listed = Split(from + 1, last, t => t.Is(",")).Count() > 1;
            if (open is "(" or "[" && (listed || open != "(" || close != ")"))
                return new Sequence(open, close, Items(List(from + 1, last)));
            if (open == "{" || (open == "(" && Range(from + 1, last).Any(t => t.Kind == TokenKind.Word))) return List(from + 1, last);
        }

        if (tokens[last].Is("end") && ScaledMatrix(from, last, plusMinus) is { } matrix) return matrix;
        if (match[from] is > 0 and var end && IsUnit(end + 1, to) && Split(from + 1, end, t => t.Is(",")).Count() > 1) return Atom(from,
            end + 1, plusMinus);
        if (tokens[from].Kind == TokenKind.Word || IsPhrase(from, to)) return new Words(Phrase(from, to));
        var letters = Range(from, to).All(IsLetter) && !Range(from + 1, to).Any(t => t.Spaced)
            ? string.Concat(Range(from, to).Select(t => t.Text)) : "";
        if (letters.Length > 2 || ShortWords.Contains(letters.ToLowerInvariant())) return new Words(letters.ToLowerInvariant());
        var unit = from;
        while (unit < to && tokens[unit].Kind != TokenKind.Word) unit++;
        return new Value(ExpressionParser.Parse(tokens, from, to, plusMinus, work), letters, Phrase(unit, to));
    }

    private Sequence Matrix(int begin, int end) =>
        new("matrix", "", [.. Split(begin + 1, end, t => t.Is("row")).Where(r => r.From < r.To).Select(r => Row(r.From, r.To))]);

    private Answer Row(int from, int to) => new Sequence("row", "", [.. Split(from, to, t => t.Is("&")).Select(c => List(c.From, c.To))]);

    /// <summary>A matrix with a factor before it, worked out; null for anything else that ends with a matrix.</summary>
    private Sequence? ScaledMatrix(int from, int end, string plusMinus)
    {
        var begin = from;
        while (begin < end && match[begin] != end) begin = match[begin] > 0 ? match[begin] + 1 : begin + 1;
        if (begin >= end || !tokens[begin].Is("begin")) return null;
        var to = tokens[begin - 1].Is("*") ? begin - 1 : begin;
        var factor = to == from + 1 && tokens[from].Is("-") ? Expression.Whole(-1)
            : ExpressionParser.Parse(tokens, from, to, plusMinus, work);
        return (Sequence)Scaled(Matrix(begin, end));

        Answer Scaled(Answer part) => part switch
        {
            Sequence s => s with { Items = [.. s.Items.Select(Scaled)] },
            Value v => new Value(ExactValue.Folded(new Expression.Product(factor, v.Of), work)),
            _ => throw new UnreadableAnswer(),
        };
    }

    private bool IsUnit(int from, int to) => from < to && Range(from, to).All(t => t.Kind == TokenKind.Word);

    /// <summary>Words and letters, at least one of the former: "no solution".</summary>
    private bool IsPhrase(int from, int to) =>
        Range(from, to).All(t => t.Kind == TokenKind.Word || IsLetter(t)) && Range(from, to).Any(t => t.Kind == TokenKind.Word);

    private static bool IsLetter(Token token) => token.Kind == TokenKind.Symbol && token.Text.Length == 1;

    private string Phrase(int from, int to)
    {
        var phrase = string.Concat(Range(from, to).Where(t => t.Kind != TokenKind.Mark || t.Text is "-" or "/").Select(t => t.Spaced
            ? " " + t.Text : t.Text));
        return phrase.Trim().ToLowerInvariant();
    }

    private static IReadOnlyList<Answer> Items(Answer inner) => inner is Sequence { Open: "" } list ? list.Items : [inner];

    private IEnumerable<Token> Range(int from, int to) => Enumerable.Range(from, to - from).Select(i => tokens[i]);

    /// <summary>The stretches between separators that stand in no bracket of their own.</summary>
    private IEnumerable<(int From, int To)> Split(int from, int to, Func<Token, bool> separates)
    {
        var start = from;
        for (var i = from; i < to; i++)
        {
            work.Spend();
            if (match[i] > 0) i = match[i];
            else if (separates(tokens[i]))
            {
                yield return (start, i);
                start = i + 1;
            }
        }

        yield return (start, to);
    }
}
