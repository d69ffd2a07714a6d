using System.Text.Json;

namespace Pav.Tests.Provers;

public class StateLabellingTests
{
    private static readonly LabelOptions Options = new() { NCov = 3, NMc = 6, Seed = 11, ProblemsPerBatch = 4 };

    internal static async Task<List<LabelledState>> Label(LabelOptions options, int problems = 10, int steps = 4, int depths = 0,
        Func<(string, string), bool>? done = null)
    {
        var states = new List<LabelledState>();
        await foreach (var state in StateLabelling.Run(new ToyPolicy(), Grader.Numeric, Toy.Problems(problems), options, steps, depths,
            done)) states.Add(state);
        return states;
    }

    internal static async Task<List<LabelledState>> Recount(IEnumerable<LabelledState> states, LabelOptions options, int problems = 10,
        string policy = "toy")
    {
        var again = new List<LabelledState>();
        await foreach (var state in StateLabelling.Recount(new ToyPolicy(policy), Grader.Numeric, Toy.Problems(problems)
            .ToDictionary(p => p.Id), states, options)) again.Add(state);
        return again;
    }

    private static string Json(LabelledState state) => JsonSerializer.Serialize(state);

    [Fact]
    public async Task A_state_has_its_steps_and_their_counts()
    {
        var states = await Label(Options);
        Assert.All(states, s =>
        {
            Assert.Equal(4, s.Next.Sum(n => n.Drawn));
            Assert.Equal(s.Next.Count, s.Next.DistinctBy(n => (n.Step, n.Ended)).Count());
            Assert.Equal(6, s.N);
            Assert.All(s.Next, n => Assert.Equal((n.Ended ? 1 : 6, s.Steps.Count == 4), (n.N, n.Ended)));
        });
        Assert.Equal(states.Count, states.DistinctBy(s => s.Key).Count());
        foreach (var depth in states.GroupBy(s => (s.Problem, s.Steps.Count))) Assert.Equal(3, depth.Sum(s => s.Drawn));
        Assert.Equal(Enumerable.Range(0, 5), states.Select(s => s.Steps.Count).Distinct().Order());
        var chosen = await Label(Options, depths: 2);
        Assert.All(chosen.GroupBy(s => s.Problem), p => Assert.Equal(2, p.Select(s => s.Steps.Count).Distinct().Count()));
        Assert.Equal(Enumerable.Range(0, 5), chosen.Select(s => s.Steps.Count).Distinct().Order());
        Assert.Subset(states.Select(Json).ToHashSet(), chosen.Select(Json).ToHashSet());
    }

    [Fact]
    public async Task Resuming_and_batches_change_nothing()
    {
        var all = (await Label(Options)).Select(Json).ToList();
        Assert.Equal(all, (await Label(Options with { ProblemsPerBatch = 1, DrawsPerCall = 3 })).Select(Json));
        var have = (await Label(Options)).Take(17).Select(s => s.Key).ToHashSet();
        Assert.Equal(all.Skip(17), (await Label(Options, done: have.Contains)).Select(Json));
    }

    [Fact]
    public async Task Counts_are_unbiased_and_another_policy_counts_the_same_steps()
    {
        var states = await Label(Options with { NMc = 16 }, problems: 300);
        var problems = Toy.Problems(300).ToDictionary(p => p.Id);
        double Q(LabelledState s, LabelledStep n) => Toy.Q(s.ToPrefix(problems[s.Problem]).Then(n.Step, n.Tokens, n.Ended));
        Assert.Equal(0, states.SelectMany(s => s.Next.Select(n => n.Q.Value - Q(s, n))).Average(), 0.01);
        Assert.Equal(0, states.Average(s => s.V.Value - Toy.Q(s.ToPrefix(problems[s.Problem]))), 0.01);

        var again = await Recount(states, Options with { NMc = 8, Seed = 12 }, 300);
        Assert.Equal(states.Select(s => s.Key), again.Select(s => s.Key));
        Assert.Equal(states.SelectMany(s => s.Next).Select(n => (n.Step, n.Ended, n.Drawn)), again.SelectMany(s => s.Next)
            .Select(n => (n.Step, n.Ended, n.Drawn)));
        Assert.All(again.SelectMany(s => s.Next), n => Assert.Equal(n.Ended ? 1 : 8, n.N));
        Assert.Contains("toy-299", (await Assert.ThrowsAsync<UserError>(() => Recount(states, Options, 299))).Message);
    }

    [Fact]
    public async Task Equal_seeds_do_not_correlate_the_counts_of_two_runs()
    {
        // Three runs of policies that are alike and differ in name: shared random numbers would make their errors the same.
        var states = await Label(Options, problems: 150);
        var problems = Toy.Problems(150).ToDictionary(p => p.Id);
        var (same, other) = (await Recount(states, Options, 150), await Recount(states, Options, 150, "other"));
        var open = states.SelectMany((s, i) => s.Next.Select((n, j) => (State: s, Step: n, At: (i, j)))).Where(x => !x.Step.Ended)
            .Select(x => (Q: Toy.Q(x.State.ToPrefix(problems[x.State.Problem]).Then(x.Step.Step, x.Step.Tokens)), x.At))
                .Where(x => x.Q is > 0 and < 1).ToList();
        double[] Errors(List<LabelledState> run) => [.. open.Select(x => run[x.At.i].Next[x.At.j].Q.Value - x.Q)];
        var bound = 4 / Math.Sqrt(open.Count);
        Assert.InRange(bound, 0, 0.15);
        Assert.InRange(Correlation.Pearson(Errors(states), Errors(same)), -bound, bound);
        Assert.InRange(Correlation.Pearson(Errors(same), Errors(other)), -bound, bound);
    }

    [Fact]
    public async Task Traces_that_share_states_label_them()
    {
        var traces = new List<LabelledTrace>();
        await foreach (var line in Labelling.Run(new ToyPolicy(), Grader.Numeric, Toy.Problems(5), Options with { NCov = 8 })) traces.Add(
            line);
        var states = LabelledState.FromTraces(traces);
        var roots = states.Where(s => s.Steps.Count == 0).ToList();
        Assert.Equal(5, roots.Count);
        Assert.All(roots, s => Assert.Equal((8, 8), (s.Drawn, s.Next.Sum(n => n.Drawn))));
        Assert.All(states, s => Assert.InRange(s.Drawn, 2, 8));
        var ok = traces.Where(t => t.Problem == "toy-0" && t.Steps[0] == "ok\n").ToList();
        var first = roots[0].Next.Single(n => n.Step == "ok\n");
        Assert.Equal((ok.Count, ok[0].N[1], ok[0].C[1]), (first.Drawn, first.N, first.C));
        Assert.Empty(LabelledState.FromTraces(traces.DistinctBy(t => t.Problem)));
    }

    [Fact]
    public async Task One_step_per_state_is_refused() =>
        Assert.Contains("at least 2", (await Assert.ThrowsAsync<UserError>(() => Label(Options, steps: 1))).Message);
}
