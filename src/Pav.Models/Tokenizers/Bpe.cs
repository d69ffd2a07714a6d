using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Pav.Models.Tokenizers;

/// <summary>
/// Byte-pair encoding: of all neighbours that a merge rule joins, the pair with the earliest rule is joined first. Symbols are bytes (GPT-2's way) or
/// characters (SentencePiece's), where a character that is not in the vocabulary may become its bytes' own tokens.
/// </summary>
internal sealed class Bpe
{
    /// <summary>Longer pieces are seldom met again.</summary>
    private const int LongestCached = 128;

    [ThreadStatic]
    private static Scratch? scratch;

    private readonly Dictionary<string, int> words;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> bySpan;
    private readonly MergeTable merges;
    private readonly PieceCache cache = new();
    private readonly int[]? symbolOfByte;
    private readonly int[]? fallback;
    private readonly int? unknown;
    private readonly bool ignoreMerges, fuseUnknown;

    private sealed class Scratch
    {
        public List<int> Symbols { get; } = [];
        public int[] Left { get; set; } = [];
        public int[] Right { get; set; } = [];
        public PriorityQueue<int, ulong> Queue { get; } = new();
    }

    private Bpe(TokenizerJson json, bool bytes)
    {
        if (json.Find("dropout") is { ValueKind: JsonValueKind.Number } dropout && dropout.GetDouble() > 0) throw json.Wrong("\"dropout\" is not supported");
        foreach (var affix in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
            if (json.Text(affix) is { Length: > 0 }) throw json.Wrong($"\"{affix}\" is not supported");
        words = TokenModel.Words(json);
        bySpan = words.GetAlternateLookup<ReadOnlySpan<char>>();
        ignoreMerges = json.Flag("ignore_merges");
        fuseUnknown = json.Flag("fuse_unk");
        if (json.Text("unk_token") is { } unk) unknown = words.TryGetValue(unk, out var id) ? id : throw json.Wrong($"the unk_token \"{unk}\" is not in the vocabulary");
        if (bytes) symbolOfByte = [.. Enumerable.Range(0, 256).Select(b => words.GetValueOrDefault(ByteAlphabet.Of((byte)b).ToString(), -1))];
        else if (json.Flag("byte_fallback")) fallback = [.. Enumerable.Range(0, 256).Select(b => words.GetValueOrDefault($"<0x{b:X2}>", -1))];
        merges = Merges(json);
    }

    public static TokenModel Parse(TokenizerJson json, bool bytes)
    {
        var bpe = new Bpe(json, bytes);
        return new(bpe.words, bpe.Encode);
    }

    private MergeTable Merges(TokenizerJson json)
    {
        if (json.Find("merges") is not { ValueKind: JsonValueKind.Array } list) throw json.Wrong("has no \"merges\"");
        var table = new MergeTable(list.GetArrayLength());
        var rank = 0;
        foreach (var merge in list.EnumerateArray())
        {
            var (a, b) = merge.ValueKind switch
            {
                JsonValueKind.Array when merge.GetArrayLength() == 2 => (merge[0].GetString()!, merge[1].GetString()!),
                JsonValueKind.String when merge.GetString()!.Split(' ') is [var x, var y] => (x, y),
                _ => throw json.Wrong($"merge {rank} is not a pair: {merge.GetRawText()}"),
            };
            if (!words.TryGetValue(a, out var left) || !words.TryGetValue(b, out var right) || !words.TryGetValue(a + b, out var merged))
                throw json.Wrong($"merge {rank} (\"{a}\" + \"{b}\") names a token that is not in the vocabulary");
            table.Add(left, right, rank++, merged);
        }

        return table;
    }

    private void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (piece.Length > LongestCached)
        {
            Compute(piece, ids);
            return;
        }

        if (cache.Find(piece, out var slot) is { } known)
        {
            ids.AddRange(known);
            return;
        }

        var start = ids.Count;
        Compute(piece, ids);
        cache.Keep(slot, piece, CollectionsMarshal.AsSpan(ids)[start..]);
    }

    private void Compute(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (ignoreMerges && Whole(piece) is { } whole)
        {
            ids.Add(whole);
            return;
        }

        var work = scratch ??= new();
        work.Symbols.Clear();
        if (symbolOfByte is not null) Bytes(piece, work.Symbols);
        else Characters(piece, work.Symbols);
        Merge(work, ids);
    }

    private int? Whole(ReadOnlySpan<char> piece)
    {
        if (symbolOfByte is null) return bySpan.TryGetValue(piece, out var id) ? id : null;
        Span<byte> utf8 = stackalloc byte[piece.Length <= LongestCached ? piece.Length * 3 : 0];
        if (utf8.Length == 0) utf8 = new byte[piece.Length * 3];
        return words.TryGetValue(ByteAlphabet.Encode(utf8[..Encoding.UTF8.GetBytes(piece, utf8)]), out var found) ? found : null;
    }

    private void Bytes(ReadOnlySpan<char> piece, List<int> symbols)
    {
        Span<byte> utf8 = stackalloc byte[4];
        var unknownBefore = false;
        foreach (var rune in piece.EnumerateRunes())
            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                var id = symbolOfByte![b];
                if (id >= 0) symbols.Add(id);
                else if (unknown is { } unk && !(fuseUnknown && unknownBefore)) symbols.Add(unk);
                unknownBefore = id < 0;
            }
    }

    private void Characters(ReadOnlySpan<char> piece, List<int> symbols)
    {
        Span<byte> utf8 = stackalloc byte[4];
        Span<char> utf16 = stackalloc char[2];
        var unknownBefore = false;
        foreach (var rune in piece.EnumerateRunes())
        {
            var isKnown = bySpan.TryGetValue(utf16[..rune.EncodeToUtf16(utf16)], out var id);
            if (isKnown) symbols.Add(id);
            else if (fallback is not null && HasBytes(utf8[..rune.EncodeToUtf8(utf8)]))
            {
                foreach (var b in utf8[..rune.Utf8SequenceLength]) symbols.Add(fallback[b]);
                continue;
            }
            else if (unknown is { } unk && !(fuseUnknown && unknownBefore)) symbols.Add(unk);
            unknownBefore = !isKnown;
        }
    }

    private bool HasBytes(ReadOnlySpan<byte> utf8)
    {
        foreach (var b in utf8)
            if (fallback![b] < 0) return false;
        return true;
    }

    private void Merge(Scratch work, List<int> output)
    {
        // A list of neighbours over the symbols; one that is joined into its left neighbour becomes -1. The queue's keys are (rank, position).
        var ids = work.Symbols;
        var count = ids.Count;
        if (work.Left.Length < count) (work.Left, work.Right) = (new int[count * 2], new int[count * 2]);
        var (left, right, queue) = (work.Left, work.Right, work.Queue);
        for (var i = 0; i < count; i++) (left[i], right[i]) = (i - 1, i + 1);
        for (var i = 0; i + 1 < count; i++) Offer(i);
        while (queue.TryDequeue(out var at, out var key))
        {
            var next = right[at];
            if (ids[at] < 0 || next >= count || !merges.Find(ids[at], ids[next], out var rank, out var merged) || rank != (int)(key >> 32)) continue;
            ids[at] = merged;
            ids[next] = -1;
            right[at] = right[next];
            if (right[at] < count) left[right[at]] = at;
            if (left[at] >= 0) Offer(left[at]);
            Offer(at);
        }

        for (var i = 0; i < count; i = right[i]) output.Add(ids[i]);

        void Offer(int at)
        {
            if (right[at] < count && merges.Find(ids[at], ids[right[at]], out var rank, out _)) queue.Enqueue(at, ((ulong)(uint)rank << 32) | (uint)at);
        }
    }
}

/// <summary>Pair of ids → rank and merged id: a hash table with open addressing.</summary>
internal sealed class MergeTable
{
    private readonly Slot[] slots;
    private readonly int shift;

    private struct Slot
    {
        /// <summary>The pair plus one; 0: free.</summary>
        public ulong Key;
        public int Rank, Merged;
    }

    public MergeTable(int count)
    {
        var bits = 2;
        while (1L << bits < 2L * count) bits++;
        slots = new Slot[1 << bits];
        shift = 64 - bits;
    }

    /// <summary>The last rule for a pair counts.</summary>
    public void Add(int a, int b, int rank, int merged) => slots[At(KeyOf(a, b))] = new() { Key = KeyOf(a, b), Rank = rank, Merged = merged };

    public bool Find(int a, int b, out int rank, out int merged)
    {
        var key = KeyOf(a, b);
        ref readonly var slot = ref slots[At(key)];
        (rank, merged) = (slot.Rank, slot.Merged);
        return slot.Key == key;
    }

    private static ulong KeyOf(int a, int b) => (((ulong)(uint)a << 32) | (uint)b) + 1;

    private int At(ulong key)
    {
        var at = (int)((key * 0x9E3779B97F4A7C15) >> shift);
        while (slots[at].Key != key && slots[at].Key != 0) at = (at + 1) & (slots.Length - 1);
        return at;
    }
}

/// <summary>Ids of pieces met before. A newer piece takes the place of an older one with the same hash; safe to use from many threads.</summary>
internal sealed class PieceCache
{
    private readonly Entry?[] slots = new Entry?[1 << 16];

    private sealed record Entry(string Piece, int[] Ids);

    public int[]? Find(ReadOnlySpan<char> piece, out int slot)
    {
        slot = string.GetHashCode(piece) & (slots.Length - 1);
        return Volatile.Read(ref slots[slot]) is { } entry && piece.SequenceEqual(entry.Piece) ? entry.Ids : null;
    }

    public void Keep(int slot, ReadOnlySpan<char> piece, ReadOnlySpan<int> ids) => Volatile.Write(ref slots[slot], new(piece.ToString(), ids.ToArray()));
}
