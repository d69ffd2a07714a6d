namespace Pav.Tests.Search;

public class LockstepTests
{
    [Fact]
    public async Task Searches_of_different_lengths_share_calls()
    {
        var (policy, problems) = (new ToyPolicy(), Toy.Problems(6));
        var lockstep = new Lockstep(policy);
        var depths = await lockstep.Run(problems.Select((p, i) => (Func<Task<int>>)(async () =>
        {
            var prefix = Prefix.Root(p);
            for (var k = 0; k < i; k++) prefix = (await lockstep.Extend([new(prefix, (ulong)k)], Until.StepEnd, new()))[0];
            return prefix.Depth;
        })));
        Assert.Equal([0, 1, 2, 3, 4, 5], depths);
        Assert.Equal([5, 4, 3, 2, 1], policy.Calls);
    }

    [Fact]
    public async Task A_search_that_fails_ends_the_others_with_its_error()
    {
        var lockstep = new Lockstep(new ToyPolicy());
        var error = await Assert.ThrowsAsync<UserError>(() => lockstep.Run<int>([
            async () => { while (true) await lockstep.Extend([new(Prefix.Root(Toy.Problem(1)), 1)], Until.StepEnd, new()); },
            async () => { await lockstep.Extend([new(Prefix.Root(Toy.Problem(1)), 1)], Until.StepEnd, new()); throw new UserError("no"); },
        ]));
        Assert.Equal("no", error.Message);
    }

    [Fact]
    public async Task Waiting_for_anything_else_is_an_error_and_no_standstill()
    {
        var lockstep = new Lockstep(new ToyPolicy());
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            lockstep.Run<int>([async () => { await new TaskCompletionSource().Task; return 1; }]));
    }

    [Fact]
    public async Task It_stops_when_it_is_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        var lockstep = new Lockstep(new ToyPolicy(), cancel.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => lockstep.Run<int>([
            async () => { while (true) { await lockstep.Extend([new(Prefix.Root(Toy.Problem(1)), 1)], Until.StepEnd,
                new()); cancel.Cancel(); } },
        ]));
    }
}
