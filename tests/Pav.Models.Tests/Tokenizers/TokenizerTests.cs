using System.Text.Json.Nodes;
using Pav.Models.Tokenizers;

namespace Pav.Models.Tests.Tokenizers;

public class TokenizerTests
{
    [Theory]
    [InlineData("tiny-bpe-512")]
    [InlineData("qwen3")]
    [InlineData("sp-prepend")]
    [InlineData("sp-replace")]
    [InlineData("sp-metaspace-first")]
    [InlineData("sp-metaspace-always")]
    [InlineData("bytes-digits")]
    [InlineData("bytes-gpt2-prefix")]
    [InlineData("bytes-llama3")]
    public void Ids_and_texts_are_those_of_the_reference(string name) => Agrees(RecordedCases.Committed(name));

    [ExternalTheory]
    [InlineData("llama2")]
    [InlineData("llama3_1")]
    [InlineData("gemma3")]
    public void Ids_and_texts_are_those_of_the_reference_for_external_vocabularies(string name) =>
        Agrees(new(ExternalFixtures.Tokenizer(name)));

    private static void Agrees(RecordedCases recorded)
    {
        Assert.NotEmpty(recorded.Encodings);
        Assert.Empty(recorded.WrongEncodings());
        Assert.Empty(recorded.WrongDecodings());
        Assert.Empty(recorded.WrongStreams());
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
    [InlineData("pre_tokenizer", "BertPreTokenizer")]
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
