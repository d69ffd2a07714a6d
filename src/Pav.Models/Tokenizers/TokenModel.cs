using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pav.Models.Tokenizers;

/// <summary>The vocabulary and the rule that turns one piece of text into ids.</summary>
internal sealed record TokenModel(IReadOnlyDictionary<string, int> Vocabulary, Action<string, List<int>> Encode)
{
    public static TokenModel Parse(TokenizerJson json) => json.Type switch
    {
        "WordLevel" => WordLevel(json),
        "BPE" => Bpe.Parse(json),
        _ => throw json.Unknown("WordLevel", "BPE"),
    };

    internal static Dictionary<string, int> Words(TokenizerJson json) => json.Get<Dictionary<string, int>>("vocab") ?? throw json.Wrong("has no \"vocab\"");

    private static TokenModel WordLevel(TokenizerJson json)
    {
        var words = Words(json);
        int? unknown = json.Text("unk_token") is { } unk && words.TryGetValue(unk, out var id) ? id : null;
        return new(words, (piece, ids) => ids.Add(
            words.TryGetValue(piece, out var found) ? found
            : unknown ?? throw new UserError($"{json.File}: the word {JsonSerializer.Serialize(piece.Trim(' '))} is not in this model's vocabulary; write the problem in the words that the model was trained on")));
    }
}

/// <summary>Byte-pair encoding: of all neighbours that a merge rule joins, the pair with the earliest rule is joined first.</summary>
internal sealed class Bpe
{
    private const int CacheSize = 65_536;

    private readonly Dictionary<string, int> words;
    private readonly Dictionary<(int, int), (int Rank, int Merged)> merges = [];
    private readonly ConcurrentDictionary<string, int[]> cache = new();
    private readonly int? unknown;
    private readonly bool ignoreMerges, fuseUnknown;

    private Bpe(TokenizerJson json)
    {
        if (json.Get<double?>("dropout") is > 0) throw json.Wrong("\"dropout\" is not supported");
        if (json.Flag("byte_fallback")) throw json.Wrong("\"byte_fallback\" is not supported");
        foreach (var affix in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
            if (json.Text(affix) is { Length: > 0 }) throw json.Wrong($"\"{affix}\" is not supported");
        words = TokenModel.Words(json);
        ignoreMerges = json.Flag("ignore_merges");
        fuseUnknown = json.Flag("fuse_unk");
        if (json.Text("unk_token") is { } unk) unknown = words.TryGetValue(unk, out var id) ? id : throw json.Wrong($"the unk_token \"{unk}\" is not in the vocabulary");
        var rank = 0;
        foreach (var merge in json.Object["merges"] as JsonArray ?? throw json.Wrong("has no \"merges\""))
        {
            var (a, b) = merge switch
            {
                JsonArray { Count: 2 } pair => ((string)pair[0]!, (string)pair[1]!),
                JsonValue value when ((string)value!).Split(' ') is [var x, var y] => (x, y),
                _ => throw json.Wrong($"merge {rank} is not a pair: {merge?.ToJsonString()}"),
            };
            if (!words.TryGetValue(a, out var left) || !words.TryGetValue(b, out var right) || !words.TryGetValue(a + b, out var merged))
                throw json.Wrong($"merge {rank} (\"{a}\" + \"{b}\") names a token that is not in the vocabulary");
            merges.TryAdd((left, right), (rank++, merged));
        }
    }

    public static TokenModel Parse(TokenizerJson json)
    {
        var bpe = new Bpe(json);
        return new(bpe.words, (piece, ids) => ids.AddRange(bpe.Encode(piece)));
    }

    private int[] Encode(string piece)
    {
        if (cache.TryGetValue(piece, out var known)) return known;
        var ids = ignoreMerges && words.TryGetValue(piece, out var whole) ? [whole] : Merge(Symbols(piece));
        if (cache.Count < CacheSize) cache.TryAdd(piece, ids);
        return ids;
    }

    private int[] Symbols(string piece)
    {
        var ids = new List<int>(piece.Length);
        var afterUnknown = false;
        foreach (var rune in piece.EnumerateRunes())
        {
            var isKnown = words.TryGetValue(rune.ToString(), out var id);
            if (isKnown) ids.Add(id);
            else if (unknown is { } unk && !(fuseUnknown && afterUnknown)) ids.Add(unk);
            afterUnknown = !isKnown;
        }

        return [.. ids];
    }

    private int[] Merge(int[] ids)
    {
        // A list of neighbours over the array; a symbol joined into its left neighbour becomes -1.
        var count = ids.Length;
        var (left, right) = (new int[count], new int[count]);
        var queue = new PriorityQueue<(int At, int A, int B), (int Rank, int At)>();
        for (var i = 0; i < count; i++) (left[i], right[i]) = (i - 1, i + 1);
        for (var i = 0; i + 1 < count; i++) Offer(i);
        while (queue.TryDequeue(out var pair, out _))
        {
            var (at, next) = (pair.At, right[pair.At]);
            if (ids[at] != pair.A || next >= count || ids[next] != pair.B) continue;
            ids[at] = merges[(pair.A, pair.B)].Merged;
            ids[next] = -1;
            right[at] = right[next];
            if (right[at] < count) left[right[at]] = at;
            if (left[at] >= 0) Offer(left[at]);
            Offer(at);
        }

        return [.. ids.Where(id => id >= 0)];

        void Offer(int at)
        {
            if (right[at] < count && merges.TryGetValue((ids[at], ids[right[at]]), out var merge)) queue.Enqueue((at, ids[at], ids[right[at]]), (merge.Rank, at));
        }
    }
}
