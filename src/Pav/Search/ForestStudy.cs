namespace Pav;

/// <summary>A tree of a forest as a vote sees it: its finished traces, and what it cost.</summary>
internal sealed record GrownTree(IReadOnlyList<Ballot> Ballots, long GeneratedTokens);

/// <summary>Accuracy and generated tokens per problem of a forest, when replayed.</summary>
internal readonly record struct ForestPoint(double Accuracy, double Tokens);

/// <summary>
/// Forests grown once on validation problems. Trees of a forest do not depend on its size, its vote or when it stops, so all of these are
/// tried on the same trees, without another draw.
/// </summary>
/// <param name="Trees">By problem, in order of growing; as many for each.</param>
/// <param name="Width">Prefixes kept in each tree.</param>
internal sealed record ForestStudy(IReadOnlyList<IReadOnlyList<GrownTree>> Trees, int Width = 1)
{
    /// <summary>So many trees for every problem.</summary>
    public static async Task<ForestStudy> Grow(
        IReadOnlyList<Problem> problems, SearchTools tools, SearchOptions options, GuidedForest forest, int trees,
        CancellationToken cancel = default)
    {
        var lockstep = new Lockstep(tools.Policy, cancel);
        var grown = await lockstep.Run(problems.Select(problem => (Func<Task<IReadOnlyList<GrownTree>>>)(async () =>
        {
            var site = new SearchSite(problem, tools, options, lockstep);
            var found = await Task.WhenAll(Enumerable.Range(0, trees).Select(i => forest.Tree(site, i)));
            return [.. found.Select(f => new GrownTree([.. SequentialForest.Ballots(f, tools.Grader)], f.GeneratedTokens))];
        })));
        tools.Verifier?.Reset();
        return new(grown, forest.Width);
    }

    /// <summary>What all traces together say of votes.</summary>
    public VoteEvidence Evidence() => VoteEvidence.From(Trees.Select(t => (IReadOnlyList<Ballot>)[.. t.SelectMany(x => x.Ballots)]));

    /// <summary>
    /// The first so many trees of every problem, or fewer where a sequential forest stops before, and a choice among their traces.
    /// </summary>
    /// <param name="until">Null: all of them.</param>
    public ForestPoint Replay(int trees, FinalChoice choice, SearchOptions options, SequentialForest? until = null)
    {
        var (correct, tokens) = (0, 0L);
        foreach (var problem in Trees)
        {
            var ballots = new List<Ballot>();
            foreach (var tree in problem.Take(trees))
            {
                ballots.AddRange(tree.Ballots);
                tokens += tree.GeneratedTokens;
                if (until?.IsSettled(ballots, options) == true) break;
            }

            var judged = ballots.Select(b => new JudgedTrace(b.Answer, b.Q, b.Q, 0, options.Evidence?.Weight(b.Q) ?? 0)).ToList();
            if (judged.Count > 0) correct += ballots[choice.Pick(judged)].Correct;
        }

        return new((double)correct / Trees.Count, (double)tokens / Trees.Count);
    }

    /// <summary>
    /// For each budget of generated tokens the number of trees and the vote that answered most within it, of equals the cheapest; a budget
    /// that not even one tree keeps to is left out.
    /// </summary>
    /// <param name="studies">Forests of several widths, on the same problems.</param>
    public static IReadOnlyList<ForestSetting> Frontier(
        IReadOnlyList<ForestStudy> studies, IReadOnlyList<FinalChoice> choices, SearchOptions options, IReadOnlyList<double> budgets)
    {
        var settings = (from study in studies
                        from trees in Enumerable.Range(1, study.Trees[0].Count)
                        from choice in choices
                        let point = study.Replay(trees, choice, options)
                        select new ForestSetting(0, study.Width, trees, choice.Id, point.Accuracy, point.Tokens)).ToList();
        return [.. from budget in budgets
                   let best = settings.Where(s => s.Tokens <= budget)
                       .OrderByDescending(s => s.Accuracy).ThenBy(s => s.Tokens).FirstOrDefault()
                   where best is not null
                   select best with { Budget = budget }];
    }
}

/// <summary>The forest that answered most validation problems within a budget of generated tokens per problem.</summary>
internal sealed record ForestSetting(double Budget, int Width, int Trees, string Choice, double Accuracy, double Tokens);
