using Pav.Models.Decoders;
using Pav.Models.Engine;
using Pav.Models.Inference;
using Pav.Torch;

namespace Pav.Models.Tests.Models;

/// <summary>Several threads draw a small model's traces in batches of their own, and nobody sees it.</summary>
public sealed class SideBySideTests : IDisposable
{
    private static readonly Sampling Sampling = new(MaxTokens: 24);

    private readonly DecoderModel model = Toy.Model();

    public void Dispose() => model.Dispose();

    private TransformerPolicy Policy(int threads, long budget = 1 << 24, int slots = 9) =>
        new("toy", model, Toy.Tokenizer, Toy.Template, new(budget, slots, threads));

    private static Draw[] Draws(IEnumerable<Prefix> prefixes, int each, ulong seed = 1) =>
        [.. prefixes.SelectMany(p => Enumerable.Range(0, each)
            .Select(k => new Draw(p, Seeds.Derive(seed, p.Problem.Id + p.Text, "d", k))))];

    private static string[] Told(IEnumerable<Prefix> prefixes) => [.. prefixes.Select(prefix =>
        string.Join("|", prefix.Path().Select(p => $"{p.Step}({string.Join(",", p.Tokens)}){(p.Ended ? "." : "")}")))];

    /// <summary>Seed traces, completions of all their prefixes, a beam of one problem, step by step, and its log-probabilities.</summary>
    private static async Task<(string[] Told, double[] Logprobs, long Generated)> Work(TransformerPolicy policy)
    {
        List<string> told = [];
        var drawn = 0;
        policy.Drawn = count => drawn += count;
        var roots = Enumerable.Range(0, 9).Select(i => Prefix.Root(Toy.Problem(i))).ToList();
        var traces = await policy.Extend(Draws(roots, 2), Until.TraceEnd, Sampling);
        var prefixes = traces.SelectMany(t => t.Path()).Distinct().ToList();
        told.AddRange(Told(await policy.Extend(Draws(prefixes, 3), Until.TraceEnd, Sampling)));
        Assert.Equal(18 + 3 * prefixes.Count, drawn);
        IReadOnlyList<Prefix> beam = [roots[4]];
        for (var round = 0UL; round < 6; round++)
        {
            var next = await policy.Extend(Draws(beam, 24 / beam.Count, round), Until.StepEnd, Sampling);
            told.AddRange(Told(next));
            beam = [.. next.Distinct().OrderBy(p => Seeds.Mix((ulong)p.Text.Length)).Take(4)];
        }

        var logprobs = new List<double>();
        foreach (var end in beam)
            logprobs.AddRange((await policy.Logprobs(end, 0, 0)).Steps.SelectMany(s => s).Select(t => t.Token.Value));
        policy.Drawn = null;
        return ([.. told], [.. logprobs], policy.GeneratedTokens);
    }

    [Fact]
    public async Task Threads_change_no_draw_and_no_log_probability()
    {
        using var one = Policy(1);
        var expected = await Work(one);
        Assert.NotEmpty(expected.Logprobs);
        foreach (var threads in (int[])[2, 3])
        {
            using var several = Policy(threads);
            var found = await Work(several);
            Assert.Equal(expected.Told, found.Told);
            Assert.Equal(expected.Logprobs, found.Logprobs);
            Assert.Equal(expected.Generated, found.Generated);
            Assert.InRange(several.CacheBytes, 1, 1 << 24);
        }
    }

    [Fact]
    public async Task A_step_may_be_drawn_in_parts()
    {
        string[]? expected = null;
        foreach (var threads in (int[])[1, 2, 3])
        {
            using var policy = Policy(threads);
            IReadOnlyList<Prefix> at = Toy.Prefixes(5);
            List<string> told = [];
            for (var round = 0; round < 4; round++)
            {
                at = await policy.Extend([.. at.Select((p, i) => new Draw(p, (ulong)i))], Until.StepEnd, Sampling with { StepTokens = 2 });
                told.AddRange(Told(at));
            }

            Assert.Equal(expected ??= [.. told], told);
        }
    }

    [Theory, InlineData(2), InlineData(3)]
    public async Task A_cancelled_call_and_one_that_fails_leave_all_of_them_usable(int threads)
    {
        using var policy = Policy(threads);
        var draws = Draws(Toy.Prefixes(6), 5);
        var expected = Told(await policy.Extend(draws, Until.TraceEnd, Sampling));
        using var cancel = new CancellationTokenSource();
        policy.Drawn = _ => cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => policy.Extend(draws, Until.TraceEnd, Sampling, cancel.Token));
        policy.Drawn = _ => throw new InvalidOperationException("from one of them");
        Assert.Equal("from one of them",
            (await Assert.ThrowsAsync<InvalidOperationException>(() => policy.Extend(draws, Until.TraceEnd, Sampling))).Message);
        policy.Drawn = null;
        Assert.Equal(expected, Told(await policy.Extend(draws, Until.TraceEnd, Sampling)));
    }

    /// <summary>One problem has a word whose embedding is not a number: whoever gets that, the user is told.</summary>
    [Fact]
    public async Task What_one_finds_wrong_is_told()
    {
        using var poisoned = Toy.Model(Toy.Config() with { TiedEmbeddings = false });
        using (torch.no_grad()) poisoned.Parameters["model.embed_tokens.weight"].narrow(0, Toy.Tokenizer.Id("A")!.Value, 1).mul_(float.NaN);
        using var policy = new TransformerPolicy("toy", poisoned, Toy.Tokenizer, Toy.Template, new(1 << 24, 8, 2));
        var well = Enumerable.Range(0, 8).Select(i => Prefix.Root(Toy.Problem(i))).ToList();
        Assert.Equal(16, (await policy.Extend(Draws(well, 2), Until.TraceEnd, new(0, MaxTokens: 1))).Count);
        for (var place = 0; place <= 8; place += 4)
        {
            List<Prefix> all = [.. well];
            all.Insert(place, Prefix.Root(new("bad", " 1\nA 5", "")));
            var error = await Assert.ThrowsAsync<UserError>(() => policy.Extend(Draws(all, 2), Until.TraceEnd, new(0, MaxTokens: 1)));
            Assert.Contains("the checkpoint is damaged", error.Message);
        }
    }

    [Fact]
    public async Task A_budget_that_is_too_small_is_told_in_the_same_words()
    {
        List<string> told = [];
        foreach (var threads in (int[])[1, 2])
        {
            using var policy = Policy(threads, budget: 10_000);
            var draws = Draws(Toy.Prefixes(1), 1);
            told.Add((await Assert.ThrowsAsync<UserError>(() => policy.Extend(draws, Until.TraceEnd, Sampling))).Message);
        }

        Assert.Contains("the budget is", told[0]);
        Assert.Equal(told[0], told[1]);
    }

    /// <summary>A block of the toy's keys and values has 2·2·16·16 floats, and a context of 256 tokens at most 256 blocks.</summary>
    [Theory]
    [InlineData(2, 2 * 256 * 4096, 2)]
    [InlineData(2, 2 * 256 * 4096 - 1, 0)]
    [InlineData(3, 1 << 24, 3)]
    [InlineData(1, 1 << 24, 0)]
    public void Each_share_of_the_cache_holds_the_longest_context(int threads, long budget, int expected)
    {
        using var whole = Toy.Runner(model, budget, threads);
        var runners = whole.Beside(budget);
        Assert.Equal(expected, runners.Count);
        Assert.All(runners, r => Assert.Equal(budget / threads / 4096, r.Pool.Capacity));
        foreach (var runner in runners) runner.Dispose();
    }

    private static IdDraw[] Shared(params (int Problem, int Count)[] draws) => [.. draws.SelectMany(d =>
        Enumerable.Repeat(new IdDraw([[d.Problem], [7]], 9, 0, new([])), d.Count))];

    private static int[][] All(DrawShares shares, int engine)
    {
        List<int[]> all = [];
        while (shares.Next(engine) is { } share) all.Add(share);
        return [.. all];
    }

    [Fact]
    public void Draws_of_a_problem_stay_together_where_they_are_held()
    {
        var shares = new DrawShares(Shared((1, 4), (2, 4), (3, 4), (4, 4), (1, 2)), [c => c[0][0] == 2 ? 2 : 0, c => c[0][0] == 1 ? 2 : 0]);
        Assert.Equal([4, 5, 6, 7], shares.Next(0)!);
        Assert.Equal([8, 9, 10, 11], shares.Next(0)!);
        Assert.Equal([0, 1, 2, 3, 16, 17], shares.Next(1)!);
        Assert.Equal([12, 13, 14, 15], shares.Next(1)!);
        Assert.Null(shares.Next(0));
        Assert.Null(shares.Next(1));
    }

    [Fact]
    public void An_engine_without_draws_takes_the_last_that_wait_where_more_are_left()
    {
        var shares = new DrawShares(Shared((1, 4), (2, 4), (3, 4)), [_ => 1, _ => 0]);
        Assert.True(shares.Has(1));
        Assert.Equal([8, 9, 10, 11], shares.Next(1)!);
        Assert.Null(shares.Next(1)); // 8 and 4 are left: it would have as many as the other has now.
        shares.Finish(1, 1);
        Assert.Equal([4, 5, 6, 7], shares.Next(1)!);
        Assert.Equal([[0, 1, 2, 3]], All(shares, 0));
        Assert.False(shares.Has(1));
    }

    [Fact]
    public void Many_draws_of_one_problem_are_cut_and_few_are_not()
    {
        var many = new DrawShares(Shared((1, 30)), [_ => 0, _ => 0]);
        Assert.Equal([15, 15], (int[])[many.Next(1)!.Length, many.Next(0)!.Length]);
        var few = new DrawShares(Shared((1, 8)), [_ => 0, _ => 0]);
        Assert.False(few.Has(1));
        Assert.Equal([[0, 1, 2, 3, 4, 5, 6, 7]], All(few, 0));
    }
}
