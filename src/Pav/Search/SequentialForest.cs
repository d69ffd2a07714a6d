namespace Pav;

/// <summary>
/// The trees of <see cref="GuidedForest"/>, grown one after the other until the vote is settled: the summed Q of the leading answer is
/// ahead of the next by <see cref="SearchOptions.Settle"/>, or, <see cref="ByPosterior"/>, the leading answer is right with the probability
/// <see cref="SearchOptions.Sure"/>. Worked: Q of 0.9 for 7 and 0.3 for 8 lead by 0.6; with settle 0.5 that ends it after two trees, with
/// settle 1 it goes on.
/// </summary>
public sealed record SequentialForest : Search
{
    public int Width { get; init; } = 1;

    /// <summary>Stop by the posterior of the leading answer (<see cref="VoteEvidence"/>), not by its lead.</summary>
    public bool ByPosterior { get; init; }

    public override Needs Needs => ByPosterior ? base.Needs | Needs.Validation : base.Needs;

    public override bool IsNested => true;

    public override bool IsForest => true;

    public override bool ComparesStates => Width > 1;

    public override bool Fits(int n) => n % Width == 0;

    public override async Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes)
    {
        var forest = new GuidedForest { ByProgress = ByProgress, Width = Width };
        var (trees, ballots) = (new List<Found>(), new List<Ballot>());
        var found = new List<Found>();
        foreach (var n in sizes)
        {
            while (trees.Count < n / Width && !(trees.Count > 0 && IsSettled(ballots, site.Options)))
            {
                trees.Add(await forest.Tree(site, trees.Count));
                ballots.AddRange(Ballots(trees[^1], site.Grader));
            }

            found.Add(Found.Together(n, [.. trees]));
        }

        return found;
    }

    /// <summary>Is the vote over?</summary>
    internal bool IsSettled(IEnumerable<Ballot> ballots, SearchOptions options)
    {
        if (!ByPosterior) return Lead(ballots) >= options.Settle;
        var evidence = options.Evidence ?? throw new InvalidOperationException("this search needs evidence from validation problems");
        return evidence.Leading(ballots).Probability >= options.Sure;
    }

    /// <summary>The finished traces of a tree.</summary>
    internal static IEnumerable<Ballot> Ballots(Found tree, Grader grader) =>
        tree.Candidates.Where(c => c.Trace is { Ended: true, Lost: false })
            .Select(c => new Ballot(grader.Extract(c.Trace.Text), c.Node!.Q, grader.Rex(c.Trace)));

    /// <summary>Summed Q of the leading answer minus that of the next; 0 where no trace has an answer.</summary>
    private static double Lead(IEnumerable<Ballot> ballots)
    {
        var sums = ballots.GroupBy(b => b.Answer).Where(g => g.Key is not null)
            .Select(g => g.Sum(b => b.Q)).OrderDescending().Take(2).ToList();
        return sums.Count == 0 ? 0 : sums[0] - sums.Skip(1).FirstOrDefault();
    }
}
