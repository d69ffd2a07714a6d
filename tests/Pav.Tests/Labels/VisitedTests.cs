using System.Text.Json;

namespace Pav.Tests.Labels;

/// <summary>Labels on what searches visited.</summary>
public class VisitedTests
{
    private static readonly Problem Problem = Toy.Problem(0);

    private static TreeNode Node(int id, int parent, string step, Fate fate, int? rex = null) =>
        new(id, parent, step, 0.5, 0.5, 0, 0.5, fate, rex, Tokens: [id, 100 + id]);

    /// <summary>Of two kept first steps one leads to a finished trace and a pruned step, the other to a pruned trace.</summary>
    private static readonly SearchTree Tree = new(Problem.Id, Problem.Text, "1", "beam-q", 2, null, null, 1,
    [
        new(0, -1, "", 0.5, 0.5, 0, 0.5, Fate.Root, null, Tokens: []),
        Node(1, 0, "a\n", Fate.Kept), Node(2, 0, "b\n", Fate.Kept), Node(3, 0, "c\n", Fate.Pruned), Node(4, 0, "a\n", Fate.Duplicate),
        Node(5, 1, "Answer: 1", Fate.Chosen, 1), Node(6, 1, "d\n", Fate.Pruned), Node(7, 2, "Answer: 0", Fate.Pruned, 0),
    ]);

    private static List<(string Text, VisitedKind Kind)> Ends(params VisitedKind[] kinds) =>
        [.. VisitedTraces.From(Problem, [("run", Tree)], kinds, 1).Select(v => (v.Trace.Text, v.Places.Single().Kind))];

    [Fact]
    public void Seed_traces_end_in_the_last_steps_of_the_kinds()
    {
        Assert.Equal([("a\nAnswer: 1", VisitedKind.Finished)], Ends(VisitedKind.Finished));
        Assert.Equal(["a\n", "b\n"], Ends(VisitedKind.Kept).Select(e => e.Text).Order());
        Assert.Equal(["a\nd\n", "b\nAnswer: 0", "c\n"], Ends(VisitedKind.Pruned).Select(e => e.Text).Order());

        // Kinds take turns in the order given; b has a pruned step after it and is part of that trace.
        var all = Ends(VisitedKind.Finished, VisitedKind.Kept, VisitedKind.Pruned);
        Assert.Equal(("a\nAnswer: 1", VisitedKind.Finished), all[0]);
        Assert.Equal([VisitedKind.Pruned, VisitedKind.Pruned, VisitedKind.Pruned], all.Skip(1).Select(e => e.Kind));
        Assert.Equal([VisitedKind.Finished, VisitedKind.Kept], Ends(VisitedKind.Finished, VisitedKind.Kept).Select(e => e.Kind));
        Assert.Equal(all, Ends(VisitedKind.Finished, VisitedKind.Kept, VisitedKind.Pruned));
    }

    [Fact]
    public void A_trace_that_several_searches_came_to_is_there_once_with_all_places()
    {
        var wider = Tree with { N = 4 };
        var both = VisitedTraces.From(Problem, [("run", Tree), ("run", wider)], [VisitedKind.Finished], 1);
        Assert.Equal([2, 4], Assert.Single(both).Places.Select(p => p.N));
        Assert.All(both[0].Places, p => Assert.Equal(("run", "beam-q", 5, VisitedKind.Finished), (p.Run, p.Method, p.Node, p.Kind)));
    }

    [Fact]
    public void Ids_are_those_that_were_drawn_and_lost_draws_are_left_out()
    {
        var read = JsonSerializer.Deserialize<SearchTree>(JsonSerializer.Serialize(Tree with { Nodes = [.. Tree.Nodes,
            new(8, 1, "", null, null, null, null, Fate.Pruned, 0, Tokens: [], Lost: true)] }))!;
        var traces = VisitedTraces.From(Problem, [("run", read)], [VisitedKind.Pruned], 1).ToDictionary(v => v.Trace.Text, v => v.Trace);
        Assert.Equal(3, traces.Count);
        Assert.Equal([[], [1, 101], [6, 106]], traces["a\nd\n"].Path().Select(p => p.Tokens));
        Assert.False(traces["a\nd\n"].Ended);
        Assert.True(traces["b\nAnswer: 0"].Ended);
    }

    [Fact]
    public async Task Visited_states_have_unbiased_fresh_counts_and_resume()
    {
        var problems = Toy.Problems(150);
        var tools = new SearchTools(new ToyPolicy(), Grader.Numeric, new ToyNoisy(5));
        var found = await SearchBatch.Run(problems, SearchMethods.BeamByQ, 4, tools, new() { Seed = 3 }, trees: true);
        var trees = found.ToDictionary(f => f.Row.Problem, f => f.Tree!);
        VisitedKind[] kinds = [VisitedKind.Finished, VisitedKind.Pruned, VisitedKind.Kept];
        var visited = problems.ToDictionary(p => p.Id, p => VisitedTraces.From(p, [("run", trees[p.Id])], kinds, 1));
        var options = new LabelOptions { NCov = 6, NMc = 8, Seed = 11, ProblemsPerBatch = 7 };
        async Task<List<LabelledTrace>> Labels(Func<string, int, bool>? done = null)
        {
            var lines = new List<LabelledTrace>();
            await foreach (var line in Labelling.Run(new ToyPolicy(), Grader.Numeric, problems, options, done,
                seeds: SeedTraces.From(visited))) lines.Add(line);
            return lines;
        }

        var lines = await Labels();
        Assert.Equal(problems.Sum(p => Math.Min(6, visited[p.Id].Count)), lines.Count);
        Assert.Contains(lines, l => l.Unfinished);
        Assert.All(lines, l =>
        {
            Assert.NotEmpty(l.Visited!);
            if (l.Visited![0].Kind == VisitedKind.Finished) Assert.False(l.Unfinished);
            Assert.Equal(l.Unfinished ? 8 : 1, l.N[^1]);
            var node = trees[l.Problem].Nodes[l.Visited[0].Node];
            Assert.Equal((node.Step, node.Rex), (l.Steps[^1], l.Unfinished ? null : l.Rex));
            Assert.Equal(node.Tokens, l.Tokens[^1]);
        });
        var byId = problems.ToDictionary(p => p.Id);
        var errors = lines.SelectMany(t => t.ToPrefix(byId[t.Problem]).Path().Zip(t.Q, (p, q) => (Prefix: p, Error: q.Value - Toy.Q(p))))
            .DistinctBy(x => x.Prefix).Select(x => x.Error).ToList();
        Assert.InRange(errors.Average() / (Math.Sqrt(errors.Sum(e => e * e)) / errors.Count), -4, 4);

        // What the verifier overrates is kept: its scores of kept steps lie above their true values, and fresh counts show it.
        var kept = trees.Values.SelectMany(t => t.Nodes.Where(n => n.Fate is Fate.Kept).Select(n => n.Q!.Value)).Average();
        var states = lines.SelectMany(t => t.ToPrefix(byId[t.Problem]).Path().Zip(t.Q))
            .Where(x => x.First.Depth > 0 && !x.First.Ended && trees[x.First.Problem.Id]
            .Nodes.Any(n => n.Fate == Fate.Kept && n.Step == x.First.Step)).DistinctBy(x => x.First);
        Assert.True(kept > states.Average(x => x.Second.Value));

        var have = lines.Take(100).Select(l => (l.Problem, l.Trace)).ToHashSet();
        Assert.Equal(lines.Skip(100).Select(l => JsonSerializer.Serialize(l)), (await Labels((p, t) => have.Contains((p, t))))
            .Select(l => JsonSerializer.Serialize(l)));
    }

    [Fact]
    public async Task A_control_has_as_many_fresh_traces()
    {
        var options = new LabelOptions { NCov = 3, NMc = 2, Seed = 11 };
        var counts = new Dictionary<string, int> { ["toy-0"] = 2, ["toy-2"] = 5 };
        var lines = new List<LabelledTrace>();
        await foreach (var line in Labelling.Run(new ToyPolicy(), Grader.Numeric, Toy.Problems(4), options,
            seeds: SeedTraces.AsMany(counts))) lines.Add(line);
        Assert.Equal([("toy-0", 0), ("toy-0", 1), ("toy-2", 0), ("toy-2", 1), ("toy-2", 2)], lines.Select(l => (l.Problem, l.Trace)));
        Assert.All(lines, l => Assert.Null(l.Visited));
    }

    [Fact]
    public void Visited_traces_cost_no_rollout_of_their_own()
    {
        VisitedPlace place = new("run", "beam-q", 2, null, null, 1, VisitedKind.Kept);
        LabelledTrace trace = new("p", "toy", "random", 0, ["a\n"], [[1]], 0, null, "numeric-3", [4, 4], [2, 1], Unfinished: true,
            Visited: [place]);
        Assert.Equal(8, RolloutCount.From([trace], 4));
        Assert.Equal(4, RolloutCount.From([trace with { Unfinished = false, N = [4, 1], C = [2, 0] }], 4));
        Assert.Equal(5, RolloutCount.From([trace with { Unfinished = false, N = [4, 1], C = [2, 0], Visited = null }], 4));
    }
}
