using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Torch;
using Pav.Models.Inference;

namespace Pav.Models.Tests.Models;

/// <summary>Process reward models that are language models: at each step's end the softmax between two tokens.</summary>
public sealed class AnswerVerifierTests : IDisposable
{
    private const string Words = "Q,A, +, -, ки, 1, 2, 3";
    private static readonly Tokenizer Tokenizer = Tokenizer.WordLevel(["\n", .. Words.Split(',')]);
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    private static int Id(string token) => Tokenizer.Id(token)!.Value;

    /// <summary>A model whose layers add nothing: its state is the last token's embedding, whose logits can be told by hand.</summary>
    private void Save(bool tied, string verifier)
    {
        var config = new DecoderConfig
        {
            VocabSize = Tokenizer.Size, HiddenSize = 8, IntermediateSize = 8, Layers = 1, Heads = 2, KvHeads = 1, HeadSize = 4,
                MaxPositions = 64, NormEps = 0, TiedEmbeddings = tied,
        };
        using var model = DecoderModel.RandomInit(config, 1);
        using (torch.no_grad())
        {
            foreach (var (name, weight) in model.Parameters)
                if (name.EndsWith("o_proj.weight", StringComparison.Ordinal)
                    || name.EndsWith("down_proj.weight", StringComparison.Ordinal)) weight.mul_(0);
            if (tied) Set(model.Parameters["model.embed_tokens.weight"], (Id(" ки"), [1, 1, 1, 1, 1, 1, 1, 1]),
                (Id("\n"), [-1, 1, -1, 1, -1, 1, -1, 1]),
                (Id(" +"), [2, 0, 0, 0, 0, 0, 0, 0]), (Id(" -"), [0, 0.5f, 0, 0, 0, 0, 0, 0]));
            else
            {
                Set(model.Parameters["model.embed_tokens.weight"], (Id(" ки"), [3, 3, 3, 3, 3, 3, 3, 3]),
                    (Id("\n"), [-1, 1, -1, 1, -1, 1, -1, 1]));
                Set(model.Parameters["lm_head.weight"], (Id(" +"), [2, 0, 0, 0, 0, 0, 0, 0]), (Id(" -"), [0, 0.5f, 0, 0, 0, 0, 0, 0]));
            }
        }

        model.Save(folder.Path);
        Tokenizer.Save(folder.Path);
        File.WriteAllText(folder["verifier.json"], verifier);

        static void Set(Tensor into, params (int Row, float[] Values)[] rows)
        {
            var all = into.to_array<float>();
            foreach (var (row, values) in rows) values.CopyTo(all, row * 8);
            into.copy_(torch.tensor(all, into.shape));
        }
    }

    private static string Record(string more = "") => $$"""
        {"kind": "value", "policy": "", "grader": "", "prompt_template": "Q{problem}\n", "labels": {"problems": 0, "traces": 0, "prefixes": 0, "rollouts": 0},
         "mark": " ки", "after_mark": "\n", "answers": {"right": {{Id(" +")}}, "wrong": {{Id(" -")}}{{more}}} }
        """;

    /// <summary>
    /// At ки the normed state is (1, …, 1): logits 2 and 0.5, so σ(1.5). At the prompt's newline it is (−1, 1, …): −2 and 0.5, so
    /// σ(−2.5).
    /// </summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task The_score_is_the_softmax_between_two_tokens_at_each_mark(bool tied, bool libtorch)
    {
        Save(tied, Record(""", "right_text": "+", "wrong_text": "-" """));
        using var verifier = TransformerVerifier.Load("prm", folder.Path, new EngineOptions(1 << 22, Torch: libtorch
            ? torch.CPU : default(Device?)));
        var trace = Prefix.Root(new("p", " 1", "")).Then(" 2\n").Then(" 3\n", ended: true);
        var scored = (await verifier.Score([trace]))[0];
        double right = 1 / (1 + Math.Exp(-1.5)), start = 1 / (1 + Math.Exp(2.5));
        Assert.Equal(3, scored.Q.Length);
        foreach (var (expected, found) in new[] { start, right, right }.Zip(scored.Q)) Assert.Equal(expected, found, 1e-5);
        Assert.Equal(3 + 2 + 3, scored.Tokens);
    }

    [Fact]
    public void The_ids_are_those_of_the_whole_text()
    {
        var encoding = new VerifierEncoding(Tokenizer, new("Q{problem} "), " ки", "\n");
        var (ids, readAt) = encoding.Encode(Prefix.Root(new("p", " 1", "")).Then("2\n").Then("Q 3", ended: true));
        Assert.Equal(Tokenizer.Encode("Q 1 2 ки\nQ 3 ки", false), ids);
        Assert.Equal([Id(" 1"), Id(" ки"), Id(" ки")], readAt.Select(position => ids[position]));

        var bytes = Tokenizer.Load(Path.Combine(AppContext.BaseDirectory, "fixtures", "tokenizers", "qwen3", "tokenizer.json.gz"));
        var steps = Prefix.Root(new("p", "How many eggs?", "")).Then("Step 1: There are 16 eggs.\n")
            .Then("Step 2: The answer is: 16", ended: true);
        encoding = new(bytes, new("{problem} "), " ки", "\n");
        Assert.Equal(
            bytes.Encode("How many eggs? Step 1: There are 16 eggs. ки\nStep 2: The answer is: 16 ки"), encoding.Encode(steps).Ids);
        Assert.Equal(14 + 4 + (27 + 7) + (25 + 7), encoding.MostTokens(steps)); // bytes; 7 of " ", " ки" and "\n"
    }

    [Theory]
    [InlineData("", ", \"right_text\": \"yes\"", "should say \"yes\"")]
    [InlineData("\"right\": 4", "\"right\": 99", "outside the model's vocabulary")]
    public void Ids_that_do_not_fit_the_model_are_refused(string old, string changed, string says)
    {
        Save(false, old == "" ? Record(changed) : Record().Replace($"\"right\": {Id(" +")}", changed, StringComparison.Ordinal));
        Assert.Contains(says, Assert.Throws<UserError>(() => TransformerVerifier.Load("prm", folder.Path)).Message);
    }

    [Fact]
    public void Formats_of_known_models_are_named_and_checked_against_the_tokenizer()
    {
        Save(false, """{"format": "math-shepherd"}""");
        var record = VerifierRecord.Load(folder.Path);
        Assert.Equal((" ки", "\n", new AnswerTokens(648, 387, "+", "-")), (record.Mark, record.AfterMark, record.Answers));
        Assert.Contains("the answer token 648 of verifier.json should say \"+\"",
            Assert.Throws<UserError>(() => TransformerVerifier.Load("prm", folder.Path)).Message);
        File.WriteAllText(folder["verifier.json"], """{"format": "other"}""");
        Assert.Contains("known are math-shepherd, rlhflow-llama3",
            Assert.Throws<UserError>(() => VerifierRecord.Load(folder.Path)).Message);
        File.Delete(folder["verifier.json"]);
        Assert.Contains("write verifier.json", Assert.Throws<UserError>(() => VerifierRecord.Load(folder.Path)).Message);
    }
}
