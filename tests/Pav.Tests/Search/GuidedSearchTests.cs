namespace Pav.Tests.Search;

/// <summary>Each search against a definition of its own: plain lists, one problem at a time, nothing shared with the code under test but
/// seeds and scores.</summary>
public class GuidedSearchTests
{
    private static readonly IReadOnlyList<Problem> Problems = Toy.Problems(30);
    private static readonly ToyNoisy Q = new(5);
    private static readonly SearchOptions Options = new() { Seed = 9, Alpha = 0.5, Prover = Prover.BestOf(4), Evidence = new(1, 0, 0.2) };

    private static double Mu(Prefix p) => BestOfK.FromQ(Q.Q(p), 4);

    private static double Progress(Prefix p) => Mu(p) - Mu(p.Parent!);

    private static async Task<List<SearchResult>> Run(SearchMethod method, int n, SearchOptions? options = null, bool trees = false) =>
        [.. await SearchBatch.Run(Problems, method, n, new(new ToyPolicy(), Grader.Numeric, Q), options ?? Options, trees)];

    private static SearchMethod Method(string id) => SearchMethods.Find(id)!;

    /// <summary>Draws steps of one problem as a search's tree does: counted, by stream.</summary>
    private sealed class Drawing(Problem problem, string stream)
    {
        private long counter;

        public long Tokens { get; private set; }

        public Prefix Step(Prefix p)
        {
            var step = Toy.Step(p, Seeds.Uniform(Seeds.Derive(Options.Seed, problem.Id, stream, counter++), 0));
            Tokens += step.Tokens.Count;
            return step;
        }
    }

    private static string? Vote(IEnumerable<Prefix> traces) =>
        traces.GroupBy(t => Grader.Numeric.Extract(t.Text)).MaxBy(g => g.Sum(Q.Q))!.Key;

    /// <summary>Best of three next steps until the end.</summary>
    private static Prefix Tree(Problem problem, Drawing drawing)
    {
        var head = Prefix.Root(problem);
        while (!head.Ended) head = Enumerable.Range(0, 3).Select(_ => drawing.Step(head)).ToList().MaxBy(Q.Q)!;
        return head;
    }

    [Fact]
    public async Task A_forest_votes_over_trees_that_share_nothing()
    {
        var results = await Run(SearchMethods.Forest, 5);
        foreach (var (problem, result) in Problems.Zip(results))
        {
            var drawings = Enumerable.Range(0, 5).Select(i => new Drawing(problem, $"tree {i}")).ToList();
            var traces = drawings.Select(d => Tree(problem, d)).ToList();
            Assert.Equal((Vote(traces), drawings.Sum(d => d.Tokens), 5),
                (result.Row.Answer, result.Row.GeneratedTokens, result.Row.Candidates));
            Assert.Equal(traces.Max(Grader.Numeric.Rex), result.Row.Pass);
        }

        Assert.Contains(results, r => r.Row.Distinct > 1);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.8)]
    [InlineData(2.0)]
    [InlineData(100.0)]
    public async Task A_forest_in_turn_stops_when_the_lead_is_large_enough(double settle)
    {
        var results = await Run(SearchMethods.ForestInTurn, 6, Options with { Settle = settle });
        foreach (var (problem, result) in Problems.Zip(results))
        {
            var (traces, tokens) = (new List<Prefix>(), 0L);
            for (var i = 0; i < 6; i++)
            {
                var drawing = new Drawing(problem, $"tree {i}");
                traces.Add(Tree(problem, drawing));
                tokens += drawing.Tokens;
                var sums = traces.GroupBy(t => Grader.Numeric.Extract(t.Text)).Select(g => g.Sum(Q.Q)).OrderDescending().ToList();
                if (sums[0] - (sums.Count > 1 ? sums[1] : 0) >= settle) break;
            }

            Assert.Equal((Vote(traces), tokens, traces.Count), (result.Row.Answer, result.Row.GeneratedTokens, result.Row.Candidates));
        }

        Assert.Equal(settle == 0 ? 1 : settle == 100 ? 6 : 0, results.Select(r => r.Row.Candidates).Distinct().Count() is 1
            ? results[0].Row.Candidates : 0);
    }

    [Fact]
    public async Task Diverse_trees_keep_one_step_each_from_the_n_best_beginnings()
    {
        foreach (var (problem, result) in Problems.Zip(await Run(Method("dvts-pav"), 4)))
        {
            double Score(Prefix p) => Q.Q(p) + 0.5 * Progress(p);
            var drawing = new Drawing(problem, "dvts");
            var first = Enumerable.Range(0, 12).Select(_ => drawing.Step(Prefix.Root(problem))).ToList().Distinct().OrderByDescending(Score)
                .Take(4).ToList();
            var heads = Enumerable.Range(0, 4).Select(i => first[i % first.Count]).ToList();
            while (heads.Any(h => !h.Ended))
                heads = [.. heads.Select(h => h.Ended ? h : Enumerable.Range(0, 3).Select(_ => drawing.Step(h)).ToList().MaxBy(Score)!)];
            Assert.Equal((Vote(heads), drawing.Tokens), (result.Row.Answer, result.Row.GeneratedTokens));
        }
    }

    [Fact]
    public async Task Looking_ahead_ranks_by_the_value_a_greedy_step_later_and_pays_for_it()
    {
        foreach (var (problem, result) in Problems.Zip(await Run(Method("lookahead"), 2)))
        {
            var (drawing, ahead) = (new Drawing(problem, "beam"), 0L);
            var known = new HashSet<Prefix>();
            double Score(Prefix p)
            {
                if (p.Ended) return Q.Q(p);
                var next = Toy.Step(p, Seeds.Uniform(0, 0));
                if (known.Add(p)) ahead += next.Tokens.Count;
                return Q.Q(next);
            }

            List<Prefix> beam = [Prefix.Root(problem)];
            while (beam.Any(b => !b.Ended))
            {
                var next = beam.Where(b => b.Ended).ToList();
                foreach (var b in beam.Where(b => !b.Ended))
                    for (var k = 0; k < (b.Depth == 0 ? 6 : 3); k++)
                        if (drawing.Step(b) is var step && !next.Contains(step)) next.Add(step);
                beam = [.. next.OrderByDescending(Score).Take(2)];
            }

            Assert.Equal(Grader.Numeric.Extract(beam.MaxBy(Q.Q)!.Text), result.Row.Answer);
            Assert.Equal(drawing.Tokens + ahead, result.Row.GeneratedTokens);
        }
    }

    [Fact]
    public async Task Steps_between_scores_are_drawn_and_not_scored()
    {
        var every = await Run(Method("beam-every-2"), 2, trees: true);
        foreach (var (problem, result) in Problems.Zip(every))
        {
            var drawing = new Drawing(problem, "beam");
            List<Prefix> beam = [Prefix.Root(problem)];
            while (beam.Any(b => !b.Ended))
            {
                var open = beam.Where(b => !b.Ended).SelectMany(b => Enumerable.Repeat(b, b.Depth == 0 ? 6 : 3)).Select(drawing.Step)
                    .ToList();
                var further = open.Where(s => !s.Ended).Select(drawing.Step).ToList();
                beam = [.. beam.Where(b => b.Ended).Concat(open.Where(s => s.Ended)).Concat(further).Distinct().OrderByDescending(Q.Q)
                    .Take(2)];
            }

            Assert.Equal((Grader.Numeric.Extract(beam.MaxBy(Q.Q)!.Text), drawing.Tokens), (result.Row.Answer, result.Row.GeneratedTokens));
            Assert.Contains(result.Tree!.Nodes, n => n.Q is null);
            Assert.Equal([0], result.Tree.Nodes.Where(n => n.Fate == Fate.Root).Select(n => n.Id));
            for (var node = result.Tree.Nodes.Single(n => n.Fate == Fate.Chosen); node.Parent > 0; node = result.Tree.Nodes[node.Parent])
                Assert.Equal(Fate.Kept, result.Tree.Nodes[node.Parent].Fate);
        }
    }

    [Fact]
    public async Task A_growing_beam_stops_at_the_first_that_is_sure_enough()
    {
        foreach (var (problem, result) in Problems.Zip(await Run(Method("growing-beam"), 4)))
        {
            var (best, tokens) = ((Prefix?)null, 0L);
            foreach (var width in new[] { 1, 2, 4 })
            {
                if (best is not null && Q.Q(best) >= 0.9) break;
                var drawing = new Drawing(problem, $"beam of {width}");
                List<Prefix> beam = [Prefix.Root(problem)];
                while (beam.Any(b => !b.Ended))
                {
                    var steps = beam.Where(b => !b.Ended).SelectMany(b => Enumerable.Repeat(b, b.Depth == 0 ? 3 * width : 3))
                        .Select(drawing.Step).ToList();
                    beam = [.. beam.Where(b => b.Ended).Concat(steps).Distinct().OrderByDescending(Q.Q).Take(width)];
                }

                tokens += drawing.Tokens;
                best = beam.Append(best ?? beam[0]).MaxBy(Q.Q);
            }

            Assert.Equal((Grader.Numeric.Extract(best!.Text), tokens), (result.Row.Answer, result.Row.GeneratedTokens));
        }
    }

    [Theory]
    [InlineData("rebase", false)]
    [InlineData("dora", true)]
    public async Task Reward_balanced_search_spends_a_budget_by_softmax_and_by_direction(string id, bool byDirection)
    {
        // The toy's steps are one word each: two are one direction (similarity 1) or have nothing in common (0).
        static double Direction(Prefix p, List<Prefix> open) => Math.Exp(5) / open.Sum(o => o.Step == p.Step ? Math.Exp(5) : 1);
        foreach (var (problem, result) in Problems.Zip(await Run(Method(id), 6, trees: true)))
        {
            var drawing = new Drawing(problem, "rebase");
            var (finished, drawn) = (new List<Prefix>(), new List<string>());
            var shares = new List<(Prefix P, int Count)> { (Prefix.Root(problem), 6) };
            while (shares.Count > 0)
            {
                var all = shares.SelectMany(s => Enumerable.Repeat(s.P, s.Count)).Select(drawing.Step).ToList();
                drawn.AddRange(all.Select(s => s.Text));
                var steps = all.Distinct().ToList();
                finished.AddRange(steps.Where(s => s.Ended));
                var open = steps.Where(s => !s.Ended).ToList();
                var weights = open.Select(o => Math.Exp(Q.Q(o) / 0.1) * (byDirection ? Direction(o, open) : 1)).ToList();
                var exact = weights.Select(w => (6 - finished.Count) * w / weights.Sum()).ToList();
                var counts = exact.Select(x => (int)x).ToList();
                while (counts.Sum() < 6 - finished.Count && open.Count > 0)
                    counts[Enumerable.Range(0, open.Count).MaxBy(i => exact[i] - counts[i])]++;
                shares = [.. open.Zip(counts).Where(s => s.Second > 0)];
            }

            Assert.Equal((Vote(finished), drawing.Tokens), (result.Row.Answer, result.Row.GeneratedTokens));
            string Text(TreeNode n) => n.Parent < 0 ? "" : Text(result.Tree!.Nodes[n.Parent]) + n.Step;
            Assert.Equal(drawn, result.Tree!.Nodes.Skip(1).Select(Text));
        }
    }

    [Theory]
    [InlineData("particles-pav", false)]
    [InlineData("particles-a", true)]
    public async Task Particles_are_resampled_by_their_weights(string id, bool incremental)
    {
        foreach (var (problem, result) in Problems.Zip(await Run(Method(id), 6)))
        {
            var drawing = new Drawing(problem, "particles");
            var particles = Enumerable.Repeat(Prefix.Root(problem), 6).ToList();
            var weights = Enumerable.Repeat(1.0, 6).ToList();
            for (var depth = 0; particles.Any(p => !p.Ended); depth++)
            {
                for (var i = 0; i < 6; i++)
                {
                    if (particles[i].Ended) continue;
                    particles[i] = drawing.Step(particles[i]);
                    weights[i] *= Math.Exp((Q.Q(particles[i]) - Q.Q(particles[i].Parent!)) / 0.1);
                }

                if (!incremental) weights = [.. particles.Select(p => Math.Exp((Q.Q(p) + 0.5 * Progress(p)) / 0.1))];
                var sum = weights.Sum();
                if (incremental && sum * sum / weights.Sum(w => w * w) >= 3) continue;
                var u = Seeds.Uniform(Seeds.Derive(Options.Seed, problem.Id, "resample", depth), 0);
                var taken = new List<Prefix>();
                for (var k = 0; k < 6; k++)
                {
                    var (i, point, below) = (0, (k + u) / 6 * sum, weights[0]);
                    while (i < 5 && point >= below) below += weights[++i];
                    taken.Add(particles[i]);
                }

                (particles, weights) = (taken, [.. Enumerable.Repeat(1.0, 6)]);
            }

            Assert.Equal((Vote(particles), drawing.Tokens, 6), (result.Row.Answer, result.Row.GeneratedTokens, result.Row.Candidates));
        }
    }

    [Theory]
    [InlineData("mcts", false)]
    [InlineData("mcts-pav", true)]
    public async Task Tree_search_follows_its_scores_and_backs_values_up(string id, bool prior)
    {
        foreach (var (problem, result) in Problems.Zip(await Run(Method(id), 6, trees: true)))
        {
            var drawing = new Drawing(problem, "mcts");
            var children = new Dictionary<Prefix, List<Prefix>>();
            var widened = new Dictionary<Prefix, int>();
            var (visits, totals) = (new Dictionary<Prefix, int>(), new Dictionary<Prefix, double>());
            var ends = new List<Prefix>();
            for (var simulation = 0; simulation < 6; simulation++)
            {
                var path = new List<Prefix> { Prefix.Root(problem) };
                while (!path[^1].Ended)
                {
                    var (node, n) = (path[^1], visits.GetValueOrDefault(path[^1]));
                    var times = widened.GetValueOrDefault(node);
                    if (times == 0 || n >= Math.Pow(2, times - 1))
                    {
                        widened[node] = times + 1;
                        children.TryAdd(node, []);
                        foreach (var step in Enumerable.Range(0, 3).Select(_ => drawing.Step(node)).ToList())
                            if (!children[node].Contains(step)) children[node].Add(step);
                    }

                    var weights = children[node].Select(c => Math.Exp(Progress(c) / 0.2)).ToList();
                    double Score(Prefix c, int i)
                    {
                        var m = visits.GetValueOrDefault(c);
                        var bonus = prior ? weights[i] / weights.Sum() * Math.Sqrt(n) / (1 + m) : Math.Sqrt(Math.Log(1 + n) / (1 + m));
                        return (Q.Q(c) + totals.GetValueOrDefault(c)) / (1 + m) + 0.3 * bonus;
                    }

                    path.Add(children[node].Select((c, i) => (c, Score: Score(c, i))).MaxBy(x => x.Score).c);
                }

                foreach (var node in path)
                    (visits[node], totals[node]) = (visits.GetValueOrDefault(node) + 1, totals.GetValueOrDefault(node) + Q.Q(path[^1]));
                if (!ends.Contains(path[^1])) ends.Add(path[^1]);
            }

            Assert.Equal((Vote(ends), drawing.Tokens, ends.Count), (result.Row.Answer, result.Row.GeneratedTokens, result.Row.Candidates));
            var root = result.Tree!.Nodes[0];
            Assert.Equal((6, totals[Prefix.Root(problem)] / 6), (root.Visits!.Value, Math.Round(root.Value!.Value, 12)), (a, b) =>
                a.Item1 == b.Item1 && Math.Abs(a.Item2 - b.Item2) < 1e-9);
        }
    }

    [Fact]
    public async Task Sizes_of_a_nested_search_are_those_of_its_own_runs()
    {
        var tools = new SearchTools(new ToyPolicy(), Grader.Numeric, Q, new ToyNoisy(7));
        foreach (var method in SearchMethods.All.Where(m => m.Search.IsNested && !m.SizeOne))
        {
            int[] sizes = [2, 4, 8];
            var together = await SearchBatch.Run(Problems, [new(method, Options)], sizes, tools);
            foreach (var n in sizes)
            {
                var alone = await SearchBatch.Run(Problems, method, n, tools, Options);
                Assert.Equal(alone.Select(r => r.Row with { Seconds = 0 }), together.Where(r => r.Row.N == n)
                    .Select(r => r.Row with { Seconds = 0 }));
            }
        }
    }

    [Fact]
    public async Task Any_choice_goes_with_any_search_and_costs_only_what_it_reads()
    {
        var tools = new SearchTools(new ToyPolicy(), Grader.Numeric, Q, new ToyNoisy(7));
        foreach (var method in SearchMethods.All.Where(m => !m.SizeOne && !m.ByOracle))
        {
            SearchCase[] cases = [.. FinalChoice.All.Select(c => new SearchCase(method.With(c), Options))];
            var rows = (await SearchBatch.Run(Problems, cases, [4], tools)).Select(r => r.Row).GroupBy(r => r.Problem).ToList();
            Assert.All(rows, g => Assert.Single(g.Select(r => (r.GeneratedTokens, r.Pass, r.Candidates)).Distinct()));
            Assert.All(rows, g =>
                Assert.Equal(g.Min(r => r.ScoredTokens), g.Single(r => r.Method == $"{method.Id}+majority").ScoredTokens));
        }
    }

    [Fact]
    public async Task A_best_of_K_prover_changes_nothing_where_only_steps_of_one_state_are_compared()
    {
        foreach (var method in SearchMethods.All.Where(m => m.Search is { ByProgress: true } and not TreeSearch && !m.ByOracle))
        {
            var onQ = method with { Search = method.Search with { ByProgress = false } };
            static IEnumerable<(int, string, Fate)> Steps(IEnumerable<SearchResult> results) =>
                results.SelectMany(r => r.Tree!.Nodes).Select(n => (n.Parent, n.Step, n.Fate));
            var same = Steps(await Run(method, 4, trees: true)).SequenceEqual(Steps(await Run(onQ, 4, trees: true)));
            if (!method.Search.ComparesStates) Assert.True(same, method.Id);
            if (method == SearchMethods.BeamByProgress) Assert.False(same);
        }
    }

    [Fact]
    public void Methods_are_found_by_id_and_choice()
    {
        Assert.All(SearchMethods.All, m => Assert.Same(m, SearchMethods.Find(m.Id)));
        Assert.Equal(SearchMethods.All.Count, SearchMethods.All.Select(m => m.Id).Distinct().Count());
        Assert.All(SearchMethods.All.SelectMany(m => m.Against), id => Assert.NotNull(SearchMethods.Find(id)));
        Assert.Equal(("dvts+max-q", FinalChoice.MaxQ), (SearchMethods.Find("dvts+max-q")!.Id, SearchMethods.Find("dvts+max-q")!.Choice));
        Assert.Null(SearchMethods.Find("dvts+nothing"));
        Assert.Null(SearchMethods.Find("no-method"));
    }

    [Fact]
    public async Task A_forests_trees_are_drawn_below_one_root()
    {
        foreach (var (row, tree, _) in await Run(SearchMethods.Forest, 3, trees: true))
        {
            Assert.Equal(Enumerable.Range(0, tree!.Nodes.Count), tree.Nodes.Select(n => n.Id));
            Assert.Equal(9, tree.Nodes.Count(n => n.Parent == 0));
            Assert.All(tree.Nodes.Skip(1), n => Assert.True(n.Parent < n.Id));
            Assert.Equal(row.Correct, Assert.Single(tree.Nodes, n => n.Fate == Fate.Chosen).Rex);
        }
    }
}
