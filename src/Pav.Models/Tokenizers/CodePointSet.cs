using System.Globalization;
using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>A set of code points: ranges in order, [From, To), that neither meet nor overlap.</summary>
internal sealed class CodePointSet
{
    private const int End = 0x110000;

    /// <summary>In the order of <see cref="UnicodeCategory"/>.</summary>
    private static readonly string[] CategoryNames =
        ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Pc", "Pd", "Ps",
            "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn"];

    private static readonly Lazy<CodePointSet[]> Categories = new(ReadCategories);
    private static readonly Lazy<Dictionary<string, CodePointSet>> Scripts = new(ReadScripts);
    private static readonly Lazy<ILookup<int, int>> ByFold = new(() => Enumerable.Range(0, End).Where(Rune.IsValid).ToLookup(Fold));

    private readonly List<(int From, int To)> ranges = [];

    private CodePointSet(IEnumerable<(int From, int To)> given)
    {
        foreach (var (from, to) in given.OrderBy(r => r.From))
            if (ranges.Count > 0 && from <= ranges[^1].To) ranges[^1] = (ranges[^1].From, Math.Max(to, ranges[^1].To));
            else ranges.Add((from, to));
    }

    public static CodePointSet Empty { get; } = new([]);

    public static CodePointSet All { get; } = Between(0, End - 1);

    /// <summary>Unicode's White_Space.</summary>
    public static CodePointSet Space { get; } = Category("Z")!.With(Between('\t', '\r')).With(Single('\u0085'));

    public static CodePointSet Digit { get; } = Category("Nd")!;

    /// <summary>
    /// What \w matches: alphabetic letters, marks, digits and connectors. Letters in circles and squares are symbols that count as
    /// alphabetic.
    /// </summary>
    public static CodePointSet Word { get; } = new[] { Category("L")!, Category("M")!, Digit, Category("Nl")!, Category("Pc")!,
        Between(0x24B6, 0x24E9), Between(0x1F130, 0x1F149),
        Between(0x1F150, 0x1F169), Between(0x1F170, 0x1F189) }.Aggregate((all, set) => all.With(set));

    public IReadOnlyList<(int From, int To)> Ranges => ranges;

    public static CodePointSet Single(int codePoint) => Between(codePoint, codePoint);

    public static CodePointSet Between(int first, int last) => new([(first, last + 1)]);

    /// <summary>Of a general category by its short name: L, Lu, …; null if there is none of that name.</summary>
    public static CodePointSet? Category(string name)
    {
        CodePointSet? found = null;
        for (var i = 0; i < CategoryNames.Length; i++)
            if (name.Length > 0 && CategoryNames[i].StartsWith(name, StringComparison.Ordinal))
                found = found is null ? Categories.Value[i] : found.With(Categories.Value[i]);
        return found;
    }

    /// <summary>Of a script by its name in lower case; null if this program has no table of it.</summary>
    public static CodePointSet? Script(string name) => Scripts.Value.GetValueOrDefault(name);

    public static IEnumerable<string> ScriptNames => Scripts.Value.Keys;

    public CodePointSet With(CodePointSet other) => new(ranges.Concat(other.ranges));

    public CodePointSet Inverse()
    {
        var gaps = new List<(int, int)>();
        var done = 0;
        foreach (var (from, to) in ranges)
        {
            if (from > done) gaps.Add((done, from));
            done = to;
        }

        if (done < End) gaps.Add((done, End));
        return new(gaps);
    }

    public CodePointSet Common(CodePointSet other) => Inverse().With(other.Inverse()).Inverse();

    /// <summary>With every character that differs from one of these by case only.</summary>
    public CodePointSet AnyCase() => new(ranges.Concat(
        ranges.SelectMany(r => Enumerable.Range(r.From, r.To - r.From)).Where(Rune.IsValid).SelectMany(c => ByFold.Value[Fold(c)])
            .Select(c => (c, c + 1))));

    public bool Contains(int codePoint)
    {
        var (low, high) = (0, ranges.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (codePoint < ranges[middle].From) high = middle - 1;
            else if (codePoint >= ranges[middle].To) low = middle + 1;
            else return true;
        }

        return false;
    }

    /// <summary>Equal for characters that differ by case only. .NET keeps the long s apart.</summary>
    private static int Fold(int codePoint) => codePoint == 0x17F ? 's' : Rune.ToLowerInvariant(Rune.ToUpperInvariant(new(codePoint))).Value;

    private static CodePointSet[] ReadCategories()
    {
        var found = CategoryNames.Select(_ => new List<(int, int)>()).ToArray();
        var start = 0;
        for (var c = 1; c <= End; c++)
            if (c == End || CharUnicodeInfo.GetUnicodeCategory(c) != CharUnicodeInfo.GetUnicodeCategory(start))
            {
                found[(int)CharUnicodeInfo.GetUnicodeCategory(start)].Add((start, c));
                start = c;
            }

        return [.. found.Select(list => new CodePointSet(list))];
    }

    /// <summary>A line for each script: its name, then first-last of its ranges.</summary>
    private static Dictionary<string, CodePointSet> ReadScripts()
    {
        using var reader = new StreamReader(typeof(CodePointSet).Assembly.GetManifestResourceStream("scripts.txt")!);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToDictionary(
            words => words[0], words =>
                new CodePointSet(words[1..].Select(word => word.Split('-')).Select(r => (Hex(r[0]), Hex(r[^1]) + 1))));

        static int Hex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
