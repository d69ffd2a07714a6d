using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Models.Tokenizers;

/// <summary>Text → text, before anything is cut.</summary>
internal static class Normalizer
{
    public static Func<string, string> Parse(TokenizerJson? json)
    {
        if (json is not { } it) return text => text;
        switch (it.Type)
        {
            case "NFC":
                return Nfc.Normalize;
            case "Sequence":
                var parts = it.Children("normalizers").Select(child => Parse(child)).ToArray();
                return text => parts.Aggregate(text, (t, part) => part(t));
            default:
                throw it.Unknown("NFC", "Sequence");
        }
    }
}

/// <summary>Text → pieces that the model turns into tokens one by one.</summary>
internal static class PreTokenizer
{
    private const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public static Func<string, IEnumerable<string>> Parse(TokenizerJson? json)
    {
        if (json is not { } it) return text => [text];
        switch (it.Type)
        {
            case "Sequence":
                var parts = it.Children("pretokenizers").Select(child => Parse(child)).ToArray();
                return text => parts.Aggregate<Func<string, IEnumerable<string>>, IEnumerable<string>>([text], (pieces, part) => pieces.SelectMany(part));
            case "Split":
                return Split(it);
            case "ByteLevel":
                var (prefix, cut) = (it.Flag("add_prefix_space", true), it.Flag("use_regex", true) ? new PiecePattern(Gpt2) : null);
                return text =>
                {
                    if (prefix && !text.StartsWith(' ')) text = " " + text;
                    return (cut?.Isolate(text) ?? [text]).Select(ByteAlphabet.Encode);
                };
            case "WhitespaceSplit":
                var words = new PiecePattern(@"\s+");
                return text => words.Parts(text).Where(p => !p.Match).Select(p => p.Text);
            default:
                throw it.Unknown("Sequence", "Split", "ByteLevel", "WhitespaceSplit");
        }
    }

    private static Func<string, IEnumerable<string>> Split(TokenizerJson json)
    {
        var given = json.Required("pattern");
        var pattern = new PiecePattern(given.Text("Regex") ?? Regex.Escape(given.Text("String") ?? throw given.Wrong("holds neither \"Regex\" nor \"String\"")));
        var invert = json.Flag("invert");
        return json.Text("behavior") switch
        {
            "Isolated" => pattern.Isolate,
            "Removed" => text => pattern.Parts(text).Where(p => p.Match == invert).Select(p => p.Text),
            var other => throw json.Wrong($"the behavior \"{other}\" is not supported; supported are Isolated, Removed"),
        };
    }
}

/// <summary>What is put around the ids of a text when special tokens are asked for.</summary>
internal static class PostProcessor
{
    public static Func<List<int>, List<int>> Parse(TokenizerJson? json)
    {
        if (json is not { } it) return ids => ids;
        switch (it.Type)
        {
            case "ByteLevel": // moves offsets only
                return ids => ids;
            case "Sequence":
                var parts = it.Children("processors").Select(child => Parse(child)).ToArray();
                return ids => parts.Aggregate(ids, (i, part) => part(i));
            case "TemplateProcessing":
                return Template(it);
            default:
                throw it.Unknown("ByteLevel", "Sequence", "TemplateProcessing");
        }
    }

    private static Func<List<int>, List<int>> Template(TokenizerJson json)
    {
        var special = json.Required("special_tokens");
        // null stands for the text itself.
        int[]?[] single =
        [
            .. json.Children("single").Select(part =>
                part.Has("Sequence") ? null : special.Required(part.Required("SpecialToken").Text("id") ?? throw part.Wrong("names no special token")).Get<int[]>("ids")),
        ];
        return ids => [.. single.SelectMany(part => part ?? (IEnumerable<int>)ids)];
    }
}

/// <summary>Tokens' texts → the bytes that they stand for. Bytes, because a character may be spread over tokens.</summary>
internal static class Decoder
{
    /// <returns>The bytes of one token: with the decoders known here a text is the concatenation of its tokens' bytes.</returns>
    public static Func<string, byte[]> Parse(TokenizerJson? json)
    {
        if (json is not { } it) throw new UserError("tokenizer.json: has no \"decoder\"; supported are ByteLevel, Fuse");
        return it.Type switch
        {
            "ByteLevel" => token => ByteAlphabet.Decode(token) ?? Encoding.UTF8.GetBytes(token),
            "Fuse" => Encoding.UTF8.GetBytes,
            _ => throw it.Unknown("ByteLevel", "Fuse"),
        };
    }
}

/// <summary>GPT-2's alphabet: each byte as one printable character.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = Make();
    private static readonly Dictionary<char, byte> Bytes = Characters.Select((c, b) => (c, b)).ToDictionary(x => x.c, x => (byte)x.b);

    public static string Encode(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(b => Characters[b]));

    /// <summary>Null if a character is not of the alphabet.</summary>
    public static byte[]? Decode(string token) => token.All(Bytes.ContainsKey) ? [.. token.Select(c => Bytes[c])] : null;

    private static char[] Make()
    {
        var characters = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++) characters[b] = b is >= 33 and <= 126 or >= 161 and <= 172 or >= 174 ? (char)b : (char)next++;
        return characters;
    }
}
