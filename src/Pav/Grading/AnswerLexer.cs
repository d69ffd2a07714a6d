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
/// Reads an answer, in LaTeX or plain, into tokens. What only changes its looks is left out: dollar and percent signs, spaces, sizes of
/// brackets, degrees, fonts, boxes. One pass.
/// </summary>
internal sealed class AnswerLexer
{
    private enum Group
    {
        Shown,
        Hidden,
        Text,
    }

    private static readonly HashSet<string> Functions = ["sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh",
        "cosh", "tanh", "log", "ln", "exp", "lg"];

    private static readonly HashSet<string> Units =
        ["cm", "mm", "km", "dm", "kg", "mg", "gm", "ft", "in", "yd", "mi", "lb", "lbs", "oz", "hr", "hrs", "min", "sec", "mph", "kph",
            "sq", "cu", "per", "deg", "rad", "am", "pm", "pct", "ml", "day", "men", "way"];

    private static readonly Dictionary<string, string> Marks = new()
    {
        ["frac"] = "frac", ["dfrac"] = "frac", ["tfrac"] = "frac", ["cfrac"] = "frac", ["sqrt"] = "sqrt", ["binom"] = "binom",
            ["dbinom"] = "binom", ["tbinom"] = "binom",
        ["cdot"] = "*", ["times"] = "*", ["ast"] = "*", ["div"] = "/", ["pm"] = "pm", ["mp"] = "mp", ["le"] = "<=", ["leq"] = "<=",
            ["leqslant"] = "<=", ["ge"] = ">=", ["geq"] = ">=",
        ["geqslant"] = ">=", ["lt"] = "<", ["gt"] = ">", ["ne"] = "!=", ["neq"] = "!=", ["in"] = "in", ["cup"] = "cup", ["cap"] = "cap",
            ["setminus"] = "setminus", ["lbrace"] = "{set", ["rbrace"] = "set}",
        ["langle"] = "(", ["rangle"] = ")", ["vert"] = "|", ["lvert"] = "|", ["rvert"] = "|", ["mid"] = "|", ["overline"] = "overline",
        ["bar"] = "overline", ["to"] = "to", ["approx"] = "~", ["land"] = ",", ["lor"] = ",",
    };

    private static readonly HashSet<string> Invisible =
        ["left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "displaystyle", "textstyle",
            "limits", "nolimits", "rm", "bf", "quad", "qquad", "circ", "degree", "colon", "hfill"];

    private static readonly HashSet<string> TextFonts = ["text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "mbox",
        "hbox"];

    private static readonly HashSet<string> Fonts = ["mathbf", "mathrm", "mathit", "mathsf", "mathbb", "mathcal", "bm", "boldsymbol",
        "operatorname", "boxed", "fbox", "underline", "ensuremath", "vec", "hat"];

    /// <summary>The symbol that ∅, \emptyset and \varnothing become.</summary>
    public const string EmptySet = "emptyset";

    private readonly string text;
    private readonly List<Token> tokens = [];
    private readonly Stack<Group> groups = new();
    private int position;
    private readonly bool listed;
    private bool spaced, inMatrix;

    private AnswerLexer(string text, bool listed) => (this.text, this.listed) = (text, listed);

    /// <param name="listed">A bare comma always separates: (12,102) is a pair.</param>
    public static List<Token> Read(string text, bool listed = false)
    {
        var lexer = new AnswerLexer(text, listed);
        while (lexer.position < text.Length) lexer.Next();
        return lexer.tokens;
    }

    private bool InText => groups.Count > 0 && groups.Peek() == Group.Text;

    private bool AfterValue => tokens.Count > 0
        && tokens[^1] is { Kind: TokenKind.Number or TokenKind.Word } or { Text: ")" or "}" or "pi" };

    private void Add(TokenKind kind, string value)
    {
        tokens.Add(new(kind, value, spaced));
        spaced = false;
    }

    private void Mark(string value) => Add(TokenKind.Mark, value);

    private void Next()
    {
        var c = text[position];
        if (c == 'ℝ') Character(c);
        else if (char.IsAsciiDigit(c) || (c == '.' && Digit(position + 1))) Number();
        else if (char.IsLetter(c)) Letters();
        else if (c == '\\') Command();
        else if (c == '^' && Degrees()) return;
        else Character(c);
    }

    private void Character(char c)
    {
        position++;
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
            case '<' or '>' or '!' when position < text.Length && text[position] == '=': position++; Mark(c + "="); break;
            case '*' when position < text.Length && text[position] == '*': position++; Mark("^"); break;
            case '+' or '-' or '*' or '/' or '^' or '_' or '(' or ')' or '[' or ']' or '|' or '!' or '=' or '<' or '>' or ',' or ':'
                or '&': Mark($"{c}"); break;
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

    /// <summary>Thousands separators stand before three digits each; they may be <c>,</c> <c>{,}</c> <c>,\!</c> <c>\!</c> or
    /// <c>\,</c>.</summary>
    private void Number()
    {
        var digits = new StringBuilder();
        var start = position;
        while (Digit(position)) digits.Append(text[position++]);
        if (position - start is > 0 and <= 3)
        {
            while (Separator() is var after and > 0)
            {
                digits.Append(text, after, 3);
                position = after + 3;
            }
        }

        if (position < text.Length && text[position] == '.' && (Digit(position + 1) || Follows(position + 1, "\\overline{")))
        {
            digits.Append(text[position++]);
            while (Digit(position)) digits.Append(text[position++]);
            if (Follows(position, "\\overline{"))
            {
                var end = position + 10;
                while (Digit(end)) end++;
                if (end > position + 10 && end < text.Length && text[end] == '}')
                {
                    digits.Append('(').Append(text, position + 10, end - position - 10).Append(')');
                    position = end + 1;
                }
            }
        }

        Exponent(digits);
        Add(TokenKind.Number, digits.ToString());
    }

    /// <summary>1.5e3, 2E-5: an exponent of ten that follows the digits at once, of at most three digits.</summary>
    private void Exponent(StringBuilder digits)
    {
        if (position >= text.Length || text[position] is not ('e' or 'E')) return;
        var start = position + 1 < text.Length && text[position + 1] is '+' or '-' ? position + 2 : position + 1;
        var end = start;
        while (Digit(end)) end++;
        if (end - start is 0 or > 3 || (end < text.Length && (char.IsLetter(text[end]) || text[end] is '.' or '^'))) return;
        digits.Append('e').Append(text, position + 1, end - position - 1);
        position = end;
    }

    private int Separator()
    {
        foreach (var mark in new[] { ",\\! ", ",\\!", "{,}", ",\\,", "\\!", "\\,", "," })
        {
            var after = position + mark.Length;
            if (listed && mark == ",") continue;
            if (Follows(position, mark) && Digit(after) && Digit(after + 1) && Digit(after + 2) && !Digit(after + 3)) return after;
        }

        return -1;
    }

    private void Letters()
    {
        var start = position;
        while (position < text.Length && char.IsLetter(text[position])) position++;
        var run = text[start..position];
        var lower = run.ToLowerInvariant();
        if (lower is "or" or "and") Mark(",");
        else if (lower is "inf" or "infty" or "infinity" or "oo" && !InText) Add(TokenKind.Symbol, "infty");
        else if (AfterValue && position < text.Length && text[position] is '²' or '³') Add(TokenKind.Word, lower);
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
        position++;
        if (position == text.Length) return;
        if (!char.IsAsciiLetter(text[position]))
        {
            Escape(text[position++]);
            return;
        }

        var start = position;
        while (position < text.Length && char.IsAsciiLetter(text[position])) position++;
        if (text.AsSpan(start, position - start) is ['q', 'u', 'a', 'd', _, ..]) position = start + 4;
        var name = text[start..position];
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
            if (name is "left" or "right" && position < text.Length && text[position] == '.') position++;
        }
        else Add(TokenKind.Symbol, name.StartsWith("var", StringComparison.Ordinal) ? name[3..] : name);
    }

    /// <summary>The R of \mathbb{R} and \mathbb R.</summary>
    private char? BlackboardLetter()
    {
        var i = position;
        while (i < text.Length && text[i] == ' ') i++;
        var braced = i < text.Length && text[i] == '{';
        if (braced) i++;
        if (i >= text.Length || !char.IsAsciiLetterUpper(text[i]) || (braced && !Follows(i + 1, "}"))) return null;
        position = braced ? i + 2 : i + 1;
        return text[i];
    }

    private void Escape(char c)
    {
        if (c == '{') Mark("{set");
        else if (c == '}') Mark("set}");
        else if (c == '|') Mark("|");
        else if (c == '\\' && (position >= text.Length || !char.IsAsciiLetter(text[position]) || inMatrix)) Mark("row");
        else if (c == '\\') position--;
        else spaced = true;
    }

    /// <summary>Matrices keep their bounds, other environments have none.</summary>
    private void Environment(string which)
    {
        if (position >= text.Length || text[position] != '{' || text.IndexOf('}', position) is not (var end and >= 0)) return;
        var name = text[(position + 1)..end];
        position = end + 1;
        if (name is not ("pmatrix" or "bmatrix" or "Bmatrix" or "vmatrix" or "Vmatrix" or "matrix" or "smallmatrix" or "array")) return;
        if (name == "array" && which == "begin") SkipGroup();
        inMatrix = true;
        Mark(which);
    }

    private void Hide(Group group)
    {
        while (position < text.Length && text[position] == ' ') position++;
        spaced |= group == Group.Text;
        if (position >= text.Length || text[position] != '{') return;
        position++;
        Open(group);
    }

    private void SkipGroup()
    {
        if (position < text.Length && text[position] == '{' && text.IndexOf('}', position) is var end and >= 0) position = end + 1;
    }

    /// <summary>Leaves out ^\circ and ^{\circ}.</summary>
    private bool Degrees()
    {
        var i = position + 1;
        var braced = false;
        for (; i < text.Length && text[i] is ' ' or '{'; i++) braced |= text[i] == '{';
        var name = Follows(i, "\\circ") ? 5 : Follows(i, "\\degree") ? 7 : 0;
        if (name == 0) return false;
        i += name;
        if (braced && text.IndexOf('}', i) is var end and >= 0) i = end + 1;
        position = i;
        return true;
    }

    private bool Digit(int i) => i < text.Length && char.IsAsciiDigit(text[i]);

    private bool Follows(int i, string what) => i <= text.Length && string.CompareOrdinal(text, i, what, 0, what.Length) == 0;
}
