using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>A finished trace with a verifier's H + 1 values along it.</summary>
internal sealed record ScoredTrace(string Problem, int Trace, int Rex, IReadOnlyList<double> Q);

/// <summary>Validation and test traces as the verifier of one seed scores them; all seeds score the same traces.</summary>
internal sealed record SeededScores(int Seed, IReadOnlyList<ScoredTrace> Validation, IReadOnlyList<ScoredTrace> Test);

/// <summary>Figure 10: predicting the outcome from a threshold on the score of each step.</summary>
internal static class ThresholdFigure
{
    public static FigureSummary From(string model, IReadOnlyList<SeededScores> seeds, int k, double alpha, RunSize size)
    {
        const string asks = "How early can the outcome of a trace be told from a step? After each step a trace is called right where its "
            + "score is above a threshold chosen on validation traces; the share of wrong calls on test traces, for Q alone and for the "
            + "effective reward Q + αA.";
        const string rule = "Reproduced: over all steps the error of Q + αA is below that of Q, excluding zero; partly: in the first "
            + "third of the steps alone; else not.";
        var steps = Enumerable.Range(1, seeds[0].Test.Max(t => t.Q.Count - 1))
            .TakeWhile(h => 2 * seeds[0].Test.Count(t => t.Q.Count > h) >= seeds[0].Test.Count
            && seeds.All(s => s.Validation.Any(t => t.Q.Count > h))).ToList();
        var problems = seeds[0].Test.Where(t => steps.All(h => t.Q.Count > h)).Select(t => t.Problem).Distinct()
            .Order(StringComparer.Ordinal).ToList();
        if (steps.Count == 0 || problems.Count == 0)
            return FigureSummary.NotRun("10", "Telling the outcome from a step", asks, "Not run: there are too few traces.");

        CurvePoint At(int h, Func<ScoredTrace, double> score)
        {
            double[][] errors = [.. seeds.Select(seed =>
            {
                StepScore Score(ScoredTrace t) => new(score(t), t.Rex == 1);
                var threshold = ThresholdError.Choose([.. seed.Validation.Where(t => t.Q.Count > h).Select(Score)]);
                var byProblem = seed.Test.Where(t => t.Q.Count > h).ToLookup(t => t.Problem);
                return problems.Select(p => byProblem[p].Average(t => ThresholdError.IsError(Score(t), threshold) ? 1.0 : 0)).ToArray();
            })];
            return new(h, errors, errors, errors, errors);
        }

        Curve Curve(string name, string kind, Func<ScoredTrace, int, double> score) =>
            new(name, kind, [.. seeds.Select(s => s.Seed)], problems, [.. steps.Select(h => At(h, t => score(t, h)))]);
        double Prover(double q) => BestOfK.FromQ(q, k);
        var onQ = Curve("Q", SearchMethods.BeamByQ.Id, (t, h) => t.Q[h]);
        var effective = Curve("Q + αA", SearchMethods.BeamByProgress.Id, (t, h) =>
            EffectiveReward.Compute(t.Q[h], Prover(t.Q[h]) - Prover(t.Q[h - 1]), alpha));
        var guess = Curve("no score: the commoner outcome", SearchMethods.Sample.Id, (_, _) => 0);
        Interval Less(IReadOnlyList<int> over) =>
            onQ.Bootstrapped(s => over.Average(h => s.Mean(onQ.At(h)!.Correct) - s.Mean(effective.At(h)!.Correct)));
        var (all, early) = (Less(steps), Less([.. steps.Take(Math.Max(1, steps.Count / 3))]));
        var figure = SearchFigures.Sum("10", "Telling the outcome from a step", asks, rule,
            [FigureVerdicts.From(all.Low > 0, early.Low > 0)],
            [new($"Base policy {model}", "steps taken", "wrong calls", false, true, [effective.OverN(), onQ.OverN(), guess.OverN()])],
            [
                Finding.From("error of Q minus error of Q + αA, mean over all steps", all, "points", "above 0 at every step (Fig. 10)"),
                Finding.From("the same over the first third of the steps", early, "points", "most of all at early steps (Fig. 10)"),
            ],
            size with { Problems = problems.Count, Seeds = seeds.Count },
            "The effective reward tells the outcome better than Q", "The effective reward tells the outcome better than Q at early steps",
                "The effective reward tells the outcome no better than Q does");
        return figure with { Notes = [string.Create(CultureInfo.InvariantCulture, $"α = {alpha}, prover best-of-{k}."), .. figure.Notes] };
    }
}
