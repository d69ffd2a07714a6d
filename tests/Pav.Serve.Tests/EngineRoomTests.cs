using Pav.Serve.Rooms;

namespace Pav.Serve.Tests;

public class EngineRoomTests
{
    private static readonly Sampling Sampling = new(MaxTokens: 40);

    [Fact]
    public async Task A_trace_in_steps_is_the_trace_at_once()
    {
        await using var room = new EngineRoom(Toys.Models(new()));
        using var seat = room.Enter();
        var draws = Enumerable.Range(0, 20).Select(i => Toys.Draw($"p{i % 3}", Seeds.Derive(1, "", "", i))).ToList();
        var inSteps = await seat.Extend(draws, Until.TraceEnd, Sampling);
        var atOnce = await new ToyPolicy().Extend(draws, Until.TraceEnd, Sampling);
        Assert.Equal(atOnce.Select(p => p.Text), inSteps.Select(p => p.Text));
        Assert.Equal(atOnce.Sum(p => (long)p.TokensSince()), seat.GeneratedTokens);
    }

    [Fact]
    public async Task Requests_share_calls_and_leave_when_their_traces_end()
    {
        var (policy, verifier) = (new ToyPolicy { Steps = 2 }, new ToyVerifier());
        await using var room = new EngineRoom(Toys.Models(policy, verifier));
        var gate = new TaskCompletionSource();
        policy.Before = _ => gate.Task;
        var answers = Enumerable.Range(0, 5).Select(async i =>
        {
            using var seat = room.Enter();
            var trace = (await seat.Extend([Toys.Draw("p", (ulong)i)], Until.TraceEnd, Sampling))[0];
            await seat.Score(verifier, [trace]);
            return trace;
        }).ToList();
        gate.SetResult();
        Assert.All(await Task.WhenAll(answers), trace => Assert.Equal(3, trace.Depth));
        Assert.Equal(15, policy.Calls.Sum());
        Assert.InRange(policy.Calls.Count, 3, 6);
        Assert.Equal(5, verifier.Calls.Sum());
        Assert.Equal(0, room.Seats);
    }

    [Fact]
    public async Task Of_a_request_that_leaves_no_further_step_is_drawn()
    {
        var policy = new ToyPolicy { Steps = 1000, Before = _ => Task.Delay(2) };
        await using var room = new EngineRoom(Toys.Models(policy));
        using var cancel = new CancellationTokenSource();
        using var seat = room.Enter(cancel.Token);
        var asked = seat.Extend([Toys.Draw("p", 1)], Until.TraceEnd, new(MaxTokens: 1_000_000));
        while (policy.Calls.Count < 3) await Task.Delay(1);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        var tokens = policy.Tokens;
        await Task.Delay(50);
        Assert.InRange(policy.Tokens - tokens, 0, 3); // the step that was under way
    }

    [Fact]
    public async Task Only_the_request_that_caused_it_gets_an_error()
    {
        await using var room = new EngineRoom(Toys.Models(new()));
        using Seat good = room.Enter(), bad = room.Enter();
        var fine = good.Extend([Toys.Draw("p", 1)], Until.TraceEnd, Sampling);
        var refused = bad.Extend([Toys.Draw("refused", 1)], Until.TraceEnd, Sampling);
        await Assert.ThrowsAsync<UserError>(() => refused);
        Assert.True((await fine)[0].Ended);
    }

    [Fact]
    public async Task A_long_list_of_scores_is_taken_in_parts()
    {
        var verifier = new ToyVerifier();
        await using var room = new EngineRoom(Toys.Models(new(), verifier));
        using var seat = room.Enter();
        var prefixes = Enumerable.Range(0, 600).Select(i => Prefix.Root(Toys.Problem($"p{i}"))).ToList();
        var scores = await seat.Score(verifier, prefixes);
        Assert.Equal([256, 256, 88], verifier.Calls);
        Assert.Equal(prefixes.Select(ToyVerifier.Q), scores.Select(s => s.Q[0]));
        Assert.Equal(600, seat.ScoredTokens);
    }

    [Fact]
    public async Task A_policy_on_servers_is_asked_for_whole_traces()
    {
        var policy = new ToyPolicy();
        await using var room = new EngineRoom(Toys.Models(policy, remote: true));
        using var seat = room.Enter();
        Assert.True((await seat.Extend([Toys.Draw("p", 1)], Until.TraceEnd, Sampling))[0].Ended);
        Assert.Equal([1], policy.Calls);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Who_has_spent_the_budget_draws_no_more(bool remote)
    {
        var policy = new ToyPolicy();
        await using var room = new EngineRoom(Toys.Models(policy, remote: remote));
        using var seat = room.Enter();
        seat.Budget = 1;
        await seat.Extend([Toys.Draw("p", 1)], Until.StepEnd, Sampling);
        var lost = (await seat.Extend([Toys.Draw("p", 2)], Until.StepEnd, Sampling))[0];
        Assert.True(lost.Lost);
        Assert.Equal([1], policy.Calls);
    }
}
