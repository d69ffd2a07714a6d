using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Pav.Models.Tokenizers;

/// <summary>
/// Byte-pair encoding: of all neighbours that a merge rule joins, the pair with the earliest rule is joined first. Symbols are bytes
/// (GPT-2's way) or
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
    private readonly PairTable merges;
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

    private Bpe(TokenizerJson json, TokenizerFile file, bool bytes)
    {
        if (json.Find("dropout") is { ValueKind: JsonValueKind.Number } dropout && dropout.GetDouble() > 0)
            throw json.Wrong("\"dropout\" is not supported");
        foreach (var affix in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
            if (json.Text(affix) is { Length: > 0 }) throw json.Wrong($"\"{affix}\" is not supported");
        words = file.Words();
        bySpan = words.GetAlternateLookup<ReadOnlySpan<char>>();
        ignoreMerges = json.Flag("ignore_merges");
        fuseUnknown = json.Flag("fuse_unk");
        if (json.Text("unk_token") is { } unk)
            unknown = words.TryGetValue(unk, out var id) ? id : throw json.Wrong($"the unk_token \"{unk}\" is not in the vocabulary");
        if (bytes) symbolOfByte = [.. Enumerable.Range(0, 256)
            .Select(b => words.GetValueOrDefault(ByteAlphabet.FromByte((byte)b).ToString(), -1))];
        else if (json.Flag("byte_fallback"))
            fallback = [.. Enumerable.Range(0, 256).Select(b => words.GetValueOrDefault($"<0x{b:X2}>", -1))];
        merges = file.MergesOf(words);
    }

    public static TokenModel Parse(TokenizerJson json, TokenizerFile file, bool bytes)
    {
        var bpe = new Bpe(json, file, bytes);
        return new(bpe.words, bpe.Encode);
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
        // The reference writes an unknown character down when the next symbol that is no byte comes: so do we, for the same ids.
        var pending = false;
        foreach (var rune in piece.EnumerateRunes())
        {
            var isKnown = bySpan.TryGetValue(utf16[..rune.EncodeToUtf16(utf16)], out var id);
            if (!isKnown && fallback is not null && HasBytes(utf8[..rune.EncodeToUtf8(utf8)]))
                foreach (var b in utf8[..rune.Utf8SequenceLength]) symbols.Add(fallback[b]);
            else
            {
                if (pending && (isKnown || !fuseUnknown)) symbols.Add(unknown!.Value);
                if (isKnown) symbols.Add(id);
                pending = !isKnown && unknown is not null;
            }
        }

        if (pending) symbols.Add(unknown!.Value);
    }

    private bool HasBytes(ReadOnlySpan<byte> utf8)
    {
        foreach (var b in utf8)
            if (fallback![b] < 0) return false;
        return true;
    }

    private void Merge(Scratch work, List<int> output)
    {
        // A list of neighbours over the symbols; one that is joined into its left neighbour becomes -1. The queue's keys are (rank,
        // position).
        var ids = work.Symbols;
        var count = ids.Count;
        if (work.Left.Length < count) (work.Left, work.Right) = (new int[count * 2], new int[count * 2]);
        var (left, right, queue) = (work.Left, work.Right, work.Queue);
        for (var i = 0; i < count; i++) (left[i], right[i]) = (i - 1, i + 1);
        for (var i = 0; i + 1 < count; i++) Offer(i);
        while (queue.TryDequeue(out var position, out var key))
        {
            var next = right[position];
            if (ids[position] < 0 || next >= count || !merges.Find(PairTable.Key(ids[position], ids[next]), out var rank, out var merged)
                || rank != (int)(key >> 32)) continue;
            ids[position] = merged;
            ids[next] = -1;
            right[position] = right[next];
            if (right[position] < count) left[right[position]] = position;
            if (left[position] >= 0) Offer(left[position]);
            Offer(position);
        }

        for (var i = 0; i < count; i = right[i]) output.Add(ids[i]);

        void Offer(int position)
        {
            if (right[position] < count && merges.Find(PairTable.Key(ids[position], ids[right[position]]), out var rank, out _))
                queue.Enqueue(position, ((ulong)(uint)rank << 32) | (uint)position);
        }
    }
}
