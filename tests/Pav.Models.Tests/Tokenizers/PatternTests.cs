using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Files;
using Pav.Models.Tokenizers;

namespace Pav.Models.Tests.Tokenizers;

/// <summary>Patterns of pre-tokenizers against pieces that the Rust library tokenizers cut with the same ones.</summary>
public sealed class PatternTests
{
    private sealed record Row(string Pattern, string Behavior, string Text, string[] Pieces);

    [Fact]
    public void Texts_are_cut_as_the_reference_cuts_them()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "fixtures", "tokenizers", "patterns.jsonl.gz");
        var rows = JsonLines.ReadInput(file).Select(line => line.Row.Deserialize<Row>(Json.Line)!).ToList();
        Assert.True(rows.Count > 300);
        var cutters = new Dictionary<(string, string), Func<string, Place, List<Piece>>>();
        Assert.Empty(rows.Where(row => !Cut(row).SequenceEqual(row.Pieces))
            .Select(row => $"{row.Pattern} ({row.Behavior}) on {JsonSerializer.Serialize(row.Text)}: {string.Join("|", Cut(row))} and "
                + $"not {string.Join("|", row.Pieces)}"));

        IEnumerable<string> Cut(Row row)
        {
            if (!cutters.TryGetValue((row.Pattern, row.Behavior), out var cut))
                cutters[(row.Pattern, row.Behavior)] = cut = Cutter(row.Pattern, row.Behavior);
            return cut(row.Text, new(true, true)).Select(piece => piece.Span.ToString());
        }
    }

    [Theory]
    [InlineData(@"a\Kb", @"\K")]
    [InlineData(@"(a)\1", @"\1")]
    [InlineData(@"\p{Linear_B}", @"\p{Linear_B}")]
    [InlineData(@"(?~a)", "(?~")]
    [InlineData(@"a(?i)b", "(?i)")]
    [InlineData(@"(?i:sst)", "(?i) with ss")]
    [InlineData(@"[[:alpha:]]", "[:")]
    [InlineData(@"a\Gb", @"\G")]
    [InlineData(@"[z-a]", "z-a")]
    [InlineData(@"(?x:a b)", "(?x")]
    [InlineData(@"a|*", "*")]
    [InlineData(@"(a", "(")]
    [InlineData(@"a)", ")")]
    [InlineData(@"[a", "[")]
    public void A_construct_that_is_not_known_is_refused_by_name_and_without_the_pattern(string pattern, string construct)
    {
        var message = Assert.Throws<UserError>(() => Cutter(pattern + new string('x', 400), "Isolated")).Message;
        Assert.Contains($": {construct} ", message + " ");
        Assert.StartsWith("tokenizer.json: pre_tokenizer.pattern: character ", message);
        Assert.True(message.Length < 300, message);
    }

    /// <summary>Qwen 3.5's pattern keeps combining marks in their words.</summary>
    [Fact]
    public void Marks_stay_in_words()
    {
        const string pattern = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
        var pieces = Cutter(pattern, "Isolated")("cafe\u0301s 42,\n\u0928\u093F's", new(true, true)).Select(piece => piece.Span.ToString());
        Assert.Equal(["cafe\u0301s", " ", "4", "2", ",\n", "\u0928\u093F", "'s"], pieces);
    }

    private static Func<string, Place, List<Piece>> Cutter(string pattern, string behavior)
    {
        var json = new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = behavior,
            ["invert"] = false };
        return PreTokenizer.Parse(new("tokenizer.json", "pre_tokenizer", JsonDocument.Parse(json.ToJsonString()).RootElement)).Pieces;
    }
}
