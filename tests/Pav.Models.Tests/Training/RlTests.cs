using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Tokenizers;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Models.Tests.Training;

public class RlTests
{
    private static readonly Tokenizer Words = Tokenizer.WordLevel(["Q:", "A:", "\n", .. Enumerable.Range(0, 10).Select(i => $" {i}")]);

    private static readonly PromptTemplate Template = new("Q:{problem}");

    private static readonly Problem[] Problems = [.. Enumerable.Range(0, 8).Select(i => new Problem($"p{i}", $" {i}", "7"))];

    /// <summary>Right is a trace that holds a 7: easily found, and easily made certain.</summary>
    private static readonly Grader Sevens = new("sevens", 1, text => text.Contains(" 7", StringComparison.Ordinal)
        ? "7" : null, s => s, (a, b) => a == b);

    private static readonly RlOptions Options = new()
    {
        Iterations = 9, Batch = 4, Samples = 4, MaxTokens = 6, Alpha = 1, Rate = 3e-3, ValueRate = 3e-3, Warmup = 2, PassTokens = 64,
        EvaluateEvery = 4, CheckpointEvery = 3, GuardWindow = 4,
    };

    private static RlTask Task(Func<int, IPolicy, CancellationToken, Task<RlProver>>? prover) =>
        new()
        {
            Name = "π", Start = () => TrainingTests.Tiny(Words), Tokenizer = Words, Template = Template, Grader = Sevens,
                Problems = Problems, Prover = prover,
            HeldOut = Problems, HeldOutSamples = 4, SaveBeside = Words.Save,
        };

    /// <summary>A verifier of a tiny model; its refreshes label four problems.</summary>
    private static ProverRefresh Refreshed(TempFolder temporary, string run)
    {
        var folder = temporary["verifier"];
        if (!Directory.Exists(folder))
        {
            using var trunk = TrainingTests.Tiny(Words, 5);
            using var model = trunk.WithScoreHead();
            using (torch.no_grad())
                model.Parameters["score.weight"].copy_(torch.tensor([.. Enumerable.Range(0, 32).Select(i => (float)Math.Sin(i))], 1, 32));
            model.Save(folder);
            Words.Save(folder);
            new VerifierRecord(VerifierKind.Value, "π", "sevens-1", "Q:{problem}", new(1, 1, 1, 1), new(1, 0)).Save(folder);
        }

        var labels = new LabelOptions { NCov = 2, NMc = 2, Sampling = new(MaxTokens: 6) };
        var training = new TrainOptions { Steps = 4, Batch = 4, Rate = 1e-3, EvaluateEvery = 2, CheckpointEvery = 1 };
        return new(temporary[run], folder, [4], Problems, Sevens, new(4, 4, labels, training), new());
    }

    private static DecoderModel On(DecoderModel model, bool native)
    {
        model.Native = native;
        return model;
    }

    private static Episode Made(int[] prompt, int[] generated, double[] credit) =>
        new([.. prompt, .. generated], prompt.Length, [.. generated.Select((_, i) => Math.Min(i / 2, credit.Length - 1))], credit,
            new double[credit.Length]);

    private static readonly Episode[] Some =
    [
        Made([4, 5], [6, 7, 8, 3], [1, -0.5]), Made([4, 5, 9], [6, 6, 6], [0.3, 0.7]), Made([4], [10, 7, 8, 3, 5, 5], [-1, 0.2, 0.4]),
            Made([4, 8], [9], [0.9]),
    ];

    [Fact]
    public void Alpha_fades()
    {
        var options = Options with { Alpha = 3, AlphaUntil = 100 };
        Assert.Equal([3, 1.5, 0, 0], new[] { 0, 50, 100, 200 }.Select(options.AlphaAt));
        Assert.Equal(3, (options with { AlphaUntil = 0 }).AlphaAt(200));
    }

    [Fact]
    public void Passes_hold_every_episode_once_and_no_more_tokens_than_allowed()
    {
        var passes = Episode.Passes(Some, 12).ToList();
        Assert.Equal(Some.OrderBy(e => e.Ids.Length), passes.SelectMany(p => p));
        Assert.All(passes, p => Assert.True(p.Length == 1 || p.Length * p.Max(e => e.Ids.Length) <= 12));
        Assert.Equal(3, passes.Count);
    }

    [Fact]
    public void Minibatches_are_as_many_as_asked_for_and_equally_large()
    {
        Episode[] batch = [.. Some, .. Some, Some[0]];
        var parts = Episode.Parts(batch, 4).ToList();
        Assert.Equal([2, 2, 2, 3], parts.Select(p => p.Length));
        Assert.Equal(batch, parts.SelectMany(p => p));
    }

    /// <summary>d/dθ of −1/N·ΣΣ Adv·log π + Kl·1/N·ΣΣ KL(π‖π₀), against central differences, whether the episodes go together or one by
    /// one.</summary>
    [Theory]
    [InlineData(1000, true)]
    [InlineData(1, true)]
    [InlineData(1000, false)]
    [InlineData(1, false)]
    public void Gradients_are_those_of_the_objective(int passTokens, bool native)
    {
        var options = Options with { Baseline = RlBaseline.None, Kl = 0.5, PassTokens = passTokens };
        using var learner = new RlLearner(options, On(TrainingTests.Tiny(Words, 2), native), On(TrainingTests.Tiny(Words, 3), native),
            null);
        learner.Accumulate(Some);
        var gradients = learner.PolicyTrainer.Gradients();
        foreach (var name in new[] { "model.embed_tokens.weight", "model.layers.1.mlp.up_proj.weight", "model.norm.weight" })
        {
            var weight = learner.Policy.Parameters[name];
            var gradient = gradients[name];
            // Along the gradient the change is as large as it can be, so that float32 resolves it.
            var norm = Math.Sqrt(gradient.Sum(g => (double)g * g));
            double At(double step)
            {
                using var off = torch.no_grad();
                using var scope = torch.NewDisposeScope();
                var moved = torch.tensor([.. gradient.Select(g => (float)(step * g / norm))], weight.shape);
                weight.add_(moved);
                var objective = Objective(learner.Policy, options.Kl);
                weight.sub_(moved);
                return objective;
            }

            var expected = (At(0.01) - At(-0.01)) / 0.02;
            Assert.InRange(norm / expected, 0.99, 1.01);
        }

        double Objective(DecoderModel policy, double kl)
        {
            using var reference = TrainingTests.Tiny(Words, 3);
            var sum = 0.0;
            foreach (var episode in Some)
            {
                using var scope = torch.NewDisposeScope();
                var (log, start) = (LogProbabilities(policy, episode), LogProbabilities(reference, episode));
                var vocabulary = log.Length / episode.Generated;
                for (var t = 0; t < episode.Generated; t++)
                {
                    sum -= episode.Returns[episode.StepOf[t]] * log[t * vocabulary + episode.Ids[episode.Prompt + t]];
                    for (var v = t * vocabulary; v < (t + 1) * vocabulary; v++) sum += kl * Math.Exp(log[v]) * (log[v] - start[v]);
                }
            }

            return sum / Some.Length;
        }

        // log π at each generated token, by libtorch whichever engine is tested.
        static float[] LogProbabilities(DecoderModel model, Episode episode) =>
            model.logits(model.forward([episode.Ids[..^1]]).narrow(0, episode.Prompt - 1,
            episode.Generated)).log_softmax(-1).to_array<float>();
    }

    /// <summary>
    /// α = 2. Of q = (0.3, 0.5, 0.2, 0.9), steps of 3, 2 and 1 tokens and Rex 1: A = (0.2, −0.3, 0.7), to go (0.6, 0.4, 0.7). Of q = (0.3,
    /// 0.1, 0), steps of 1 and 4 tokens and Rex 0:
    /// A = (−0.2, −0.1), to go (−0.3, −0.1).
    /// </summary>
    [Theory]
    [InlineData(DenseReward.None, Credit.Own, new[] { 1.0, 1, 1 }, new[] { 0.0, 0 })]
    [InlineData(DenseReward.Progress, Credit.Own, new[] { 1.4, 0.4, 2.4 }, new[] { -0.4, -0.2 })]
    [InlineData(DenseReward.Progress, Credit.ToGo, new[] { 2.2, 1.8, 2.4 }, new[] { -0.6, -0.2 })]
    [InlineData(DenseReward.Q, Credit.Own, new[] { 2, 1.4, 2.8 }, new[] { 0.2, 0 })]
    [InlineData(DenseReward.Q, Credit.ToGo, new[] { 4.2, 3.2, 2.8 }, new[] { 0.2, 0 })]
    public void Each_token_of_a_worked_group_is_credited_with_its_own_step(DenseReward reward, Credit credit, double[] right,
        double[] wrong)
    {
        var root = Prefix.Root(Problems[1]);
        Prefix[] traces = [root.Then(" 1 2\n", [5, 6, 3]).Then(" 7\n", [11, 3]).Then("", [0], ended: true), root.Then("\n", [3])
            .Then(" 4 4 4", [8, 8, 8, 0], ended: true)];
        IReadOnlyList<double[]> q = [[0.3, 0.5, 0.2, 0.9], [0.3, 0.1, 0]];
        Episode[] Episodes(RlBaseline baseline) => Episode.FromBatch(
            [traces], reward == DenseReward.None ? null : [q], null, Sevens,
            Options with { Reward = reward, Credit = credit, Alpha = 2, Baseline = baseline }, Words, Template);
        static double[] Rounded(IEnumerable<double> values) => [.. values.Select(v => Math.Round(v, 12))];

        var (episodes, prompt) = (Episodes(RlBaseline.None), Template.Encode(Words, Problems[1]));
        Assert.Equal([[.. prompt, 5, 6, 3, 11, 3, 0], [.. prompt, 3, 8, 8, 8, 0]], episodes.Select(e => e.Ids));
        Assert.All(episodes, e => Assert.Equal(prompt.Length, e.Prompt));
        Assert.Equal<int[]>([[0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 1]], episodes.Select(e => e.StepOf));
        Assert.Equal([right, wrong], episodes.Select(e => Rounded(e.Returns)));
        Assert.Equal<double[]>([[0, 0, 0], [0, 0]], episodes.Select(e => e.Baselines));

        // The other trace's return at the same step; past its end its outcome.
        Assert.Equal([[.. wrong, 0], right[..2]], Episodes(RlBaseline.LeaveOneOut).Select(e => Rounded(e.Baselines)));
    }

    [Theory]
    [InlineData(RlBaseline.None, true)]
    [InlineData(RlBaseline.Value, true)]
    [InlineData(RlBaseline.None, false)]
    [InlineData(RlBaseline.Value, false)]
    public void The_first_of_several_updates_of_a_batch_is_the_plain_one_and_later_ones_are_clipped(RlBaseline baseline, bool native)
    {
        var options = Options with { Baseline = baseline, Rate = 0.02, ClipRatio = 0.05, Kl = 0.1, PassTokens = 12 };
        using RlLearner learner = Learner(options with { Epochs = 3 }), same = Learner(options), prepared = Learner(options);
        var plain = Gradients(same, null);
        var first = Gradients(prepared, prepared.Before(Some));
        Assert.All(plain, p =>
        {
            var largest = p.Value.Max(Math.Abs);
            Assert.InRange(p.Value.Zip(first[p.Key], (a, b) => Math.Abs(a - b)).Max(), 0, 1e-5 * largest + 1e-7);
        });
        Assert.Contains(plain.Values, g => g.Max(Math.Abs) > 0.01);

        var stats = learner.Update(Some, 1, 0);
        Assert.InRange(stats.Clipped, 0.05, 0.7);
        Assert.True(stats.Kl > 0);

        RlLearner Learner(RlOptions options)
        {
            using var trunk = TrainingTests.Tiny(Words, 4);
            var value = options.Baseline == RlBaseline.Value ? trunk.WithScoreHead() : null;
            if (value is not null)
                using (torch.no_grad())
                    value.Parameters["score.weight"]
                        .copy_(torch.tensor([.. Enumerable.Range(0, 32).Select(i => (float)Math.Sin(i))], 1, 32));
            return new(options, On(TrainingTests.Tiny(Words, 2), native), On(TrainingTests.Tiny(Words, 3), native), value is null ? null
                : On(value, native));
        }

        static Dictionary<string, float[]> Gradients(RlLearner learner, Dictionary<Episode, RlLearner.Prepared>? before)
        {
            Assert.Equal(0, learner.Accumulate(Some, before).Clipped);
            return learner.PolicyTrainer.Gradients().Concat(learner.ValueTrainer?.Gradients().Select(p =>
                KeyValuePair.Create($"value.{p.Key}", p.Value)) ?? []).ToDictionary();
        }
    }

    [Theory]
    [InlineData(RlBaseline.Value)]
    [InlineData(RlBaseline.LeaveOneOut)]
    public void A_policy_learns_what_is_rewarded(RlBaseline baseline)
    {
        using var temporary = new TempFolder();
        var options = Options with { Iterations = 60, Samples = 8, Reward = DenseReward.None, Baseline = baseline, EvaluateEvery = 60,
            Rate = 5e-3 };
        var result = RlLoop.Run(Task(null), options, temporary["run"]);
        var rows = JsonLines.Read<RlRow>(Path.Combine(temporary["run"], RlLoop.MetricsName)).ToList();
        Assert.Equal(61, rows.Count);
        Assert.True(rows[0].ValidAccuracy < 0.7 && result.ValidAccuracy > 0.9, $"{rows[0].ValidAccuracy} to {result.ValidAccuracy}");
        Assert.True(rows[59].Kl > 0.01 && rows[0].Kl < 1e-6, $"KL {rows[0].Kl} to {rows[59].Kl}");
        Assert.Null(rows[59].Progress);
        Assert.Equal(60 * 32, rows[^1].Traces);
        Assert.Equal((60, result.ValidAccuracy), (result.BestIteration, result.BestAccuracy));
    }

    [Fact]
    public void A_killed_and_a_cancelled_run_resume_to_the_same_metrics_and_weights()
    {
        using var temporary = new TempFolder();
        RlResult Run(string name, int stopAt = -1, int killAt = -1, int stopWithin = -1)
        {
            using var stop = new CancellationTokenSource();
            using var prover = Refreshed(temporary, name);
            Task<RlProver> At(int iteration, IPolicy policy, CancellationToken cancel)
            {
                if (iteration == stopWithin) stop.Cancel();
                return prover.At(iteration, policy, cancel);
            }

            return RlLoop.Run(Task(At), Options, temporary[name], p =>
            {
                if (p.Row.Iteration == stopAt) stop.Cancel();
                if (p.Row.Iteration == killAt) throw new InvalidOperationException("killed");
            }, stop.Token);
        }

        Assert.True(Run("whole").Finished);
        Assert.False(Run("cancelled", stopAt: 3).Finished);
        var within = Run("cancelled", stopWithin: 8);
        Assert.Equal((false, 8), (within.Finished, within.Iterations)); // past the checkpoint of 6
        Assert.Equal(8, Json.Read<RlPosition>(Path.Combine(temporary["cancelled"], "checkpoints/last/position.json")).Next.Iteration);
        Run("cancelled");
        Assert.Throws<InvalidOperationException>(() => Run("killed", killAt: 4));
        File.AppendAllText(Path.Combine(temporary["killed"], RlLoop.MetricsName), "{\"iteration\":5,\"rew");
        Assert.Throws<InvalidOperationException>(() => Run("killed", killAt: 7));
        Run("killed");

        byte[] Bytes(string run, string file) => File.ReadAllBytes(Path.Combine(temporary[run], file));
        foreach (var resumed in new[] { "cancelled", "killed" })
            foreach (var file in new[] { RlLoop.MetricsName, RlLoop.ValidName, "checkpoints/last/model.safetensors",
                "checkpoints/last/value/model.safetensors", "checkpoints/best/model.safetensors", "refresh/00008/labels.jsonl" })
                Assert.Equal(Bytes("whole", file), Bytes(resumed, file));
        var rows = JsonLines.Read<RlRow>(Path.Combine(temporary["whole"], RlLoop.MetricsName)).ToList();
        Assert.Equal(Enumerable.Range(0, 10), rows.Select(r => r.Iteration));
        Assert.Equal([0L, 0, 0, 0], rows.Take(4).Select(r => r.ProverRollouts));
        // The refresh and the batch of an iteration come after its measure.
        Assert.Equal([(0, 0L, 0L), (4, 64, 0), (8, 128, rows[7].ProverRollouts), (9, 144, rows[8].ProverRollouts)], RlRow.Measured(rows)
            .Select(m => (m.Row.Iteration, m.Spent.Traces, m.Spent.ProverRollouts)));
        Assert.True(rows[4].ProverRollouts > 16 && rows[4].ProverTokens > rows[4].ProverRollouts
            && rows[7].ProverTokens == rows[4].ProverTokens && rows[8].ProverTokens > rows[4].ProverTokens);
        var labels = JsonLines.Read<LabelledTrace>(Path.Combine(temporary["whole"], "refresh/00004/labels.jsonl")).ToList();
        Assert.Equal(labels.Count + 2 * labels.SelectMany(l => l.Steps.Select((_, h) => (l.Problem, string.Concat(l.Steps.Take(h)))))
            .Distinct().Count(), rows[4].ProverRollouts);
        // Tokens not generated: of updates, prompts included, of the verifier's readings, shared prefixes once, and of its refreshes.
        var prompt = Template.Encode(Words, Problems[0]).Length;
        Assert.All(rows.Take(9), r => Assert.Equal(r.GeneratedTokens + prompt * r.Traces, r.TrainedTokens));
        Assert.True(rows[0].ScoredTokens is > 0 and var once && once <= rows[0].TrainedTokens);
        Assert.All(rows.Zip(rows.Skip(1)).Take(8), r => Assert.True(r.Second.ScoredTokens > r.First.ScoredTokens));
        long Learned(int refresh) => (long)JsonLines.Read<System.Text.Json.Nodes.JsonObject>(
            Path.Combine(temporary["whole"], $"refresh/{refresh:00000}/log.jsonl")).Last()["tokens"]!;
        Assert.Equal([0, Learned(4), Learned(4) + Learned(8)], new[] { 3, 4, 8 }.Select(i => rows[i].VerifierTokens));
        Assert.True(Learned(4) > 0);
        var valid = JsonLines.Read<RlValidRow>(Path.Combine(temporary["whole"], RlLoop.ValidName)).ToList();
        Assert.Equal(RlRow.Measured(rows).Select(m => (m.Row.Iteration, m.Row.ValidAccuracy!.Value)),
            valid.Select(v => (v.Iteration, v.Right.Average(r => (double)r / v.Samples))));
        Assert.All(valid, v => Assert.Equal((8, 4), (v.Right.Count, v.Samples)));

        Assert.All(rows.Take(9), r => Assert.True(r.Progress is not null && r.NoProgress is >= 0 and <= 1 && r.Length is > 0 and <= 6));

        Assert.Contains("other settings",
            Assert.Throws<UserError>(() => RlLoop.Run(Task(null), Options with { Reward = DenseReward.None }, temporary["whole"])).Message);
        Assert.Contains("prover", Assert.Throws<UserError>(() => RlLoop.Run(Task(null), Options, temporary["new"])).Message);
    }

    /// <summary>Adapters of the policy and of the value function are trained; the start, under them, stays as it is.</summary>
    [Fact]
    public void With_adapters_a_cancelled_run_resumes_to_the_same_bytes_on_any_device_named()
    {
        using var temporary = new TempFolder();
        var start = temporary["start"];
        using (var model = TrainingTests.Tiny(Words)) model.Save(start);
        Words.Save(start);
        var before = File.ReadAllBytes(Path.Combine(start, "model.safetensors"));
        var options = Options with { Iterations = 6, Reward = DenseReward.None, Rate = 2e-2, Lora = new(4, 8) };
        RlResult Run(string name, TrainFit? fit = null, int stopAt = -1, string? from = null)
        {
            using var stop = new CancellationTokenSource();
            var folder = from ?? start;
            return RlLoop.Run(Task(null) with { Folder = folder, Start = () => DecoderCheckpoint.Load(folder) },
                options with { Fit = fit }, temporary[name], p =>
            {
                if (p.Row.Iteration == stopAt) stop.Cancel();
            }, stop.Token);
        }

        Assert.True(Run("whole").Finished);
        Assert.False(Run("cancelled", stopAt: 3).Finished);
        Assert.True(Run("cancelled", new TrainFit("cpu")).Finished);
        byte[] Bytes(string run, string file) => File.ReadAllBytes(Path.Combine(temporary[run], file));
        foreach (var file in (string[])[RlLoop.MetricsName, .. new[] { "last", "last/value", "best" }.Select(which =>
            $"checkpoints/{which}/adapter_model.safetensors")])
            Assert.Equal(Bytes("whole", file), Bytes("cancelled", file));
        Assert.False(File.Exists(Path.Combine(temporary["whole"], "checkpoints/last/model.safetensors")));
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(start, "model.safetensors")));
        var rows = JsonLines.Read<RlRow>(Path.Combine(temporary["whole"], RlLoop.MetricsName)).ToList();
        Assert.True(rows[5].Kl > 1e-3 && rows[0].Kl < 1e-6, $"KL {rows[0].Kl} to {rows[5].Kl}");

        var last = Path.Combine(temporary["whole"], "checkpoints/last");
        using var value = DecoderCheckpoint.Load(Path.Combine(last, "value"));
        Assert.Contains(value.Trained, p => p.Key.EndsWith("lora_B.weight", StringComparison.Ordinal)
            && p.Value.to_array<float>().Any(v => v != 0));
        Assert.Contains(value.Parameters["score.weight"].to_array<float>(), v => v != 0);
        Assert.Contains("pav merge", Assert.Throws<UserError>(() => Run("again", from: last)).Message);
    }

    [Fact]
    public void An_oracle_rewards_progress_and_is_charged_for()
    {
        using var temporary = new TempFolder();
        using var model = TrainingTests.Tiny(Words);
        using var start = new TransformerPolicy("start", model, Words, Template);
        var options = Options with { Iterations = 2, Baseline = RlBaseline.LeaveOneOut };
        var result = RlLoop.Run(
            Task((iteration, _, _) =>
                System.Threading.Tasks.Task.FromResult(
                new RlProver(new MonteCarloVerifier(start, Sevens, 4, new(MaxTokens: 6), (ulong)iteration).BestOf(2), 4))), options,
                temporary["run"]);
        var rows = JsonLines.Read<RlRow>(Path.Combine(temporary["run"], RlLoop.MetricsName)).ToList();
        Assert.True(rows[0].ProverRollouts >= 4 * 4 && rows[0].ProverRollouts % 4 == 0 && rows[1].ProverRollouts > rows[0].ProverRollouts);
        Assert.Equal(rows[^1].ProverTokens, result.ProverTokens);
        Assert.True(result.ProverTokens > rows[1].ProverRollouts);
    }
}
