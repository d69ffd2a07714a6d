using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Files;
using Pav.Models.Tokenizers;

namespace Pav.Models.Tests.Tokenizers;

public class TokenizerTests
{
    private sealed record EncodeCase(string Category, string Text, int[] Ids, int[] IdsNoSpecial, string Decoded, string DecodedSkipSpecial);

    private sealed record DecodeCase(string Kind, int[] Ids, string Decoded, string DecodedSkipSpecial);

    private static readonly string Fixtures = Path.Combine(AppContext.BaseDirectory, "fixtures", "tiny-bpe-512");

    private static readonly Tokenizer TinyBpe = Tokenizer.Load(Path.Combine(Fixtures, "tokenizer.json.gz"));

    private static IEnumerable<T> Cases<T>(string file) => JsonLines.ReadInput(Path.Combine(Fixtures, file)).Select(line => line.Row.Deserialize<T>(Json.Line)!);

    [Fact]
    public void Byte_level_bpe_encodes_and_decodes_as_the_reference_does()
    {
        var wrong = Cases<EncodeCase>("cases.jsonl.gz").Where(c =>
            !TinyBpe.Encode(c.Text).SequenceEqual(c.Ids) || !TinyBpe.Encode(c.Text, addSpecial: false).SequenceEqual(c.IdsNoSpecial)
            || TinyBpe.Decode(c.Ids, skipSpecial: false) != c.Decoded || TinyBpe.Decode(c.Ids) != c.DecodedSkipSpecial);
        Assert.Empty(wrong.Select(c => $"{c.Category}: {c.Text} → {string.Join(",", TinyBpe.Encode(c.Text))} not {string.Join(",", c.Ids)}"));
    }

    [Fact]
    public void Byte_level_bpe_decodes_any_ids_as_the_reference_does()
    {
        var wrong = Cases<DecodeCase>("decode_cases.jsonl.gz").Where(c =>
            TinyBpe.Decode(c.Ids, skipSpecial: false) != c.Decoded || TinyBpe.Decode(c.Ids) != c.DecodedSkipSpecial);
        Assert.Empty(wrong.Select(c => $"{c.Kind}: {string.Join(",", c.Ids)} → {TinyBpe.Decode(c.Ids)} not {c.DecodedSkipSpecial}"));
    }

    [Fact]
    public void A_word_level_tokenizer_restores_its_text_exactly_and_survives_saving()
    {
        using var folder = new TempFolder();
        var made = Tokenizer.WordLevel(Pav.Arithmetic.Corpus.Words);
        made.Save(folder.Path);
        var loaded = Tokenizer.Load(folder.Path);
        Assert.Equal((2 + Pav.Arithmetic.Corpus.Words.Count, 0, 1), (loaded.Size, loaded.Eos, loaded.Pad));
        for (var i = 0; i < 50; i++)
        {
            var text = Pav.Arithmetic.Corpus.Document(7, i);
            var ids = loaded.Encode(text);
            Assert.Equal(made.Encode(text), ids);
            Assert.Equal(text, loaded.Decode(ids));
        }

        Assert.Equal(["1:", " +8", " =", " 25", "\n", "Answer:", " 11", "<eos>"],
            loaded.Encode("1: +8 = 25\nAnswer: 11<eos>").Select(id => loaded.Decode([id], skipSpecial: false)));
    }

    [Fact]
    public void A_word_that_is_not_known_is_named()
    {
        var tokenizer = Tokenizer.WordLevel(["Start", " 1"]);
        Assert.Contains("\"twelve\"", Assert.Throws<UserError>(() => tokenizer.Encode("Start twelve")).Message);
    }

    [Theory]
    [InlineData("pre_tokenizer", "Metaspace")]
    [InlineData("normalizer", "NFKC")]
    [InlineData("decoder", "WordPiece")]
    [InlineData("post_processor", "RobertaProcessing")]
    [InlineData("model", "Unigram")]
    public void A_component_that_is_not_known_is_refused_by_name(string part, string type)
    {
        using var folder = new TempFolder();
        Tokenizer.WordLevel(["a"]).Save(folder.Path);
        var json = JsonNode.Parse(File.ReadAllText(folder["tokenizer.json"]))!;
        json[part] = new JsonObject { ["type"] = type };
        File.WriteAllText(folder["tokenizer.json"], json.ToJsonString());
        var message = Assert.Throws<UserError>(() => Tokenizer.Load(folder.Path)).Message;
        Assert.Contains($"{part}: the type \"{type}\" is not supported", message);
    }

    [Theory]
    [InlineData("e\u0301", "\u00e9")]
    [InlineData("\u212b", "\u00c5")]
    [InlineData("\u0958", "\u0915\u093c")]
    [InlineData("\u1100\u1161\u11a8", "\uac01")]
    [InlineData("a\u0307\u0323", "\u1ea1\u0307")]
    [InlineData("\u0061\u0315\u0300\u05ae\u0300\u0062", "\u00e0\u05ae\u0300\u0315\u0062")]
    [InlineData("plain \u00e9", "plain \u00e9")]
    public void Normal_form_c(string text, string expected) => Assert.Equal(expected, Nfc.Normalize(text));
}
