using System.Globalization;
using System.Text.RegularExpressions;

namespace Pav.Models.Chat;

/// <summary>The filters, tests and methods that chat templates use; another is refused by its name.</summary>
internal static partial class JinjaFunctions
{
    public static object? Filter(string name, object? input, JinjaValues arguments, Func<string, UserError> fail)
    {
        switch (name)
        {
            case "trim": return arguments.At(0, "chars") is string chars ? Said().Trim(chars.ToCharArray()) : Said().Trim();
            case "length" or "count": return JinjaValue.Length(input, fail);
            case "upper": return Said().ToUpperInvariant();
            case "lower": return Said().ToLowerInvariant();
            case "capitalize": return Capital(Said());
            case "title": return TitleWord().Replace(Said(), word => Capital(word.Value));
            case "string": return Said();
            case "safe": return input;
            case "int": return input switch { long n => n, double x => (long)x, string s when long.TryParse(s, CultureInfo.InvariantCulture, out var n) => n, _ => arguments.At(0, "default") ?? 0L };
            case "tojson": return arguments.At(0, "indent") is null ? JinjaValue.ToJson(input, fail) : throw fail("the filter tojson with indent");
            case "list": return JinjaValue.Items(input, fail).ToList();
            case "items" when input is Dictionary<string, object?> map: return Pairs(map);
            case "first": return JinjaValue.Item(JinjaValue.Items(input, fail), 0L, fail);
            case "last": return JinjaValue.Item(JinjaValue.Items(input, fail), -1L, fail);
            case "reverse": return Enumerable.Reverse(JinjaValue.Items(input, fail)).ToList();
            case "join": return string.Join(arguments.At(0, "d") as string ?? "", JinjaValue.Items(input, fail).Select(v => JinjaValue.Text(v, fail)));
            case "replace": return Said().Replace(Part(0, "old"), Part(1, "new"), StringComparison.Ordinal);
            case "default" or "d": return input == JinjaValue.Undefined || (JinjaValue.Truth(arguments.At(1, "boolean")) && !JinjaValue.Truth(input)) ? arguments.At(0, "default_value") ?? "" : input;
            case "select" or "reject" or "selectattr" or "rejectattr" or "map" when !JinjaValue.Truth(input): return new List<object?>();
            case "select" or "reject" or "selectattr" or "rejectattr":
                var field = name.EndsWith("attr", StringComparison.Ordinal) ? Part(0, "attribute") : null;
                List<object?> said = [.. arguments.Plain.Skip(field is null ? 0 : 1)];
                JinjaValues rest = new([.. said.Skip(1)], new Dictionary<string, object?>());
                return JinjaValue.Items(input, fail).Where(item => Holds(field is null ? item : JinjaValue.Attribute(item, field, fail)) == name.StartsWith("select", StringComparison.Ordinal)).ToList();

                bool Holds(object? value) => said is [string test, ..] ? Test(test, value, rest, fail) : JinjaValue.Truth(value);
            case "map" when arguments.Named.GetValueOrDefault("attribute") is string of: return JinjaValue.Items(input, fail).Select(item => JinjaValue.Attribute(item, of, fail)).ToList();
            default: throw fail($"the filter {name}");
        }

        string Said() => JinjaValue.Text(input, fail);
        string Part(int place, string by) => arguments.At(place, by) as string ?? throw fail($"the filter {name} without its text");
    }

    public static bool Test(string name, object? value, JinjaValues arguments, Func<string, UserError> fail) => name switch
    {
        "defined" => value != JinjaValue.Undefined,
        "undefined" => value == JinjaValue.Undefined,
        "none" => value is null,
        "string" => value is string,
        "mapping" => value is Dictionary<string, object?>,
        "sequence" or "iterable" => value is string or List<object?> or Dictionary<string, object?> || value == JinjaValue.Undefined,
        "number" => value is long or double or bool,
        "integer" => value is long,
        "float" => value is double,
        "boolean" => value is bool,
        "true" => value is true,
        "false" => value is false,
        "callable" => value is JinjaCallable,
        "odd" => JinjaValue.Whole(value, fail) % 2 != 0,
        "even" => JinjaValue.Whole(value, fail) % 2 == 0,
        "divisibleby" => JinjaValue.Whole(value, fail) % JinjaValue.Whole(arguments.At(0, "num"), fail) == 0,
        "equalto" or "eq" or "==" or "sameas" => JinjaValue.Same(value, arguments.At(0, "other")),
        "ne" or "!=" => !JinjaValue.Same(value, arguments.At(0, "other")),
        "in" => JinjaValue.Compare("in", value, arguments.At(0, "seq"), fail),
        _ => throw fail($"the test {name}"),
    };

    public static object? Method(object? owner, string name, JinjaValues arguments, Func<string, UserError> fail)
    {
        if (owner is Dictionary<string, object?> or JinjaNamespace && JinjaValue.Attribute(owner, name, fail) is JinjaCallable own) return own(arguments, fail);
        var given = arguments.Plain;
        switch (owner)
        {
            case string text:
                var chars = given.Count > 0 && given[0] is string s ? s : null;
                switch (name)
                {
                    case "strip": return chars is null ? text.Trim() : text.Trim(chars.ToCharArray());
                    case "lstrip": return chars is null ? text.TrimStart() : text.TrimStart(chars.ToCharArray());
                    case "rstrip": return chars is null ? text.TrimEnd() : text.TrimEnd(chars.ToCharArray());
                    case "startswith" when chars is not null: return text.StartsWith(chars, StringComparison.Ordinal);
                    case "endswith" when chars is not null: return text.EndsWith(chars, StringComparison.Ordinal);
                    case "find" when chars is not null: return (long)text.IndexOf(chars, StringComparison.Ordinal);
                    case "upper": return text.ToUpperInvariant();
                    case "lower": return text.ToLowerInvariant();
                    case "capitalize": return Capital(text);
                    case "title": return Letters().Replace(text, word => Capital(word.Value));
                    case "replace" when given is [string old, string with]: return text.Replace(old, with, StringComparison.Ordinal);
                    case "split" when given.Count == 0: return text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToList<object?>();
                    case "split" when given.Count == 1 && chars is { Length: > 0 }: return text.Split(chars).ToList<object?>();
                    case "split" when given is [string by, long most] && most >= 0: return text.Split(by, (int)most + 1).ToList<object?>();
                    case "join" when given.Count == 1: return string.Join(text, JinjaValue.Items(given[0], fail).Select(v => JinjaValue.Text(v, fail)));
                }

                break;
            case Dictionary<string, object?> map:
                switch (name)
                {
                    case "items": return Pairs(map);
                    case "keys": return map.Keys.ToList<object?>();
                    case "values": return map.Values.ToList();
                    case "get" when given.Count > 0 && given[0] is string key: return map.TryGetValue(key, out var value) ? value : given.Count > 1 ? given[1] : null;
                }

                break;
            case List<object?> list when name == "append" && given.Count == 1:
                list.Add(given[0]);
                return null;
        }

        throw fail($"the method {name} of {JinjaValue.Kind(owner)}");
    }

    private static string Capital(string text) => text is [var first, .. var rest] ? char.ToUpperInvariant(first) + rest.ToLowerInvariant() : "";

    private static List<object?> Pairs(Dictionary<string, object?> map) => [.. map.Select(p => new List<object?> { p.Key, p.Value })];

    [GeneratedRegex(@"[^-\s({\[<]+")]
    private static partial Regex TitleWord();

    [GeneratedRegex(@"\p{L}+")]
    private static partial Regex Letters();
}
