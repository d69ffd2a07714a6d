using System.Text;

namespace Pav.Models.Chat;

internal enum JinjaKind { Text, Open, OpenTag, Close, Name, String, Number, Sign, End }

internal readonly record struct JinjaToken(JinjaKind Kind, string Text, int Line);

/// <summary>A template cut into its texts and the words of its tags, as Jinja does it with <c>trim_blocks</c> and <c>lstrip_blocks</c>, the
/// settings of Hugging Face's chat templates.</summary>
internal sealed class JinjaTokens(string source, Func<int, string, UserError> wrong)
{
    private static readonly string[] Signs = ["==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")",
        "[", "]", "{", "}", ",", ".", ":", "|"];

    private readonly string text = (source.Replace("\r\n", "\n").Replace('\r', '\n') is var lines && lines.EndsWith('\n')
        ? lines[..^1] : lines);
    private readonly List<JinjaToken> tokens = [];
    private int position, counted, line = 1;

    public IReadOnlyList<JinjaToken> Read()
    {
        var lineStarts = true;
        while (position < text.Length)
        {
            var open = NextOpen();
            var before = text[position..open];
            if (open == text.Length)
            {
                Add(JinjaKind.Text, before);
                position = open;
                break;
            }

            var (tag, sign) = (text[open + 1], open + 2 < text.Length ? text[open + 2] : ' ');
            var start = before.LastIndexOf('\n') + 1;
            if (sign == '-') before = before.TrimEnd();
            else if (tag != '{' && sign != '+' && (start > 0 || lineStarts) && before.AsSpan(start).IsWhiteSpace())
                before = before[..start];
            Add(JinjaKind.Text, before);
            position = open + (sign == '-' || (sign == '+' && tag != '{') ? 3 : 2);
            if (tag == '#')
            {
                var end = text.IndexOf("#}", position, StringComparison.Ordinal);
                if (end < 0) throw wrong(Line, "a comment {# that does not end");
                position = end;
                Close("#}", text[end - 1], trims: true);
            }
            else
            {
                Add(tag == '{' ? JinjaKind.Open : JinjaKind.OpenTag, "");
                var kept = Words(tag == '{' ? "}}" : "%}");
                Add(JinjaKind.Close, "");
                Close(tag == '{' ? "}}" : "%}", kept, trims: tag == '%');
            }

            lineStarts = text[position - 1] == '\n';
        }

        tokens.Add(new(JinjaKind.End, "", Line));
        return tokens;
    }

    private int Line
    {
        get
        {
            var here = Math.Min(position, text.Length);
            (line, counted) = (line + text.AsSpan(counted, here - counted).Count('\n'), here);
            return line;
        }
    }

    private int NextOpen()
    {
        for (var i = position; i + 1 < text.Length; i++)
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
        position += end.Length;
        if (sign == '-')
            while (position < text.Length && char.IsWhiteSpace(text[position])) position++;
        else if (trims && sign != '+' && position < text.Length && text[position] == '\n') position++;
    }

    /// <summary>The words up to a tag's end; returns the sign before that, if any.</summary>
    private char Words(string end)
    {
        var depth = 0;
        while (true)
        {
            while (position < text.Length && char.IsWhiteSpace(text[position])) position++;
            if (position >= text.Length) throw wrong(Line, $"a tag without its {end}");
            if (depth == 0 && text[position] is '-' or '+' && string.CompareOrdinal(text, position + 1, end, 0, 2) == 0)
                return text[position++];
            if (depth == 0 && string.CompareOrdinal(text, position, end, 0, 2) == 0) return ' ';
            var from = position;
            if (text[position] is '\'' or '"') Add(JinjaKind.String, Quoted());
            else if (char.IsAsciiDigit(text[position]))
            {
                var field = from > 0 && text[from - 1] == '.';
                while (position < text.Length
                    && (char.IsAsciiDigit(text[position])
                    || (!field && text[position] == '.' && position + 1 < text.Length
                    && char.IsAsciiDigit(text[position + 1])))) position++;
                Add(JinjaKind.Number, text[from..position]);
            }
            else if (char.IsLetter(text[position]) || text[position] == '_')
            {
                while (position < text.Length && (char.IsLetterOrDigit(text[position]) || text[position] == '_')) position++;
                Add(JinjaKind.Name, text[from..position]);
            }
            else
            {
                var sign = Signs.FirstOrDefault(s => string.CompareOrdinal(text, position, s, 0, s.Length) == 0)
                    ?? throw wrong(Line, $"'{text[position]}' in a tag");
                if (sign is "(" or "[" or "{") depth++;
                if (sign is ")" or "]" or "}") depth--;
                position += sign.Length;
                Add(JinjaKind.Sign, sign);
            }
        }
    }

    private string Quoted()
    {
        var quote = text[position++];
        var value = new StringBuilder();
        while (position < text.Length && text[position] != quote)
        {
            if (text[position] != '\\' || position + 1 >= text.Length)
            {
                value.Append(text[position++]);
                continue;
            }

            var escaped = text[position + 1];
            position += 2;
            if (escaped is 'x' or 'u')
            {
                var digits = escaped == 'x' ? 2 : 4;
                if (position + digits > text.Length
                    || !int.TryParse(text.AsSpan(position, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null,
                    out var code)) throw wrong(Line, $"the escape \\{escaped} without its digits");
                value.Append((char)code);
                position += digits;
            }
            else value.Append(escaped switch { 'n' => "\n", 't' => "\t", 'r' => "\r", '\\' or '\'' or '"' => $"{escaped}", '\n' => "", _ =>
                $"\\{escaped}" });
        }

        if (position >= text.Length) throw wrong(Line, "a text without its closing quote");
        position++;
        return value.ToString();
    }
}
