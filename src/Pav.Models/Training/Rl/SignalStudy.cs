using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>Whose gradients are measured, on what, and by whose values.</summary>
/// <param name="Model">The present policy, ready to learn.</param>
/// <param name="Policy">The same, to sample from.</param>
/// <param name="Prover">Policy whose best-of-K is the prover: that of the verifier's labels; null where it is the present
/// policy.</param>
/// <param name="Verifier">Its progress is judged: values of the prover, best-of-K already.</param>
internal sealed record SignalTask(
    DecoderModel Model, IPolicy Policy, IPolicy? Prover, IVerifier Verifier, Tokenizer Tokenizer, PromptTemplate Template,
    Grader Grader, IReadOnlyList<Problem> Problems);

/// <summary>How much is drawn.</summary>
/// <param name="Batches">Independent batches, at least 3.</param>
/// <param name="Batch">Problems of each, drawn with replacement.</param>
/// <param name="Samples">Traces of each problem.</param>
/// <param name="ValueRollouts">Completions of every prefix behind VinePPO's values.</param>
/// <param name="OracleRollouts">Completions behind an oracle's values, in two halves; half of them at least K and ValueRollouts.</param>
/// <param name="BestOf">K of the prover.</param>
/// <param name="Alphas">Weights of progress that are compared.</param>
internal sealed record SignalOptions(
    int Batches, int Batch, int Samples, int ValueRollouts, int OracleRollouts, int BestOf, IReadOnlyList<double> Alphas, int MaxTokens,
    int PassTokens, ulong Seed);

/// <summary>A method's gradient estimates at one policy.</summary>
/// <param name="Reward">orm, grpo, lambda_grpo, vineppo; or pav with the source of its progress: pav (verifier), pav_prover (oracle of the
/// prover), pav_policy (oracle of best-of-K of the present policy).</param>
/// <param name="Alpha">Weight of progress; null where there is none.</param>
/// <param name="Tokens">Generated for one batch, completions for values included.</param>
/// <param name="Exact">The same with exact values in the place of counted ones, where it counts them.</param>
internal sealed record MethodSignal(string Reward, double? Alpha, GradientSignal Gradient, double Tokens, GradientSignal? Exact = null);

/// <summary>How right progress is at one policy: correlations over the steps that it takes, free of Monte Carlo noise.</summary>
/// <param name="WithProver">Verifier's A with the prover's true A.</param>
/// <param name="WithPolicy">Verifier's A with the present policy's true A (K = 1).</param>
/// <param name="ProverWithPolicy">The prover's true A with the present policy's.</param>
internal sealed record ProgressSignal(Interval WithProver, Interval WithPolicy, Interval ProverWithPolicy);

/// <summary>What the batches of one policy say (docs/rl.md).</summary>
/// <param name="Right">Share of right traces.</param>
/// <param name="Weights">Trained numbers: the length of a gradient.</param>
internal sealed record SignalReport(
    string Policy, int Batches, int Traces, int Steps, double Right, long Weights, IReadOnlyList<MethodSignal> Methods,
    ProgressSignal Progress, long GeneratedTokens)
{
    public const string FileName = "signal.json";
}

/// <summary>
/// Gradient estimates of RL's rewards on the same traces of many batches, and how right the progress in them is. Every batch has
/// completions of its own, so that batches are independent.
/// </summary>
internal sealed class SignalStudy(SignalTask task, SignalOptions options, Action<int> done, CancellationToken cancel)
{
    /// <summary>Floats of all gradients together: 2 GB.</summary>
    private const long Most = 1L << 29;

    /// <summary>Whose gradients are kept; values that are counted by either half of the completions.</summary>
    private enum Kind
    {
        Outcome,
        Group,
        SharedPrefixes,
        Vine,
        Verifier,
        ProverFirst,
        ProverSecond,
        PolicyFirst,
        PolicySecond,
        VineFirst,
        VineSecond,
    }

    private static readonly int Kinds = Enum.GetValues<Kind>().Length;

    private readonly Sampling sampling = new(MaxTokens: options.MaxTokens);
    private readonly List<float[]>[] gradients = [.. Enumerable.Range(0, Kinds).Select(_ => new List<float[]>())];
    private readonly List<(HalvedPair Verifier, HalvedPair Policy, HalvedPair Prover)> steps = [];
    private readonly List<int> outcomes = [];
    private long traceTokens, valueTokens, proverTokens, policyTokens;

    public SignalReport Run()
    {
        Check();
        using var gradient = new PolicyGradient(task.Model, options.PassTokens);
        for (var batch = 0; batch < options.Batches; batch++)
        {
            cancel.ThrowIfCancellationRequested();
            Add(batch, gradient);
            done(batch + 1);
        }

        return Report();
    }

    private void Check()
    {
        var (needed, half) = (Math.Max(options.BestOf, options.ValueRollouts), options.OracleRollouts / 2);
        if (options.OracleRollouts % 2 != 0 || half < needed)
            throw new UserError($"the completions of an oracle are compared in two halves, so there must be an even number of them, "
                + $"{2 * needed} at least for best-of-{options.BestOf} and {options.ValueRollouts} completions for VinePPO's values; "
                + $"they are {options.OracleRollouts}");
        var weights = task.Model.Trained.Sum(w => w.Value.numel);
        if (weights * Kinds * options.Batches > Most)
            throw new UserError($"gradients of {weights:N0} weights for {options.Batches} batches do not fit into 2 GB; "
                + $"take {Most / (weights * Kinds)} batches at most, 3 at least, or a smaller model");
    }

    private void Add(int batch, PolicyGradient gradient)
    {
        var groups = Sample(batch);
        Prefix[] traces = [.. groups.SelectMany(g => g)];
        var rollouts = Seeds.Derive(options.Seed, "", "signal values", batch);
        var (half, policy) = (options.OracleRollouts / 2, Counter(task.Policy));
        var value = Count(policy, traces, options.ValueRollouts, "value", ref valueTokens);
        var rest = half > options.ValueRollouts
            ? Count(policy, traces, half - options.ValueRollouts, "value, rest of the half", ref policyTokens) : null;
        var first = rest is null ? value : value.ToDictionary(v => v.Key, v => Sum(v.Key, v.Value, rest[v.Key]));
        var second = Count(policy, traces, half, "value, other half", ref policyTokens);
        var (proverFirst, proverSecond) = (first, second);
        if (task.Prover is { } other)
        {
            var prover = Counter(other);
            proverFirst = Count(prover, traces, half, "prover", ref proverTokens);
            proverSecond = Count(prover, traces, half, "prover, other half", ref proverTokens);
        }

        double[][][] Values(Func<Prefix, double> valued) =>
            [.. groups.Select(g => g.Select(t => t.Path().Select(valued).ToArray()).ToArray())];
        double BestOf(Prefix prefix, QEstimate counts) => prefix.Ended ? counts.Value : BestOfK.FromCounts(counts, options.BestOf);
        double[][][] Best(IReadOnlyDictionary<Prefix, QEstimate> counted) => Values(p => BestOf(p, counted[p]));
        double[][][] Means(IReadOnlyDictionary<Prefix, QEstimate> counted) => Values(p => counted[p].Value);
        var scored = task.Verifier.Score(traces, cancel).GetAwaiter().GetResult();
        task.Verifier.Reset();
        double[][][] verifier = [.. scored.Select(s => s.Q).Chunk(options.Samples)];

        Credit(Kind.Outcome, new() { Reward = DenseReward.None, Baseline = RlBaseline.LeaveOneOut });
        Credit(Kind.Group, new() { Reward = DenseReward.None, Outcome = OutcomeCredit.Group, Baseline = RlBaseline.None });
        Credit(Kind.SharedPrefixes, new()
        {
            Reward = DenseReward.None, Outcome = OutcomeCredit.SharedPrefixes, Baseline = RlBaseline.None,
        });
        var vine = new RlOptions
        {
            Reward = DenseReward.None, Outcome = OutcomeCredit.Segments, SegmentSteps = 1, Baseline = RlBaseline.None,
        };
        Credit(Kind.Vine, vine, segments: Means(value));
        Credit(Kind.VineFirst, vine, segments: Means(first));
        Credit(Kind.VineSecond, vine, segments: Means(second));
        var progress = new RlOptions { Reward = DenseReward.Progress, Alpha = 1, Baseline = RlBaseline.LeaveOneOut };
        Credit(Kind.Verifier, progress, verifier);
        Credit(Kind.PolicyFirst, progress, Best(first));
        Credit(Kind.PolicySecond, progress, Best(second));
        if (task.Prover is null)
        {
            gradients[(int)Kind.ProverFirst].Add(gradients[(int)Kind.PolicyFirst][^1]);
            gradients[(int)Kind.ProverSecond].Add(gradients[(int)Kind.PolicySecond][^1]);
        }
        else
        {
            Credit(Kind.ProverFirst, progress, Best(proverFirst));
            Credit(Kind.ProverSecond, progress, Best(proverSecond));
        }

        foreach (var (trace, q) in traces.Zip(verifier.SelectMany(v => v)))
        {
            outcomes.Add(task.Grader.Rex(trace));
            Steps(trace, q, p => BestOf(p, proverFirst[p]), p => BestOf(p, proverSecond[p]), p => first[p].Value, p => second[p].Value);
        }

        Rollouts Counter(IPolicy by) => new(by, task.Grader, sampling, rollouts, 4096);

        void Credit(Kind kind, RlOptions rl, double[][][]? qMu = null, double[][][]? segments = null) =>
            gradients[(int)kind].Add(gradient.Compute(
                Episode.FromBatch(groups, qMu, segments, task.Grader, rl, task.Tokenizer, task.Template)));
    }

    /// <summary>Problems are drawn with replacement, each batch by itself.</summary>
    private Prefix[][] Sample(int batch)
    {
        var which = Seeds.Derive(options.Seed, "", "signal problems", batch);
        Draw[] draws =
        [
            .. from i in Enumerable.Range(0, options.Batch)
               let problem = task.Problems[(int)(Seeds.Uniform(which, i) * task.Problems.Count)]
               from k in Enumerable.Range(0, options.Samples)
               select new Draw(Prefix.Root(problem), Seeds.Derive(options.Seed, problem.Id, $"signal {batch} {i}", k)),
        ];
        var traces = task.Policy.Extend(draws, Until.TraceEnd, sampling, cancel).GetAwaiter().GetResult();
        traceTokens += traces.Sum(t => (long)t.TokensSince());
        return [.. traces.Chunk(options.Samples)];
    }

    private IReadOnlyDictionary<Prefix, QEstimate> Count(Rollouts by, Prefix[] traces, int n, string purpose, ref long tokens)
    {
        var counted = by.Count(traces.SelectMany(t => t.Path()), n, purpose, cancel).GetAwaiter().GetResult();
        tokens += counted.Values.Sum(c => (long)c.Tokens);
        return counted.ToDictionary(c => c.Key, c => c.Value.Counts);
    }

    /// <summary>Completions of both; an ended prefix has its outcome once.</summary>
    private static QEstimate Sum(Prefix prefix, QEstimate a, QEstimate b) => prefix.Ended ? a : new(a.N + b.N, a.C + b.C);

    private void Steps(
        Prefix trace, double[] verifier, Func<Prefix, double> prover1, Func<Prefix, double> prover2, Func<Prefix, double> policy1,
        Func<Prefix, double> policy2)
    {
        double[] Progress(Func<Prefix, double> value) => Advantage.OfSteps([.. trace.Path().Select(value)]);
        var (a, m1, m2) = (Advantage.OfSteps(verifier), Progress(prover1), Progress(prover2));
        var (p1, p2) = (Progress(policy1), Progress(policy2));
        for (var h = 0; h < a.Length; h++)
        {
            var id = trace.Problem.Id;
            steps.Add((new(id, a[h], a[h], m1[h], m2[h]), new(id, a[h], a[h], p1[h], p2[h]), new(id, m1[h], m2[h], p1[h], p2[h])));
        }
    }

    private SignalReport Report()
    {
        var products = new GradientProducts(gradients);
        double[] Weights(Kind kind, double alpha = 1)
        {
            var weights = new double[Kinds];
            weights[(int)Kind.Outcome] = 1 - alpha;
            weights[(int)kind] += alpha;
            return weights;
        }

        // Both have the gradient of the outcome as their mean; the less noisy one weighs more.
        var values = GradientProducts.Mean(Weights(Kind.VineFirst), Weights(Kind.VineSecond));
        var (outcome, vine) = (products.Noise(Weights(Kind.Outcome)), products.Noise(values));
        double[] truth = [.. Weights(Kind.Outcome).Zip(values, (o, v) => (o * vine + v * outcome) / (outcome + vine))];
        GradientSignal Measure(double[] method) => products.Measure(method, Weights(Kind.Outcome), truth, options.Seed);
        MethodSignal Method(string reward, Kind kind, double? alpha, long tokens) =>
            new(reward, alpha, Measure(Weights(kind, alpha ?? 1)), tokens / (double)options.Batches);
        MethodSignal Counted(string reward, Kind kind, Kind first, Kind second, double? alpha, long tokens)
        {
            var (one, two) = (Weights(first, alpha ?? 1), Weights(second, alpha ?? 1));
            return new(
                reward, alpha, Measure(kind == first ? GradientProducts.Mean(one, two) : Weights(kind)), tokens / (double)options.Batches,
                products.MeasureExact(one, two, Weights(Kind.Outcome), truth, options.Seed));
        }

        var byPolicy = traceTokens + valueTokens + policyTokens;
        return new(
            task.Policy.Name, options.Batches, outcomes.Count, steps.Count, outcomes.Average(), gradients[0][0].Length,
            [
                Method("orm", Kind.Outcome, null, traceTokens), Method("grpo", Kind.Group, null, traceTokens),
                Method("lambda_grpo", Kind.SharedPrefixes, null, traceTokens),
                Counted("vineppo", Kind.Vine, Kind.VineFirst, Kind.VineSecond, null, traceTokens + valueTokens),
                .. options.Alphas.Select(alpha => Method("pav", Kind.Verifier, alpha, traceTokens)),
                .. options.Alphas.Select(alpha => Counted("pav_prover", Kind.ProverFirst, Kind.ProverFirst, Kind.ProverSecond, alpha,
                    task.Prover is null ? byPolicy : traceTokens + proverTokens)),
                .. options.Alphas.Select(alpha => Counted("pav_policy", Kind.PolicyFirst, Kind.PolicyFirst, Kind.PolicySecond, alpha,
                    byPolicy)),
            ],
            new(
                NoisyCorrelation.From(steps.Select(s => s.Verifier), options.Seed),
                    NoisyCorrelation.From(steps.Select(s => s.Policy), options.Seed),
                NoisyCorrelation.From(steps.Select(s => s.Prover), options.Seed)),
            byPolicy + proverTokens);
    }
}
