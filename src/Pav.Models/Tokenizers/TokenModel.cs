using System.Text.Json;

namespace Pav.Models.Tokenizers;

/// <summary>Turns one piece of text into ids.</summary>
internal delegate void PieceEncoder(ReadOnlySpan<char> piece, List<int> ids);

/// <summary>The vocabulary and the rule that turns one piece of text into ids.</summary>
internal sealed record TokenModel(Dictionary<string, int> Vocabulary, PieceEncoder Encode)
{
    /// <param name="json">The "model" of a tokenizer.json.</param>
    /// <param name="bytes">True when the vocabulary is written in GPT-2's alphabet of bytes.</param>
    public static TokenModel Parse(TokenizerJson json, bool bytes) => json.Type switch
    {
        "WordLevel" => WordLevel(json),
        "BPE" => Bpe.Parse(json, bytes),
        _ => throw json.Unknown("WordLevel", "BPE"),
    };

    internal static Dictionary<string, int> Words(TokenizerJson json)
    {
        var entries = json.Required("vocab").Json;
        var words = new Dictionary<string, int>(entries.GetPropertyCount(), StringComparer.Ordinal);
        foreach (var word in entries.EnumerateObject())
            words[word.Name] = word.Value.ValueKind == JsonValueKind.Number && word.Value.TryGetInt32(out var id) && id >= 0 ? id : throw json.Wrong($"the id of \"{word.Name}\" is {word.Value.GetRawText()}");
        return words;
    }

    private static TokenModel WordLevel(TokenizerJson json)
    {
        var words = Words(json);
        var bySpan = words.GetAlternateLookup<ReadOnlySpan<char>>();
        int? unknown = json.Text("unk_token") is { } unk && words.TryGetValue(unk, out var id) ? id : null;
        return new(words, (piece, ids) => ids.Add(
            bySpan.TryGetValue(piece, out var found) ? found
            : unknown ?? throw new UserError($"{json.File}: the word {JsonSerializer.Serialize(piece.Trim(' ').ToString())} is not in this model's vocabulary; write the problem in the words that the model was trained on")));
    }
}
