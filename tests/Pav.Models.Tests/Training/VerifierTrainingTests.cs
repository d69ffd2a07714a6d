using System.Text.Json.Nodes;
using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Models.Tests.Training;

public class VerifierTrainingTests
{
    private static readonly Tokenizer Words =
        Tokenizer.WordLevel(["Q:", "good", "bad", "\n", "end", .. Enumerable.Range(0, 10).Select(i => $" {i}")]);

    private static readonly Dictionary<string, Problem> Problems = Enumerable.Range(0, 300)
        .Select(i => new Problem($"p{i}", $"Q: {i % 10} {i / 10 % 10} {i / 100}", "1")).ToDictionary(p => p.Id);

    /// <summary>Right where no step is bad; three steps and the end. Q halves with each step still to come, and is 0 after a bad
    /// one.</summary>
    private static LabelledTrace Trace(string problem, int index)
    {
        var bad = Enumerable.Range(0, 3).Select(h => Seeds.Uniform(Seeds.Derive(1, problem, "bad", index), h) < 0.3).ToList();
        var rex = bad.Contains(true) ? 0 : 1;
        string[] steps = [.. bad.Select(b => b ? "bad\n" : "good\n"), "end"];
        int[] n = [8, 8, 8, 8, 1], c = [3, .. Enumerable.Range(1, 3).Select(h => bad.Take(h).Contains(true) ? 0 : 2 + 2 * h), rex];
        return new(problem, "π", "random", index, steps,
            [.. steps.Select((s, h) => (int[])[.. Words.Encode(s), .. h == 3 ? [Words.Eos!.Value] : Array.Empty<int>()])], rex, null,
            "exact", n, c);
    }

    [Fact]
    public async Task An_adapter_trained_in_small_parts_resumes_and_scores()
    {
        using var temporary = new TempFolder();
        var inputs = Inputs(VerifierKind.Value, temporary["trunk"]);
        var options = new TrainOptions
        {
            Steps = 24, Batch = 8, Rate = 1e-2, Warmup = 4, EvaluateEvery = 12, CheckpointEvery = 12,
            Lora = new(4, 8, "q_proj,v_proj,down_proj"), Fit = new(Recompute: true, Accumulate: 3, Pack: true),
        };
        MemoryAccount? account = null;
        var (whole, _) = VerifierTraining.Run(inputs, options, temporary["whole"], account: a => account = a);
        Assert.True(account!.Peak > account.Weights && account.Gradients < account.Weights);
        using var stop = new CancellationTokenSource();
        Assert.False(VerifierTraining.Run(inputs, options, temporary["again"], p => { if (p.Step == 12) stop.Cancel(); },
            stop.Token).Result.Finished);
        var (again, _) = VerifierTraining.Run(inputs, options, temporary["again"]);
        Assert.Equal((whole.Loss, whole.BestScore), (again.Loss, again.BestScore));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole.Best, "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(again.Best, "adapter_model.safetensors")));

        var log = File.ReadLines(Path.Combine(temporary["whole"], "log.jsonl"))
            .Select(line => JsonNode.Parse(line)!["loss"]!.GetValue<double>()).ToList();
        Assert.True(log[^1] < 0.95 * log[0], $"{log[0]} → {log[^1]}");
        using var model = DecoderCheckpoint.Load(whole.Best);
        using var verifier = TransformerVerifier.Load("toy", whole.Best);
        var scored = await verifier.Score([inputs.HeldOut[0].ToPrefix(Problems[inputs.HeldOut[0].Problem])]);
        var rows = VerifierRow.FromTraces([inputs.HeldOut[0]], Problems, new VerifierEncoding(Words, inputs.Template), VerifierKind.Value);
        var calibration = VerifierRecord.Load(whole.Best).Calibration!;
        Assert.All(scored[0].Q.Zip(VerifierScores.All(model, rows)[0].Select(calibration.Probability)), pair =>
            Assert.Equal(pair.Second, pair.First, 4));
    }

    [Fact]
    public void A_scorer_made_of_an_adapter_keeps_what_that_has_learned()
    {
        using var adapted = TrainingTests.Tiny(Words).WithLora(new(2, 4), "base", 1);
        using (torch.no_grad())
            foreach (var (name, b) in adapted.Trained.Where(p => p.Key.EndsWith("lora_B.weight", StringComparison.Ordinal)))
                b.copy_(torch.tensor([.. Enumerable.Range(0, (int)(b.shape[0] * b.shape[1]))
                    .Select(i => (float)Math.Sin(i + name.Length))], b.shape));
        const string projection = "model.layers.1.self_attn.q_proj.weight";
        using var merged = adapted.Clone();
        var expected = merged.Parameters[projection].to_array<float>();
        Assert.NotEqual(expected, adapted.Parameters[projection].to_array<float>());
        using var copied = adapted.WithScoreHead();
        Assert.Equal(expected, copied.Parameters[projection].to_array<float>());
        using var taken = adapted.BecomeScorer();
        Assert.Equal(expected, taken.Parameters[projection].to_array<float>());
    }

    [Fact]
    public async Task Heads_and_members_judge_together_and_are_lowered_where_they_disagree()
    {
        using var temporary = new TempFolder();
        var inputs = Inputs(VerifierKind.Value, temporary["trunk"]) with { Objective = new(PrefixLossKind.Rank, Heads: 3) };
        var options = new TrainOptions { Steps = 16, Batch = 8, Rate = 1e-2, Warmup = 2, EvaluateEvery = 8, CheckpointEvery = 8 };
        var (result, record) = VerifierTraining.Run(inputs, options, temporary["heads"]);
        Assert.Equal(3, record.Heads);
        var prefix = inputs.HeldOut[0].ToPrefix(Problems[inputs.HeldOut[0].Problem]);
        using var heads = LoadedVerifier.Open("heads", result.Best);
        Assert.Equal((3, Caution.None), (heads.Judges, heads.Caution));
        async Task<double[]> Q(ILoadedVerifier verifier, Caution caution)
        {
            verifier.Caution = caution;
            return (await verifier.Score([prefix]))[0].Q;
        }

        using var model = DecoderCheckpoint.Load(result.Best);
        var rows = VerifierRow.FromTraces([inputs.HeldOut[0]], Problems, new VerifierEncoding(Words, inputs.Template), VerifierKind.Value);
        var flat = Trainer.Values(model, [new ReadRow(rows[0].Ids, rows[0].ReadAt)]);
        var calibration = record.Calibration!;
        var (mean, lowered, worst) = (await Q(heads, Caution.None), await Q(heads, new(0.5)), await Q(heads, new(Worst: true)));
        var drawn = new Caution(DrawnBy: 5);
        var (byOne, one) = (await Q(heads, drawn), drawn.Draw(prefix.Problem.Text, 3)!.Value);
        for (var h = 0; h < mean.Length; h++)
        {
            double[] judged = [.. flat[(3 * h)..(3 * h + 3)].Select(z => calibration.Probability(z))];
            Assert.True(judged.Distinct().Count() == 3, "heads must not be alike");
            var center = calibration.Probability(flat[(3 * h)..(3 * h + 3)].Average(z => (double)z));
            Assert.Equal(center, mean[h], 4);
            Assert.Equal(new Caution(0.5).Apply(center, judged), lowered[h], 4);
            Assert.Equal(judged.Min(), worst[h], 4);
            Assert.Equal(judged[one], byOne[h], 4);
        }

        var (second, _) = VerifierTraining.Run(inputs with { Objective = null }, options, temporary["plain"]);
        (record with { Members = ["heads/checkpoints/best", "plain/checkpoints/best"], Caution = new(1) }).Save(temporary[""]);
        using var together = LoadedVerifier.Open("together", temporary[""]);
        Assert.Equal((2, new Caution(1)), (together.Judges, together.Caution));
        using var plain = LoadedVerifier.Open("plain", second.Best);
        var other = (await plain.Score([prefix]))[0].Q;
        Assert.All((await Q(together, Caution.None)).Zip(mean.Zip(other)), p =>
            Assert.Equal((p.Second.First + p.Second.Second) / 2, p.First, 6));
        Assert.All((await Q(together, new(Worst: true))).Zip(mean.Zip(other)), p =>
            Assert.Equal(Math.Min(p.Second.First, p.Second.Second), p.First, 6));
        Assert.Equal(drawn.Draw(prefix.Problem.Text, 2) == 0 ? mean : other, await Q(together, drawn));
        Assert.Contains("judge together", Assert.Throws<UserError>(() => LoadedVerifier.Checkpoint(temporary[""])).Message);
    }

    private static VerifierInputs Inputs(VerifierKind kind, string trunk)
    {
        using (var model = TrainingTests.Tiny(Words)) model.Save(trunk);
        Words.Save(trunk);
        var (train, heldOut) = VerifierTraining.Part(Problems.Keys.SelectMany(p => Enumerable.Range(0, 2).Select(i => Trace(p, i))), 0.25);
        return new(kind, trunk, new PromptTemplate("{problem}\n"), Problems, train, heldOut);
    }

    [Theory]
    [InlineData(VerifierKind.Value)]
    [InlineData(VerifierKind.Outcome)]
    public async Task A_verifier_learns_what_can_be_seen(VerifierKind kind)
    {
        using var temporary = new TempFolder();
        var inputs = Inputs(kind, temporary["trunk"]);
        var options = new TrainOptions { Steps = 120, Batch = 16, Rate = 3e-3, Warmup = 10, EvaluateEvery = 60 };
        var (result, record) = VerifierTraining.Run(inputs, options, temporary["run"]);

        Assert.True(result.Finished);
        var saved = VerifierRecord.Load(result.Best);
        Assert.Equal((kind, "π", "exact", "{problem}\n"), (saved.Kind, saved.Policy, saved.Grader, saved.PromptTemplate));
        Assert.Equal(record.Calibration, saved.Calibration);
        var measures = saved.Measures!;
        Assert.True(measures.AucWithin > 0.95 && measures.AucPooled > 0.95, $"{measures}");
        Assert.True(measures.Brier < 0.03 && measures.Ece < 0.1, $"{measures}");
        if (kind == VerifierKind.Value) Assert.True(measures.RankWithinState > 0.95 && measures.Correlation > 0.9, $"{measures}");
        Assert.Equal((inputs.Train.Count, inputs.Train.Count * (kind == VerifierKind.Value ? 5L : 1)),
            (saved.Labels.Traces, saved.Labels.Prefixes));
        using var model = DecoderCheckpoint.Load(result.Best);
        Assert.Equal(DecoderHead.SequenceClassification, model.Config.Head);

        using var verifier = TransformerVerifier.Load("toy", result.Best);
        var scored = await verifier.Score([inputs.HeldOut[0].ToPrefix(Problems[inputs.HeldOut[0].Problem])]);
        var rows = VerifierRow.FromTraces([inputs.HeldOut[0]], Problems, new VerifierEncoding(Words, inputs.Template), kind);
        Assert.All(scored[0].Q.Zip(VerifierScores.All(model, rows)[0].Select(saved.Calibration!.Probability)), pair =>
            Assert.Equal(pair.Second, pair.First, 4));
    }

    [Fact]
    public void A_problem_on_both_sides_is_refused()
    {
        using var temporary = new TempFolder();
        var inputs = Inputs(VerifierKind.Value, temporary["trunk"]);
        var options = new TrainOptions { Steps = 1, Batch = 1, Rate = 1e-3 };
        inputs = inputs with { HeldOut = [inputs.Train[0]] };
        var error = Assert.Throws<UserError>(() => VerifierTraining.Run(inputs, options, temporary["run"]));
        Assert.Contains($"\"{inputs.Train[0].Problem}\"", error.Message);
    }

    /// <summary>A zero score head gives z = 0 and log 2 for every label, whatever its weight (their mean is 1): labels 0, 0, 0.2, 0.9 weigh
    /// 2/3, 2/3, 2/3, 2.</summary>
    [Fact]
    public void The_balanced_soft_loss_has_a_worked_number()
    {
        double[] z = [-1, 0, 1, 2], q = [0, 0, 0.2, 0.9], weights = BalancedBuckets.Weights(q);
        // ln(1 + e^-1) = 0.313262; ln 2 = 0.693147; ln(1 + e) − 0.2 = 1.113262; ln(1 + e²) − 1.8 = 0.326928.
        const double expected = (2.0 / 3 * (0.313262 + 0.693147 + 1.113262) + 2 * 0.326928) / 4;
        Assert.Equal(expected, z.Zip(q, Platt.CrossEntropy).Zip(weights, (loss, w) => w * loss).Average(), 5);
        using var scope = torch.NewDisposeScope();
        static Tensor Floats(double[] values) => torch.tensor(values.Select(v => (float)v).ToArray());
        Assert.Equal(expected, functional.binary_cross_entropy_with_logits(Floats(z), Floats(q), Floats(weights)).item<double>(), 5);

        LabelledTrace trace = new("p0", "π", "random", 0, ["good\n", "bad\n", "end"], [[], [], []], 1, null, "exact", [5, 5, 5, 10],
            [0, 0, 1, 9]);
        var row = VerifierRow.FromTraces([trace], Problems, new VerifierEncoding(Words, new("{problem}\n")), VerifierKind.Value);
        Assert.Equal(q, row[0].Labels);
        using var trunk = TrainingTests.Tiny(Words);
        using var model = trunk.WithScoreHead();
        foreach (var native in (bool[])[true, false])
        {
            model.Native = native;
            using var trainer = Trainer.From(model);
            Assert.Equal(Math.Log(2),
                trainer.Accumulate(VerifierScores.Batch([(row[0], VerifierRow.Weights(row, Balance.Buckets)[0])], new(), new())
                    .Parts.Single()),
                5);
        }
    }

    [Fact]
    public void Platt_scaling_undoes_a_shift_and_a_stretch()
    {
        double[] natural = [.. Enumerable.Range(0, 2000).Select(i => -3 + 0.003 * i)];
        var fit = Platt.Fit([.. natural.Select(z => 2 * z + 1)], [.. natural.Select(Platt.Sigmoid)]);
        Assert.Equal(0.5, fit.Scale, 2);
        Assert.Equal(-0.5, fit.Bias, 2);

        var constant = Platt.Fit(new double[100], [.. Enumerable.Range(0, 100).Select(i => i < 25 ? 1.0 : 0.0)]);
        Assert.Equal((1.0, Math.Log(1.0 / 3)), (constant.Scale, Math.Round(constant.Bias, 3) == -1.099
            ? Math.Log(1.0 / 3) : constant.Bias));

        var separable = Platt.Fit([-2, -1, 1, 2], [0, 0, 1, 1]);
        Assert.True(double.IsFinite(separable.Scale) && separable.Probability(-1) < 0.1 && separable.Probability(1) > 0.9);
    }
}
