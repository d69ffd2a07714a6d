namespace Pav;

/// <summary>What becomes of a batch's step rewards before α weighs them and they join the outcome.</summary>
public enum ProcessRule
{
    /// <summary>They stay as they are.</summary>
    Plain,

    /// <summary>They are taken about their mean and in units of their standard deviation over the steps of the batch.</summary>
    Normalised,

    /// <summary>They count only in groups whose outcomes are all equal, where the outcome teaches nothing.</summary>
    SilentGroups,

    /// <summary>PAPO: normalised over the steps of a group's right traces; wrong traces have none.</summary>
    AmongRight,

    /// <summary>PROGRS: those of a group's wrong traces are taken about their mean; right traces keep theirs.</summary>
    CentredWrong,

    /// <summary>VPPO: 1 for each step of a wrong trace before its first error; nothing else.</summary>
    BeforeError,
}

/// <summary>Shapes the step rewards of a batch: groups of traces of one problem each.</summary>
public static class ProcessRewards
{
    /// <param name="drop">A trace's first error is its first step with progress of −drop or less, 0 &lt; drop ≤ 1.</param>
    public static StepReturns[][] Shape(ProcessRule rule, StepReturns[][] groups, double drop) => rule switch
    {
        ProcessRule.Normalised => Normalised(groups),
        ProcessRule.SilentGroups => [.. groups.Select(g => g.All(t => t.Rex == g[0].Rex) ? g : Map(g, (_, _) => 0))],
        ProcessRule.AmongRight => [.. groups.Select(AmongRight)],
        ProcessRule.CentredWrong => [.. groups.Select(CentredWrong)],
        ProcessRule.BeforeError => [.. groups.Select(g => g.Select(t => BeforeError(t, drop)).ToArray())],
        _ => groups,
    };

    private static StepReturns[][] Normalised(StepReturns[][] groups)
    {
        var (mean, scale) = Moments(groups.SelectMany(g => g));
        return [.. groups.Select(g => Map(g, (_, d) => (d - mean) * scale))];
    }

    private static StepReturns[] AmongRight(StepReturns[] group)
    {
        var (mean, scale) = Moments(group.Where(t => t.Rex == 1));
        return Map(group, (t, d) => t.Rex == 1 ? (d - mean) * scale : 0);
    }

    private static StepReturns[] CentredWrong(StepReturns[] group)
    {
        var (mean, _) = Moments(group.Where(t => t.Rex == 0));
        return Map(group, (t, d) => t.Rex == 1 ? d : d - mean);
    }

    private static StepReturns BeforeError(StepReturns trace, double drop)
    {
        var error = trace.Rex == 1 ? -1 : Array.FindIndex(trace.Dense, a => a <= -drop);
        return trace with { Dense = [.. trace.Dense.Select((_, h) => h < error ? 1.0 : 0)] };
    }

    private static StepReturns[] Map(StepReturns[] group, Func<StepReturns, double, double> dense) =>
        [.. group.Select(t => t with { Dense = [.. t.Dense.Select(d => dense(t, d))] })];

    /// <summary>Mean over all steps, and one over their standard deviation (n − 1); 0 where they do not differ.</summary>
    private static (double Mean, double Scale) Moments(IEnumerable<StepReturns> traces)
    {
        double[] steps = [.. traces.SelectMany(t => t.Dense)];
        if (steps.Length == 0) return (0, 0);
        var mean = steps.Average();
        var deviation = Math.Sqrt(steps.Sum(d => (d - mean) * (d - mean)) / Math.Max(1, steps.Length - 1));
        return (mean, deviation > 1e-9 ? 1 / deviation : 0);
    }
}
