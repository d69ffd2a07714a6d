using System.Text;
using Pav.Models;
using Pav.Models.Engine;
using Pav.Models.Tokenizers;

namespace Pav.Gguf.Tests;

/// <summary>The tokenizer and the chat template that stand in a GGUF file.</summary>
public sealed class TokenizerTests(Fixture fixture) : IClassFixture<Fixture>
{
    private static readonly string[] Texts =
        ["the 12 the", " the", "\n\nthe\n", "naïve – 数学 🙂\u200d🔥", "a\tb  c\r\n", "", "x</s><|im_end|>", "é\u0301"];

    private Tokenizer Saved(GgufWriter writer, string name)
    {
        writer.Save(fixture.At(name));
        return GgufModel.Tokenizer(fixture.At(name));
    }

    private static byte[] Joined(Tokenizer tokenizer, IEnumerable<int> ids) => [.. ids.SelectMany(id => tokenizer.Bytes(id).ToArray())];

    [Fact]
    public void Whole_words_have_the_ids_of_the_checkpoint()
    {
        var (ours, theirs) = (Tokenizer.Load(Fixture.Checkpoint), GgufModel.Tokenizer(fixture.Exact));
        Assert.Equal((ours.Size, ours.Eos, ours.Pad), (theirs.Size, theirs.Eos, theirs.Pad));
        foreach (var problem in Fixture.Problems(50))
        {
            var text = problem.Text + "\nWorked:\n1: +8 = 12 ok\nAnswer: 12";
            Assert.Equal(ours.Encode(text), theirs.Encode(text));
            Assert.Equal(text, theirs.Decode(theirs.Encode(text)));
        }
    }

    [Fact]
    public void Bytes_are_lossless_and_merges_are_applied()
    {
        var tokenizer = Saved(TokenizerFiles.Bytes(), "bytes.gguf");
        Assert.Equal([260, 258, 32, 259, 258], tokenizer.Encode(" the 12 the"));
        foreach (var text in Texts)
        {
            Assert.Equal(Encoding.UTF8.GetBytes(text), Joined(tokenizer, tokenizer.Encode(text, addSpecial: false)));
            Assert.Equal(260, tokenizer.Encode(text)[0]);
        }

        Assert.Equal("the 12", tokenizer.Decode(tokenizer.Encode("the<|im_end|> 12")));
        Assert.Equal("<think>the", tokenizer.Decode(tokenizer.Encode("<think>the")));
        Assert.Equal("\uFFFDa", tokenizer.Decode([tokenizer.Encode("é", addSpecial: false)[0], 'a']));
    }

    [Fact]
    public void A_step_gets_no_space_before_it_that_its_text_has_not()
    {
        var tokenizer = Saved(TokenizerFiles.SentencePiece(), "pieces.gguf");
        Assert.Equal(1, tokenizer.Encode("the")[0]);
        Assert.Equal(" the"u8, Joined(tokenizer, tokenizer.Encode("the", addSpecial: false)));
        Assert.Equal("the a", tokenizer.Decode(tokenizer.Encode("the a")));
        foreach (var text in Texts.Where(t => !t.Contains("</s>")))
        {
            var ids = tokenizer.Encode(text, addSpecial: false, continues: true);
            Assert.Equal(Encoding.UTF8.GetBytes(text), Joined(tokenizer, ids));
            Assert.Equal(text, StepIds.Text(tokenizer, ids));
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    [Fact]
    public void The_chat_template_is_rendered_with_the_tokens_of_the_file_and_one_begin_of_sequence()
    {
        TokenizerFiles.Bytes().Save(fixture.At("chat.gguf"));
        var tokenizer = GgufModel.Tokenizer(fixture.At("chat.gguf"));
        var frame = GgufModel.ChatTemplate(fixture.At("chat.gguf")).Frame("be short", () => tokenizer);
        const string asked = "<|im_start|>system\nbe short<|im_end|>\n<|im_start|>user\n1 + 1<|im_end|>\n<|im_start|>assistant\n";
        Assert.Equal(asked, frame.Render("1 + 1"));
        var ids = new PromptTemplate("{problem}") { Chat = frame }.Encode(tokenizer, new("p", "1 + 1", "2"));
        Assert.Equal([260, 262], ids[..2]);
        Assert.Equal((1, 3, 2), (ids.Count(i => i == 260), ids.Count(i => i == 262), ids.Count(i => i == 261)));
    }
}
