using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;

namespace Pav.Models.Files;

/// <summary>Reads one JSON text of somebody's file; what is wrong with it is told in words.</summary>
internal static partial class JsonText
{
    private const int Shown = 40;

    /// <param name="where">What stands before a complaint: file and line.</param>
    /// <param name="json">The text.</param>
    public static T Parse<T>(string where, ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json)) throw LineReader.NotUtf8(where, json);
        if (HalfPair(json) is { } half)
            throw new UserError($"{where}: holds {half}, half of a character (a lone surrogate); write it whole, or leave the row out");
        try
        {
            return JsonSerializer.Deserialize<T>(json, Json.Line) ?? throw new UserError($"{where}: holds null, and no row");
        }
        catch (JsonException e)
        {
            throw new UserError($"{where}: {Describe(e, json)}", e);
        }
    }

    /// <summary>An escape of a surrogate that has no partner, as it is written; null where there is none.</summary>
    private static string? HalfPair(ReadOnlySpan<byte> json)
    {
        for (var i = json.IndexOf((byte)'\\'); i >= 0 && i + 1 < json.Length;)
        {
            if (Unit(json[i..]) is not { } unit) i += 2;
            else if (char.IsHighSurrogate(unit) && Unit(json[(i + 6)..]) is { } low && char.IsLowSurrogate(low)) i += 12;
            else if (char.IsSurrogate(unit)) return Encoding.ASCII.GetString(json.Slice(i, 6));
            else i += 6;
            var next = i < json.Length ? json[i..].IndexOf((byte)'\\') : -1;
            i = next < 0 ? -1 : i + next;
        }

        return null;
    }

    private static char? Unit(ReadOnlySpan<byte> text) =>
        text.Length >= 6 && text[0] == '\\' && text[1] == 'u'
            && ushort.TryParse(text[2..6], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var unit) ? (char)unit : null;

    /// <summary>What a person should read of a parser's complaint.</summary>
    private static string Describe(JsonException e, ReadOnlySpan<byte> json)
    {
        var message = e.Message;
        if (message.StartsWith("Duplicate propert",
            StringComparison.Ordinal)) return $"the key \"{Quoted().Match(message).Groups[1].Value}\" stands twice in one object; take "
                + "one out";
        if (message.Contains("missing required properties", StringComparison.Ordinal))
            return $"no {string.Join(", ", Quoted().Matches(message[message.IndexOf("including", StringComparison.Ordinal)..]).Select(m => $"\"{m.Groups[1].Value}\""))}";
        if ((e.InnerException is FormatException ? "a number of its kind, in range"
            : Expected(message)) is { } expected) return e.Path?.TrimStart('$', '.') is { Length: > 0 } field
            ? $"\"{field}\" must be {expected}" : $"must be {expected}";
        if (message.Contains("maximum configured depth",
            StringComparison.Ordinal)) return "lists and objects stand too deep in one another";
        var place = Place(json, e.LineNumber ?? 0, e.BytePositionInLine ?? 0);
        var rest = json[place..].TrimStart(" \t\r\n"u8);
        if (rest.IsEmpty) return json.Trim(" \t\r\n"u8).IsEmpty ? "holds no JSON"
            : "the JSON ends in the middle; was the file cut short, or the object written over several lines?";
        return $"not JSON at place {place + 1}, at {Snippet(rest)}{Hint(json, place)}";
    }

    private static string? Expected(string message)
    {
        if (Converted().Match(message) is not { Success: true } match) return null;
        var type = match.Groups[1].Value;
        return type switch
        {
            "System.String" => "a text",
            "System.Boolean" => "true or false",
            "System.Double" or "System.Single" or "System.Decimal" => "a number",
            _ when type.StartsWith("System.Int", StringComparison.Ordinal) || type.StartsWith("System.UInt", StringComparison.Ordinal) =>
                "a whole number",
            _ when type.StartsWith("System.Nullable`1[System.Double", StringComparison.Ordinal) => "a number or null",
            _ when type.StartsWith("System.Nullable`1[System.Int", StringComparison.Ordinal) => "a whole number or null",
            _ when type.Contains("List", StringComparison.Ordinal) || type.EndsWith("[]", StringComparison.Ordinal) => "a list",
            _ => "an object, with fields of the right kinds",
        };
    }

    private static int Place(ReadOnlySpan<byte> json, long line, long inLine)
    {
        var start = 0;
        for (; line > 0 && json[start..].IndexOf((byte)'\n') is var newline and >= 0; line--) start += newline + 1;
        return (int)Math.Min(json.Length, start + inLine);
    }

    private static string Snippet(ReadOnlySpan<byte> rest)
    {
        var text = Encoding.UTF8.GetString(rest[..Math.Min(rest.Length, 4 * Shown)]);
        var shown = text.Length > Shown ? text[..Shown] + "…" : text;
        return string.Concat(shown.Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : $"{c}"));
    }

    private static string Hint(ReadOnlySpan<byte> json, int place)
    {
        var rest = json[place..];
        if (rest.StartsWith("NaN"u8) || rest.StartsWith("Infinity"u8)
            || rest.StartsWith("-Infinity"u8)) return " (JSON has no such number; write null)";
        if (rest[0] == '\'') return " (JSON takes double quotes; is this Python's own notation?)";
        if (place > 0 && json[place - 1] == '\\') return " (JSON has no such escape; a backslash is written \\\\)";
        return "";
    }

    [GeneratedRegex("'([^']*)'")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"could not be converted to (\S+?)\.? ?(Path:|$)")]
    private static partial Regex Converted();
}
