namespace Pav.Tests.Search;

/// <summary>The share of a search's draws that led to a trace, and the vote that weighs by it.</summary>
public class LikelyTests
{
    private static readonly ToyNoisy Q = new(5, 0.95);
    private static readonly SearchOptions Options = new() { Seed = 9 };

    private static async Task<IReadOnlyList<SearchResult>> Run(SearchMethod method, int n, IReadOnlyList<Problem> problems) =>
        await SearchBatch.Run(problems, method, n, new(new ToyPolicy(), Grader.Numeric, Q), Options, trees: true);

    [Fact]
    public void A_trace_weighs_Q_times_the_root_of_its_share()
    {
        JudgedTrace[] traces = [new("7", 0.9, 0, 0, Share: 1 / 9.0), new("8", 0.6, 0, 0, Share: 4 / 9.0)];
        Assert.Equal(1, FinalChoice.Likely.Pick(traces));
        JudgedTrace[] together = [.. traces, new("7", 0.36, 0, 0, Share: 1 / 9.0)];
        Assert.Equal(0, FinalChoice.Likely.Pick(together));
    }

    /// <summary>A beam of plain lists in which every candidate stays: its draws are counted by state.</summary>
    [Fact]
    public async Task A_beam_counts_how_often_each_step_was_drawn()
    {
        var problems = Toy.Problems(30);
        var changed = 0;
        foreach (var (problem, result) in problems.Zip(await Run(SearchMethods.BeamLikely, 6, problems)))
        {
            var (beam, k, share) = (new List<Prefix> { Prefix.Root(problem) }, 0L, new Dictionary<Prefix, double>());
            share[beam[0]] = 1;
            while (beam.Any(b => !b.Ended))
            {
                var next = beam.Where(b => b.Ended).ToList();
                foreach (var head in beam.Where(b => !b.Ended))
                {
                    var drawn = Enumerable.Range(0, head.Depth == 0 ? 18 : 3)
                        .Select(_ => Toy.Step(head, Seeds.Uniform(Seeds.Derive(Options.Seed, problem.Id, "beam", k++), 0))).ToList();
                    foreach (var same in drawn.GroupBy(d => d))
                    {
                        share[same.Key] = share[head] * same.Count() / drawn.Count;
                        next.Add(same.Key);
                    }
                }

                beam = [.. next.OrderByDescending(Q.Q).Take(6)];
            }

            var votes = beam.GroupBy(t => Grader.Numeric.Extract(t.Text))
                .ToDictionary(g => g.Key!, g => g.Sum(t => Q.Q(t) * Math.Sqrt(share[t])));
            Assert.Equal(votes.MaxBy(v => v.Value).Key, result.Row.Answer);
            if (result.Row.Answer != Grader.Numeric.Extract(beam.MaxBy(Q.Q)!.Text)) changed++;
        }

        Assert.NotEqual(0, changed);
    }

    /// <summary>Over many trees the mean share of a trace is the policy's probability of it, also where few steps are drawn.</summary>
    [Fact]
    public async Task Shares_estimate_the_policys_probabilities_without_bias()
    {
        Problem[] problems = [.. Enumerable.Range(0, 1500).Select(i => new Problem($"toy-{i}", "Toy", "1", 0))];
        // A beam this wide drops nothing: 3 · 3⁴ states at most.
        var shares = (await Run(SearchMethods.BeamByQ, 300, [.. problems.Take(40)])).Select(r => Shares(r.Tree!)).ToList();
        Assert.All(shares, s => Assert.Equal(1, s.Values.Sum(), 1e-9));

        var narrow = (await SearchBatch.Run(problems, new SearchMethod("all", "", MethodKind.Beam, new Everything(), FinalChoice.Likely), 1,
            new(new ToyPolicy(), Grader.Numeric, Q), Options with { Candidates = 3 }, trees: true)).Select(r => Shares(r.Tree!)).ToList();
        (string, double)[] traces = [("ok\nok\nok\nok\n", Math.Pow(0.65, 4)), ("ok\nidle\nok\nslip\n", 0.65 * 0.2 * 0.65 * 0.15)];
        foreach (var (trace, exact) in traces)
        {
            double[] found = [.. narrow.Select(s => s.GetValueOrDefault(trace))];
            var (mean, error) = (found.Average(), Math.Sqrt(found.Sum(f => Math.Pow(f - found.Average(), 2))) / found.Length);
            Assert.InRange(mean, exact - 3.5 * error, exact + 3.5 * error);
            Assert.True(error < exact / 3, $"{trace}: {error}");
        }
    }

    /// <summary>Three draws from every state, all of them kept.</summary>
    private sealed record Everything : SizedSearch
    {
        protected override async Task<Found> Run(SearchSite site, int n)
        {
            var tree = site.Tree("all");
            IReadOnlyList<StepNode> states = [tree.Root];
            while (states.Any(tree.IsOpen))
            {
                var steps = await tree.Grow(states.Where(tree.IsOpen).Select(s => (s, 3)), byProgress: false);
                states = [.. states.Where(s => s.Ended), .. steps.Distinct()];
            }

            return Found.In(tree, n, states);
        }
    }

    /// <summary>From a tree's nodes alone: products of shares among brothers, by the lines of a trace before its answer.</summary>
    private static Dictionary<string, double> Shares(SearchTree tree)
    {
        var (share, text) = (new Dictionary<int, double> { [0] = 1 }, new Dictionary<int, string> { [0] = "" });
        var found = new Dictionary<string, double>();
        foreach (var brothers in tree.Nodes.Skip(1).GroupBy(n => n.Parent).OrderBy(g => g.Key))
            foreach (var same in brothers.GroupBy(n => n.Step))
            {
                var first = same.Single(n => n.Fate != Fate.Duplicate);
                share[first.Id] = share[brothers.Key] * same.Count() / brothers.Count();
                text[first.Id] = text[brothers.Key] + first.Step;
                if (first.Step.StartsWith("Answer", StringComparison.Ordinal)) found[text[brothers.Key]] = share[first.Id];
            }

        return found;
    }
}
