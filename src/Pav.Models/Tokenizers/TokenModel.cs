namespace Pav.Models.Tokenizers;

/// <summary>Turns one piece of text into ids.</summary>
internal delegate void PieceEncoder(ReadOnlySpan<char> piece, List<int> ids);

/// <summary>The vocabulary and the rule that turns one piece of text into ids.</summary>
internal sealed record TokenModel(Dictionary<string, int> Vocabulary, PieceEncoder Encode)
{
    /// <param name="file">With a "model".</param>
    /// <param name="bytes">True when the vocabulary is written in GPT-2's alphabet of bytes.</param>
    public static TokenModel Parse(TokenizerFile file, bool bytes)
    {
        var json = file.Root.Required("model");
        return json.Type switch
        {
            "WordLevel" => WordLevel(json, file.Words()),
            "BPE" => Bpe.Parse(json, file, bytes),
            _ => throw json.Unknown("WordLevel", "BPE"),
        };
    }

    private static TokenModel WordLevel(TokenizerJson json, Dictionary<string, int> words)
    {
        var bySpan = words.GetAlternateLookup<ReadOnlySpan<char>>();
        int? unknown = json.Text("unk_token") is { } unk && words.TryGetValue(unk, out var id) ? id : null;
        return new(words, (piece, ids) => ids.Add(
            bySpan.TryGetValue(piece, out var found) ? found
            : unknown ?? throw new UserError($"{json.File}: the word \"{piece.Trim(' ').ToString()}\" is not in this model's vocabulary; "
                + "write the problem in the words that the model was trained on")));
    }
}
