using System.Globalization;
using System.Text;

namespace Pav.Models.Chat;

/// <summary>Values as text: as Python shows them, or as <c>json.dumps</c> writes them without ASCII escapes.</summary>
internal sealed class JinjaWriter(JinjaSpot spot, bool json, string? indent = null)
{
    private readonly StringBuilder text = new();

    public static string Text(object? value, JinjaSpot spot) => value switch
    {
        null => "None",
        string s => s,
        bool b => b ? "True" : "False",
        long n => n.ToString(CultureInfo.InvariantCulture),
        double x => Real(x),
        List<object?> or JinjaMap => new JinjaWriter(spot, json: false).Whole(value),
        _ when value == JinjaValue.Undefined => "",
        _ => throw spot.Fail("a function or namespace shown as text"),
    };

    /// <param name="indent">Put before each item, once for each level; null: all on one line.</param>
    public static string Json(object? value, string? indent, JinjaSpot spot) => new JinjaWriter(spot, json: true, indent).Whole(value);

    /// <summary>The shortest digits that say the number, as Python writes them.</summary>
    public static string Real(double x)
    {
        if (!double.IsFinite(x)) return double.IsNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
        var said = x.ToString("E16", CultureInfo.InvariantCulture);
        var exponent = x == 0
            ? 0 : int.Parse(said.AsSpan(said.IndexOf('E') + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var shortest = x.ToString("R", CultureInfo.InvariantCulture);
        if (exponent is >= -4 and < 16)
            return (decimal.TryParse(shortest, NumberStyles.Float, CultureInfo.InvariantCulture, out var plain)
                ? (x == 0 ? shortest : plain.ToString(CultureInfo.InvariantCulture)) : shortest) is var number && number.Contains('.')
                ? number : number + ".0";
        var digits = shortest.Split('E')[0].Replace(".", "").TrimStart('-').Trim('0');
        return $"{(x < 0 ? "-" : "")}{digits[0]}{(digits.Length > 1 ? "." + digits[1..] : "")}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    /// <summary>A text as Python shows it in a list.</summary>
    public static string Repr(string text)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var shown = new StringBuilder().Append(quote);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value == quote || rune.Value == '\\') shown.Append('\\').Append(rune);
            else if (rune.Value is '\n' or '\r' or '\t') shown.Append(rune.Value switch { '\n' => @"\n", '\r' => @"\r", _ => @"\t" });
            else if (rune.Value != ' ' && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
                     or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
                shown.Append(rune.Value switch { < 256 => $"\\x{rune.Value:x2}", < 65536 => $"\\u{rune.Value:x4}", _ =>
                    $"\\U{rune.Value:x8}" });
            else shown.Append(rune);
        }

        return shown.Append(quote).ToString();
    }

    private string Whole(object? value)
    {
        Write(value, 0);
        return text.ToString();
    }

    private void Write(object? value, int depth)
    {
        spot.Enter(depth);
        switch (value)
        {
            case JinjaTuple tuple when !json:
                Items("(", tuple, item => Write(item, depth + 1), tuple.Count == 1 ? ",)" : ")", depth);
                break;
            case List<object?> list:
                Items("[", list, item => Write(item, depth + 1), "]", depth);
                break;
            case JinjaMap map:
                Items("{", map, pair =>
                {
                    Put(json ? Quoted(pair.Key as string ?? Plain(pair.Key)) : pair.Key is string key ? Repr(key) : Plain(pair.Key));
                    Put(": ");
                    Write(pair.Value, depth + 1);
                }, "}", depth);
                break;
            case string s:
                Put(json ? Quoted(s) : Repr(s));
                break;
            default:
                Put(Plain(value));
                break;
        }
    }

    private void Items<T>(string open, IReadOnlyCollection<T> items, Action<T> write, string close, int depth)
    {
        Put(open);
        var first = true;
        foreach (var item in items)
        {
            if (!first) Put(indent is null ? ", " : ",");
            Line(depth + 1);
            write(item);
            first = false;
        }

        if (!first) Line(depth);
        Put(close);
    }

    private void Line(int depth)
    {
        if (indent is null) return;
        Put("\n");
        for (var i = 0; i < depth; i++) Put(indent);
    }

    private string Plain(object? value) => value switch
    {
        null when json => "null",
        bool b when json => b ? "true" : "false",
        double x when json && !double.IsFinite(x) => double.IsNaN(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity",
        _ when value == JinjaValue.Undefined => json ? throw spot.Fail("something that is not defined as JSON") : "Undefined",
        _ => Text(value, spot),
    };

    private void Put(string part) => text.Append(spot.Made(part));

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
            quoted.Append(c switch { '"' => "\\\"", '\\' => @"\\", '\n' => @"\n", '\r' => @"\r", '\t' => @"\t", '\b' => @"\b", '\f' =>
                @"\f", < ' ' => $"\\u{(int)c:x4}", _ => $"{c}" });
        return quoted.Append('"').ToString();
    }
}
