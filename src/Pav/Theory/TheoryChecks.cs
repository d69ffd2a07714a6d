using static Pav.TheoryResult;

namespace Pav;

/// <summary>The results of Sec. 3.2, 3.4 and App. F, each computed exactly on random trees with random policies and provers.</summary>
internal static class TheoryChecks
{
    private const double Exact = 1e-12;
    private static readonly int[] BestOfKs = [1, 2, 4, 8, 16, 32];

    public static IReadOnlyList<TheoryResult> Run(TheoryOptions options)
    {
        var cases = Enumerable.Range(0, options.Trees).Select(i => new Case(options, i)).ToList();
        return
        [
            Telescoping(cases), FirstOrderLaw(cases, options), PrintedTheorem(cases, options), PrintedScore(cases, options),
                Distinguishability(options), Alignment(options),
            WeakerProver(cases, options), OwnAdvantage(cases, options), ValueAsReward(cases), ReturnToGo(cases),
        ];
    }

    /// <summary>A random tree, π and μ, with exact values.</summary>
    private sealed class Case
    {
        public Case(TheoryOptions options, int index)
        {
            var chance = new Chance(Seeds.Derive(options.Seed, "", "theory", index));
            Tree = TokenTree.Random(chance, options.Steps, options.Depth, options.Right);
            (Policy, Prover) = (Tree.RandomPolicy(chance), Tree.RandomPolicy(chance));
            (Values, ProverValues) = (Tree.Values(Policy), Tree.Values(Prover));
            Terms = ImprovementTerms.From(Tree, Policy, Values, ProverValues);
        }

        public TokenTree Tree { get; }
        public double[] Policy { get; }
        public double[] Prover { get; }
        public double[] Values { get; }
        public double[] ProverValues { get; }
        public ImprovementTerms Terms { get; }

        /// <summary>The terms of one state.</summary>
        public ImprovementTerms At(int state)
        {
            var (start, b) = (state * Tree.Steps, Tree.Steps);
            return ImprovementTerms.OfState(Policy.AsSpan(start, b), Tree.Advantages(Values).AsSpan(start, b), Tree.Advantages(ProverValues)
                .AsSpan(start, b));
        }

        /// <summary>π after a step on Q^π + αA^μ.</summary>
        public double[] Improved(double rate, double alpha) =>
            Tree.NaturalGradientStep(Policy,
                [.. Tree.Q(Values).Zip(Tree.Advantages(ProverValues), (q, a) => EffectiveReward.Compute(q, a, alpha))], rate);

        public double Improvement(double rate, double alpha) => Tree.Values(Improved(rate, alpha))[0] - Values[0];

        public TraceGradient Gradient(TraceGradient.Credit credit) => TraceGradient.From(Tree, Policy, credit);

        public TraceGradient OutcomeGradient => Gradient((states, _, leaf) => [.. states.Select(_ => Values[leaf])]);
    }

    private static TheoryResult Telescoping(List<Case> cases)
    {
        var error = cases.Max(c =>
        {
            var toGo = TraceGradient.ToGo(c.Tree, c.Tree.Advantages(c.ProverValues));
            return c.Tree.Traces()
                .Max(t => toGo(t.States, t.Steps, t.Leaf)
                .Zip(t.States, (g, s) => Math.Abs(g - (c.ProverValues[t.Leaf] - c.ProverValues[s]))).Max());
        });
        return new(
            "Telescoping", "The A^μ from a state s to a trace's end add up to Rex − V^μ(s)", error < Exact ? Verdict.Holds : Verdict.Fails,
            Text($"largest error {Below(error)} over all traces of {cases.Count} trees"), Numbers(("largest_error", error)));
    }

    private static TheoryResult FirstOrderLaw(List<Case> cases, TheoryOptions o)
    {
        // Of the gain itself: what the wrong sign foretells may be nothing at all.
        double Error(Case c, double rate, int sign = 1) =>
            Math.Abs(rate * c.Terms.Slope(sign * o.Alpha) / c.Improvement(rate, o.Alpha) - 1);
        var errors = cases.Select(c => Error(c, o.Rate)).ToList();
        var tenth = Median(cases.Select(c => Error(c, o.Rate / 10) / Error(c, o.Rate)));
        var minus = Median(cases.Select(c => Error(c, o.Rate, -1)));
        return new(
            "First-order law", "One natural policy gradient step of rate η on Q^π + αA^μ gains η·Σ_s d^π(s)·(Var[A^π] + α·E[A^μA^π]) + "
                + "O(η²)", errors.Max() < 1e-3 ? Verdict.Holds : Verdict.Fails,
            Text($"relative error at η = {o.Rate}: at most {errors.Max():0.0e+0}, median {Median(errors):0.0e+0}; at a tenth of η the median error is {tenth:0.00} of it. With a minus before the alignment, as the appendix's last line has it, the median error is {minus:0.00}"),
            Numbers(("largest_error", errors.Max()), ("median_error", Median(errors)), ("error_at_a_tenth", tenth),
                ("median_error_with_minus", minus)));
    }

    private static TheoryResult PrintedTheorem(List<Case> cases, TheoryOptions o)
    {
        var atProblem = cases.Count(c => c.Improvement(o.Rate, 1) < o.Rate * c.Terms.Printed);
        var explained = cases.Count(c =>
            c.Improvement(o.Rate, 1) < o.Rate * c.Terms.Printed == c.Terms.ProverVariance > c.Terms.PolicyVariance);
        var (averaged, states, failing) = (0, 0, 0);
        foreach (var c in cases)
        {
            var gain = c.Tree.Values(c.Improved(o.Rate, 1)).Zip(c.Values, (after, before) => after - before).Take(c.Tree.States).ToList();
            if (c.Tree.Occupancy(c.Policy).Zip(gain, (d, g) => d * g).Sum() < o.Rate * c.Terms.Printed) averaged++;
            states += gain.Count;
            failing += gain.Where((g, s) => g < o.Rate * c.At(s).Printed - Exact).Count();
        }

        return new(
            "Theorem 3.1 as printed", "That step (α = 1) gains at least η·(distinguishability E_s Var[A^μ] + alignment E_s E[A^μA^π])",
                atProblem + averaged + failing == 0 ? Verdict.Holds : Verdict.Fails,
            Text($"the gain at the problem is smaller in {atProblem} of {cases.Count} trees, both terms summed over d^π: to first order exactly where Var[A^μ] exceeds Var[A^π] ({explained} of {cases.Count} agree). From a single state on, the gain is smaller than that state's terms in {100.0 * failing / states:0}% of states. Averaged over the states of d^π on both sides, the gain is smaller in {averaged} of {cases.Count}: there it counts each later state again for every state before it"),
            Numbers(("fails_at_the_problem", atProblem), ("explained", explained), ("fails_averaged", averaged),
                ("failing_states", (double)failing / states), ("trees", cases.Count)));
    }

    private static TheoryResult PrintedScore(List<Case> cases, TheoryOptions o)
    {
        var picks = cases.Select(c =>
        {
            var terms = BestOfKs.Select(k =>
                ImprovementTerms.From(c.Tree, c.Policy, c.Values, [.. c.Values.Select(v => BestOfK.FromQ(v, k))])).ToList();
            int Best(Func<ImprovementTerms, double> score) => BestOfKs[Enumerable.Range(0, terms.Count).MaxBy(i => score(terms[i]))];
            return (Printed: Best(t => t.Printed), Real: Best(t => t.Slope(o.Alpha)));
        }).ToList();
        var (same, inner) = (picks.Count(p => p.Printed == p.Real), picks.Count(p => p.Real is > 1 and < 32));
        return new(
            "Choosing K by the printed score", "The prover BoK(π) with the best distinguishability + alignment is the one that gains most",
                same == cases.Count ? Verdict.Holds : Verdict.WithinLimits,
            Text($"of K = 1, 2, … 32 the score picks the K of the largest first-order gain in {same} of {cases.Count}, mean log2 K {picks.Average(p => Math.Log2(p.Printed)):0.00} against {picks.Average(p => Math.Log2(p.Real)):0.00}; the best K lies strictly between 1 and 32 in {inner}"),
            Numbers(("same", same), ("interior", inner), ("log2_k_of_score", picks.Average(p => Math.Log2(p.Printed))),
                ("log2_k_of_gain", picks.Average(p => Math.Log2(p.Real)))));
    }

    /// <summary>Random states scaled so that K times the largest (or the mean) Q^π of their steps is what is asked for, each with a K and
    /// the terms of BoK(π).</summary>
    private static IEnumerable<(int K, ImprovementTerms Terms)> States(TheoryOptions o, double kq, bool mean = false)
    {
        var chance = new Chance(Seeds.Derive(o.Seed, "", "state", (long)(kq * 1e6)));
        for (var i = 0; i < 20 * o.Trees;)
        {
            var k = BestOfKs[1 + (int)(chance.Uniform() * (BestOfKs.Length - 1))];
            var policy = Enumerable.Range(0, o.Steps).Select(_ => Math.Exp(chance.Normal())).ToArray();
            policy = [.. policy.Select(p => p / policy.Sum())];
            var q = Enumerable.Range(0, o.Steps).Select(_ => chance.Uniform()).ToArray();
            var scale = kq / k / (mean ? policy.Zip(q, (p, v) => p * v).Sum() : q.Max());
            q = [.. q.Select(v => v * scale)];
            if (q.Max() > 1) continue;
            i++;
            yield return (k, ImprovementTerms.OfState(policy, q, [.. q.Select(v => BestOfK.FromQ(v, k))]));
        }
    }

    private static TheoryResult Distinguishability(TheoryOptions o)
    {
        (double Low, double High) Range(double kq, bool mean = false)
        {
            var ratios = States(o, kq, mean).Select(s => s.Terms.ProverVariance / s.Terms.PolicyVariance / (s.K * s.K)).ToList();
            return (ratios.Min(), ratios.Max());
        }

        var (rare, mean, some, one) = (Range(0.005), Range(0.005, mean: true), Range(0.05), Range(1));
        return new(
            "Remark 3.1, distinguishability", "Where Q^π = O(1/K), BoK(π) has Ω(K²) times the distinguishability of π", rare.Low > 0.98
                && rare.High < 1.02 ? Verdict.WithinLimits : Verdict.Fails,
            Text($"per state, as a multiple of K²: {rare.Low:0.000} to {rare.High:0.000} where K times the largest Q^π of a step is 0.005, {some.Low:0.00} to {some.High:0.00} at 0.05, {one.Low:0.00} to {one.High:0.00} at 1. A small mean does not suffice: at K·V^π = 0.005 a rare step of larger value brings it down to {mean.Low:0.00}"),
            Numbers(("low_at_0.005", rare.Low), ("high_at_0.005", rare.High), ("low_at_0.05", some.Low), ("high_at_0.05", some.High),
                ("low_at_1", one.Low), ("high_at_1", one.High), ("low_at_mean_0.005", mean.Low)));
    }

    private static TheoryResult Alignment(TheoryOptions o)
    {
        List<double> Ratios(double kq) => [.. States(o, kq).Select(s => s.Terms.Alignment / s.Terms.PolicyVariance / s.K)];
        var all = new[] { 0.005, 0.05, 1, 4 }.SelectMany(Ratios).ToList();
        var (rare, four) = (Ratios(0.005), States(o, 4).ToList());
        var worse = four.Count(s => s.Terms.Alignment < s.Terms.PolicyVariance);
        return new(
            "Remark 3.1, alignment", "There, BoK(π) makes the alignment with π worse by at most O(K), and the gain Ω(K²)", all.Min() >= 0
                && all.Max() <= 1 ? Verdict.WithinLimits : Verdict.Fails,
            Text($"alignment is a covariance of Q^π with an increasing function of itself: never negative, and at most K times that of π (as a multiple of K: {all.Min():0.0000} to {all.Max():0.000} in {all.Count} states; where K·Q^π ≤ 0.005 {rare.Min():0.000} to {rare.Max():0.000}). So the gain grows with K, not with K². It falls below that of π itself only where BoK saturates: {100.0 * worse / four.Count:0}% of states whose largest K·Q^π is 4"),
            Numbers(("low", all.Min()), ("high", all.Max()), ("low_at_0.005", rare.Min()), ("worse_at_4", (double)worse / four.Count)));
    }

    private static TheoryResult WeakerProver(List<Case> cases, TheoryOptions o)
    {
        const string name = "Proposition F.1", claim = "A prover weaker than π still helps if it disagrees enough (gain ≳ η²)";
        var weaker = cases.Where(c => c.ProverValues[0] < c.Values[0]).ToList();
        if (weaker.Count == 0)
            return new(name, claim, Verdict.NoCase, Text($"none of {cases.Count} provers has V^μ < V^π at the problem"),
                Numbers(("weaker", 0)));
        var helps = weaker.Count(c => c.Terms.Alignment > 0);
        const double rate = 0.1;
        var enough = weaker.Count(c => c.Improvement(rate, o.Alpha) >= rate * rate * c.Terms.Disagreement);
        var rank = Correlation.Spearman([.. weaker.Select(c => c.Terms.Disagreement)], [.. weaker.Select(c => c.Terms.Alignment)]);
        return new(
            name, claim, helps > 0 ? Verdict.WithinLimits : Verdict.Fails,
            Text($"{weaker.Count} of {cases.Count} provers have V^μ < V^π at the problem; {helps} of them add to the gain, and with {enough} the gain at η = {rate} is at least η²·E Var[A^μ − A^π]. But disagreement is not what helps: alignment is half of E Var[A^π] + E Var[A^μ] less E Var[A^μ − A^π]{(double.IsFinite(rank) ? Text($" (rank correlation of disagreement with alignment {rank:0.00})") : "")}"),
            Numbers(("weaker", weaker.Count), ("helps", helps), ("at_least", enough), ("rank_correlation", rank)));
    }

    private static TheoryResult OwnAdvantage(List<Case> cases, TheoryOptions o)
    {
        var error = cases.Max(c =>
        {
            var withOwn =
                c.Tree.NaturalGradientStep(c.Policy,
                [.. c.Tree.Q(c.Values).Zip(c.Tree.Advantages(c.Values), (q, a) => EffectiveReward.Compute(q, a, o.Alpha))], 1);
            return Largest(withOwn, c.Tree.NaturalGradientStep(c.Policy, c.Tree.Q(c.Values), 1 + o.Alpha));
        });
        return new(
            "A^π adds nothing (Sec. 3.2)", "With μ = π the step is that of outcome reward at rate (1 + α)η", error < Exact
                ? Verdict.Holds : Verdict.Fails,
            Text($"largest difference of the two policies {Below(error)} at η = 1, α = {o.Alpha}"), Numbers(("largest_error", error)));
    }

    private static TheoryResult ValueAsReward(List<Case> cases)
    {
        var pairs = cases.Select(c =>
            (A: c.Gradient(TraceGradient.Own(c.Tree, c.Tree.Advantages(c.ProverValues))),
            Q: c.Gradient(TraceGradient.Own(c.Tree, c.Tree.Q(c.ProverValues))))).ToList();
        var (error, larger) = (pairs.Max(p => Largest(p.A.Mean, p.Q.Mean)), pairs.Count(p => p.Q.Variance > p.A.Variance));
        var times = Median(pairs.Select(p => p.Q.Variance / p.A.Variance));
        return new(
            "Q^μ in place of A^μ", "Credited to its own step, Q^μ has the expected gradient of A^μ and a larger variance", error >= Exact
                || larger == 0 ? Verdict.Fails : larger == cases.Count ? Verdict.Holds : Verdict.WithinLimits,
            Text($"largest difference of the mean gradients {Below(error)}; variance larger in {larger} of {cases.Count}, median {times:0.0} times"),
            Numbers(("largest_error", error), ("larger_variance", larger), ("median_variance_ratio", times)));
    }

    private static TheoryResult ReturnToGo(List<Case> cases)
    {
        var found = cases.Select(c =>
        {
            var outcome = c.OutcomeGradient.Mean;
            var progress = c.Gradient(TraceGradient.ToGo(c.Tree, c.Tree.Advantages(c.ProverValues))).Mean;
            var value = c.Gradient(TraceGradient.ToGo(c.Tree, c.Tree.Q(c.ProverValues))).Mean;
            return (Error: Largest(outcome, progress), Cosine: Cosine(outcome, value));
        }).ToList();
        var (error, cosine) = (found.Max(f => f.Error), Median(found.Select(f => f.Cosine)));
        return new(
            "Return-to-go (App. G)", "As a return-to-go, A^μ is outcome reward with a baseline, while Q^μ changes what is optimised",
                error < Exact ? Verdict.Holds : Verdict.Fails,
            Text($"largest difference of the mean gradients of A^μ and of the outcome {Below(error)}; median cosine of Q^μ's with the outcome's {cosine:0.00}, smallest {found.Min(f => f.Cosine):0.00}"),
            Numbers(("largest_error", error), ("median_cosine_of_value", cosine), ("smallest_cosine_of_value", found.Min(f => f.Cosine))));
    }

    private static double Largest(double[] a, double[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    private static double Cosine(double[] a, double[] b) => Dot(a, b) / Math.Sqrt(Dot(a, a) * Dot(b, b));

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    /// <summary>Rounding errors differ between machines; that they are below the bound does not.</summary>
    private static string Below(double error) => error < Exact ? "below 1e-12" : Text($"{error:0.0e+0}");

    private static Dictionary<string, double> Numbers(params (string Name, double Value)[] numbers) =>
        numbers.Where(n => double.IsFinite(n.Value)).ToDictionary(n => n.Name, n => n.Value);
}
