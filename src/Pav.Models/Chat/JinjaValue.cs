using System.Globalization;
using System.Text;

namespace Pav.Models.Chat;

/// <summary>Names and their values; a loop's body has its own.</summary>
internal sealed class JinjaScope(JinjaScope? outer)
{
    private readonly Dictionary<string, object?> values = [];

    public object? Get(string name) => values.TryGetValue(name, out var value) ? value : outer is null ? JinjaValue.Undefined : outer.Get(name);

    public void Set(string name, object? value) => values[name] = value;
}

/// <summary>What <c>namespace()</c> gives: fields that loops may set.</summary>
internal sealed record JinjaNamespace(Dictionary<string, object?> Fields);

/// <summary>A function that the program gives to templates.</summary>
internal delegate object? JinjaCallable(JinjaValues arguments, Func<string, UserError> fail);

/// <summary>Arguments before and after they are worked out.</summary>
internal sealed record JinjaArguments(IReadOnlyList<JinjaExpression> Plain, IReadOnlyList<(string Name, JinjaExpression Value)> Named)
{
    public static JinjaArguments None { get; } = new([], []);

    public JinjaValues Of(JinjaScope scope) => new([.. Plain.Select(a => a(scope))], Named.ToDictionary(a => a.Name, a => a.Value(scope)));
}

internal sealed record JinjaValues(IReadOnlyList<object?> Plain, IReadOnlyDictionary<string, object?> Named)
{
    /// <summary>An argument by its place or its name; null where it is not given.</summary>
    public object? At(int place, string name) => place < Plain.Count ? Plain[place] : Named.GetValueOrDefault(name);
}

/// <summary>Values are null (none), <see cref="Undefined"/>, bool, long, double, string, List&lt;object?&gt; and Dictionary&lt;string, object?&gt;, with Python's rules.</summary>
internal static class JinjaValue
{
    /// <summary>A name or field that is not there: false, and no text.</summary>
    public static object Undefined { get; } = new();

    public static bool Truth(object? value) => value switch
    {
        null => false,
        bool b => b,
        long n => n != 0,
        double x => x != 0,
        string s => s.Length > 0,
        List<object?> list => list.Count > 0,
        Dictionary<string, object?> map => map.Count > 0,
        _ => value != Undefined,
    };

    public static string Text(object? value, Func<string, UserError> fail) => value switch
    {
        null => "None",
        string s => s,
        bool b => b ? "True" : "False",
        long n => n.ToString(CultureInfo.InvariantCulture),
        double x => x == Math.Floor(x) && Math.Abs(x) < 1e16 ? x.ToString("0.0", CultureInfo.InvariantCulture) : x.ToString("R", CultureInfo.InvariantCulture),
        _ when value == Undefined => "",
        _ => throw fail("a list or mapping shown as text"),
    };

    /// <summary>As <c>json.dumps</c> writes it, without ASCII escapes.</summary>
    public static string ToJson(object? value, Func<string, UserError> fail) => value switch
    {
        null => "null",
        string s => Quoted(s),
        bool b => b ? "true" : "false",
        List<object?> list => $"[{string.Join(", ", list.Select(v => ToJson(v, fail)))}]",
        Dictionary<string, object?> map => $"{{{string.Join(", ", map.Select(p => $"{Quoted(p.Key)}: {ToJson(p.Value, fail)}"))}}}",
        _ => Text(value, fail),
    };

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
            quoted.Append(c switch { '"' => "\\\"", '\\' => @"\\", '\n' => @"\n", '\r' => @"\r", '\t' => @"\t", '\b' => @"\b", '\f' => @"\f", < ' ' => $"\\u{(int)c:x4}", _ => $"{c}" });
        return quoted.Append('"').ToString();
    }

    public static List<object?> Items(object? value, Func<string, UserError> fail) => value switch
    {
        List<object?> list => list,
        Dictionary<string, object?> map => [.. map.Keys],
        string s => [.. Runes(s)],
        _ when value == Undefined => [],
        _ => throw fail($"a loop over {Kind(value)}"),
    };

    public static long Length(object? value, Func<string, UserError> fail) => value switch
    {
        List<object?> list => list.Count,
        Dictionary<string, object?> map => map.Count,
        string s => Runes(s).Count(),
        _ when value == Undefined => 0,
        _ => throw fail($"the length of {Kind(value)}"),
    };

    public static object? Attribute(object? owner, string name, Func<string, UserError> fail) => owner switch
    {
        Dictionary<string, object?> map => map.TryGetValue(name, out var value) ? value : Undefined,
        JinjaNamespace space => space.Fields.TryGetValue(name, out var value) ? value : Undefined,
        List<object?> when long.TryParse(name, CultureInfo.InvariantCulture, out var index) => Item(owner, index, fail),
        _ when owner == Undefined => throw fail($"the field {name} of something that is not defined"),
        _ => Undefined,
    };

    public static object? Item(object? owner, object? key, Func<string, UserError> fail) => (owner, key) switch
    {
        (List<object?> list, long index) => At(list, index),
        (string s, long index) => At([.. Runes(s)], index),
        (_, string name) => Attribute(owner, name, fail),
        _ when owner == Undefined => throw fail("an item of something that is not defined"),
        _ => Undefined,
    };

    public static object? Slice(object? owner, object? from, object? to, object? step, Func<string, UserError> fail)
    {
        var items = owner is string or List<object?> ? Items(owner, fail) : throw fail($"a slice of {Kind(owner)}");
        var by = step is null ? 1 : Whole(step, fail);
        if (by == 0) throw fail("a slice with step 0");
        var taken = new List<object?>();
        var (first, last) = by > 0 ? (Place(from, 0, 0, items.Count), Place(to, items.Count, 0, items.Count)) : (Place(from, items.Count - 1, -1, items.Count - 1), Place(to, -1, -1, items.Count - 1));
        for (var i = first; by > 0 ? i < last : i > last; i += by) taken.Add(items[(int)i]);
        return owner is string ? string.Concat(taken) : taken;

        long Place(object? given, long otherwise, long low, long high) => given is null ? otherwise : Math.Clamp(Whole(given, fail) is var n && n < 0 ? n + items.Count : n, low, high);
    }

    public static object? Call(object? callee, JinjaValues arguments, Func<string, UserError> fail) => callee is JinjaCallable function ? function(arguments, fail) : throw fail("a call of something that is no function");

    public static object Operate(string sign, object? a, object? b, Func<string, UserError> fail)
    {
        if (sign == "~") return Text(a, fail) + Text(b, fail);
        switch (a, b)
        {
            case (string x, string y) when sign == "+": return x + y;
            case (List<object?> x, List<object?> y) when sign == "+": return (List<object?>)[.. x, .. y];
            case (string x, long n) when sign == "*": return string.Concat(Enumerable.Repeat(x, (int)Math.Max(0, n)));
            case (long x, long y) when sign == "+": return x + y;
            case (long x, long y) when sign == "-": return x - y;
            case (long x, long y) when sign == "*": return x * y;
            case (long x, long y) when sign == "//" && y != 0: return (long)Math.Floor((double)x / y);
            case (long x, long y) when sign == "%" && y != 0: return ((x % y) + y) % y;
            case (long or double, long or double) when sign is "+" or "-" or "*" or "/":
                var (p, q) = (Convert.ToDouble(a, CultureInfo.InvariantCulture), Convert.ToDouble(b, CultureInfo.InvariantCulture));
                if (sign == "/" && q == 0) throw fail("a division by 0");
                return sign switch { "+" => p + q, "-" => p - q, "*" => p * q, _ => p / q };
            default: throw fail($"{Kind(a)} {sign} {Kind(b)}");
        }
    }

    public static bool Compare(string sign, object? a, object? b, Func<string, UserError> fail)
    {
        switch (sign)
        {
            case "==": return Same(a, b);
            case "!=": return !Same(a, b);
            case "in": return Contains(b, a, fail);
            case "not in": return !Contains(b, a, fail);
        }

        var order = (a, b) switch
        {
            (string x, string y) => string.CompareOrdinal(x, y),
            (long or double, long or double) => Convert.ToDouble(a, CultureInfo.InvariantCulture).CompareTo(Convert.ToDouble(b, CultureInfo.InvariantCulture)),
            _ => throw fail($"{Kind(a)} {sign} {Kind(b)}"),
        };
        return sign switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
    }

    public static bool Same(object? a, object? b) => (a, b) switch
    {
        (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(p => Same(p.First, p.Second)),
        (Dictionary<string, object?> x, Dictionary<string, object?> y) => x.Count == y.Count && x.All(p => y.TryGetValue(p.Key, out var other) && Same(p.Value, other)),
        (bool or long or double, bool or long or double) => Convert.ToDouble(a, CultureInfo.InvariantCulture).Equals(Convert.ToDouble(b, CultureInfo.InvariantCulture)),
        _ => Equals(a, b),
    };

    /// <summary>The variable <c>loop</c> of a for.</summary>
    public static Dictionary<string, object?> Loop(List<object?> items, int i) => new()
    {
        ["index"] = i + 1L, ["index0"] = (long)i, ["revindex"] = (long)(items.Count - i), ["revindex0"] = items.Count - i - 1L, ["first"] = i == 0, ["last"] = i == items.Count - 1, ["length"] = (long)items.Count,
        ["previtem"] = i > 0 ? items[i - 1] : Undefined, ["nextitem"] = i + 1 < items.Count ? items[i + 1] : Undefined,
    };

    public static long Whole(object? value, Func<string, UserError> fail) => value is long n ? n : throw fail($"{Kind(value)} where a whole number is expected");

    public static string Kind(object? value) => value switch
    {
        null => "none", string => "a text", bool => "a truth value", long or double => "a number", List<object?> => "a list", Dictionary<string, object?> => "a mapping",
        _ => value == Undefined ? "something that is not defined" : "a function or namespace",
    };

    private static bool Contains(object? all, object? one, Func<string, UserError> fail) => (all, one) switch
    {
        (string text, string part) => text.Contains(part, StringComparison.Ordinal),
        (Dictionary<string, object?> map, string key) => map.ContainsKey(key),
        (List<object?> list, _) => list.Any(item => Same(item, one)),
        _ when all == Undefined => false,
        _ => throw fail($"{Kind(one)} in {Kind(all)}"),
    };

    private static object? At(List<object?> list, long index) => (index < 0 ? index + list.Count : index) is var i && i >= 0 && i < list.Count ? list[(int)i] : Undefined;

    private static IEnumerable<string> Runes(string text) => text.EnumerateRunes().Select(r => r.ToString());
}
