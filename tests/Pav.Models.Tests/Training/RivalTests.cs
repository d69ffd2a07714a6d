using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Tokenizers;
using Pav.Models.Training;

namespace Pav.Models.Tests.Training;

/// <summary>The rivals of progress rewards in the loop of RL.</summary>
public class RivalTests
{
    private static readonly Tokenizer Words = Tokenizer.WordLevel(["Q:", "A:", "\n", .. Enumerable.Range(0, 10).Select(i => $" {i}")]);

    private static readonly PromptTemplate Template = new("Q:{problem}");

    private static readonly Problem[] Problems = [.. Enumerable.Range(0, 8).Select(i => new Problem($"p{i}", $" {i}", "7"))];

    private static readonly Grader Sevens =
        new("sevens", 1, text => text.Contains(" 7", StringComparison.Ordinal) ? "7" : null, s => s, (a, b) => a == b);

    private static readonly RlOptions Options = new()
    {
        Iterations = 6, Batch = 4, Samples = 4, MaxTokens = 6, Rate = 3e-3, Warmup = 2, PassTokens = 64, EvaluateEvery = 4,
        CheckpointEvery = 2, GuardWindow = 4, Reward = DenseReward.None, Baseline = RlBaseline.None, ValueRollouts = 3,
    };

    private static readonly RlOptions Progress = Options with { Reward = DenseReward.Progress, Alpha = 1 };

    /// <summary>A prover that is wrong: it rewards steps in which the answer is not.</summary>
    private sealed class Misled : IVerifier
    {
        public string Name => "misled";

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
            System.Threading.Tasks.Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p =>
                new Scored([.. p.Path().Select(Q)], 0))]);

        private static double Q(Prefix p) => p.Depth == 0 ? 0.5 : p.Text.Contains(" 7", StringComparison.Ordinal)
            ? 0 : 0.5 + (0.05 * p.Depth);
    }

    private static readonly RlProver NoSevens = new(new Misled());

    private static readonly RlTask Task = new()
    {
        Name = "π", Start = () => TrainingTests.Tiny(Words), Tokenizer = Words, Template = Template, Grader = Sevens, Problems = Problems,
        HeldOut = Problems, HeldOutSamples = 4, SaveBeside = Words.Save,
    };

    /// <summary>
    /// Two traces that share their first token, of steps of 2, 2 and 1 and of 2 and 1 tokens, the first right: normalised ±1/√2. Values at
    /// the cuts of steps by one: 0.25, 0.5, 1, 1 and 0.25, 0, 0.
    /// </summary>
    [Fact]
    public void Each_token_of_a_worked_group_is_credited_as_defined()
    {
        var root = Prefix.Root(Problems[1]);
        Prefix[] traces =
        [
            root.Then(" 1\n", [5, 3]).Then(" 7\n", [11, 3]).Then("", [0], ended: true),
            root.Then(" 1 2", [5, 6]).Then("", [0], ended: true),
        ];
        double[][] Credits(OutcomeCredit outcome, int segment = 1, double[][]? values = null) =>
        [
            .. Episode.FromBatch(
                [traces], null, values is null ? null : [values], Sevens, Options with { Outcome = outcome, SegmentSteps = segment }, Words,
                Template).Select(e => e.StepOf.Select(h => Math.Round(e.Returns[h] - e.Baselines[h], 12)).ToArray()),
        ];
        var n = Math.Round(Math.Sqrt(0.5), 12);
        var half = Math.Round(Math.Sqrt(0.5) / 2, 12);
        Assert.Equal<double[]>([[n, n, n, n, n], [-n, -n, -n]], Credits(OutcomeCredit.Group));
        Assert.Equal<double[]>([[half, n, n, n, n], [-half, -n, -n]], Credits(OutcomeCredit.SharedPrefixes));
        Assert.Equal<double[]>([[0.25, 0.25, 0.5, 0.5, 0], [-0.25, -0.25, 0]],
            Credits(OutcomeCredit.Segments, 1, [[0.25, 0.5, 1, 1], [0.25, 0, 0]]));
        Assert.Equal<double[]>([[0.75, 0.75, 0.75, 0.75, 0], [-0.25, -0.25, -0.25]],
            Credits(OutcomeCredit.Segments, 2, [[0.25, 1, 1], [0.25, 0]]));
    }

    /// <summary>α = 2 by V^μ(x) = 0.75 and 0 is 0.5 and 2: A = (0.2, −0.3) earns (0.1, −0.15), and (0.4, 0.6) earns (0.8,
    /// 1.2).</summary>
    [Fact]
    public void Alpha_falls_with_what_a_problem_has_left_to_gain()
    {
        Prefix[] traces = [.. Problems.Take(2).Select(p => Prefix.Root(p).Then(" 1\n", [5, 3]).Then(" 2", [6], ended: true))];
        double[][] Credits(AlphaRule rule) =>
        [
            .. Episode.FromBatch([[traces[0]], [traces[1]]], [[[0.75, 0.95, 0.65]], [[0, 0.4, 1]]], null, Sevens,
                Progress with { Alpha = 2, AlphaBy = rule }, Words, Template)
                .Select(e => e.Returns.Select(r => Math.Round(r, 12)).ToArray()),
        ];
        Assert.Equal<double[]>([[0.1, -0.15], [0.8, 1.2]], Credits(AlphaRule.Value));
        Assert.Equal<double[]>([[0.4, -0.6], [0.8, 1.2]], Credits(AlphaRule.Same));
    }

    public static TheoryData<string, RlOptions> Modes => new()
    {
        { "rloo", Options with { Baseline = RlBaseline.LeaveOneOut } },
        { "grpo", Options with { Outcome = OutcomeCredit.Group } },
        { "lambda-grpo", Options with { Outcome = OutcomeCredit.SharedPrefixes } },
        { "vineppo", Options with { Outcome = OutcomeCredit.Segments, SegmentSteps = 1 } },
        { "spo", Options with { Outcome = OutcomeCredit.Segments, SegmentSteps = 2, Epochs = 2 } },
        { "normalised", Progress with { Process = ProcessRule.Normalised } },
        { "silent groups", Progress with { Process = ProcessRule.SilentGroups, Batch = 8 } },
        { "papo", Progress with { Process = ProcessRule.AmongRight, Outcome = OutcomeCredit.Group } },
        { "progrs", Progress with { Process = ProcessRule.CentredWrong, Baseline = RlBaseline.LeaveOneOut } },
        { "vppo", Progress with { Process = ProcessRule.BeforeError, Baseline = RlBaseline.LeaveOneOut } },
        { "alpha by value", Progress with { AlphaBy = AlphaRule.Value, Baseline = RlBaseline.LeaveOneOut } },
        { "alpha auto", Progress with { Iterations = 30, Samples = 8, MatchAlpha = true, Alpha = 77, Baseline = RlBaseline.LeaveOneOut } },
        { "several provers", Progress with { Baseline = RlBaseline.LeaveOneOut } },
        { "guard", Progress with { Iterations = 30, Samples = 8, Alpha = 3, Rate = 5e-3, GuardWindow = 8, GuardAlpha = 0.5 } },
    };

    [Theory, MemberData(nameof(Modes))]
    public void A_killed_run_of_every_mode_resumes_to_the_same_metrics_and_weights(string mode, RlOptions options)
    {
        using var temporary = new TempFolder();
        var prover = mode == "several provers" ? new(new BestOfKVerifier(new Misled(), 2, 8)) : NoSevens;
        var task = options.Reward == DenseReward.None
            ? Task : Task with { Prover = (_, _, _) => System.Threading.Tasks.Task.FromResult(prover) };
        void Run(string name, int killAt = -1) => RlLoop.Run(task, options, temporary[name], p =>
        {
            if (p.Row.Iteration == killAt) throw new InvalidOperationException("killed");
        });
        Run("whole");
        Assert.Throws<InvalidOperationException>(() => Run("killed", 3));
        File.AppendAllText(Path.Combine(temporary["killed"], RlLoop.MetricsName), "{\"iteration\":4,\"rew");
        Assert.Throws<InvalidOperationException>(() => Run("killed", options.Iterations - 2));
        Run("killed");
        byte[] Bytes(string run, string file) => File.ReadAllBytes(Path.Combine(temporary[run], file));
        foreach (var file in new[] { RlLoop.MetricsName, "checkpoints/last/model.safetensors", "checkpoints/best/model.safetensors" })
            Assert.Equal(Bytes("whole", file), Bytes("killed", file));
        var rows = JsonLines.Read<RlRow>(Path.Combine(temporary["whole"], RlLoop.MetricsName)).ToList();
        Assert.All(rows.SkipLast(1), r => Assert.True(r.GradNorm > 0, $"{mode}: no gradient at {r.Iteration}"));
        Assert.Equal(options.Outcome == OutcomeCredit.Segments, rows[^1].ProverTokens > 0);
        if (options.MatchAlpha) IsMatched([.. rows.SkipLast(1)]);
        if (options.GuardAlpha == 1) return;

        // Steps without a 7 are progress to this prover: right answers vanish, alpha is halved, and not again within a window.
        double[] alphas = [.. rows.SkipLast(1).Select(r => r.Alpha!.Value)];
        int[] lowered = [.. Enumerable.Range(1, alphas.Length - 1).Where(i => alphas[i] != alphas[i - 1])];
        Assert.NotEmpty(lowered);
        Assert.All(lowered, i => Assert.Equal(alphas[i - 1] / 2, alphas[i]));
        Assert.All(lowered.Prepend(0).Zip(lowered), pair => Assert.True(pair.Second - pair.First >= options.GuardWindow));
        Assert.True(rows[0].Reward > rows[lowered[0]].Reward);
    }

    /// <summary>Alpha is fitted to the first batch, then to all until there are enough steps, and then stays.</summary>
    private static void IsMatched(RlRow[] rows)
    {
        Assert.Equal(AlphaMatch.Share * 0.5 / rows[0].StepScale!.Value, rows[0].Alpha!.Value, 12);
        var last = Array.FindLastIndex(rows, r => r.Alpha != rows[^1].Alpha);
        Assert.InRange(last, 3, rows.Length - 4);
        Assert.All(rows, r => Assert.InRange(r.Alpha!.Value, AlphaMatch.Lowest, AlphaMatch.Highest));
    }

    /// <summary>A prover to whom no step is progress.</summary>
    private sealed class Silent : IVerifier
    {
        public string Name => "silent";

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
            System.Threading.Tasks.Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p =>
                new Scored(new double[p.Depth + 1], 0))]);
    }

    /// <summary>That progress is more than nothing once a verifier has come is not the policy's doing: the guard's window begins
    /// there.</summary>
    [Fact]
    public void The_guard_looks_at_iterations_in_which_some_step_was_progress()
    {
        using var temporary = new TempFolder();
        var (silent, looked) = (new RlProver(new Silent()), new List<long>());
        var task = Task with { Prover = (iteration, _, _) => System.Threading.Tasks.Task.FromResult(iteration < 6 ? silent : NoSevens) };
        RlLoop.Run(task, Progress with { Iterations = 12 }, temporary["run"], p =>
        {
            if (p.Signs is not null) looked.Add(p.Row.Iteration);
        });
        Assert.Equal([9, 10, 11], looked);
    }

    /// <summary>Prefixes that traces share are completed once: so is each of the 4 problems.</summary>
    [Fact]
    public void Completions_are_charged_and_shared_prefixes_are_counted_once()
    {
        using var temporary = new TempFolder();
        IReadOnlyList<RlRow> Rows(int segment)
        {
            var options = Options with { Iterations = 1, Warmup = 0, Outcome = OutcomeCredit.Segments, SegmentSteps = segment };
            RlLoop.Run(Task, options, temporary[$"{segment}"]);
            return [.. JsonLines.Read<RlRow>(Path.Combine(temporary[$"{segment}"], RlLoop.MetricsName))];
        }

        var (each, whole) = (Rows(1), Rows(6));
        // A segment as long as a trace has a value at the problem only, since the end has its outcome.
        Assert.Equal(4 * 3, whole[^1].ProverRollouts);
        Assert.InRange(each[^1].ProverRollouts, (4 * 3) + 1, 3 * (4 + (16 * 5)));
        Assert.Equal(0, each[^1].ProverRollouts % 3);
        Assert.True(whole[^1].ProverTokens >= whole[^1].ProverRollouts && whole[^1].ProverTokens <= 6 * whole[^1].ProverRollouts);
        Assert.Equal(each[0].GeneratedTokens, whole[0].GeneratedTokens);
        Assert.True(each[0].Steps > 1);
    }

    /// <summary>The verifier learns from what RL draws anyway, and from completions of right traces' steps, which are counted; killed
    /// between refreshes, it comes out the same.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_verifier_of_sampled_traces_counts_its_completions_and_resumes_to_the_same_bytes(int completions)
    {
        using var temporary = new TempFolder();
        using (var model = TrainingTests.Tiny(Words)) model.Save(temporary["start"]);
        Words.Save(temporary["start"]);
        var training = new TrainOptions { Steps = 60, Batch = 32, Rate = 3e-3, EvaluateEvery = 60, CheckpointEvery = 30 };
        var refreshes = new RefreshOptions(
            3, 40, new() { NMc = completions, Sampling = new(MaxTokens: 6) }, training, new(temporary["start"], Template));
        Problem[] problems = [.. Enumerable.Range(0, 40).Select(i => new Problem($"p{i}", $" {i / 10} {i % 10}", "7"))];
        void Run(string name, int killAt = -1)
        {
            using var prover = new ProverRefresh(temporary[name], "", [2], problems, Sevens, refreshes, new());
            var options = Progress with { Iterations = 8, Batch = 20, Samples = 8, CheckpointEvery = 4, MatchAlpha = true };
            RlLoop.Run(Task with { Problems = problems, Prover = prover.At, Sampled = prover.Keep }, options, temporary[name], p =>
            {
                if (p.Row.Iteration == killAt) throw new InvalidOperationException("killed");
            });
        }

        Run("whole");
        Assert.Throws<InvalidOperationException>(() => Run("killed", 5));
        Assert.Throws<InvalidOperationException>(() => Run("killed", 6));
        Run("killed");
        byte[] Bytes(string run, string file) => File.ReadAllBytes(Path.Combine(temporary[run], file));
        var refreshed = "refresh/00006/checkpoints/best/model.safetensors";
        foreach (var file in new[] { RlLoop.MetricsName, "checkpoints/last/model.safetensors", refreshed })
            Assert.Equal(Bytes("whole", file), Bytes("killed", file));
        var rows = JsonLines.Read<RlRow>(Path.Combine(temporary["whole"], RlLoop.MetricsName)).ToList();
        Assert.All(rows.Take(3), r => Assert.Equal((0, 0), (r.Progress, r.ProverRollouts)));
        var known = new[] { 3, 6 }.First(i => !Json.Read<RefreshVerdict>(
            Path.Combine(temporary["whole"], "refresh", $"{i:00000}", "verdict.json")).Refused);
        Assert.All(rows.Where(r => r.Reward is not null), r => Assert.Equal(r.Iteration >= known, r.Progress != 0));
        var labels = new[] { 3, 6 }.Select(i => JsonLines.Read<LabelledTrace>(
            Path.Combine(temporary["whole"], "refresh", $"{i:00000}", "labels.jsonl")).ToList()).ToList();
        Assert.Equal(labels.Sum(l => l.Count), rows[^1].ProverRollouts);
        // Every fourth problem with a right trace is held out, and has no completions.
        var sampled = Enumerable.Range(0, 3).SelectMany(i =>
            JsonLines.Read<LabelledTrace>(Path.Combine(temporary["whole"], "refresh", "sampled", $"{i:00000}.jsonl")));
        string[] right = [.. sampled.GroupBy(l => l.Problem).Where(p => p.Any(l => l.Rex == 1)).Select(p => p.Key)];
        if (completions > 0) Assert.Equal(right.Where((_, i) => i % 4 != 0).Order(), labels[0].Select(l => l.Problem).Distinct().Order());
        Assert.Equal(completions > 0, rows[^1].ProverTokens > 0);
        Assert.All(labels, l => Assert.Equal(completions > 0, l.Count > 0));
    }

    /// <summary>With 4 held-out problems none can be told from chance, however good: then no step is progress, to the end.</summary>
    [Fact]
    public void A_verifier_from_scratch_that_is_refused_rewards_no_step()
    {
        using var temporary = new TempFolder();
        using (var model = TrainingTests.Tiny(Words)) model.Save(temporary["start"]);
        Words.Save(temporary["start"]);
        Problem[] problems = [.. Enumerable.Range(0, 16).Select(i => new Problem($"p{i}", $" {i / 10} {i % 10}", "7"))];
        var training = new TrainOptions { Steps = 30, Batch = 32, Rate = 3e-3, EvaluateEvery = 30, CheckpointEvery = 30 };
        var verdicts = new List<RefreshVerdict>();
        using var prover = new ProverRefresh(
            temporary["run"], "", [2], problems, Sevens,
            new(3, 16, new() { NMc = 0, Sampling = new(MaxTokens: 6) }, training, new(temporary["start"], Template)), new(),
            (_, verdict) => verdicts.Add(verdict));
        RlLoop.Run(Task with { Problems = problems, Prover = prover.At, Sampled = prover.Keep },
            Progress with { Iterations = 8, Batch = 16, Samples = 8 }, temporary["run"]);
        Assert.Equal(2, verdicts.Count);
        Assert.All(verdicts, v =>
            Assert.True(v is { Refused: true, Before: null, Problems: > 0 and < RefreshVerdict.FewestProblems }, $"{v}"));
        var rows = JsonLines.Read<RlRow>(Path.Combine(temporary["run"], RlLoop.MetricsName)).Where(r => r.Reward is not null);
        Assert.All(rows, r => Assert.Equal(0, r.Progress));
    }

    [Theory]
    [InlineData(OutcomeCredit.Group)]
    [InlineData(OutcomeCredit.SharedPrefixes)]
    [InlineData(OutcomeCredit.Segments)]
    public void A_policy_learns_by_every_credit(OutcomeCredit outcome)
    {
        using var temporary = new TempFolder();
        var options = Options with
        {
            Iterations = 40, Samples = 8, Outcome = outcome, EvaluateEvery = 40, CheckpointEvery = 40, Rate = 5e-3,
        };
        var result = RlLoop.Run(Task, options, temporary["run"]);
        var start = JsonLines.Read<RlRow>(Path.Combine(temporary["run"], RlLoop.MetricsName)).First();
        Assert.True(start.ValidAccuracy < 0.7 && result.ValidAccuracy > 0.9, $"{start.ValidAccuracy} to {result.ValidAccuracy}");
    }

    [Fact]
    public void What_does_not_go_together_is_refused()
    {
        var group = Options with { Outcome = OutcomeCredit.Group };
        Assert.Contains("at least 2 samples", Assert.Throws<UserError>((group with { Samples = 1 }).Check).Message);
        Assert.Contains("no further baseline", Assert.Throws<UserError>((group with { Baseline = RlBaseline.LeaveOneOut }).Check).Message);
        Assert.Contains("where progress is rewarded", Assert.Throws<UserError>((group with { AlphaBy = AlphaRule.Value }).Check).Message);
        Assert.Contains("1 step and 1 completion", Assert.Throws<UserError>((group with { ValueRollouts = 0 }).Check).Message);
    }
}
