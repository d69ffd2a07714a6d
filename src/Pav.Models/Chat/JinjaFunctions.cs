using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Models.Chat;

/// <summary>The filters, tests and methods that chat templates use; another is refused by its name.</summary>
internal static partial class JinjaFunctions
{
    /// <summary>The arguments of each filter, but of those that take tests with theirs.</summary>
    private static readonly Dictionary<string, string[]> Taken = new()
    {
        ["trim"] = ["chars"], ["int"] = ["default"], ["float"] = ["default"], ["tojson"] = ["indent", "ensure_ascii"], ["join"] = ["d"],
            ["replace"] = ["old", "new"],
        ["default"] = ["default_value", "boolean"], ["d"] = ["default_value", "boolean"], ["map"] = ["attribute"],
        ["length"] = [], ["count"] = [], ["upper"] = [], ["lower"] = [], ["capitalize"] = [], ["title"] = [], ["string"] = [],
            ["safe"] = [], ["list"] = [], ["items"] = [], ["first"] = [], ["last"] = [], ["reverse"] = [],
    };

    public static object? Filter(string name, object? input, JinjaValues arguments, JinjaSpot spot)
    {
        if (Taken.TryGetValue(name, out var taken) && !arguments.Fit(taken)) throw spot.Fail($"the filter {name} with these arguments");
        switch (name)
        {
            case "trim": return Stripped(Said(), arguments.At(0, "chars"), spot);
            case "length" or "count": return JinjaValue.Length(input, spot);
            case "upper": return spot.Made(Said()).ToUpperInvariant();
            case "lower": return spot.Made(Said()).ToLowerInvariant();
            case "capitalize": return Capital(spot.Made(Said()));
            case "title": return TitleWord().Replace(spot.Made(Said()), word => Capital(word.Value));
            case "string": return Said();
            case "safe": return input;
            case "format": return JinjaFormat.Percent(Said(), arguments.Named.Count == 0
                ? new JinjaTuple(arguments.Plain) : Mapping(arguments), spot);
            case "int": return input switch
            {
                long n => n,
                bool b => b ? 1L : 0L,
                double x when Math.Abs(x) < 9e18 => (long)x,
                string s when long.TryParse(s, CultureInfo.InvariantCulture, out var n) => n,
                string s when double.TryParse(s, CultureInfo.InvariantCulture, out var x) && Math.Abs(x) < 9e18 => (long)x,
                _ when input == JinjaValue.Undefined => throw spot.Fail("the number of something that is not defined"),
                double or string { Length: > 15 } => throw spot.Fail("a whole number beyond 64 bits"),
                _ => arguments.At(0, "default") ?? 0L,
            };
            case "float": return input switch { long or double or bool => Convert.ToDouble(input, CultureInfo.InvariantCulture), string s
                when double.TryParse(s, CultureInfo.InvariantCulture, out var x) => x, _ when input == JinjaValue.Undefined =>
                throw spot.Fail("the number of something that is not defined"), _ => arguments.At(0, "default") ?? 0.0 };
            case "tojson": return arguments.At(1, "ensure_ascii") is true
                ? throw spot.Fail("the filter tojson with ensure_ascii") : JinjaWriter.Json(input, Indent(arguments.At(0, "indent")), spot);
            case "list":
                var items = JinjaValue.Items(input, spot);
                spot.Make(items.Count);
                return items.ToList();
            case "items" when input is JinjaMap map: return Pairs(map, spot);
            case "first": return input is string or List<object?>
                ? JinjaValue.Item(input, 0L, spot) : JinjaValue.Item(JinjaValue.Items(input, spot), 0L, spot);
            case "last": return input is string or List<object?>
                ? JinjaValue.Item(input, -1L, spot) : JinjaValue.Item(JinjaValue.Items(input, spot), -1L, spot);
            case "reverse":
                var reversed = Enumerable.Reverse(JinjaValue.Items(input, spot)).ToList();
                spot.Make(reversed.Count);
                return input is string ? string.Concat(reversed) : reversed;
            case "join": return Join(arguments.At(0, "d") is { } between ? JinjaWriter.Text(between, spot) : "", input, spot);
            case "replace": return Replaced(Said(), Part(0, "old"), Part(1, "new"), -1, spot);
            case "default" or "d": return input == JinjaValue.Undefined
                || (JinjaValue.Truth(arguments.At(1, "boolean")) && !JinjaValue.Truth(input))
                ? arguments.Plain.Count > 0 || arguments.Named.ContainsKey("default_value") ? arguments.At(0, "default_value") : "" : input;
            case "select" or "reject" or "selectattr" or "rejectattr" or "map" when !JinjaValue.Truth(input): return new List<object?>();
            case "select" or "reject" or "selectattr" or "rejectattr":
                var field = name.EndsWith("attr", StringComparison.Ordinal) ? Part(0, "attribute") : null;
                List<object?> said = [.. arguments.Plain.Skip(field is null ? 0 : 1)];
                JinjaValues rest = new([.. said.Skip(1)], new Dictionary<string, object?>());
                return JinjaValue.Items(input, spot)
                    .Where(item =>
                    Holds(field is null ? item : JinjaValue.Attribute(item, field, spot))
                    == name.StartsWith("select", StringComparison.Ordinal)).ToList();

                bool Holds(object? value)
                {
                    spot.Step();
                    return said is [string test, ..] ? Test(test, value, rest, spot) : JinjaValue.Truth(value);
                }
            case "map" when arguments is { Plain.Count: 0, Named: var named } && named.GetValueOrDefault("attribute") is string attribute:
                return JinjaValue.Items(input, spot).Select(item => { spot.Step(); return JinjaValue.Attribute(item, attribute, spot); })
                    .ToList();
            default: throw spot.Fail($"the filter {name}");
        }

        string Said() => JinjaWriter.Text(input, spot);
        string Part(int place, string by) => arguments.At(place, by) as string ?? throw spot.Fail($"the filter {name} without its text");
        string? Indent(object? given) =>
            given switch { null => null, string s => s, long and >= 0 and <= 64 and var n => new string(' ', (int)n), _ =>
            throw spot.Fail("the filter tojson with this indent") };
    }

    public static bool Test(string name, object? value, JinjaValues arguments, JinjaSpot spot)
    {
        var takesOne = name is "divisibleby" or "equalto" or "eq" or "==" or "sameas" or "ne" or "!=" or "in";
        if (arguments.Plain.Count + arguments.Named.Count != (takesOne ? 1 : 0))
            throw spot.Fail($"the test {name} with {arguments.Plain.Count + arguments.Named.Count} arguments");
        return name switch
        {
            "defined" => value != JinjaValue.Undefined,
            "undefined" => value == JinjaValue.Undefined,
            "none" => value is null,
            "string" => value is string,
            "mapping" => value is JinjaMap,
            "sequence" or "iterable" => value is string or List<object?> or JinjaMap || value == JinjaValue.Undefined,
            "number" => value is long or double or bool,
            "integer" => value is long,
            "float" => value is double,
            "boolean" => value is bool,
            "true" => value is true,
            "false" => value is false,
            "callable" => value is JinjaCallable,
            "odd" => JinjaValue.Remainder(JinjaValue.Whole(value, spot), 2, spot) == 1,
            "even" => JinjaValue.Remainder(JinjaValue.Whole(value, spot), 2, spot) == 0,
            "divisibleby" => JinjaValue.Remainder(JinjaValue.Whole(value, spot), JinjaValue.Whole(arguments.At(0, "num"), spot), spot) == 0,
            "sameas" => Identical(value, arguments.At(0, "other")),
            "equalto" or "eq" or "==" => JinjaValue.Same(value, arguments.At(0, "other"), spot),
            "ne" or "!=" => !JinjaValue.Same(value, arguments.At(0, "other"), spot),
            "in" => JinjaValue.Compare("in", value, arguments.At(0, "seq"), spot),
            _ => throw spot.Fail($"the test {name}"),
        };

        static bool Identical(object? a, object? b) => a is List<object?> or JinjaMap
            ? ReferenceEquals(a, b) : a?.GetType() == b?.GetType() && Equals(a, b);
    }

    public static object? Method(object? owner, string name, JinjaValues arguments, JinjaSpot spot)
    {
        if (owner is JinjaMap or JinjaNamespace && JinjaValue.Attribute(owner, name, spot) is JinjaCallable function)
            return function(arguments, spot);
        if (owner is string format && name == "format") return JinjaFormat.Braces(format, arguments, spot);
        if (arguments.Named.Count > 0) throw spot.Fail($"the method {name} of {JinjaValue.Kind(owner)} with named arguments");
        var given = arguments.Plain;
        switch (owner)
        {
            case string text:
                spot.Make(text.Length);
                switch (name)
                {
                    case "strip" when given is [] or [null or string]: return Stripped(text, given.FirstOrDefault(), spot);
                    case "lstrip" when given is [] or [null or string]: return Stripped(text, given.FirstOrDefault(), spot, right: false);
                    case "rstrip" when given is [] or [null or string]: return Stripped(text, given.FirstOrDefault(), spot, left: false);
                    case "startswith" when given is [string start]: return text.StartsWith(start, StringComparison.Ordinal);
                    case "startswith" when given is [List<object?> starts]: return starts.Any(s => s is string start
                        && text.StartsWith(start, StringComparison.Ordinal));
                    case "endswith" when given is [string end]: return text.EndsWith(end, StringComparison.Ordinal);
                    case "endswith" when given is [List<object?> ends]: return ends.Any(s => s is string end
                        && text.EndsWith(end, StringComparison.Ordinal));
                    case "find" when given is [string part]: return Place(text, text.IndexOf(part, StringComparison.Ordinal));
                    case "rfind" when given is [string part]: return part == ""
                        ? JinjaValue.Length(text, spot) : Place(text, text.LastIndexOf(part, StringComparison.Ordinal));
                    case "count" when given is [string part]: return Places(text, part, spot);
                    case "upper" when given is []: return text.ToUpperInvariant();
                    case "lower" when given is []: return text.ToLowerInvariant();
                    case "capitalize" when given is []: return Capital(text);
                    case "title" when given is []: return Letters().Replace(text, word => Capital(word.Value));
                    case "replace" when given is [string old, string with]: return Replaced(text, old, with, -1, spot);
                    case "replace" when given is [string old, string with, long most]: return Replaced(text, old, with, most, spot);
                    case "split" when given is []: return text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                        .ToList<object?>();
                    case "split" when given is [string { Length: > 0 } by]: return text.Split(by).ToList<object?>();
                    case "split" when given is [string { Length: > 0 } by, long most]:
                        return text.Split(by, most is >= 0 and < int.MaxValue ? (int)most + 1 : int.MaxValue).ToList<object?>();
                    case "splitlines" when given is []: return Lines(text);
                    case "join" when given.Count == 1 && JinjaValue.Items(given[0], spot)
                        .All(item => item is string): return Join(text, given[0], spot);
                }

                break;
            case JinjaMap map:
                switch (name)
                {
                    case "items" when given is []: return Pairs(map, spot);
                    case "keys" when given is []: return JinjaValue.Items(map, spot);
                    case "values" when given is []:
                        spot.Make(map.Count);
                        return map.Values.ToList();
                    case "get" when given is [not (List<object?> or JinjaMap), ..]
                        and { Count: <= 2 }: return JinjaValue.Item(map, given[0], spot) is var value && value != JinjaValue.Undefined
                        ? value : given.Count > 1 ? given[1] : null;
                }

                break;
            case List<object?> list and not JinjaTuple when name == "append" && given.Count == 1:
                spot.Make(1);
                list.Add(given[0]);
                return null;
        }

        throw spot.Fail($"the method {name} of {JinjaValue.Kind(owner)}");
    }

    public static JinjaMap Mapping(JinjaValues arguments)
    {
        var map = new JinjaMap();
        foreach (var (name, value) in arguments.Named) map[name] = value;
        return map;
    }

    private static string Join(string between, object? items, JinjaSpot spot)
    {
        var text = new StringBuilder();
        foreach (var (i, item) in JinjaValue.Items(items, spot).Index())
        {
            spot.Step();
            if (i > 0) text.Append(spot.Made(between));
            text.Append(spot.Made(JinjaWriter.Text(item, spot)));
        }

        return text.ToString();
    }

    /// <summary>At most so many places are replaced, all if negative; an empty text stands before every letter and at the end.</summary>
    private static string Replaced(string text, string old, string with, long most, JinjaSpot spot)
    {
        var places = Places(text, old, spot);
        if (most >= 0) places = Math.Min(places, most);
        spot.Make(text.Length + places * with.Length);
        var replaced = new StringBuilder();
        var from = 0;
        for (var left = places; left > 0; left--)
        {
            var next = old == "" ? from : text.IndexOf(old, from, StringComparison.Ordinal);
            replaced.Append(text, from, next - from).Append(with);
            from = next + old.Length;
            if (old != "" || from >= text.Length) continue;
            var letter = char.IsSurrogatePair(text, from) ? 2 : 1;
            replaced.Append(text, from, letter);
            from += letter;
        }

        return replaced.Append(text, from, text.Length - from).ToString();
    }

    private static string Stripped(string text, object? chars, JinjaSpot spot, bool left = true, bool right = true)
    {
        spot.Make(text.Length);
        if (chars is not (null or string)) throw spot.Fail($"a text stripped of {JinjaValue.Kind(chars)}");
        var runes = (chars as string)?.EnumerateRunes().ToHashSet();
        bool Goes(Rune rune) => runes?.Contains(rune) ?? (Rune.IsWhiteSpace(rune) || rune.Value is >= 0x1c and <= 0x1f);
        var (from, to) = (0, text.Length);
        while (left && from < to && Rune.DecodeFromUtf16(text.AsSpan(from, to - from), out var first, out var size) is var _
            && Goes(first)) from += size;
        while (right && from < to && Rune.DecodeLastFromUtf16(text.AsSpan(from, to - from), out var last, out var size) is var _
            && Goes(last)) to -= size;
        return text[from..to];
    }

    private static long Places(string text, string part, JinjaSpot spot) =>
        part == "" ? JinjaValue.Length(text, spot) + 1 : text.AsSpan().Count(part);

    private static long Place(string text, int index) => index < 0 ? -1 : text[..index].EnumerateRunes().Count();

    private static List<object?> Lines(string text)
    {
        var lines = text.Replace("\r\n", "\n").Split('\n', '\r', '\v', '\f', '\u001c', '\u001d', '\u001e', '\u0085', '\u2028', '\u2029')
            .ToList<object?>();
        if (lines[^1] is "") lines.RemoveAt(lines.Count - 1);
        return lines;
    }

    private static string Capital(string text) => text is [var first, .. var rest]
        ? char.ToUpperInvariant(first) + rest.ToLowerInvariant() : "";

    private static List<object?> Pairs(JinjaMap map, JinjaSpot spot)
    {
        spot.Make(3L * map.Count);
        return [.. map.Select(p => new JinjaTuple([p.Key, p.Value]))];
    }

    [GeneratedRegex(@"[^-\s({\[<]+")]
    private static partial Regex TitleWord();

    [GeneratedRegex(@"\p{L}+")]
    private static partial Regex Letters();
}
