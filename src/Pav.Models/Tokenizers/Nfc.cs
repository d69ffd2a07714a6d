using System.Globalization;
using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>
/// Unicode normalisation form C. string.Normalize does nothing, and says nothing, where the runtime is without ICU (as this program is: globalization-invariant).
/// </summary>
internal static class Nfc
{
    private const int HangulS = 0xAC00, HangulL = 0x1100, HangulV = 0x1161, HangulT = 0x11A7, CountL = 19, CountV = 21, CountT = 28, CountS = CountL * CountV * CountT;

    private static readonly Lazy<Tables> Data = new(Tables.Load);

    public static string Normalize(string text)
    {
        // Nothing below U+0300 combines or comes out of a composition differently.
        if (!text.AsSpan().ContainsAnyInRange('\u0300', '\uFFFF')) return text;
        var tables = Data.Value;
        var runes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes()) tables.Decompose(rune.Value, runes);
        Reorder(runes, tables);
        var composed = new StringBuilder(text.Length);
        foreach (var code in Compose(runes, tables)) composed.Append(char.ConvertFromUtf32(code));
        return composed.ToString();
    }

    private static void Reorder(List<int> runes, Tables tables)
    {
        for (var i = 1; i < runes.Count; i++)
        {
            var combining = tables.Class(runes[i]);
            if (combining == 0) continue;
            var (code, at) = (runes[i], i);
            for (; at > 0 && tables.Class(runes[at - 1]) > combining; at--) runes[at] = runes[at - 1];
            runes[at] = code;
        }
    }

    private static List<int> Compose(List<int> runes, Tables tables)
    {
        var output = new List<int>(runes.Count);
        var (starter, lastClass) = (-1, 0);
        foreach (var code in runes)
        {
            var combining = tables.Class(code);
            var adjacent = starter == output.Count - 1;
            if (starter >= 0 && (adjacent || lastClass < combining) && tables.Pair(output[starter], code) is { } pair)
            {
                output[starter] = pair;
                continue;
            }

            if (combining == 0) starter = output.Count;
            lastClass = combining;
            output.Add(code);
        }

        return output;
    }

    private sealed class Tables
    {
        private readonly Dictionary<int, int> classes = [];
        private readonly Dictionary<int, int[]> decompositions = [];
        private readonly Dictionary<(int, int), int> pairs = [];

        public int Class(int code) => classes.GetValueOrDefault(code);

        public void Decompose(int code, List<int> into)
        {
            if (code - HangulS is >= 0 and < CountS and var s)
            {
                into.Add(HangulL + s / (CountV * CountT));
                into.Add(HangulV + s % (CountV * CountT) / CountT);
                if (s % CountT != 0) into.Add(HangulT + s % CountT);
            }
            else if (decompositions.TryGetValue(code, out var parts))
                foreach (var part in parts) Decompose(part, into);
            else into.Add(code);
        }

        public int? Pair(int a, int b)
        {
            if (a - HangulL is >= 0 and < CountL and var l && b - HangulV is >= 0 and < CountV and var v) return HangulS + (l * CountV + v) * CountT;
            if (a - HangulS is >= 0 and < CountS and var s && s % CountT == 0 && b - HangulT is > 0 and < CountT and var t) return a + t;
            return pairs.TryGetValue((a, b), out var found) ? found : null;
        }

        public static Tables Load()
        {
            var tables = new Tables();
            using var reader = new StreamReader(typeof(Nfc).Assembly.GetManifestResourceStream("nfc.txt")!);
            while (reader.ReadLine() is { } line)
            {
                if (line[0] == '#') continue;
                var fields = line.Split(' ');
                var code = Hex(fields[1]);
                if (fields[0] == "c")
                {
                    tables.classes[code] = int.Parse(fields[2], CultureInfo.InvariantCulture);
                    continue;
                }

                int[] parts = [.. fields.Skip(2).Select(Hex)];
                tables.decompositions[code] = parts;
                if (fields[0] == "p") tables.pairs[(parts[0], parts[1])] = code;
            }

            return tables;
        }

        private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
