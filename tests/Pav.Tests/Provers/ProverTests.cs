namespace Pav.Tests.Provers;

public class ProverTests
{
    private readonly Random random = new(3);

    private QEstimate Roll(double q, int n) => new(n, Enumerable.Range(0, n).Count(_ => random.NextDouble() < q));

    /// <summary>A state at the first depth of a problem with two steps of known Q; the policy takes each with ½.</summary>
    private LabelledState State(int problem, string text, string policy, int n, params double[] q) =>
        new($"p{problem}", policy, "pi", text == "" ? [] : [text], text == "" ? [] : [[1]], 1, "numeric-1", n, Roll(q.Average(), n).C,
            [.. q.Select((v, i) => Roll(v, n) is var r ? new LabelledStep($"{i}\n", [i], false, 2, r.N, r.C) : null!)]);

    private LabelSource Labels(string policy, int problems, int n, Func<int, (string Text, double[] Q)[]> states) =>
        new($"runs/{policy}", [.. Enumerable.Range(0, problems).SelectMany(p => states(p).Select(s => State(p, s.Text, policy, n, s.Q)))]);

    private static ProverReport Report(ProverLabels labels, double alpha = 0.5, params int[] ks) =>
        new ProverStudy(labels, labels.Candidates(ks), alpha, 1).Report(null);

    /// <summary>Within about four standard errors, and those are small.</summary>
    private static void Near(double exact, Interval found)
    {
        var width = found.High - found.Low;
        Assert.InRange(exact, found.Value - width, found.Value + width);
        Assert.InRange(width, 1e-5, 0.02);
    }

    private static Interval Predictor(ProverReport report, string prover, string predictor) =>
        report.Provers.Single(p => p.Name == prover).Predictors[predictor];

    [Fact]
    public void Terms_are_those_of_exact_values_and_intervals_hold_them()
    {
        var pi = Labels("pi", 400, 20, _ => [("", [0.1, 0.3])]);
        var mu = Labels("mu", 400, 12, _ => [("", [0.6, 0.5])]);
        var report = Report(new(pi, [mu]), 0.5, 1, 4);
        static double Bo(double q, int k) => 1 - Math.Pow(1 - q, k);
        foreach (var (name, low, high) in new[] { ("bo1", 0.1, 0.3), ("bo4", Bo(0.1, 4), Bo(0.3, 4)), ("mu", 0.6, 0.5),
            ("bo4 of mu", Bo(0.6, 4), Bo(0.5, 4)) })
        {
            var (d, a) = (Predictor(report, name, ProverStudy.Distinguishability), Predictor(report, name, ProverStudy.Alignment));
            Near((high - low) * (high - low) / 3, d);
            Near((high - low) * 0.2 / 3, a);
        }

        Assert.Equal(["none", "bo1", "bo4", "mu", "bo4 of mu"], report.Provers.Select(p => p.Name));
        Assert.Equal(0.04 / 3 / (0.1 * 0.9 / 20 / 2 + 0.3 * 0.7 / 20 / 2), Predictor(report, "bo1", ProverStudy.SignalToNoise).Value, 0.4);
        var advice = Assert.Single(report.Advice, a => a.For == "policy gradient");
        Assert.True(advice is { Prover: "bo4", Decided: true, MoreRollouts: null });
    }

    [Fact]
    public void Without_a_difference_more_rollouts_are_asked_for()
    {
        var labels = new ProverLabels(Labels("pi", 40, 12, _ => [("", [0.30, 0.36])]), []);
        var advice = Assert.Single(Report(labels, 0.5, 1, 2).Advice, a => a.For == "policy gradient");
        Assert.False(advice.Decided);
        Assert.StartsWith("undecided between", advice.Reason);
        Assert.Contains("label more problems", advice.Reason);
        Assert.InRange(advice.MoreRollouts!.Value, labels.Rollouts, 100 * labels.Rollouts);
    }

    [Fact]
    public void Rollouts_asked_for_shrink_the_interval_to_the_difference()
    {
        ProblemRatio Ratio(double mean, double spread) =>
            new([.. Enumerable.Range(0, 400).Select(i => mean + (i % 2 == 0 ? spread : -spread))], [.. Enumerable.Repeat(1.0, 400)]);
        // The lead of 0.1 has a standard error of 2/√400 = 0.1: an interval of ±0.196, so (1.96² − 1) times the rollouts more.
        var advice = ProverAdvice.From("use", "by", "score", [("a", Ratio(0.1, 2)), ("b", Ratio(0, 0))], 1000, 1);
        Assert.InRange(advice.MoreRollouts!.Value, 2400, 3400);
        Assert.Matches(@"label more problems, about 1,[0-3]\d0 beside these 400 \([23],\d00 rollouts, as many of each\)", advice.Reason);
        Assert.True(ProverAdvice.From("use", "by", "score", [("a", Ratio(0.5, 2)), ("b", Ratio(0, 0))], 1000, 1).Decided);
        Assert.Contains("do not differ",
            ProverAdvice.From("use", "by", "score", [("a", Ratio(0.5, 2)), ("b", Ratio(0.5, 2))], 1000, 1).Reason);
    }

    [Fact]
    public void Picks_are_counted_with_completions_that_did_not_choose_them()
    {
        // All steps are worth 0.5: whatever is picked, its fresh count is 0.5 on average, where the count that chose it would be larger.
        var report = Report(new(Labels("pi", 500, 8, _ => [("a\n", [0.5, 0.5]), ("b\n", [0.5, 0.5])]), []), 0.5, 1);
        Assert.Equal(0.5, Predictor(report, "none", ProverStudy.Best).Value, 0.03);
        Assert.Equal(0.5, Predictor(report, "none", ProverStudy.Kept).Value, 0.03);
        Assert.Equal(500, report.SharedRounds);
    }

    [Fact]
    public void Best_of_K_is_read_without_bias_from_halves_that_have_K_completions()
    {
        // Halves of 2: of the step with 3 right of 4 one half has 1, the other 2. BoK(π) of either is 1 from counts, as that of its state,
        // and 1 − ½^K from the ratio of the smaller, whose
        // loss of progress at α = 10 drops it behind a step that is always wrong.
        LabelledState At(int problem, string text, int c, int next) =>
            new($"p{problem}", "pi", "pi", [text], [[1]], 1, "numeric-1", 4, c, [new("x\n", [1], false, 2, 4, next)]);
        var labels =
            new ProverLabels(new("runs/pi",
            [.. Enumerable.Range(0, 200).SelectMany(p => new[] { At(p, "a\n", 4, 3), At(p, "b\n", 0, 0) })]), []);
        double Best(int k) => new PickedSteps(labels, 10, 1).ByHalves(new($"bo{k}", k, null))!.Value.Best.Value;
        Assert.Equal(0.75, Best(2), 0.02);
        Assert.Equal(0.25, Best(4), 0.02);
    }

    [Fact]
    public void An_error_shared_by_the_steps_of_a_state_makes_progress_useful()
    {
        // A verifier overrates one of two states and both of its steps, so Q alone keeps them and drops the best step of the other.
        var labels = new ProverLabels(Labels("pi", 100, 50, _ => [("a\n", [0.2, 0.8]), ("b\n", [0.2, 0.6])]), []);
        var seen = labels.States.Select(s => s.Steps[0] == "a\n"
            ? new PickedSteps.Seen(0.5, [0.2, 0.8]) : new PickedSteps.Seen(0.9, [0.85, 1.0])).ToList();
        var picks = new PickedSteps(labels, 5, 1);
        Assert.Equal(0.6, picks.ByVerifier(null, seen)!.Value.Best.Value, 0.03);
        Assert.Equal(0.8, picks.ByVerifier(labels.Candidates([1])[0], seen)!.Value.Best.Value, 0.03);
        var advice = new ProverStudy(labels, labels.Candidates([1]), 5, 1, seen)
            .Report(null).Advice.Single(a => a.By == ProverStudy.KeptByVerifier);
        Assert.True(advice is { Prover: "bo1", Decided: true });
    }

    [Fact]
    public void A_search_that_follows_the_prediction_correlates()
    {
        var labels = new ProverLabels(Labels("pi", 100, 20, _ => [("", [0.05, 0.15])]), []);
        var study = new ProverStudy(labels, labels.Candidates([1, 2, 4, 8]), 0.5, 1);
        SearchRow Row(int p, string prover, int right, int n = 4) => new()
        {
            Problem = $"t{p}", Level = 0, Method = "beam-pav", N = n, Alpha = 0.5, Prover = prover, Seed = 1, Correct = right, Pass = right,
            Candidates = 4, Distinct = 4, Answer = "", GeneratedTokens = 10, ScoredTokens = 10, Seconds = 0,
        };
        var rows = new[] { "bo1", "bo2", "bo4", "bo8" }.SelectMany((name, i) =>
            Enumerable.Range(0, 100).Select(p => Row(p, name, p % 10 < 2 * i + 1 ? 1 : 0))).Append(Row(0, "bo1", 1, 8)).ToList();
        ProverSearches Searches(IEnumerable<SearchRow> some) =>
            ProverSearches.From("runs/search", some, study.Candidates.Select(c => c.Name), n => n);
        var agreement = SearchAgreement.From(Searches(rows), study, 1);
        Assert.Equal((4, 0.5, 100), (agreement.N, agreement.Alpha, agreement.Problems));
        Assert.Equal(1, agreement.Predictors.Single(p => p.Predictor == ProverStudy.Alignment).Spearman.Value, 12);
        var opposite = SearchAgreement.From(Searches(rows.Select(r => r with { Correct = 1 - r.Correct })), study, 1);
        Assert.Equal(-1, opposite.Predictors.Single(p => p.Predictor == ProverStudy.Distinguishability).Spearman.Value, 12);
        Assert.Contains("there are 2", Assert.Throws<UserError>(() => Searches(rows.Where(r => r.Prover is "bo1" or "bo2"))).Message);
    }

    [Fact]
    public void Labels_that_do_not_fit_are_named()
    {
        var pi = Labels("pi", 5, 6, _ => [("", [0.2, 0.8])]);
        string Message(Func<ProverLabels> make) => Assert.Throws<UserError>(() => { make(); }).Message;
        LabelSource With(string name, Func<LabelledState, LabelledState> change) => new($"runs/{name}", [.. pi.States.Select(change)]);
        Assert.StartsWith("runs/single: every state has a single step",
            Message(() => new(With("single", s => s with { Next = [s.Next[0] with { Drawn = 1 }] }), [])));
        Assert.StartsWith("runs/other labels other problems than runs/pi",
            Message(() => new(pi, [With("other", s => s with { Problem = "q" + s.Problem, Steps = ["x"] })])));
        Assert.StartsWith("runs/part lacks a state of problem p4", Message(() => new(pi, [new("runs/part", [.. pi.States.Take(4)])])));
        Assert.StartsWith("runs/less lacks the step \"1\"", Message(() => new(pi, [With("less", s => s with { Next = [s.Next[0]] })])));
        Assert.Contains("hold the same completions", Message(() => new(pi, [With("same", s => s)])));
        Assert.StartsWith("runs/cut has a state of problem p0 twice",
            Message(() => new(pi, [new("runs/cut", [.. pi.States, pi.States[0] with { Steps = ["", ""], Tokens = [[], []] }])])));
        Assert.Contains("graded by", Message(() => new(pi, [With("grader", s => s with { Grader = "latex-1" })])));
        Assert.Contains("one problem only", Message(() => new(new("runs/one", [pi.States[0]]), [])));
        Assert.StartsWith("bo6 cannot be judged from runs/pi: its steps have 6 completions",
            Assert.Throws<UserError>(() => new ProverLabels(pi, []).Candidates([6])).Message);
        Assert.Equal(["bo1", "bo2", "bo4"], new ProverLabels(pi, []).Candidates([]).Select(c => c.Name));
        Assert.True(double.IsNaN(Predictor(Report(new(pi, [])), "bo4", ProverStudy.Distinguishability).Value));
    }
}
