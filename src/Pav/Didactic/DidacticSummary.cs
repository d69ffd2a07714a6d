namespace Pav.Didactic;

/// <summary>Accuracy over iterations: median and range over seeds.</summary>
internal sealed record AccuracyCurve(int Length, StepReward Reward, int Seeds, IReadOnlyList<AccuracyPoint> Points);

internal readonly record struct AccuracyPoint(int Iteration, double Median, double Low, double High);

/// <summary>Iterations until a level of accuracy, over seeds: how many got there, and the first, median and last of all (null:
/// never).</summary>
internal sealed record Reach(int Reached, int? First, int? Median, int? Last)
{
    public static Reach From(IEnumerable<int?> iterations)
    {
        var sorted = iterations.OrderBy(i => i ?? int.MaxValue).ToList();
        return new(sorted.Count(i => i is not null), sorted[0], sorted[(sorted.Count - 1) / 2], sorted[^1]);
    }
}

/// <summary>How fast one reward works for one length of y*.</summary>
/// <param name="Start">Median accuracy after fine-tuning.</param>
/// <param name="Cap">Iterations of the shortest run.</param>
/// <param name="Final">Median accuracy at the end.</param>
internal sealed record SpeedRow(int Length, StepReward Reward, int Seeds, int Cap, double Start, double Final, Reach To50, Reach To99,
    Reach To100);

/// <summary>Mean accuracy over the iterations of a run, under a prover of strength γ: mean and range over seeds.</summary>
internal sealed record StrengthRow(GradientMethod Method, int Rollouts, double Gamma, int Seeds, double Mean, double Low, double High,
    int Solved);

/// <summary>Pass@N after 100 iterations: the mean over planted sequences of 1 − (1 − p)^N, with a bootstrap's interval.</summary>
internal sealed record PassCurve(int Length, StepReward Reward, int Sequences, IReadOnlyList<PassPoint> Points);

internal readonly record struct PassPoint(int N, double Pass, double Low, double High);

/// <summary>Updates that the exact gradient of a tabular policy needs to 99%; null where it does not get there.</summary>
internal sealed record TabularRow(int Length, StepReward Reward, double? Gamma, GradientMethod Method, double Rate, int? Steps, int Cap);

/// <summary>The tables of the experiment.</summary>
/// <param name="IterationsPerSecond">Of runs with A^μ over all actions and exact values, on their own thread, evaluations not counted; the
/// median.</param>
internal sealed record DidacticSummary(
    int Length, double Gamma, int Iterations, int Batch, IReadOnlyList<AccuracyCurve> Curves, IReadOnlyList<SpeedRow> Speeds,
        IReadOnlyList<StrengthRow> Strengths,
    IReadOnlyList<PassCurve> Passes, IReadOnlyList<TabularRow> Tabular, IReadOnlyList<string> Findings, double IterationsPerSecond)
{
    private const int MostPoints = 200;

    public static DidacticSummary From(DidacticPlan plan, PlantedSettings settings, IReadOnlyList<PlantedRow> rows,
        IReadOnlyList<TabularRow> tabular)
    {
        var plain = rows.Where(r => r.Run is { Method: GradientMethod.Adam, Rollouts: 0 }
            && (r.Run.Gamma is null || r.Run.Gamma == plan.Gamma)).ToList();
        var kinds = plain.GroupBy(r => (r.Run.Length, r.Run.Reward)).OrderBy(g => g.Key.Length).ThenBy(g => g.Key.Reward).ToList();
        var timed = rows.Where(r => r.Run is { Reward: StepReward.AMuAllActions, Rollouts: 0 } && r.Seconds > 0)
            .Select(r => r.Run.Iterations / r.Seconds).Order().ToList();
        var whole = kinds.Select(g => Whole(plan, [.. g])).Where(g => g.Count > 0).ToList();
        var summary = new DidacticSummary(
            plan.Length, plan.Gamma, plan.Iterations, settings.Batch,
            [.. whole.Select(Curve)],
            [.. whole.Select(Speed)],
            [.. rows.Where(r => r.Run.Reward == StepReward.AMuAllActions && r.Run.Length == plan.Length
                && plan.Gammas.Contains(r.Run.Gamma!.Value) && r.Run.Iterations >= plan.Iterations)
                .GroupBy(r => (r.Run.Method, r.Run.Rollouts, Gamma: r.Run.Gamma!.Value)).OrderBy(g => g.Key)
                    .Select(g => Strength(plan, g.Key.Method, g.Key.Rollouts, g.Key.Gamma, [.. g]))],
            [.. from g in kinds
                where plan.PassLengths.Contains(g.Key.Length) && g.Key.Reward is StepReward.AMuAllActions or StepReward.Outcome
                    && g.Any(r => r.AfterHundred is not null)
                select Pass(g.Key.Length, g.Key.Reward, [.. g.Select(r => r.AfterHundred).OfType<double>()])],
            tabular, [], timed.Count == 0 ? 0 : timed[timed.Count / 2]);
        return summary with { Findings = DidacticFindings.From(summary) };
    }

    public SpeedRow? Speed(int length, StepReward reward) => Speeds.FirstOrDefault(s => s.Length == length && s.Reward == reward);

    /// <summary>Runs that were not cut short for Pass@N.</summary>
    private static List<PlantedRow> Whole(DidacticPlan plan, List<PlantedRow> rows)
    {
        var longest = rows.Max(r => r.Run.Iterations);
        return longest <= PlantedRow.Hundred && plan.Iterations > PlantedRow.Hundred
            ? [] : [.. rows.Where(r => r.Run.Iterations == longest)];
    }

    private static AccuracyCurve Curve(List<PlantedRow> rows)
    {
        var count = rows.Min(r => r.Curve.Count);
        var stride = 1 + (count - 1) / MostPoints;
        return new(rows[0].Run.Length, rows[0].Run.Reward, rows.Count,
            [.. Enumerable.Range(0, count).Where(i => i % stride == 0 || i == count - 1).Select(i =>
            {
                var accuracies = rows.Select(r => r.Curve[i]).Order().ToList();
                return new AccuracyPoint(i * PlantedRow.Every, accuracies[(accuracies.Count - 1) / 2], accuracies[0], accuracies[^1]);
            })]);
    }

    private static SpeedRow Speed(List<PlantedRow> rows) => new(
        rows[0].Run.Length, rows[0].Run.Reward, rows.Count, rows.Min(r => r.Run.Iterations), Median(rows, r => r.Start),
            Median(rows, r => r.Curve[^1]),
        Reach.From(rows.Select(r => r.Reached(0.5))), Reach.From(rows.Select(r => r.Reached(0.99))),
            Reach.From(rows.Select(r => r.Reached(1))));

    private static StrengthRow Strength(DidacticPlan plan, GradientMethod method, int rollouts, double gamma, List<PlantedRow> rows)
    {
        // The same seeds for every γ: some γ have more runs, made for other figures.
        var compared = rows.Where(r => r.Run.Seed < plan.First + (ulong)plan.SweepSeeds)
            .Select(r => (Mean: r.MeanOver(plan.Iterations), Solved: r.Reached(0.99) is not null)).ToList();
        return new(method, rollouts, gamma, compared.Count, compared.Average(r => r.Mean), compared.Min(r => r.Mean),
            compared.Max(r => r.Mean), compared.Count(r => r.Solved));
    }

    private static PassCurve Pass(int length, StepReward reward, List<double> accuracies) => new(length, reward, accuracies.Count,
        [.. Enumerable.Range(0, 11).Select(i => 1 << i).Select(n =>
        {
            var mean = Bootstrap.Mean([.. accuracies.Select(p => BestOfK.FromQ(p, n))]);
            return new PassPoint(n, mean.Value, mean.Low, mean.High);
        })]);

    private static double Median(List<PlantedRow> rows, Func<PlantedRow, double> value) =>
        rows.Select(value).Order().ElementAt((rows.Count - 1) / 2);
}
