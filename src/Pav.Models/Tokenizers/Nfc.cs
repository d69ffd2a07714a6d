using System.Collections;
using System.Globalization;
using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>
/// Unicode normalisation form C. string.Normalize does nothing, and says nothing, where the runtime is without ICU (as this program is:
/// globalization-invariant).
/// </summary>
internal static class Nfc
{
    private const int HangulS = 0xAC00, HangulL = 0x1100, HangulV = 0x1161, HangulT = 0x11A7, CountL = 19, CountV = 21, CountT = 28,
        CountS = CountL * CountV * CountT;

    private static readonly Lazy<Tables> Data = new(Tables.Load);

    public static string Normalize(string text)
    {
        // Nothing below U+0300 combines or comes out of a composition differently.
        if (!text.AsSpan().ContainsAnyInRange('\u0300', '\uFFFF')) return text;
        var tables = Data.Value;
        StringBuilder? normal = null;
        var done = 0;
        while (tables.Unsettled(text, done) is { } stretch)
        {
            (normal ??= new(text.Length)).Append(text, done, stretch.Start - done);
            Append(text.AsSpan(stretch.Start, stretch.End - stretch.Start), tables, normal);
            done = stretch.End;
        }

        return normal is null ? text : normal.Append(text, done, text.Length - done).ToString();
    }

    private static void Append(ReadOnlySpan<char> text, Tables tables, StringBuilder into)
    {
        var runes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes()) tables.Decompose(rune.Value, runes);
        Reorder(runes, tables);
        Span<char> utf16 = stackalloc char[2];
        foreach (var code in Compose(runes, tables)) into.Append(utf16[..new Rune(code).EncodeToUtf16(utf16)]);
    }

    private static void Reorder(List<int> runes, Tables tables)
    {
        for (var i = 1; i < runes.Count; i++)
        {
            var combining = tables.Class(runes[i]);
            if (combining == 0) continue;
            var (code, position) = (runes[i], i);
            for (; position > 0 && tables.Class(runes[position - 1]) > combining; position--) runes[position] = runes[position - 1];
            runes[position] = code;
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
        private readonly BitArray settled = new(0x110000, true);

        /// <summary>
        /// The next stretch that may not be in the normal form: from the character before one that combines, composes with what is before
        /// it or is always
        /// decomposed, to the next one that does none of this. Outside such stretches nothing changes.
        /// </summary>
        public (int Start, int End)? Unsettled(string text, int from)
        {
            for (int position = from, before = from, length; position < text.Length; (before, position) = (position, position + length))
            {
                if (IsSettled(text, position, out length)) continue;
                var end = position + length;
                while (end < text.Length && !IsSettled(text, end, out var more)) end += more;
                return (before, end);
            }

            return null;
        }

        private bool IsSettled(string text, int position, out int length)
        {
            var first = text[position];
            length = char.IsHighSurrogate(first) && position + 1 < text.Length && char.IsLowSurrogate(text[position + 1]) ? 2 : 1;
            return settled[length == 2 ? char.ConvertToUtf32(first, text[position + 1]) : first];
        }

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
            if (a - HangulL is >= 0 and < CountL and var l && b - HangulV is >= 0 and < CountV and var v)
                return HangulS + (l * CountV + v) * CountT;
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
                    tables.settled[code] = false;
                    continue;
                }

                int[] parts = [.. fields.Skip(2).Select(Hex)];
                tables.decompositions[code] = parts;
                if (fields[0] == "p")
                {
                    tables.pairs[(parts[0], parts[1])] = code;
                    tables.settled[parts[1]] = false;
                }
                else tables.settled[code] = false;
            }

            for (var v = HangulV; v < HangulV + CountV; v++) tables.settled[v] = false;
            for (var t = HangulT + 1; t < HangulT + CountT; t++) tables.settled[t] = false;

            return tables;
        }

        private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
