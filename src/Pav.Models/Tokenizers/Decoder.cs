using System.Globalization;
using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>How tokens become text again.</summary>
/// <param name="Bytes">The bytes that a token's name stands for; bytes, because a character may be spread over tokens. The flag: it is the
/// text's first token.</param>
/// <param name="ByteFallback">A token named &lt;0x0A&gt; is that byte, and a run of such tokens that is not UTF-8 is one U+FFFD for each of
/// them.</param>
/// <param name="Strip">Taken off the beginning of a text, so many times at most.</param>
internal sealed record Decoder(Func<string, bool, byte[]> Bytes, bool ByteFallback = false, (char Character, int Times) Strip = default)
{
    private static readonly string[] Known = ["ByteLevel", "Fuse", "Metaspace", "Sequence of Replace, ByteFallback, Fuse, Strip"];

    public static Decoder Parse(TokenizerJson json) => json.Type == "Sequence" ? Sequence(json) : Component(json)
        ?? throw json.Unknown(Known);

    private static Decoder? Component(TokenizerJson json)
    {
        switch (json.Type)
        {
            case "ByteLevel":
                return new((token, _) => ByteAlphabet.Decode(token) ?? Encoding.UTF8.GetBytes(token));
            case "Fuse":
                return new((token, _) => Encoding.UTF8.GetBytes(token));
            case "Metaspace":
                var space = json.Text("replacement") ?? throw json.Wrong("has no \"replacement\"");
                var drops = PreTokenizer.MetaspaceScheme(json) != "never";
                return new((token, first) =>
                    Encoding.UTF8.GetBytes(token.Replace(space, first && drops ? "" : " ", StringComparison.Ordinal)));
            default:
                return null;
        }
    }

    /// <summary>The order matters: what works token by token, then byte tokens, then what works on the whole text.</summary>
    private static Decoder Sequence(TokenizerJson json)
    {
        List<(string Old, string New)> replacements = [];
        var (fallback, fused, strip) = (false, false, default((char, int)));
        var children = json.Children("decoders");
        if (children is [var only] && Component(only) is { } alone) return alone;
        foreach (var child in children)
            switch (child.Type)
            {
                case "Replace" when !fallback && !fused && child.Required("pattern").Text("String") is { Length: > 0 } old:
                    replacements.Add((old, child.Text("content") ?? throw child.Wrong("has no \"content\"")));
                    break;
                case "ByteFallback" when !fused:
                    fallback = true;
                    break;
                case "Fuse":
                    fused = true;
                    break;
                case "Strip" when fused && strip == default && (child.Int("stop") ?? 0) == 0
                    && child.Text("content") is { Length: 1 } character:
                    strip = (character[0], child.Int("start") ?? 0);
                    break;
                case "Replace" or "ByteFallback" or "Strip":
                    throw child.Wrong($"a decoder \"{child.Type}\" of this form, or at this place, is not supported");
                default:
                    throw child.Unknown("Replace", "ByteFallback", "Fuse", "Strip");
            }

        return new((token, _) =>
            Encoding.UTF8.GetBytes(replacements.Aggregate(token, (t, r) => t.Replace(r.Old, r.New, StringComparison.Ordinal))), fallback,
            strip);
    }

    /// <summary>The byte that a token named &lt;0x0A&gt; stands for; null for every other name.</summary>
    public static byte? ByteOf(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value : null;
}

/// <summary>GPT-2's alphabet: each byte as one printable character.</summary>
internal static class ByteAlphabet
{
    private static readonly string Characters = Make();
    private static readonly short[] Bytes = Inverse();

    public static char FromByte(byte value) => Characters[value];

    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (var b in bytes) text.Append(Characters[b]);
        return text.ToString();
    }

    /// <summary>Null if a character is not of the alphabet.</summary>
    public static byte[]? Decode(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            if (token[i] >= Bytes.Length || Bytes[token[i]] < 0) return null;
            bytes[i] = (byte)Bytes[token[i]];
        }

        return bytes;
    }

    private static string Make()
    {
        var characters = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++) characters[b] = b is >= 33 and <= 126 or >= 161 and <= 172 or >= 174 ? (char)b : (char)next++;
        return new(characters);
    }

    private static short[] Inverse()
    {
        var bytes = new short[Characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var b = 0; b < 256; b++) bytes[Characters[b]] = (short)b;
        return bytes;
    }
}
