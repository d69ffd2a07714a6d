using Pav.Models;
using Pav.Models.Inference;

namespace Pav.Gguf.Tests;

/// <summary>Draws from a GGUF file depend on prefix and seed alone, and stop where they are to.</summary>
public sealed class GgufPolicyTests(Fixture fixture) : IClassFixture<Fixture>
{
    private static readonly Sampling Sampling = new(MaxTokens: 60);

    private static Draw[] Draws(IEnumerable<Prefix> prefixes, int each) =>
        [.. prefixes.SelectMany(p => Enumerable.Range(0, each).Select(k => new Draw(p, Seeds.Derive(1, p.Problem.Id + p.Text, "t", k))))];

    private static Draw[] Draws(int problems, int each) => Draws(Fixture.Problems(problems).Select(Prefix.Root), each);

    private static string Told(Prefix prefix) =>
        string.Join("|", prefix.Path().Select(p => $"{p.Step}({string.Join(",", p.Tokens)}){(p.Ended ? "." : "")}"));

    private static async Task<string[]> Told(TransformerPolicy policy, IReadOnlyList<Draw> draws, Until until, Sampling sampling) =>
        [.. (await policy.Extend(draws, until, sampling)).Select(Told)];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_draw_depends_on_its_prefix_and_seed_and_on_nothing_else(bool quantised)
    {
        var file = quantised ? fixture.Quantised : fixture.Exact;
        using var many = fixture.Here(file: file);
        using var few = fixture.Here(new(64 << 20, Slots: 3, Threads: 1), file: file);
        var draws = Draws(6, 5);
        var together = await Told(many, draws, Until.TraceEnd, Sampling);
        Assert.Equal(together.Length, together.Distinct().Count());
        Assert.Equal(together, await Told(few, draws, Until.TraceEnd, Sampling));
        Assert.Equal(together.Reverse(), await Told(many, [.. draws.Reverse()], Until.TraceEnd, Sampling));
        using var alone = fixture.Here(file: file);
        foreach (var i in (int[])[0, 7, 29]) Assert.Equal(together[i], (await Told(alone, [draws[i]], Until.TraceEnd, Sampling))[0]);
    }

    [Fact]
    public async Task Two_threads_draw_what_one_draws()
    {
        using var one = fixture.Here();
        using var two = fixture.Here(new(64 << 20, Threads: 2));
        var draws = Draws(2, 2);
        Assert.Equal(await Told(one, draws, Until.StepEnd, Sampling), await Told(two, draws, Until.StepEnd, Sampling));
    }

    /// <summary>Prompts of more ids than go in at once, on a model that reads as many: other lengths of a call round otherwise.</summary>
    [Fact]
    public async Task Nor_does_it_depend_on_how_much_of_its_past_was_held()
    {
        var file = fixture.Changed("long.gguf", w => w.Set("llama.context_length", 1024u));
        var problem = new Problem("long", string.Join('\n', Enumerable.Repeat("Start 17\n1: +8\n2: skip -7\n3: x2", 20)), "1");
        using var policy = fixture.Here(file: file);
        var prefix = Prefix.Root(problem);
        for (var step = 0; step < 3; step++)
        {
            var drawn = await policy.Extend(Draws([prefix], 3), Until.StepEnd, Sampling);
            using var fresh = fixture.Here(file: file);
            Assert.Equal(drawn.Select(Told), await Told(fresh, Draws([prefix], 3), Until.StepEnd, Sampling));
            prefix = drawn.First(d => !d.Ended);
        }

        Assert.InRange(policy.PrefilledTokens, 250, 700);
    }

    [Fact]
    public async Task A_beam_finds_its_past_again()
    {
        using var policy = fixture.Here();
        var first = await policy.Extend(Draws(2, 4), Until.StepEnd, Sampling);
        var before = policy.PrefilledTokens;
        await policy.Extend(Draws(first.Where(p => !p.Ended).Distinct(), 4), Until.StepEnd, Sampling);
        Assert.InRange(policy.PrefilledTokens - before, 1, 8 * 16);
    }

    [Fact]
    public async Task A_step_ends_after_its_newline_and_a_trace_at_its_limit()
    {
        using var policy = fixture.Here();
        var steps = await policy.Extend(Draws(4, 4), Until.StepEnd, Sampling);
        Assert.All(steps, s => Assert.Equal(1, s.Depth));
        Assert.All(steps.Where(s => !s.Ended), s => Assert.True(s.Step.IndexOf('\n') == s.Step.Length - 1 && s.Tokens.Count > 0));
        var traces = await policy.Extend(Draws(4, 4), Until.TraceEnd, Sampling);
        Assert.All(traces, t => Assert.True(t.Ended && t.TokensSince() <= 60));
        Assert.Contains(traces, t => t.TokensSince() == 60);
        foreach (var (step, trace) in steps.Zip(traces)) Assert.Equal(step.Tokens, trace.Path().ElementAt(1).Tokens);
    }

    [Fact]
    public async Task A_half_step_that_is_finished_with_its_seed_is_the_step()
    {
        using var policy = fixture.Here();
        var draws = Draws(3, 3);
        var halves = await policy.Extend(draws, Until.StepEnd, Sampling with { StepTokens = 2 });
        Assert.Contains(halves, h => h.Half);
        var whole = await Told(policy, [.. halves.Zip(draws, (h, d) => d with { Prefix = h })], Until.StepEnd, Sampling);
        Assert.Equal(await Told(policy, draws, Until.StepEnd, Sampling), whole);
    }

    [Fact]
    public async Task A_stop_text_ends_the_trace_and_is_cut_off()
    {
        using var plain = fixture.Here();
        using var stopping = fixture.Here(template: Fixture.Template with { TraceStops = TraceStops.From(["\n3:"]) });
        var traces = await plain.Extend(Draws(4, 3), Until.TraceEnd, Sampling);
        var stopped = await stopping.Extend(Draws(4, 3), Until.TraceEnd, Sampling);
        Assert.Contains(traces, t => t.Text.Contains("\n3:"));
        foreach (var (trace, other) in traces.Zip(stopped)) Assert.Equal(trace.Text.Split("\n3:")[0], other.Text.TrimEnd('\n'));
    }

    [Fact]
    public async Task What_is_cancelled_leaves_a_policy_that_draws_as_before()
    {
        using var policy = fixture.Here();
        var draws = Draws(3, 3);
        var told = await Told(policy, draws, Until.TraceEnd, Sampling);
        using var cancel = new CancellationTokenSource();
        policy.Drawn = _ => cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => policy.Extend(draws, Until.TraceEnd, Sampling, cancel.Token));
        policy.Drawn = null;
        Assert.Equal(told, await Told(policy, draws, Until.TraceEnd, Sampling));
    }
}
