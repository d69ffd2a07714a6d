using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Models;

/// <summary>Score heads of other programs' verifiers.</summary>
public sealed class HeadTests
{
    private static DecoderModel Model(DecoderHead head, int labels)
    {
        var model = Toy.Model(Toy.Config() with { Family = Family.Qwen2, QkvBias = true, Head = head, Labels = labels });
        using var off = no_grad();
        foreach (var (name, weight) in model.Parameters)
            if (name.StartsWith("score.", StringComparison.Ordinal)) weight.normal_(0, 0.3);
        return model;
    }

    [Theory]
    [InlineData(DecoderHead.SequenceClassification, 1)]
    [InlineData(DecoderHead.TokenClassification, 2)]
    [InlineData(DecoderHead.ProcessRewardModel, 2)]
    [InlineData(DecoderHead.RewardModel, 1)]
    public void Scores_are_what_the_layout_says_in_both_engines(DecoderHead head, int labels)
    {
        using var temporary = new TempFolder();
        using (var made = Model(head, labels)) made.Save(temporary["model"]);
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var model = DecoderCheckpoint.Load(temporary["model"]);
        Assert.Equal((head, labels), (model.Config.Head, model.Config.Labels));
        int[] ids = [3, 4, 5, 6, 7];
        var hidden = model.forward(tensor(ids.Select(i => (long)i).ToArray(), 1, ids.Length)).select(1, -1);
        var expected = head switch
        {
            DecoderHead.SequenceClassification => hidden.mm(Parameter("score.weight").t()),
            DecoderHead.TokenClassification => hidden.mm(Parameter("score.weight").t()) + Parameter("score.bias"),
            _ => (hidden.mm(Parameter("score.0.weight").t()) + Parameter("score.0.bias")).relu()
                .mm(Parameter("score.2.weight").t()) + Parameter("score.2.bias"),
        };
        Assert.InRange((model.scores(hidden) - expected).abs().max().item<double>(), 0, 1e-5);
        foreach (var device in (Device?[])[default(Device?), CPU])
        {
            using var runner = Inference.Runner.Open(temporary["model"], new(1 << 20, Threads: 1, Torch: device));
            var row = runner.Add(new(runner.Pool, null), ids);
            runner.Run();
            foreach (var (a, b) in runner.Output(row).ToArray().Zip(expected.to_array<float>())) Assert.Equal(b, a, 1e-4f);
        }

        Tensor Parameter(string name) => model.Parameters[name];
    }

    /// <summary>Scored at the mark behind each step, whose newline it replaces; a folder without verifier.json reads as
    /// Qwen2.5-Math-PRM.</summary>
    [Fact]
    public void Marks_end_steps_where_the_record_names_one()
    {
        var encoding = new VerifierEncoding(Toy.Tokenizer, Toy.Template, " 7");
        var prefix = Prefix.Root(Toy.Problem(0)).Then(" 1 2\n").Then("A 5\n");
        var (ids, readAt) = encoding.Encode(prefix);
        var mark = Toy.Tokenizer.Id(" 7");
        Assert.All(readAt.Skip(1), position => Assert.Equal(mark, ids[position]));
        Assert.Equal([.. Toy.Tokenizer.Encode(" 1 2 7", addSpecial: false), .. Toy.Tokenizer.Encode("A 5 7", addSpecial: false)],
            ids[(readAt[0] + 1)..]);

        using var temporary = new TempFolder();
        using (var made = Model(DecoderHead.ProcessRewardModel, 2)) made.Save(temporary["model"]);
        var file = Path.Combine(temporary["model"], "config.json");
        var json = JsonNode.Parse(File.ReadAllText(file))!;
        json["auto_map"] = new JsonObject { ["AutoModel"] = "modeling_qwen2_rm.Qwen2ForProcessRewardModel" };
        File.WriteAllText(file, json.ToJsonString());
        var record = VerifierRecord.Load(temporary["model"]);
        Assert.Equal("<extra_0>", record.Mark);
        Assert.EndsWith("<|im_start|>assistant\n", record.PromptTemplate);
        using (var made = Model(DecoderHead.TokenClassification, 2)) made.Save(temporary["other"]);
        Assert.Contains("verifier.json is missing", Assert.Throws<UserError>(() => VerifierRecord.Load(temporary["other"])).Message);
        using (var made = Toy.Model()) made.Save(temporary["language"]);
        Assert.Contains("needs a score head", Assert.Throws<UserError>(() => VerifierRecord.Load(temporary["language"])).Message);
    }
}
