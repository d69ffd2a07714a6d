namespace Pav;

/// <summary>
/// Monte Carlo tree search over steps, with the verifier's Q in the place of rollouts. Each of n simulations walks from the problem to a
/// trace's end: it takes the child of the highest score, draws candidates where there are none, or more where it passes often, and at the
/// end adds the trace's Q to every step it took. The score of a child is its mean, (Q + sum of what was found below) / (1 + visits), plus a
/// bonus: UCT c·√(ln(1 + N) / (1 + visits)) and PUCT c·P·√N / (1 + visits), where P is the softmax of the children's progress A^μ / T. N is
/// the parent's visits.
/// </summary>
public sealed record TreeSearch : Search
{
    /// <summary>Weight c of the bonus, in units of Q.</summary>
    public double Exploration { get; init; } = 0.3;

    /// <summary>Temperature T of the prior, in units of A.</summary>
    public double Temperature { get; init; } = 0.2;

    public override bool IsNested => true;

    /// <summary>A state's next steps so far; it is widened for the second, third, fourth time when it was visited 1, 2, 4 times.</summary>
    private sealed class Branch
    {
        public List<StepNode> Steps { get; } = [];

        public int Widened { get; set; }

        public bool Widens(int visits) => Widened == 0 || visits >= 1L << (Widened - 1);
    }

    public override async Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes)
    {
        var tree = site.Tree("mcts");
        var branches = new Dictionary<StepNode, Branch>();
        var ends = new List<StepNode>();
        var found = new List<Found>();
        foreach (var n in sizes)
        {
            while (tree.Root.Visits < n) ends.Add(await Simulate(site, tree, branches));
            found.Add(Found.In(tree, n, ends.Distinct()));
        }

        return found;
    }

    private async Task<StepNode> Simulate(SearchSite site, StepTree tree, Dictionary<StepNode, Branch> branches)
    {
        var path = new List<StepNode> { tree.Root };
        while (tree.IsOpen(path[^1]))
        {
            var node = path[^1];
            if (!branches.TryGetValue(node, out var branch)) branches[node] = branch = new();
            if (branch.Widens(node.Visits))
            {
                branch.Widened++;
                var steps = await tree.Grow([(node, site.Candidates)], ByProgress);
                foreach (var step in steps.Distinct().Except(branch.Steps).ToList())
                {
                    step.Fate = Fate.Pruned;
                    branch.Steps.Add(step);
                }
            }

            path.Add(Select(node, branch.Steps));
        }

        foreach (var node in path)
        {
            node.Visits++;
            node.Total += path[^1].Q;
            if (node.Parent is not null) tree.Keep(node);
        }

        return path[^1];
    }

    private StepNode Select(StepNode parent, List<StepNode> children)
    {
        var prior = ByProgress ? Softmax.From([.. children.Select(c => c.A / Temperature)]) : null;
        double Bonus(int i, double visits) =>
            prior is null ? Math.Sqrt(Math.Log(1 + parent.Visits) / (1 + visits)) : prior[i] * Math.Sqrt(parent.Visits) / (1 + visits);
        return children[Enumerable.Range(0, children.Count).MaxBy(i =>
            (children[i].Q + children[i].Total) / (1 + children[i].Visits) + Exploration * Bonus(i, children[i].Visits))];
    }
}
