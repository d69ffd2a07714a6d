namespace Pav.Tests.Search;

/// <summary>The mean of several provers BoK.</summary>
public class SeveralProversTests
{
    private sealed class Fixed(params double[] q) : IVerifier
    {
        public string Name => "fixed";

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
            Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(_ => new Scored(q, 5))]);
    }

    /// <summary>Bo2: 1 − 0.8² = 0.36 and 1 − 0.5² = 0.75. Bo8: 1 − 0.8⁸ = 0.83222784 and 1 − 0.5⁸ = 0.99609375.</summary>
    [Fact]
    public async Task Progress_is_the_mean_of_the_provers_progress_and_telescopes()
    {
        var root = Prefix.Root(Toy.Problem(0));
        var both = new BestOfKVerifier(new Fixed(0.2, 0.5, 1, 0), 2, 8);
        var scored = (await both.Score([root]))[0];
        var progress = Advantage.OfSteps(scored.Q);
        Assert.Equal("bo2+bo8", both.Name);
        Assert.Equal(5, scored.Tokens);
        Assert.Equal((0.39 + 0.16386591) / 2, progress[0], 12);
        double[][] each = [.. await Task.WhenAll(new[] { 2, 8 }.Select(async k =>
            Advantage.OfSteps((await new BestOfKVerifier(new Fixed(0.2, 0.5, 1, 0), k).Score([root]))[0].Q)))];
        Assert.Equal(each[0].Zip(each[1], (a, b) => Math.Round((a + b) / 2, 12)), progress.Select(a => Math.Round(a, 12)));
        Assert.Equal(scored.Q[^1] - scored.Q[0], progress.Sum(), 12);
        Assert.Equal(-(0.36 + 0.83222784) / 2, progress.Sum(), 12);
    }

    /// <summary>From counts each prover's value is unbiased, and so is their mean: here summed over all counts of 8 completions.</summary>
    [Fact]
    public async Task From_counts_it_is_the_mean_of_unbiased_estimates()
    {
        const double q = 0.3;
        double Chance(int c) =>
            Enumerable.Range(0, c).Aggregate(1.0, (p, i) => p * (8 - i) / (i + 1)) * Math.Pow(q, c) * Math.Pow(1 - q, 8 - c);
        var mean = Enumerable.Range(0, 9).Sum(c => Chance(c) * new[] { 2, 8 }.Average(k => BestOfK.FromCounts(new(8, c), k)));
        Assert.Equal(new[] { 2, 8 }.Average(k => BestOfK.FromQ(q, k)), mean, 12);

        var policy = new ToyPolicy();
        var traces = await policy.Extend([.. Toy.Problems(4).Select((p, i) => new Draw(Prefix.Root(p), (ulong)i))], Until.TraceEnd, new());
        var oracle = new MonteCarloVerifier(policy, Grader.Numeric, 8, new(), 3);
        async Task<double[][]> Values(IVerifier verifier) => [.. (await verifier.Score(traces)).Select(s => s.Q)];
        var (two, eight, both) = (await Values(oracle.BestOf(2)), await Values(oracle.BestOf(8)), await Values(oracle.BestOf(2, 8)));
        Assert.Contains(both.SelectMany(v => v), v => v is > 0 and < 1);
        foreach (var (i, values) in both.Index())
            Assert.Equal(two[i].Zip(eight[i], (a, b) => Math.Round((a + b) / 2, 12)), values.Select(v => Math.Round(v, 12)));
        Assert.Equal("bo2+bo8", oracle.BestOf(2, 8).Name);
        Assert.Contains("bo16 cannot", Assert.Throws<UserError>(() => oracle.BestOf(2, 16)).Message);
    }
}
