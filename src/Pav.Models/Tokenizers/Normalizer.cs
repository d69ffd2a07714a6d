using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>Text → text, before anything is cut.</summary>
/// <param name="text">Between two added tokens.</param>
/// <param name="opens">False for text that goes on after other text: nothing is put before it.</param>
internal delegate string Normalize(string text, bool opens);

internal static class Normalizer
{
    public static Normalize Parse(TokenizerJson? json)
    {
        if (json is not { } it) return (text, _) => text;
        switch (it.Type)
        {
            case "NFC":
                return (text, _) => Nfc.Normalize(text);
            case "Sequence":
                var parts = it.Children("normalizers").Select(child => Parse(child)).ToArray();
                return (text, opens) => parts.Aggregate(text, (t, part) => part(t, opens));
            case "Prepend":
                var prefix = it.Text("prepend") ?? throw it.Wrong("has no \"prepend\"");
                return (text, opens) => opens && text.Length > 0 ? prefix + text : text;
            case "Replace":
                return Replace(it);
            default:
                throw it.Unknown("NFC", "Prepend", "Replace", "Sequence");
        }
    }

    private static Normalize Replace(TokenizerJson json)
    {
        var content = json.Text("content") ?? throw json.Wrong("has no \"content\"");
        var given = json.Required("pattern");
        if (given.Text("String") is { Length: > 0 } literal) return (text, _) => text.Replace(literal, content, StringComparison.Ordinal);
        var pattern = PiecePattern.Parse(json);
        return (text, _) =>
        {
            var parts = new List<Part>();
            pattern.Find(text, parts);
            var result = new StringBuilder(text.Length);
            foreach (var part in parts) result.Append(part.Match ? content : text.AsSpan(part.Start, part.Length));
            return result.ToString();
        };
    }
}
