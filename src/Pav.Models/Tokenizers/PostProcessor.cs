using System.Text.Json;

namespace Pav.Models.Tokenizers;

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
                part.Has("Sequence")
                    ? null : Ids(special.Required(part.Required("SpecialToken").Text("id") ?? throw part.Wrong("names no special token")))),
        ];
        return ids => [.. single.SelectMany(part => part ?? (IEnumerable<int>)ids)];

        static int[] Ids(TokenizerJson token) =>
            token.Find("ids") is { ValueKind: JsonValueKind.Array } ids
                ? [.. ids.EnumerateArray().Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var n)
                    ? token.Checked(n, token.Text("id") ?? "") : throw token.Wrong("\"ids\" holds no id"))]
                : throw token.Wrong("has no \"ids\"");
    }
}
