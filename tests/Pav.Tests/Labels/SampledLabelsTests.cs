using Pav.Didactic;

namespace Pav.Tests.Labels;

/// <summary>Counts of traces that share a prefix, as labels.</summary>
public class SampledLabelsTests
{
    private static readonly Grader Found =
        new("found", 1, text => text.Contains("2 0 ", StringComparison.Ordinal) ? "1" : null, s => s, (a, b) => a == b);

    private static Prefix Trace(params string[] steps) => steps.Select((s, i) => (s, i)).Aggregate(
        Prefix.Root(new("p", "x", "1")), (prefix, step) => prefix.Then(step.s, [step.i], ended: step.i == steps.Length - 1));

    [Fact]
    public void Shared_prefixes_are_counted_over_the_group()
    {
        var labels = SampledLabels.From([Trace("a", "2 0 "), Trace("a", "c"), Trace("b", "2 0 ")], "π", Found, null);
        Assert.Equal<int[]>([[3, 2, 1], [3, 2, 1], [3, 1, 1]], labels.Select(l => l.N.ToArray()));
        Assert.Equal<int[]>([[2, 1, 1], [2, 1, 0], [2, 1, 1]], labels.Select(l => l.C.ToArray()));
        Assert.Equal([1, 0, 1], labels.Select(l => l.Rex));
        Assert.Equal(new[] { "a", "c" }, labels[1].Steps);
    }

    [Fact]
    public void Branches_are_labelled_from_where_they_start()
    {
        var start = Prefix.Root(new("p", "x", "1")).Then("a", [0]);
        Prefix[] completions = [start.Then("2 0 ", [1], ended: true), start.Then("c", [1], ended: true)];
        var labels = SampledLabels.FromBranches(start, completions, "π", Found, null);
        Assert.Equal<int[]>([[0, 2, 1], [0, 2, 1]], labels.Select(l => l.N.ToArray()));
        Assert.Equal<int[]>([[0, 1, 1], [0, 1, 0]], labels.Select(l => l.C.ToArray()));
        Assert.Equal([1, 0], labels.Select(l => l.Rex));
    }

    /// <summary>Prefixes are chosen because their trace was right, which their labels must not show: on average they are the exact
    /// values.</summary>
    [Fact]
    public void Labels_of_branches_of_right_traces_are_unbiased()
    {
        var task = new PlantedTask([2, 0], length: 4, vocabulary: 4);
        var policy = TabularPolicy.Softmax(task, [.. Enumerable.Range(0, task.TableSize).Select(i => 2 * Seeds.Uniform(11, i))]);
        var values = ExactValues.From(policy);
        var found = new List<(int T, int State, double Share)>();
        for (var g = 0; g < 12000; g++)
        {
            var seed = policy.Play(Seeds.Derive(5, "", "seed", g));
            if (seed.Rex(task) == 0) continue;
            for (var h = 1; h < seed.Steps; h++)
            {
                var start = seed.Tokens.Take(h).Aggregate(Prefix.Root(new("p", "x", "1")), (prefix, a) => prefix.Then($"{a} ", [a]));
                var drawn = Enumerable.Range(0, 2).Select(k => policy.Play(Seeds.Derive(6, $"{g} {h}", "branch", k), h, seed.States[h]));
                Prefix[] completions =
                [
                    .. drawn.Select(e => e.Tokens.Select((a, i) => (a, Last: i == e.Steps - 1))
                        .Aggregate(start, (prefix, x) => prefix.Then($"{x.a} ", [x.a], ended: x.Last))),
                ];
                var line = SampledLabels.FromBranches(start, completions, "π", Found, null)[0];
                Assert.All(Enumerable.Range(0, h), i => Assert.Equal(0, line.N[i]));
                found.Add((h, seed.States[h], line.Q[h].Value));
            }
        }

        var often = found.GroupBy(f => (f.T, f.State)).Where(p => p.Count() >= 300).ToList();
        Assert.True(often.Count >= 2);
        Assert.All(often, p =>
        {
            var (mean, n) = (p.Average(f => f.Share), p.Count());
            var error = Math.Sqrt(p.Sum(f => (f.Share - mean) * (f.Share - mean)) / (n - 1) / n);
            var exact = values.V(p.Key.T, p.Key.State);
            Assert.True(Math.Abs(mean - exact) <= (4 * error) + 1e-12, $"{p.Key}: {mean} ± {error}, exactly {exact}");
        });
    }

    /// <summary>The share of right ones among a group's traces through a prefix is on average its exact value.</summary>
    [Fact]
    public void Labels_are_unbiased()
    {
        var task = new PlantedTask([2, 0], length: 4, vocabulary: 4);
        var policy = TabularPolicy.Softmax(task, [.. Enumerable.Range(0, task.TableSize).Select(i => 2 * Seeds.Uniform(11, i))]);
        var values = ExactValues.From(policy);
        var found = new List<(string Prefix, double Share, double Exact)>();
        for (var g = 0; g < 4000; g++)
        {
            Episode[] group = [.. Enumerable.Range(0, 4).Select(i => policy.Play(Seeds.Derive(5, "", "trace", (g * 4) + i)))];
            var labels = SampledLabels.From([.. group.Select(e => Trace([.. e.Tokens.Select(a => $"{a} ")]))], "π", Found, null);
            found.AddRange(labels.Zip(group).SelectMany(x => Enumerable.Range(0, x.Second.Steps).Select(h => (
                Prefix: string.Concat(x.First.Steps.Take(h)), Share: (double)x.First.C[h] / x.First.N[h],
                Exact: values.V(h, x.Second.States[h]), Group: g))).DistinctBy(x => x.Prefix).Select(x => (x.Prefix, x.Share, x.Exact)));
        }

        var often = found.GroupBy(f => f.Prefix).Where(p => p.Count() >= 500).ToList();
        Assert.True(often.Count > 5);
        Assert.All(often, p =>
        {
            var (mean, n) = (p.Average(f => f.Share), p.Count());
            var error = Math.Sqrt(p.Sum(f => (f.Share - mean) * (f.Share - mean)) / (n - 1) / n);
            Assert.True(Math.Abs(mean - p.First().Exact) <= (4 * error) + 1e-12, $"{p.Key}: {mean} ± {error}, exactly {p.First().Exact}");
        });
    }
}
