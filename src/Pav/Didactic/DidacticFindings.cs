namespace Pav.Didactic;

/// <summary>What the tables say of the paper's claims, in sentences; where an effect does not show, that is the sentence.</summary>
internal static class DidacticFindings
{
    public static IReadOnlyList<string> From(DidacticSummary s) =>
        [.. Speed(s), .. Lengths(s), .. Strength(s, GradientMethod.Adam), .. Strength(s, GradientMethod.Sgd), .. Tabular(s), .. Rewards(s),
            .. Pass(s)];

    private static IEnumerable<string> Speed(DidacticSummary s)
    {
        if (s.Speed(s.Length, StepReward.AMuAllActions) is { } dense)
            yield return Text(
                $"|y*| = {s.Length}, γ = {s.Gamma}, A^μ over all actions: {dense.To99.Reached} of {dense.Seeds} seeds reach 99%{(dense.To99.Reached == 0 ? "" : $", the first after {dense.To99.First} iterations and the last after {Never(dense.To99.Last)}")}.");
        if (s.Speed(s.Length, StepReward.Outcome) is not { } outcome) yield break;
        yield return Text(
            $"|y*| = {s.Length}, outcome reward only: the median seed is at {100 * outcome.Final:0.0}% after {outcome.Cap} iterations; {outcome.To99.Reached} of {outcome.Seeds} reach 99%. ")
            + Text($"It waits for a first hit: fine-tuning leaves a chance of {outcome.Start:0.0e0} a sequence, one hit in {1 / (s.Batch * outcome.Start):0} iterations of {s.Batch}.");
    }

    private static IEnumerable<string> Lengths(DidacticSummary s)
    {
        foreach (var outcome in s.Speeds.Where(r => r.Reward == StepReward.Outcome && r.Length != s.Length))
        {
            if (s.Speed(outcome.Length, StepReward.AMuAllActions) is not { To99.Median: { } dense }) continue;
            yield return outcome.To99.Median is not { } late
                ? Text($"|y*| = {outcome.Length}: {dense} iterations to 99% with A^μ; with outcome reward only the median seed does not get there in {outcome.Cap}.")
                : (double)late / dense is var ratio && ratio < 2
                    ? Text($"|y*| = {outcome.Length}: {dense} iterations to 99% with A^μ and {late} with outcome reward only, less than 2 times apart: where hits are frequent from the start, dense rewards gain little.")
                : Text($"|y*| = {outcome.Length}: {dense} iterations to 99% with A^μ and {late} with outcome reward only, {ratio:0.0} times as many.");
        }
    }

    private static IEnumerable<string> Strength(DidacticSummary s, GradientMethod method)
    {
        foreach (var rows in s.Strengths.Where(r => r.Method == method).GroupBy(r => r.Rollouts)
            .Select(g => g.OrderBy(r => r.Gamma).ToList()))
        {
            if (rows.Count < 2) continue;
            var (best, last) = (rows.MaxBy(r => r.Mean)!, rows[^1]);
            var values = rows[0].Rollouts == 0 ? "exact values" : $"{rows[0].Rollouts} rollouts per value";
            var means = string.Join(", ", rows.Select(r => Text($"{r.Mean:0.00} at γ = {r.Gamma}")));
            // Within the range over seeds of the best one, a larger γ lost nothing.
            var level = last.Mean >= best.Low;
            yield return Text(
                $"Network, {(method == GradientMethod.Adam ? "Adam" : "SGD")}, {values}: mean accuracy over {s.Iterations} iterations {means}. ")
                + (last == best ? "The strongest prover is the best: no upper cut-off of γ shows."
                    : level ? Text($"A plateau up to γ = {last.Gamma}: the paper's upper cut-off of γ (Fig. 3b, about 15) does not show.")
                    : Text($"Best at γ = {best.Gamma}; at γ = {last.Gamma} it is lower by {best.Mean - last.Mean:0.00}."));
        }
    }

    private static IEnumerable<string> Tabular(DidacticSummary s)
    {
        foreach (var rows in s.Tabular.GroupBy(r => (r.Length, r.Method)).Select(g => g.ToList()))
        {
            var outcome = rows.FirstOrDefault(r => r.Reward == StepReward.Outcome);
            var swept = rows.Where(r => r.Gamma is not null).OrderBy(r => r.Gamma).ToList();
            if (swept.Where(r => r.Steps is not null).MinBy(r => r.Steps) is not { } best) continue;
            var interior = best.Gamma > swept[0].Gamma && best.Gamma < swept[^1].Gamma;
            var worst = swept.Where(r => r.Gamma > best.Gamma).OrderByDescending(r => r.Steps ?? int.MaxValue).FirstOrDefault();
            yield return best.Method == GradientMethod.Sgd
                ? Text($"Exact gradient of a tabular policy, |y*| = {best.Length}: {(interior ? "an interior optimum at" : "best at")} γ = {best.Gamma} ({best.Steps} updates to 99%{(worst is null ? "" : $"; {Never(worst.Steps, worst.Cap)} at γ = {worst.Gamma}")}; {Never(outcome?.Steps, best.Cap)} with outcome reward only).")
                : Text($"The same with Adam, |y*| = {best.Length}: {best.Steps} updates at γ = {best.Gamma}, and {Never(outcome?.Steps, best.Cap)} with outcome reward only: given exact Q^π at every state, outcome reward is about as fast, so the gain above is that of a dense signal without noise.");
        }
    }

    private static IEnumerable<string> Rewards(DidacticSummary s)
    {
        var names = new Dictionary<StepReward, string>
        {
            [StepReward.AMu] = "A^μ of the sampled action only", [StepReward.QMu] = "Q^μ of the sampled action",
                [StepReward.APi] = "A^π (in expectation outcome reward at rate (1 + α)η)",
            [StepReward.AMuToGo] = "the sum of A^μ to go, which telescopes to Rex − V^μ(s)", [StepReward.QMuToGo] = "the sum of Q^μ to go",
        };
        foreach (var rows in s.Speeds.Where(r => names.ContainsKey(r.Reward)).GroupBy(r => r.Reward))
            yield return $"With {names[rows.Key]}: {string.Join(", ", rows.Select(r => Text($"{r.To99.Reached} of {r.Seeds} seeds reach 99% within {r.Cap} iterations for |y*| = {r.Length}")))}.";
    }

    private static IEnumerable<string> Pass(DidacticSummary s)
    {
        foreach (var curves in s.Passes.GroupBy(p => p.Length))
        {
            if (curves.FirstOrDefault(p => p.Reward == StepReward.AMuAllActions) is not { } dense
                || curves.FirstOrDefault(p => p.Reward == StepReward.Outcome) is not { } outcome) continue;
            string At(PassCurve curve, int n) => Text($"{100 * curve.Points.First(p => p.N == n).Pass:0.##}");
            yield return Text(
                $"Pass@N over {dense.Sequences} planted sequences of {curves.Key} tokens after {PlantedRow.Hundred} iterations: A^μ {At(dense, 1)}% at N = 1 and {At(dense, 64)}% at 64; outcome reward only {At(outcome, 1)}% and {At(outcome, 64)}%. ")
                + "For a single sequence Pass@N is 1 − (1 − p)^N and says no more than p.";
        }
    }

    private static string Never(int? iterations, int? cap = null) => iterations is { } i ? Text($"{i}") : cap is { } c
        ? Text($"more than {c}") : "never";

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
