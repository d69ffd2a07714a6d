using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Pav.Models.Tokenizers;

/// <summary>A tokenizer.json in three parts: the model's vocabulary and merges, long lists that are read where they stand, and the rest, in
/// which these two are null.</summary>
internal sealed class TokenizerFile : IDisposable
{
    private readonly JsonDocument rest;

    private TokenizerFile(string file, JsonDocument rest, ReadOnlyMemory<byte> vocabulary, ReadOnlyMemory<byte> merges)
    {
        this.rest = rest;
        Root = new(file, "", rest.RootElement);
        Vocabulary = vocabulary;
        Merges = merges;
    }

    public TokenizerJson Root { get; }

    /// <summary>JSON; empty where there is none.</summary>
    public ReadOnlyMemory<byte> Vocabulary { get; }

    /// <summary>JSON; empty where there is none.</summary>
    public ReadOnlyMemory<byte> Merges { get; }

    public static TokenizerFile Parse(byte[] json, string file)
    {
        var bytes = json.AsMemory(json.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0);
        try
        {
            Range vocabulary = default, merges = default;
            var reader = new Utf8JsonReader(bytes.Span);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) throw new UserError($"{file}: is not a JSON object");
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                var isModel = reader.CurrentDepth == 1 && reader.ValueTextEquals("model"u8);
                var isVocabulary = reader.CurrentDepth == 2 && reader.ValueTextEquals("vocab"u8);
                var isMerges = reader.CurrentDepth == 2 && reader.ValueTextEquals("merges"u8);
                reader.Read();
                if (isModel) continue;
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                if (isVocabulary) vocabulary = start..(int)reader.BytesConsumed;
                if (isMerges) merges = start..(int)reader.BytesConsumed;
            }

            return new(file, JsonDocument.Parse(Without(bytes.Span, vocabulary, merges)), bytes[vocabulary], bytes[merges]);
        }
        catch (JsonException e)
        {
            throw new UserError($"{file}:{(e.LineNumber ?? 0) + 1}: {e.Message}", e);
        }
    }

    private static byte[] Without(ReadOnlySpan<byte> json, params Range[] parts)
    {
        var rest = new List<byte>();
        var done = 0;
        foreach (var part in parts.Where(p => p.End.Value > p.Start.Value).OrderBy(p => p.Start.Value))
        {
            rest.AddRange(json[done..part.Start.Value]);
            rest.AddRange("null"u8);
            done = part.End.Value;
        }

        rest.AddRange(json[done..]);
        return [.. rest];
    }

    /// <summary>Token → id.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Dictionary<string, int> Words()
    {
        var model = Root.Required("model");
        var words = new Dictionary<string, int>(Vocabulary.Length / 24, StringComparer.Ordinal);
        var reader = new Utf8JsonReader(Vocabulary.Span);
        if (Vocabulary.Length == 0 || !reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw model.Wrong("has no \"vocab\" of tokens and ids");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var token = reader.GetString()!;
            reader.Read();
            words[token] = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var id)
                ? model.Checked(id, token) : throw model.Wrong($"the id of \"{token}\" is not a number");
        }

        return words;
    }

    /// <summary>Merge rules in the order of their ranks: pairs, or two tokens with a space between them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public PairTable MergesOf(Dictionary<string, int> words)
    {
        var model = Root.Required("model");
        var ids = Hashed(words);
        var table = new PairTable();
        var reader = new Utf8JsonReader(Merges.Span);
        if (Merges.Length == 0 || !reader.Read() || reader.TokenType != JsonTokenType.StartArray) throw model.Wrong("has no \"merges\"");
        var pair = new char[256];
        for (var rank = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; rank++)
        {
            var (left, length) = reader.TokenType == JsonTokenType.StartArray ? Two(ref reader, ref pair) : Spaced(ref reader, ref pair);
            if (left <= 0 || left >= length) throw model.Wrong($"merge {rank} is not a pair of tokens");
            if (!ids.Find(Fnv1a.Hash(pair.AsSpan(0, left)), out var a, out _)
                || !ids.Find(Fnv1a.Hash(pair.AsSpan(left..length)), out var b, out _)
                || !ids.Find(Fnv1a.Hash(pair.AsSpan(0, length)), out var merged, out _))
                throw model.Wrong($"merge {rank} (\"{new string(pair, 0, left)}\" + \"{new string(pair, left, length - left)}\") names a "
                    + "token that is not in the vocabulary");
            table.Add(PairTable.Key(a, b), rank, merged);
        }

        return table;
    }

    /// <summary>Hash of a token → its id: a dictionary of strings would spend most of the loading time on looking up three tokens for each
    /// merge.</summary>
    private PairTable Hashed(Dictionary<string, int> words)
    {
        var table = new PairTable();
        foreach (var (token, id) in words)
            if (!table.Add(Fnv1a.Hash(token), id, 0))
                throw Root.Required("model").Wrong($"two tokens of the vocabulary have one hash, \"{token}\" is one of them");
        return table;
    }

    /// <summary>["a", "b"] → "ab", and where b begins; 0 for what is not a pair.</summary>
    private static (int Left, int Length) Two(ref Utf8JsonReader reader, ref char[] pair)
    {
        var (left, length) = (0, 0);
        for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
        {
            if (reader.TokenType != JsonTokenType.String || i > 1) return default;
            left = length;
            length += Copy(ref reader, ref pair, length);
        }

        return (left, length);
    }

    /// <summary>"a b" → "ab", and where b begins; 0 for what is not a pair.</summary>
    private static (int Left, int Length) Spaced(ref Utf8JsonReader reader, ref char[] pair)
    {
        if (reader.TokenType != JsonTokenType.String) return default;
        var length = Copy(ref reader, ref pair, 0);
        var space = pair.AsSpan(0, length).IndexOf(' ');
        if (space < 0 || pair.AsSpan(space + 1, length - space - 1).Contains(' ')) return default;
        pair.AsSpan(space + 1, length - space - 1).CopyTo(pair.AsSpan(space));
        return (space, length - 1);
    }

    private static int Copy(ref Utf8JsonReader reader, ref char[] into, int position)
    {
        if (into.Length < position + reader.ValueSpan.Length) Array.Resize(ref into, 2 * (position + reader.ValueSpan.Length));
        return reader.CopyString(into.AsSpan(position));
    }

    public void Dispose() => rest.Dispose();
}
