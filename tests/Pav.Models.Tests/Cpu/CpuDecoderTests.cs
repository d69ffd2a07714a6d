using System.Text.Json.Nodes;
using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Training;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Cpu;

/// <summary>The CPU's engine on the ten fixtures, and value by value against libtorch.</summary>
public sealed class CpuDecoderTests
{
    public static TheoryData<string> Folders =>
    [
        "llama", "llama-rope3-tied-bf16", "llama-bias-mha-sharded", "llama-linear-rope", "qwen2", "qwen2-bf16-sharded", "qwen3",
            "qwen3-tied-f16", "gemma2", "gemma2-bf16",
    ];

    private static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);

    private static JsonNode Expected(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder(name), "expected.json")))!;

    private static int[] Ids(JsonNode? list) => [.. list!.AsArray().Select(i => i!.GetValue<int>())];

    /// <summary>The mean over every next token.</summary>
    private static RowLoss NextTokens(int[][] texts) =>
        NextToken.Batch([.. texts.Select(ids => new TokenRow(ids, 1))], new()).Parts.Single();

    [Theory]
    [MemberData(nameof(Folders))]
    public void Logits_match(string name)
    {
        using var scope = NewDisposeScope();
        using var model = DecoderCheckpoint.Load(Folder(name));
        using var decoder = CpuDecoder.From(model, 2);
        using var file = new SafetensorsFile(Path.Combine(Folder(name), "expected.safetensors"));
        int[][] prompts = [.. Expected(name)["prompts"]!.AsArray().Select(p => Ids(p!["input_ids"]))];
        decoder.Pack();
        var values = decoder.Values([.. prompts.Select(ids => new ReadRow(ids, [.. Enumerable.Range(0, ids.Length)]))]);
        var wanted = prompts.SelectMany((_, i) => file.Read($"logits.{i}").to_array<float>()).ToArray();
        Assert.Equal(wanted.Length, values.Length);
        Assert.InRange(wanted.Zip(values, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Gradients_are_those_of_libtorch_and_of_the_fixtures(string name)
    {
        using var model = DecoderCheckpoint.Load(Folder(name));
        var training = Expected(name)["training"]!;
        var loss = NextTokens(Texts(name));
        var wanted = Gradients(model, loss, native: false).Gradients;
        foreach (var recompute in (bool[])[false, true])
        {
            model.Recompute = recompute;
            var (sum, found) = Gradients(model, loss, native: true);
            Assert.Equal(training["mean_cross_entropy"]!.GetValue<double>(), sum, 1e-4);
            foreach (var (parameter, norm) in training["grad_l2"]!.AsObject())
                Assert.Equal(1, Math.Sqrt(found[parameter].Sum(g => (double)g * g)) / norm!.GetValue<double>(), 1e-3);
            AreNear(wanted, found);
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Four_AdamW_losses_match(string name)
    {
        using var model = DecoderCheckpoint.Load(Folder(name));
        var settings = Expected(name)["training"]!["adamw"]!;
        using var trainer = new CpuTrainer(model, new(WeightDecay: settings["weight_decay"]!.GetValue<double>()));
        var loss = NextTokens(Texts(name));
        foreach (var expected in settings["loss_before_each_step"]!.AsArray())
        {
            Assert.Equal(expected!.GetValue<double>(), trainer.Accumulate(loss), 5e-4);
            trainer.Step(settings["lr"]!.GetValue<double>(), double.PositiveInfinity);
        }
    }

    /// <summary>All of a batch of many parts: values, gradients, weights after clipped steps with decay.</summary>
    [Theory]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    public void Bits_do_not_depend_on_the_number_of_threads(string name)
    {
        int[][] texts = [.. Enumerable.Range(0, 60).Select(r =>
            Enumerable.Range(0, 20 + r).Select(t => (r * 31 + t * t * 7) % 509).ToArray())];
        var (loss, rows) = (NextTokens(texts), texts.Select(ids => new ReadRow(ids, [ids.Length / 2, ids.Length - 1])).ToArray());
        var found = new[] { 1, 2, 5 }.Select(threads =>
        {
            using var model = DecoderCheckpoint.Load(Folder(name));
            using var trainer = new CpuTrainer(model, new(WeightDecay: 0.1), threads);
            var (before, sums) = (trainer.Values(rows), new List<double>());
            for (var step = 0; step < 2; step++)
            {
                sums.Add(trainer.Accumulate(loss));
                sums.Add(trainer.Step(1e-3, 0.5));
            }

            return (before, sums, Weights: model.Parameters.ToDictionary(p => p.Key, p => p.Value.to_array<float>()));
        }).ToList();
        Assert.True(found[0].sums[2] < found[0].sums[0]);
        foreach (var other in found.Skip(1))
        {
            Assert.Equal(found[0].before, other.before);
            Assert.Equal(found[0].sums, other.sums);
            Assert.All(found[0].Weights, w => Assert.Equal(w.Value, other.Weights[w.Key]));
        }
    }

    /// <summary>Score heads of one and two products, biases, adapters on projections and a frozen rest.</summary>
    [Theory]
    [InlineData(DecoderHead.SequenceClassification, false, PrefixLossKind.Soft)]
    [InlineData(DecoderHead.SequenceClassification, true, PrefixLossKind.Soft)]
    [InlineData(DecoderHead.TokenClassification, false, PrefixLossKind.Rank)]
    [InlineData(DecoderHead.RewardModel, false, PrefixLossKind.Td)]
    public void Scores_and_their_gradients_are_those_of_libtorch(DecoderHead head, bool adapted, PrefixLossKind kind)
    {
        var config = Models.Toy.Config() with { Family = Family.Qwen2, QkvBias = true, Head = head };
        using var whole = Models.Toy.Model(config);
        Vary(whole, "score.");
        using var model = adapted ? whole.WithLora(new(3, 6, "q_proj,v_proj,o_proj,up_proj,down_proj"), "", 1) : whole.Clone();
        Vary(model, ".lora_B.");
        ReadRow[] rows = [new([3, 4, 5, 6, 7, 8], [1, 3, 5]), new([9, 10, 11, 12], [0]), new([4, 4, 2], [])];
        var loss = new PrefixLoss(
            rows, [new([0.1, 0.7, 1], [1, 0.5, 2], [1], [true, false, false]), new([0.4], [1], [1], [false]), new([], [], [1], [])],
                new(kind), 0.25);
        var (expected, wanted) = Gradients(model, loss, native: false);
        var (sum, found) = Gradients(model, loss, native: true);
        Assert.Equal(expected, sum, 1e-5);
        Assert.Equal(wanted.Keys, found.Keys);
        AreNear(wanted, found);
        Assert.Contains(found, p => p.Value.Max(Math.Abs) > 1e-3);

        static void Vary(DecoderModel model, string names)
        {
            using var off = no_grad();
            foreach (var (i, (_, weight)) in model.Parameters.Concat(model.Trained).Where(p => p.Key.Contains(names)).Index())
                weight.copy_(tensor(Numbers.Random((int)weight.numel, (ulong)i, 0.5), weight.shape));
        }
    }

    /// <summary>A run that one engine began the other takes up.</summary>
    [Fact]
    public void Optimizers_files_are_the_same_in_both_engines()
    {
        using var temporary = new TempFolder();
        var loss = NextTokens(Texts("llama"));
        var found = new List<(double, Dictionary<string, float[]>)>();
        foreach (var first in (bool[])[true, false])
            foreach (var second in (bool[])[true, false])
            {
                using var model = DecoderCheckpoint.Load(Folder("llama"));
                foreach (var native in (bool[])[first, second])
                {
                    model.Native = native;
                    using var trainer = Trainer.From(model, new(0.95, 0.1));
                    if (File.Exists(temporary["optimizer"])) trainer.Load(temporary["optimizer"]);
                    for (var step = 0; step < 2; step++)
                    {
                        trainer.Accumulate(loss);
                        trainer.Step(1e-3, 1);
                    }

                    trainer.Save(temporary["optimizer"]);
                }

                File.Delete(temporary["optimizer"]);
                using var last = Trainer.From(model);
                found.Add((last.Accumulate(loss), model.Parameters.ToDictionary(p => p.Key, p => p.Value.to_array<float>())));
            }

        Assert.All(found.Skip(1), other =>
        {
            Assert.Equal(found[0].Item1, other.Item1, 1e-3);
            foreach (var (name, values) in found[0].Item2) Assert.InRange(values.Zip(other.Item2[name], (a, b) =>
                Math.Abs(a - b)).Average(), 0, 2e-5);
        });
    }

    [Fact]
    public void What_a_model_cannot_read_is_refused()
    {
        using var model = Models.Toy.Model();
        Assert.Contains("max_position_embeddings = 256",
            Assert.Throws<UserError>(() => Trainer.Values(model, [new(new int[257], [256])])).Message);
        Assert.Contains("token id 5000", Assert.Throws<UserError>(() => Trainer.Values(model, [new([5, 5000], [1])])).Message);
        var halves = new TrainOptions { Steps = 1, Batch = 1, Rate = 1, Fit = new(BFloat16: true) };
        Assert.Contains("--device cuda", Assert.Throws<UserError>(halves.Check).Message);
    }

    private static int[][] Texts(string name)
    {
        var expected = Expected(name);
        return [.. Ids(expected["training"]!["sequences"]).Select(i => Ids(expected["prompts"]![i]!["input_ids"]))];
    }

    private static (double Loss, Dictionary<string, float[]> Gradients) Gradients(DecoderModel model, RowLoss loss, bool native)
    {
        model.Native = native;
        using var trainer = Trainer.From(model);
        var sum = trainer.Accumulate(loss);
        var gradients = trainer.Gradients().ToDictionary();
        foreach (var p in model.Trained.Values) p.grad = null;
        return (sum, gradients);
    }

    private static void AreNear(Dictionary<string, float[]> wanted, Dictionary<string, float[]> found)
    {
        foreach (var (parameter, values) in wanted)
        {
            var (largest, off) = (values.Max(Math.Abs), values.Zip(found[parameter], (a, b) => Math.Abs(a - b)).Max());
            Assert.True(off <= 1e-4 * largest + 1e-7, $"{parameter} differs by {off} of {largest}");
        }
    }
}
