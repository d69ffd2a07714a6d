using Pav.Double;
using Pav.Models.Remote;

namespace Pav.Models.Tests.Remote;

/// <summary>Whatever goes wrong on the way, every draw comes back once, and as if nothing had been.</summary>
public sealed class FaultTests(Remotes remotes) : IClassFixture<Remotes>
{
    private static readonly Sampling Sampling = new(MaxTokens: 24);

    private static Func<long, Mishap> Every(int th, params Mishap[] mishaps) => k => k >= 8 && k % th == 0
        ? mishaps[k / th % mishaps.Length] : Mishap.None;

    [Theory]
    [InlineData(Mishap.Busy)]
    [InlineData(Mishap.BusyForOneSecond)]
    [InlineData(Mishap.BusyUntilDate)]
    [InlineData(Mishap.Error500)]
    [InlineData(Mishap.HtmlBadGateway)]
    [InlineData(Mishap.CutBody)]
    [InlineData(Mishap.TruncatedJson)]
    [InlineData(Mishap.WrongN)]
    [InlineData(Mishap.DuplicateChoices)]
    [InlineData(Mishap.InvalidUtf8)]
    [InlineData(Mishap.UnknownFinish)]
    public async Task A_mishap_is_got_over(Mishap mishap)
    {
        var seldom = mishap is Mishap.BusyForOneSecond or Mishap.BusyUntilDate;
        await using var server = await remotes.Start(new() { Mishaps = seldom ? k => k == 20 ? mishap : Mishap.None : Every(5, mishap) });
        using var policy = await remotes.Open(server);
        var before = server.Samples;
        var draws = Remotes.Draws(3, 4);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var counted = 0;
        policy.Drawn = n => Interlocked.Add(ref counted, n);
        var there = await policy.Extend(draws, Until.TraceEnd, Sampling);
        Assert.Equal(draws.Length, counted);
        Assert.Equal((await remotes.Here(draws, Until.TraceEnd, Sampling, 62)).Select(Remotes.Told), there.Select(Remotes.Told));
        Assert.InRange(server.Samples - before, draws.Length, draws.Length + 60); // those of the questions whether it is well
        var tally = Assert.Single(policy.Tallies);
        Assert.Equal(draws.Length, tally.Completions);
        Assert.True(tally.Busy + tally.Failed > 0);

        // Retry-After is waited for, also where the server's clock is an hour ahead of ours.
        if (seldom) Assert.InRange(clock.Elapsed.TotalSeconds, mishap == Mishap.BusyUntilDate ? 1.0 : 0.95, 10);
    }

    [Fact]
    public async Task A_stalled_answer_runs_into_its_timeout_and_is_asked_for_again()
    {
        await using var server = await remotes.Start(new() { Mishaps = k => k == 12 ? Mishap.Stall : Mishap.None });
        using var policy = await remotes.Open(server, with: o => o with { RequestTimeout = 2 });
        Assert.All(await policy.Extend(Remotes.Draws(2, 3), Until.TraceEnd, Sampling), t => Assert.True(t.Ended));
        Assert.True(policy.Tallies[0].Failed >= 1);
    }

    [Fact]
    public async Task A_dying_a_slow_and_a_faulty_endpoint_lose_and_double_nothing()
    {
        await using var dying = await remotes.Start();
        await using var slow = await remotes.Start(new() { Latency = TimeSpan.FromMilliseconds(20) });
        await using var faulty =
            await remotes.Start(new() { Mishaps = Every(5, Mishap.Error500, Mishap.CutBody, Mishap.TruncatedJson, Mishap.Busy,
            Mishap.HtmlBadGateway) });
        using var policy = await Remotes.Open([dying, slow, faulty]);
        var draws = Remotes.Draws(12, 10);
        var running = policy.Extend(draws, Until.TraceEnd, Sampling);
        while (dying.Requests < 20) await Task.Delay(1);
        dying.Dead = true;
        Assert.Equal((await remotes.Here(draws, Until.TraceEnd, Sampling, 62)).Select(Remotes.Told), (await running).Select(Remotes.Told));
        Assert.Equal(draws.Length, policy.Tallies.Sum(t => t.Completions));

        // What has come back to life is used again.
        dying.Dead = false;
        var before = dying.Requests;
        for (var i = 0; i < 200 && dying.Requests == before; i++)
        {
            await Task.Delay(20);
            await policy.Extend(draws[..60], Until.TraceEnd, Sampling);
        }

        Assert.True(dying.Requests > before);
    }

    [Fact]
    public async Task With_no_endpoint_left_the_run_gives_up_and_says_why()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server, with: o => o with { GiveUp = 0.5 });
        server.Dead = true;
        Assert.Contains("cannot be reached",
            (await Assert.ThrowsAsync<UserError>(() => policy.Extend(Remotes.Draws(1, 2), Until.TraceEnd, Sampling))).Message);
    }

    [Fact]
    public async Task A_request_that_is_wrong_in_itself_is_not_sent_twice()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server, ids: false);
        var before = server.Requests;
        server.Options = server.Options with { Mishaps = _ => Mishap.BadRequest };
        var error = await Assert.ThrowsAsync<UserError>(() =>
            policy.Extend([new(Prefix.Root(Models.Toy.Problem(1)), 1)], Until.TraceEnd, Sampling));
        Assert.Contains("no request was answered", error.Message);
        Assert.Contains("400 this prompt is not allowed", error.Message);
        Assert.Equal(1, server.Requests - before);
    }

    [Fact]
    public async Task What_is_no_text_ends_its_trace_and_only_its_own()
    {
        await using var server = await remotes.Start(new() { Dialect = "llamacpp" });
        using var policy = await remotes.Open(server, with: o => o with { PerRequest = 4 });
        var from = server.Requests;
        server.Options = server.Options with { Mishaps = k => k == from || k == from + 2 ? Mishap.NoText : Mishap.None };
        var counted = 0;
        policy.Drawn = n => Interlocked.Add(ref counted, n);
        var traces = await policy.Extend(Remotes.Draws(1, 4)[..4], Until.TraceEnd, Sampling);
        Assert.Equal(4, counted);
        Assert.Equal("\uFFFD", Assert.Single(traces, t => t.Step == "\uFFFD").Text);
        Assert.All(traces, t => Assert.True(t.Ended));
        Assert.Equal(5, server.Requests - from);
    }

    [Fact]
    public async Task Greedy_draws_of_one_prefix_are_asked_for_once_and_all_counted()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server);
        var counted = 0;
        policy.Drawn = n => Interlocked.Add(ref counted, n);
        var from = server.Requests;
        await policy.Extend(Remotes.Draws(1, 4)[..4], Until.TraceEnd, Sampling with { Temperature = 0 });
        Assert.Equal((1, 4), (server.Requests - from, counted));
    }

    [Fact]
    public async Task The_list_of_endpoints_is_read_again_when_it_changes()
    {
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "endpoints.txt");
        await using var first = await remotes.Start();
        await using var second = await remotes.Start();
        await File.WriteAllTextAsync(file, $"# replicas\n{first.Url}\n");
        using var policy = await remotes.Open(first, with: o => o with { Endpoints = "@" + file });
        await policy.Extend(Remotes.Draws(2, 2), Until.TraceEnd, Sampling);
        Assert.Equal(0, second.Requests);
        await File.WriteAllTextAsync(file, second.Url);
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddSeconds(5));
        for (var i = 0; i < 200 && policy.Tallies.Sum(t => t.Url == second.Url ? t.Completions : 0) == 0; i++)
        {
            await Task.Delay(20);
            await policy.Extend(Remotes.Draws(2, 2), Until.TraceEnd, Sampling);
        }

        var before = first.Requests;
        await policy.Extend(Remotes.Draws(2, 2), Until.TraceEnd, Sampling);
        Assert.Equal(before, first.Requests);
        Assert.True(second.Requests > 0);
    }

    [Fact]
    public async Task A_straggler_is_hedged_and_the_draw_stays_the_same()
    {
        await using var quick = await remotes.Start();
        await using var stuck = await remotes.Start();
        using var policy = await Remotes.Open([quick, stuck], with: o => o with { Hedge = 0.1 });
        stuck.Options = stuck.Options with { Mishaps = _ => Mishap.Stall };
        var draws = Remotes.Draws(4, 1);
        Assert.Equal((await remotes.Here(draws, Until.TraceEnd, Sampling, 62))
            .Select(Remotes.Told), (await policy.Extend(draws, Until.TraceEnd, Sampling)).Select(Remotes.Told));

        // No timeout, but the second request has brought the answer.
        Assert.All(policy.Tallies, t => Assert.Equal(0, t.Failed));
    }

    [Fact]
    public async Task A_replica_that_joins_with_the_samples_of_another_is_refused()
    {
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "endpoints.txt");
        await using var first = await remotes.Start(new() { OwnSeed = 7 });
        await using var twin = await remotes.Start(new() { OwnSeed = 7 });
        await File.WriteAllTextAsync(file, first.Url);
        using var policy = await remotes.Open(first, with: o => o with { Endpoints = "@" + file });
        await File.WriteAllTextAsync(file, $"{first.Url}\n{twin.Url}\n");
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddSeconds(5));
        for (var i = 0; i < 250 && policy.Complaint(twin.Url) is null; i++) await Task.Delay(20);
        Assert.Contains("share one of their own", policy.Complaint(twin.Url));
        await policy.Extend(Remotes.Draws(12, 4), Until.TraceEnd, Sampling);
        Assert.Equal(0, policy.Tallies.Single(t => t.Url == twin.Url).Requests);
    }

    [Fact]
    public async Task A_run_has_its_time_and_a_call_can_be_stopped()
    {
        await using var server = await remotes.Start(new() { Latency = TimeSpan.FromMilliseconds(50) });
        using (var policy = await remotes.Open(server, with: o => o with { RunTimeout = 0.8, InFlight = 1 }))
            Assert.Contains("--run-timeout",
                (await Assert.ThrowsAsync<UserError>(() => policy.Extend(Remotes.Draws(4, 10), Until.TraceEnd, Sampling))).Message);
        using (var policy = await remotes.Open(server, with: o => o with { InFlight = 1 }))
        {
            using var cancel = new CancellationTokenSource(100);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                policy.Extend(Remotes.Draws(4, 10), Until.TraceEnd, Sampling, cancel.Token));
            Assert.Equal(8, (await policy.Extend(Remotes.Draws(1, 2), Until.TraceEnd, Sampling)).Count);
        }
    }
}
