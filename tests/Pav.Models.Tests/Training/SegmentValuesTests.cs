using Pav.Models.Tokenizers;
using Pav.Models.Training;

namespace Pav.Models.Tests.Training;

/// <summary>Values of segments against a policy whose value at every prefix is known.</summary>
public class SegmentValuesTests
{
    private const int Completions = 7;

    private static readonly Tokenizer Words = Tokenizer.WordLevel(["Q:", "\n", .. Enumerable.Range(0, 10).Select(i => $" {i}")]);

    private static readonly Grader Sevens =
        new("sevens", 1, text => text.EndsWith(" 7", StringComparison.Ordinal) ? "7" : null, s => s, (a, b) => a == b);

    /// <summary>Of its completions of a prefix, exactly so many are right as that prefix is known to have; each takes one token for every
    /// step that is there already, and one more.</summary>
    private sealed class Known(IReadOnlyDictionary<Prefix, int> right) : IPolicy
    {
        public string Name => "known";

        public Task<IReadOnlyList<Prefix>> Extend(
            IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default)
        {
            Assert.Equal(Until.TraceEnd, until);
            return Task.FromResult<IReadOnlyList<Prefix>>(
            [
                .. draws.GroupBy(d => d.Prefix).SelectMany(g => g.Select((d, i) => d.Prefix.Then(
                    i < right[d.Prefix] ? " 7" : " 1", [.. Enumerable.Repeat(1, d.Prefix.Depth + 1)], ended: true))),
            ]);
        }
    }

    /// <summary>Steps of one token and a line's end, but the last, which ends the trace.</summary>
    private static Prefix Trace(string problem, params int[] steps)
    {
        var prefix = Prefix.Root(new(problem, " 0", "7"));
        foreach (var (h, digit) in steps.Index())
            prefix = h == steps.Length - 1 ? prefix.Then($" {digit}", [2 + digit], ended: true)
                : prefix.Then($" {digit}\n", [2 + digit, 1]);
        return prefix;
    }

    private static readonly Prefix Long = Trace("p", 1, 2, 3, 4, 7), Fork = Trace("p", 1, 2, 5, 1), Other = Trace("q", 1, 2, 3);

    private static readonly Prefix[][] Groups = [[Long, Fork], [Other, Trace("q", 7)]];

    /// <summary>Right ones of 7 at the prefixes of 0, 1, … steps; those that traces share stand with the first.</summary>
    private static readonly Dictionary<Prefix, int> Right = new[]
    {
        (Long, 0, 3), (Long, 1, 1), (Long, 2, 4), (Long, 3, 6), (Long, 4, 5), (Fork, 3, 2), (Other, 0, 2), (Other, 1, 7), (Other, 2, 0),
    }.ToDictionary(k => k.Item1.Path()[k.Item2], k => k.Item3);

    private static Task<SegmentValues> Count(int size) => SegmentValues.Count(
        Groups, size, Completions, new(new Known(Right), Sevens, new(MaxTokens: 9), 1, 10), default);

    /// <summary>In sevenths; an end has 7 where it is right, else 0. Equal texts of other problems have values of their own.</summary>
    [Theory]
    [InlineData(1, new[] { 3, 1, 4, 6, 5, 7 }, new[] { 3, 1, 4, 2, 0 }, new[] { 2, 7, 0, 0 }, new[] { 2, 7 }, 9)]
    [InlineData(2, new[] { 3, 4, 5, 7 }, new[] { 3, 4, 0 }, new[] { 2, 0, 0 }, new[] { 2, 7 }, 5)]
    [InlineData(3, new[] { 3, 6, 7 }, new[] { 3, 2, 0 }, new[] { 2, 0 }, new[] { 2, 7 }, 4)]
    [InlineData(9, new[] { 3, 7 }, new[] { 3, 0 }, new[] { 2, 0 }, new[] { 2, 7 }, 2)]
    public async Task Each_cut_of_each_trace_has_the_value_of_its_prefix(
        int size, int[] first, int[] fork, int[] other, int[] single, int prefixes)
    {
        var counted = await Count(size);
        Assert.Equal([first, fork, other, single], counted.Values.SelectMany(g => g)
            .Select(values => values.Select(v => (int)Math.Round(Completions * v, 9)).ToArray()));
        Assert.Equal(prefixes * Completions, counted.Rollouts);
        var tokens = Right.Keys.Where(p => p.Depth % size == 0).Sum(p => p.Depth + 1);
        Assert.Equal(Completions * tokens, counted.Tokens);
    }

    /// <summary>A token is credited with the change of value over the segment that its step lies in.</summary>
    [Fact]
    public async Task Each_token_of_an_episode_is_credited_with_its_own_segment()
    {
        var values = (await Count(2)).Values;
        var options = new RlOptions
        {
            Reward = DenseReward.None, Outcome = OutcomeCredit.Segments, SegmentSteps = 2, Baseline = RlBaseline.None,
        };
        var episodes = Episode.FromBatch(Groups, null, values, Sevens, options, Words, new("Q:{problem}"));
        Assert.Equal<int[]>(
            [[1, 1, 1, 1, 1, 1, 1, 1, 2], [1, 1, 1, 1, -4, -4, -4], [-2, -2, -2, -2, 0], [5]],
            episodes.Select(e => e.StepOf.Select(h => (int)Math.Round(Completions * (e.Returns[h] - e.Baselines[h]), 9)).ToArray()));
    }
}
