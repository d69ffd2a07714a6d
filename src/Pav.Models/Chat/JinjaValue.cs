using System.Globalization;
using System.Numerics;
using System.Text;

namespace Pav.Models.Chat;

/// <summary>Names and their values; a loop's body has its own.</summary>
internal sealed class JinjaScope
{
    private readonly Dictionary<string, object?> values = [];
    private readonly JinjaScope? outer;
    private readonly JinjaBudget budget;

    public JinjaScope(JinjaScope outer) => (this.outer, budget) = (outer, outer.budget);

    public JinjaScope(JinjaBudget budget) => this.budget = budget;

    public object? Get(string name)
    {
        for (var scope = this; scope is not null; scope = scope.outer)
            if (scope.values.TryGetValue(name, out var value)) return value;
        return JinjaValue.Undefined;
    }

    public void Set(string name, object? value) => values[name] = value;

    /// <summary>A step at a line.</summary>
    public JinjaSpot At(int line, Func<int, string, UserError> wrong)
    {
        var spot = new JinjaSpot(line, wrong, budget);
        spot.Step();
        return spot;
    }
}

/// <summary>What <c>namespace()</c> gives: fields that loops may set.</summary>
internal sealed record JinjaNamespace(Dictionary<string, object?> Fields);

/// <summary>A list in round brackets: it cannot be appended to, and equals no list.</summary>
internal sealed class JinjaTuple(IEnumerable<object?> items) : List<object?>(items);

/// <summary>A mapping in the order of its making; its keys are texts and numbers, and 1, 1.0 and true are the same one.</summary>
internal sealed class JinjaMap() : Dictionary<object, object?>(new KeyComparer())
{
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public new bool Equals(object? a, object? b) =>
            a is string || b is string ? object.Equals(a, b) : JinjaValue.Number(a) == JinjaValue.Number(b);

        public int GetHashCode(object key) => key is string ? key.GetHashCode() : JinjaValue.Number(key).GetHashCode();
    }
}

/// <summary>A function that the program gives to templates.</summary>
internal delegate object? JinjaCallable(JinjaValues arguments, JinjaSpot spot);

/// <summary>Arguments before and after they are worked out.</summary>
internal sealed record JinjaArguments(IReadOnlyList<JinjaExpression> Plain, IReadOnlyList<(string Name, JinjaExpression Value)> Named)
{
    public static JinjaArguments None { get; } = new([], []);

    public JinjaValues In(JinjaScope scope) => new([.. Plain.Select(a => a(scope))], Named.ToDictionary(a => a.Name, a => a.Value(scope)));
}

internal sealed record JinjaValues(IReadOnlyList<object?> Plain, IReadOnlyDictionary<string, object?> Named)
{
    /// <summary>An argument by its place or its name; null where it is not given.</summary>
    public object? At(int place, string name) => place < Plain.Count ? Plain[place] : Named.GetValueOrDefault(name);

    /// <summary>Whether there are no others than these, each once.</summary>
    public bool Fit(params string[] names) => Plain.Count <= names.Length && Named.Keys.All(n => Array.IndexOf(names, n) >= Plain.Count);
}

/// <summary>
/// Values are null (none), <see cref="Undefined"/>, bool, long, double, string, List&lt;object?&gt; and <see cref="JinjaMap"/>, with
/// Python's rules; whole numbers beyond 64 bits are refused.
/// </summary>
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
        JinjaMap map => map.Count > 0,
        _ => value != Undefined,
    };

    /// <summary>The items of a loop.</summary>
    public static List<object?> Items(object? value, JinjaSpot spot)
    {
        spot.Make(value switch { string s => s.Length, JinjaMap map => map.Count, _ => 0 });
        return value switch
        {
            List<object?> list => list,
            JinjaMap map => [.. map.Keys],
            string s => [.. Runes(s)],
            _ when value == Undefined => [],
            _ => throw spot.Fail($"a loop over {Kind(value)}"),
        };
    }

    public static long Length(object? value, JinjaSpot spot) => value switch
    {
        List<object?> list => list.Count,
        JinjaMap map => map.Count,
        string s => Runes(s, spot).LongCount(),
        _ when value == Undefined => 0,
        _ => throw spot.Fail($"the length of {Kind(value)}"),
    };

    public static object? Attribute(object? owner, string name, JinjaSpot spot) => owner switch
    {
        JinjaMap map => map.TryGetValue(name, out var value) ? value : Undefined,
        JinjaNamespace space => space.Fields.TryGetValue(name, out var value) ? value : Undefined,
        List<object?> or string when long.TryParse(name, CultureInfo.InvariantCulture, out var index) => Item(owner, index, spot),
        _ when owner == Undefined => throw spot.Fail($"the field {name} of something that is not defined"),
        _ => Undefined,
    };

    public static object? Item(object? owner, object? key, JinjaSpot spot) => (owner, key) switch
    {
        (JinjaMap map, string or bool or long or double) => map.TryGetValue(key, out var value) ? value : Undefined,
        (List<object?> list, long index) => At(list, index),
        (string s, long index) => Letter(s, index, spot),
        (_, string name) => Attribute(owner, name, spot),
        _ when owner == Undefined => throw spot.Fail("an item of something that is not defined"),
        _ => Undefined,
    };

    public static object? Slice(object? owner, object? from, object? to, object? step, JinjaSpot spot)
    {
        var items = owner is string or List<object?> ? Items(owner, spot) : throw spot.Fail($"a slice of {Kind(owner)}");
        var by = step is null ? 1 : Whole(step, spot);
        if (by == 0) throw spot.Fail("a slice with step 0");
        by = Math.Clamp(by, -items.Count - 1, items.Count + 1);
        var taken = new List<object?>();
        var (first, last) = by > 0
            ? (Place(from, 0, 0, items.Count), Place(to, items.Count, 0, items.Count))
            : (Place(from, items.Count - 1, -1, items.Count - 1), Place(to, -1, -1, items.Count - 1));
        spot.Make(Math.Abs(last - first) / Math.Abs(by));
        for (var i = first; by > 0 ? i < last : i > last; i += by) taken.Add(items[(int)i]);
        return owner is string ? string.Concat(taken) : Like(owner, taken);

        long Place(object? given, long otherwise, long low, long high) => given is null
            ? otherwise : Math.Clamp(Whole(given, spot) is var n && n < 0 ? n + items.Count : n, low, high);
    }

    public static object? Call(object? callee, JinjaValues arguments, JinjaSpot spot) =>
        callee is JinjaCallable function ? function(arguments, spot) : throw spot.Fail("a call of something that is no function");

    public static object Operate(string sign, object? a, object? b, JinjaSpot spot)
    {
        if (sign == "~") return Joined(JinjaWriter.Text(a, spot), JinjaWriter.Text(b, spot), spot);
        switch (a, b)
        {
            case (string x, string y) when sign == "+": return Joined(x, y, spot);
            case (string x, _) when sign == "%": return JinjaFormat.Percent(x, b, spot);
            case (List<object?> x, List<object?> y) when sign == "+" && x is JinjaTuple == y is JinjaTuple:
                spot.Make((long)x.Count + y.Count);
                return Like(x, [.. x, .. y]);
            case (string or List<object?>, long or bool) when sign == "*": return Repeated(a, Whole(b, spot), spot);
            case (long or bool, string or List<object?>) when sign == "*": return Repeated(b, Whole(a, spot), spot);
        }

        return (a is bool p ? p ? 1L : 0L : a, b is bool q ? q ? 1L : 0L : b) switch
        {
            (long x, long y) when sign != "/" => Exact(sign, x, y, spot),
            (long or double, long or double) =>
                Rounded(sign, Convert.ToDouble(a, CultureInfo.InvariantCulture), Convert.ToDouble(b, CultureInfo.InvariantCulture), spot),
            _ => throw spot.Fail($"{Kind(a)} {sign} {Kind(b)}"),
        };
    }

    public static bool Compare(string sign, object? a, object? b, JinjaSpot spot)
    {
        switch (sign)
        {
            case "==": return Same(a, b, spot);
            case "!=": return !Same(a, b, spot);
            case "in": return Contains(b, a, spot);
            case "not in": return !Contains(b, a, spot);
        }

        var order = (a, b) switch
        {
            (string x, string y) => Order(spot.Made(x), y),
            (bool or long, bool or long) => Number(a).CompareTo(Number(b)),
            (bool or long or double, bool or long or double) => Convert.ToDouble(a, CultureInfo.InvariantCulture)
                .CompareTo(Convert.ToDouble(b, CultureInfo.InvariantCulture)),
            _ => throw spot.Fail($"{Kind(a)} {sign} {Kind(b)}"),
        };
        return sign switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
    }

    public static bool Same(object? a, object? b, JinjaSpot spot, int depth = 0)
    {
        switch (a, b)
        {
            case (List<object?> or JinjaMap, _) when ReferenceEquals(a, b): return true;
            case (List<object?> x, List<object?> y):
                spot.Enter(depth);
                if (x.Count != y.Count || x is JinjaTuple != y is JinjaTuple) return false;
                for (var i = 0; i < x.Count; i++)
                    if (!Same(x[i], y[i], spot, depth + 1)) return false;
                return true;
            case (JinjaMap x, JinjaMap y):
                spot.Enter(depth);
                return x.Count == y.Count && x.All(p => y.TryGetValue(p.Key, out var other) && Same(p.Value, other, spot, depth + 1));
            case (bool or long or double, bool or long or double): return Number(a) == Number(b);
            case (string x, string y):
                spot.Make(x.Length == y.Length ? x.Length : 1);
                return x == y;
            default:
                spot.Step();
                return Equals(a, b);
        }
    }

    /// <summary>Equal numbers have equal ones of these: whole ones themselves, others what no whole one is.</summary>
    public static decimal Number(object? value) => value switch
    {
        bool b => b ? 1 : 0,
        double x when x == Math.Floor(x) && Math.Abs(x) < 9e18 => (long)x,
        double x => BitConverter.DoubleToInt64Bits(x) + 0.5m,
        _ => (long)value!,
    };

    /// <summary>The variable <c>loop</c> of a for.</summary>
    public static JinjaMap Loop(List<object?> items, int i) => new()
    {
        ["index"] = i + 1L, ["index0"] = (long)i, ["revindex"] = (long)(items.Count - i), ["revindex0"] = items.Count - i - 1L,
            ["first"] = i == 0, ["last"] = i == items.Count - 1, ["length"] = (long)items.Count,
        ["previtem"] = i > 0 ? items[i - 1] : Undefined, ["nextitem"] = i + 1 < items.Count ? items[i + 1] : Undefined,
    };

    public static long Whole(object? value, JinjaSpot spot) =>
        value switch { long n => n, bool b => b ? 1 : 0, _ => throw spot.Fail($"{Kind(value)} where a whole number is expected") };

    /// <summary>The remainder with the sign of the divisor.</summary>
    public static long Remainder(long x, long y, JinjaSpot spot) =>
        y switch { 0 => throw spot.Fail("a division by 0"), -1 => 0, _ => x % y is var r && r != 0 && (r < 0) != (y < 0) ? r + y : r };

    public static string Kind(object? value) => value switch
    {
        null => "none", string => "a text", bool => "a truth value", long or double => "a number", List<object?> => "a list", JinjaMap =>
            "a mapping",
        _ => value == Undefined ? "something that is not defined" : "a function or namespace",
    };

    /// <summary>To be counted or looked through, which takes as long as a text is.</summary>
    public static IEnumerable<string> Runes(string text, JinjaSpot spot) => Runes(spot.Made(text));

    public static IEnumerable<string> Runes(string text) => text.EnumerateRunes().Select(r => r.ToString());

    private static string Joined(string a, string b, JinjaSpot spot)
    {
        spot.Make((long)a.Length + b.Length);
        return a + b;
    }

    private static object Repeated(object? what, long times, JinjaSpot spot)
    {
        var size = what is string s ? s.Length : ((List<object?>)what!).Count;
        if (times <= 0 || size == 0) return what is string ? "" : Like(what, []);
        spot.Make((long)Int128.Min((Int128)size * times, long.MaxValue / 2));
        return what is string text
            ? new StringBuilder().Insert(0, text, (int)times).ToString()
            : Like(what, [.. Enumerable.Repeat((List<object?>)what!, (int)times).SelectMany(l => l)]);
    }

    private static List<object?> Like(object? one, List<object?> items) => one is JinjaTuple ? new JinjaTuple(items) : items;

    private static object Exact(string sign, long x, long y, JinjaSpot spot)
    {
        if (sign == "**" && y < 0) return Rounded(sign, x, y, spot);
        var result = sign switch
        {
            "+" => (Int128)x + y,
            "-" => (Int128)x - y,
            "*" => (Int128)x * y,
            "%" => Remainder(x, y, spot),
            "//" => ((Int128)x - Remainder(x, y, spot)) / y,
            "**" => x is 0 or 1 ? y == 0 ? 1 : x : x == -1 ? y % 2 == 0 ? 1 : -1 : y > 63
                ? Int128.MaxValue : (Int128)BigInteger.Clamp(BigInteger.Pow(x, (int)y), Int128.MinValue, Int128.MaxValue),
            _ => throw spot.Fail($"a number {sign} a number"),
        };
        return result >= long.MinValue && result <= long.MaxValue ? (long)result : throw spot.Fail("a whole number beyond 64 bits");
    }

    private static object Rounded(string sign, double x, double y, JinjaSpot spot)
    {
        if (sign is "/" or "//" or "%" && y == 0 || sign == "**" && x == 0 && y < 0) throw spot.Fail("a division by 0");
        if (sign == "**" && x < 0 && y != Math.Floor(y)) throw spot.Fail("a power that is no real number");
        return sign switch { "+" => x + y, "-" => x - y, "*" => x * y, "/" => x / y, "//" => Math.Round((x - Modulo(x, y)) / y), "%" =>
            Modulo(x, y), _ => Math.Pow(x, y) };

        static double Modulo(double x, double y) => x % y is var r && r == 0 ? Math.CopySign(0, y) : (r < 0) != (y < 0) ? r + y : r;
    }

    /// <summary>By code points: two chars that make one are above all others.</summary>
    private static int Order(string x, string y)
    {
        var same = x.AsSpan().CommonPrefixLength(y);
        if (same == x.Length || same == y.Length) return x.Length - y.Length;
        return char.IsSurrogate(x[same]) == char.IsSurrogate(y[same]) ? x[same] - y[same] : char.IsSurrogate(x[same]) ? 1 : -1;
    }

    private static bool Contains(object? all, object? one, JinjaSpot spot) => (all, one) switch
    {
        (string text, string part) => spot.Made(text).Contains(part, StringComparison.Ordinal),
        (JinjaMap map, string or bool or long or double) => map.ContainsKey(one),
        (JinjaMap, null) => false,
        (List<object?> list, _) => list.Any(item => Same(item, one, spot)),
        _ when all == Undefined => false,
        _ => throw spot.Fail($"{Kind(one)} in {Kind(all)}"),
    };

    private static object? At(List<object?> list, long index) => (index < 0 ? index + list.Count : index) is var i && i >= 0
        && i < list.Count ? list[(int)i] : Undefined;

    /// <summary>A letter of a text, which may be two chars; only those up to it are counted.</summary>
    private static object? Letter(string text, long index, JinjaSpot spot)
    {
        spot.Make(index < 0 ? text.Length : Math.Min(index, text.Length));
        if (index < 0) index += Runes(text).LongCount();
        return index < 0 || index >= text.Length ? Undefined : Runes(text).Skip((int)index).FirstOrDefault() ?? Undefined;
    }
}
