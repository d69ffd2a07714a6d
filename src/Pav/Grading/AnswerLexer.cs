using System.Text;

namespace Pav.Grading;

internal enum TokenKind
{
    /// <summary>Digits, perhaps with a fraction; the part in brackets repeats: 0.1(6).</summary>
    Number,

    /// <summary>A variable or a constant: x, theta, pi, infty.</summary>
    Symbol,

    /// <summary>A word of plain language, in lower case.</summary>
    Word,

    /// <summary>sin, log …: takes what follows as its argument.</summary>
    Function,

    /// <summary>Operators, brackets, separators and commands with structure, by a short name.</summary>
    Mark,
}

/// <param name="Spaced">White space stands before it.</param>
internal readonly record struct Token(TokenKind Kind, string Text, bool Spaced)
{
    public bool Is(string mark) => Kind == TokenKind.Mark && Text == mark;
}

/// <summary>
/// Reads an answer, in LaTeX or plain, into tokens. What only changes its looks is left out: dollar and percent signs, spaces, sizes of brackets, degrees, fonts,
/// boxes. One pass.
/// </summary>
internal sealed class AnswerLexer
{
    private enum Group
    {
        Shown,
        Hidden,
        Text,
    }

    private static readonly HashSet<string> Functions = ["sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln", "exp", "lg"];

    private static readonly HashSet<string> Units =
        ["cm", "mm", "km", "dm", "kg", "mg", "gm", "ft", "in", "yd", "mi", "lb", "lbs", "oz", "hr", "hrs", "min", "sec", "mph", "kph",
            "sq", "cu", "per", "deg", "rad", "am", "pm", "pct", "ml", "day", "men", "way"];

    private static readonly Dictionary<string, string> Marks = new()
    {
        ["frac"] = "frac", ["dfrac"] = "frac", ["tfrac"] = "frac", ["cfrac"] = "frac", ["sqrt"] = "sqrt", ["binom"] = "binom", ["dbinom"] = "binom", ["tbinom"] = "binom",
        ["cdot"] = "*", ["times"] = "*", ["ast"] = "*", ["div"] = "/", ["pm"] = "pm", ["mp"] = "mp", ["le"] = "<=", ["leq"] = "<=", ["leqslant"] = "<=", ["ge"] = ">=", ["geq"] = ">=",
        ["geqslant"] = ">=", ["lt"] = "<", ["gt"] = ">", ["ne"] = "!=", ["neq"] = "!=", ["in"] = "in", ["cup"] = "cup", ["cap"] = "cap", ["setminus"] = "setminus", ["lbrace"] = "{set", ["rbrace"] = "set}",
        ["langle"] = "(", ["rangle"] = ")", ["vert"] = "|", ["lvert"] = "|", ["rvert"] = "|", ["mid"] = "|", ["overline"] = "overline",
        ["bar"] = "overline", ["to"] = "to", ["approx"] = "~", ["land"] = ",", ["lor"] = ",",
    };

    private static readonly HashSet<string> Invisible =
        ["left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "displaystyle", "textstyle", "limits", "nolimits", "rm", "bf", "quad", "qquad", "circ", "degree", "colon", "hfill"];

    private static readonly HashSet<string> TextFonts = ["text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "mbox", "hbox"];

    private static readonly HashSet<string> Fonts = ["mathbf", "mathrm", "mathit", "mathsf", "mathbb", "mathcal", "bm", "boldsymbol", "operatorname", "boxed", "fbox", "underline", "ensuremath", "vec", "hat"];

    /// <summary>The symbol that ∅, \emptyset and \varnothing become.</summary>
    public const string EmptySet = "emptyset";

    private readonly string text;
    private readonly List<Token> tokens = [];
    private readonly Stack<Group> groups = new();
    private int at;
    private readonly bool listed;
    private bool spaced, inMatrix;

    private AnswerLexer(string text, bool listed) => (this.text, this.listed) = (text, listed);

    /// <param name="listed">A bare comma always separates: (12,102) is a pair.</param>
    public static List<Token> Read(string text, bool listed = false)
    {
        var lexer = new AnswerLexer(text, listed);
        while (lexer.at < text.Length) lexer.Next();
        return lexer.tokens;
    }

    private bool InText => groups.Count > 0 && groups.Peek() == Group.Text;

    private bool AfterValue => tokens.Count > 0 && tokens[^1] is { Kind: TokenKind.Number or TokenKind.Word } or { Text: ")" or "}" or "pi" };

    private void Add(TokenKind kind, string value)
    {
        tokens.Add(new(kind, value, spaced));
        spaced = false;
    }

    private void Mark(string value) => Add(TokenKind.Mark, value);

    private void Next()
    {
        var c = text[at];
        if (c == 'ℝ') Character(c);
        else if (char.IsAsciiDigit(c) || (c == '.' && Digit(at + 1))) Number();
        else if (char.IsLetter(c)) Letters();
        else if (c == '\\') Command();
        else if (c == '^' && Degrees()) return;
        else Character(c);
    }

    private void Character(char c)
    {
        at++;
        switch (c)
        {
            case '{': Open(Group.Shown); break;
            case '}': Close(); break;
            case ';': Mark(","); break;
            case '−' or '–' or '—': Mark("-"); break;
            case '×' or '·' or '∙' or '⋅': Mark("*"); break;
            case '÷': Mark("/"); break;
            case '±': Mark("pm"); break;
            case '≤': Mark("<="); break;
            case '≥': Mark(">="); break;
            case '≠': Mark("!="); break;
            case '∪': Mark("cup"); break;
            case '∩': Mark("cap"); break;
            case '∈': Mark("in"); break;
            case '≈': Mark("~"); break;
            case '∅': Add(TokenKind.Symbol, EmptySet); break;
            case 'ℝ': Add(TokenKind.Symbol, "bbR"); break;
            case '√': Mark("sqrt"); break;
            case '∞': Add(TokenKind.Symbol, "infty"); break;
            case '<' or '>' or '!' when at < text.Length && text[at] == '=': at++; Mark(c + "="); break;
            case '*' when at < text.Length && text[at] == '*': at++; Mark("^"); break;
            case '+' or '-' or '*' or '/' or '^' or '_' or '(' or ')' or '[' or ']' or '|' or '!' or '=' or '<' or '>' or ',' or ':' or '&': Mark($"{c}"); break;
            case '\'' when tokens is [.., { Kind: TokenKind.Symbol } last]: tokens[^1] = last with { Text = last.Text + "'" }; break;
            default: spaced |= char.IsWhiteSpace(c) || c == '~'; break;
        }
    }

    private void Open(Group group)
    {
        groups.Push(group);
        if (group == Group.Shown) Mark("{");
    }

    private void Close()
    {
        if (groups.Count == 0 || groups.Pop() == Group.Shown) Mark("}");
    }

    /// <summary>Thousands separators stand before three digits each; they may be <c>,</c> <c>{,}</c> <c>,\!</c> <c>\!</c> or <c>\,</c>.</summary>
    private void Number()
    {
        var digits = new StringBuilder();
        var start = at;
        while (Digit(at)) digits.Append(text[at++]);
        if (at - start is > 0 and <= 3)
        {
            while (Separator() is var after and > 0)
            {
                digits.Append(text, after, 3);
                at = after + 3;
            }
        }

        if (at < text.Length && text[at] == '.' && (Digit(at + 1) || Follows(at + 1, "\\overline{")))
        {
            digits.Append(text[at++]);
            while (Digit(at)) digits.Append(text[at++]);
            if (Follows(at, "\\overline{"))
            {
                var end = at + 10;
                while (Digit(end)) end++;
                if (end > at + 10 && end < text.Length && text[end] == '}')
                {
                    digits.Append('(').Append(text, at + 10, end - at - 10).Append(')');
                    at = end + 1;
                }
            }
        }

        Exponent(digits);
        Add(TokenKind.Number, digits.ToString());
    }

    /// <summary>1.5e3, 2E-5: an exponent of ten that follows the digits at once, of at most three digits.</summary>
    private void Exponent(StringBuilder digits)
    {
        if (at >= text.Length || text[at] is not ('e' or 'E')) return;
        var start = at + 1 < text.Length && text[at + 1] is '+' or '-' ? at + 2 : at + 1;
        var end = start;
        while (Digit(end)) end++;
        if (end - start is 0 or > 3 || (end < text.Length && (char.IsLetter(text[end]) || text[end] is '.' or '^'))) return;
        digits.Append('e').Append(text, at + 1, end - at - 1);
        at = end;
    }

    private int Separator()
    {
        foreach (var mark in new[] { ",\\! ", ",\\!", "{,}", ",\\,", "\\!", "\\,", "," })
        {
            var after = at + mark.Length;
            if (listed && mark == ",") continue;
            if (Follows(at, mark) && Digit(after) && Digit(after + 1) && Digit(after + 2) && !Digit(after + 3)) return after;
        }

        return -1;
    }

    private void Letters()
    {
        var start = at;
        while (at < text.Length && char.IsLetter(text[at])) at++;
        var run = text[start..at];
        var lower = run.ToLowerInvariant();
        if (lower is "or" or "and") Mark(",");
        else if (lower is "inf" or "infty" or "infinity" or "oo" && !InText) Add(TokenKind.Symbol, "infty");
        else if (AfterValue && at < text.Length && text[at] is '²' or '³') Add(TokenKind.Word, lower);
        else if (run.Length == 1 && !(InText && AfterValue)) Add(TokenKind.Symbol, run == "π" ? "pi" : run);
        else if (InText || (AfterValue && Units.Contains(lower))) Add(TokenKind.Word, lower);
        else if (run == "pi") Add(TokenKind.Symbol, run);
        else if (run == "sqrt") Mark(run);
        else if (Functions.Contains(run)) Add(TokenKind.Function, run);
        else if (run.Length >= 4) Add(TokenKind.Word, lower);
        else foreach (var letter in run) Add(TokenKind.Symbol, $"{letter}");
    }

    private void Command()
    {
        at++;
        if (at == text.Length) return;
        if (!char.IsAsciiLetter(text[at]))
        {
            Escape(text[at++]);
            return;
        }

        var start = at;
        while (at < text.Length && char.IsAsciiLetter(text[at])) at++;
        if (text.AsSpan(start, at - start) is ['q', 'u', 'a', 'd', _, ..]) at = start + 4;
        var name = text[start..at];
        if (Marks.TryGetValue(name, out var mark)) Mark(mark);
        else if (name is "begin" or "end") Environment(name);
        else if (Functions.Contains(name)) Add(TokenKind.Function, name);
        else if (name == "mathbb" && BlackboardLetter() is { } letter) Add(TokenKind.Symbol, $"bb{letter}");
        else if (name is "emptyset" or "varnothing") Add(TokenKind.Symbol, EmptySet);
        else if (TextFonts.Contains(name)) Hide(Group.Text);
        else if (Fonts.Contains(name)) Hide(Group.Hidden);
        else if (name is "phantom" or "hspace" or "vspace") SkipGroup();
        else if (Invisible.Contains(name))
        {
            spaced = true;
            if (name is "left" or "right" && at < text.Length && text[at] == '.') at++;
        }
        else Add(TokenKind.Symbol, name.StartsWith("var", StringComparison.Ordinal) ? name[3..] : name);
    }

    /// <summary>The R of \mathbb{R} and \mathbb R.</summary>
    private char? BlackboardLetter()
    {
        var i = at;
        while (i < text.Length && text[i] == ' ') i++;
        var braced = i < text.Length && text[i] == '{';
        if (braced) i++;
        if (i >= text.Length || !char.IsAsciiLetterUpper(text[i]) || (braced && !Follows(i + 1, "}"))) return null;
        at = braced ? i + 2 : i + 1;
        return text[i];
    }

    private void Escape(char c)
    {
        if (c == '{') Mark("{set");
        else if (c == '}') Mark("set}");
        else if (c == '|') Mark("|");
        else if (c == '\\' && (at >= text.Length || !char.IsAsciiLetter(text[at]) || inMatrix)) Mark("row");
        else if (c == '\\') at--;
        else spaced = true;
    }

    /// <summary>Matrices keep their bounds, other environments have none.</summary>
    private void Environment(string which)
    {
        if (at >= text.Length || text[at] != '{' || text.IndexOf('}', at) is not (var end and >= 0)) return;
        var name = text[(at + 1)..end];
        at = end + 1;
        if (name is not ("pmatrix" or "bmatrix" or "Bmatrix" or "vmatrix" or "Vmatrix" or "matrix" or "smallmatrix" or "array")) return;
        if (name == "array" && which == "begin") SkipGroup();
        inMatrix = true;
        Mark(which);
    }

    private void Hide(Group group)
    {
        while (at < text.Length && text[at] == ' ') at++;
        spaced |= group == Group.Text;
        if (at >= text.Length || text[at] != '{') return;
        at++;
        Open(group);
    }

    private void SkipGroup()
    {
        if (at < text.Length && text[at] == '{' && text.IndexOf('}', at) is var end and >= 0) at = end + 1;
    }

    /// <summary>Leaves out ^\circ and ^{\circ}.</summary>
    private bool Degrees()
    {
        var i = at + 1;
        var braced = false;
        for (; i < text.Length && text[i] is ' ' or '{'; i++) braced |= text[i] == '{';
        var name = Follows(i, "\\circ") ? 5 : Follows(i, "\\degree") ? 7 : 0;
        if (name == 0) return false;
        i += name;
        if (braced && text.IndexOf('}', i) is var end and >= 0) i = end + 1;
        at = i;
        return true;
    }

    private bool Digit(int i) => i < text.Length && char.IsAsciiDigit(text[i]);

    private bool Follows(int i, string what) => i <= text.Length && string.CompareOrdinal(text, i, what, 0, what.Length) == 0;
}
