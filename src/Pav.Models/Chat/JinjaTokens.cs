using System.Text;

namespace Pav.Models.Chat;

internal enum JinjaKind { Text, Open, OpenTag, Close, Name, String, Number, Sign, End }

internal readonly record struct JinjaToken(JinjaKind Kind, string Text, int Line);

/// <summary>A template cut into its texts and the words of its tags, as Jinja does it with <c>trim_blocks</c> and <c>lstrip_blocks</c>, the settings of Hugging Face's chat templates.</summary>
internal sealed class JinjaTokens(string source, Func<int, string, UserError> wrong)
{
    private static readonly string[] Signs = ["==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|"];

    private readonly string text = (source.Replace("\r\n", "\n").Replace('\r', '\n') is var lines && lines.EndsWith('\n') ? lines[..^1] : lines);
    private readonly List<JinjaToken> tokens = [];
    private int at, counted, line = 1;

    public IReadOnlyList<JinjaToken> Read()
    {
        var lineStarts = true;
        while (at < text.Length)
        {
            var open = NextOpen();
            var before = text[at..open];
            if (open == text.Length)
            {
                Add(JinjaKind.Text, before);
                at = open;
                break;
            }

            var (tag, sign) = (text[open + 1], open + 2 < text.Length ? text[open + 2] : ' ');
            var start = before.LastIndexOf('\n') + 1;
            if (sign == '-') before = before.TrimEnd();
            else if (tag != '{' && sign != '+' && (start > 0 || lineStarts) && before.AsSpan(start).IsWhiteSpace()) before = before[..start];
            Add(JinjaKind.Text, before);
            at = open + (sign == '-' || (sign == '+' && tag != '{') ? 3 : 2);
            if (tag == '#')
            {
                var end = text.IndexOf("#}", at, StringComparison.Ordinal);
                if (end < 0) throw wrong(Line, "a comment {# that does not end");
                at = end;
                Close("#}", text[end - 1], trims: true);
            }
            else
            {
                Add(tag == '{' ? JinjaKind.Open : JinjaKind.OpenTag, "");
                var kept = Words(tag == '{' ? "}}" : "%}");
                Add(JinjaKind.Close, "");
                Close(tag == '{' ? "}}" : "%}", kept, trims: tag == '%');
            }

            lineStarts = text[at - 1] == '\n';
        }

        tokens.Add(new(JinjaKind.End, "", Line));
        return tokens;
    }

    private int Line
    {
        get
        {
            var here = Math.Min(at, text.Length);
            (line, counted) = (line + text.AsSpan(counted, here - counted).Count('\n'), here);
            return line;
        }
    }

    private int NextOpen()
    {
        for (var i = at; i + 1 < text.Length; i++)
            if (text[i] == '{' && text[i + 1] is '{' or '%' or '#') return i;
        return text.Length;
    }

    private void Add(JinjaKind kind, string word)
    {
        if (kind != JinjaKind.Text || word.Length > 0) tokens.Add(new(kind, word, Line));
    }

    /// <summary>Past a tag's end, and past the space after it that the tag takes away.</summary>
    private void Close(string end, char sign, bool trims)
    {
        at += end.Length;
        if (sign == '-')
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
        else if (trims && sign != '+' && at < text.Length && text[at] == '\n') at++;
    }

    /// <summary>The words up to a tag's end; returns the sign before that, if any.</summary>
    private char Words(string end)
    {
        var depth = 0;
        while (true)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            if (at >= text.Length) throw wrong(Line, $"a tag without its {end}");
            if (depth == 0 && text[at] is '-' or '+' && string.CompareOrdinal(text, at + 1, end, 0, 2) == 0) return text[at++];
            if (depth == 0 && string.CompareOrdinal(text, at, end, 0, 2) == 0) return ' ';
            var from = at;
            if (text[at] is '\'' or '"') Add(JinjaKind.String, Quoted());
            else if (char.IsAsciiDigit(text[at]))
            {
                var field = from > 0 && text[from - 1] == '.';
                while (at < text.Length && (char.IsAsciiDigit(text[at]) || (!field && text[at] == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))) at++;
                Add(JinjaKind.Number, text[from..at]);
            }
            else if (char.IsLetter(text[at]) || text[at] == '_')
            {
                while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_')) at++;
                Add(JinjaKind.Name, text[from..at]);
            }
            else
            {
                var sign = Signs.FirstOrDefault(s => string.CompareOrdinal(text, at, s, 0, s.Length) == 0) ?? throw wrong(Line, $"'{text[at]}' in a tag");
                if (sign is "(" or "[" or "{") depth++;
                if (sign is ")" or "]" or "}") depth--;
                at += sign.Length;
                Add(JinjaKind.Sign, sign);
            }
        }
    }

    private string Quoted()
    {
        var quote = text[at++];
        var value = new StringBuilder();
        while (at < text.Length && text[at] != quote)
        {
            if (text[at] != '\\' || at + 1 >= text.Length)
            {
                value.Append(text[at++]);
                continue;
            }

            var escaped = text[at + 1];
            at += 2;
            if (escaped is 'x' or 'u')
            {
                var digits = escaped == 'x' ? 2 : 4;
                if (at + digits > text.Length || !int.TryParse(text.AsSpan(at, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var code)) throw wrong(Line, $"the escape \\{escaped} without its digits");
                value.Append((char)code);
                at += digits;
            }
            else value.Append(escaped switch { 'n' => "\n", 't' => "\t", 'r' => "\r", '\\' or '\'' or '"' => $"{escaped}", '\n' => "", _ => $"\\{escaped}" });
        }

        if (at >= text.Length) throw wrong(Line, "a text without its closing quote");
        at++;
        return value.ToString();
    }
}
