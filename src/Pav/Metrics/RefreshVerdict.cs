namespace Pav;

/// <summary>
/// Whether a refreshed verifier takes the place of the one in use. Both judge the same held-out traces. It is refused where its
/// within-problem AUC is lower by more than the noise: where the 95% interval of the difference, by a paired bootstrap over problems, lies
/// below 0.
/// </summary>
/// <param name="Before">AUC of the one in use; null where no problem has both right and wrong traces.</param>
/// <param name="After">AUC of the refreshed one.</param>
/// <param name="Low">Of the difference, After − Before; of After, where RL began without a verifier.</param>
/// <param name="High">Below 0 with at least <see cref="FewestProblems"/> problems: refused.</param>
/// <param name="Problems">How many have both right and wrong traces.</param>
public sealed record RefreshVerdict(double? Before, double? After, double? Low, double? High, int Problems, bool Refused)
{
    /// <summary>With n problems all of them fall by chance alone with probability 2^−n: 1.6% of 6, but 3.1% of 5.</summary>
    public const int FewestProblems = 6;

    /// <summary>Within-problem AUC that a verifier must have where RL began without one.</summary>
    public const double LeastFromScratch = 0.6;

    /// <param name="inUse">Traces as the verifier in use scores them.</param>
    /// <param name="refreshed">The same traces, in the same order.</param>
    public static RefreshVerdict From(IReadOnlyList<Judged> inUse, IReadOnlyList<Judged> refreshed)
    {
        var (difference, problems) = Auc.PairedDifference(inUse, refreshed);
        if (problems == 0) return new(null, null, null, null, 0, false);
        return new(
            Auc.WithinProblems(inUse).Value, Auc.WithinProblems(refreshed).Value, difference.Low, difference.High, problems,
            problems >= FewestProblems && difference.High < 0);
    }

    /// <summary>Where RL began without a verifier: its AUC must be at least <see cref="LeastFromScratch"/>, and its 95% interval above 0.5,
    /// over enough problems, since progress by a verifier that knows nothing drowns what the outcome teaches.</summary>
    public static RefreshVerdict FromScratch(IReadOnlyList<Judged> refreshed)
    {
        var problems = refreshed.GroupBy(t => t.Problem).Count(g => g.Any(t => t.Right) && g.Any(t => !t.Right));
        if (problems == 0) return new(null, null, null, null, 0, true);
        var auc = Auc.WithinProblems(refreshed);
        return new(
            null, auc.Value, auc.Low, auc.High, problems, !(problems >= FewestProblems && auc.Value >= LeastFromScratch && auc.Low > 0.5));
    }
}
