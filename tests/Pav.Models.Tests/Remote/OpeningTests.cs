using System.Text.Json;
using Pav.Double;
using Pav.Models.Files;
using Pav.Models.Remote;

namespace Pav.Models.Tests.Remote;

/// <summary>Servers at the start of a run: loading, strange, without usage, and with keys.</summary>
public sealed class OpeningTests(Remotes remotes) : IClassFixture<Remotes>
{
    private const string Key = "sk-verysecret-0123456789";

    private static readonly Sampling Sampling = new(MaxTokens: 24);

    private static ApiKey Loaded(string key)
    {
        Environment.SetEnvironmentVariable("PAV_TEST_OPENING_KEY", key);
        return ApiKey.Load("PAV_TEST_OPENING_KEY", "");
    }

    [Fact]
    public async Task A_server_that_loads_or_does_not_listen_yet_is_waited_for_with_a_line()
    {
        await using var server = await remotes.Start(new() { Loading = true });
        var said = new List<string>();
        var opening = remotes.Open(server, with: o => o with { Say = said.Add });
        while (said.Count == 0) await Task.Delay(5);
        Assert.Contains("answered 503 Loading model", Assert.Single(said));
        Assert.Contains("--give-up", said[0]);
        server.Options = server.Options with { Loading = false };
        using var policy = await opening;
        Assert.Equal("tiny", policy.Name);
        server.Dead = true;
        said.Clear();
        var again = remotes.Open(server, with: o => o with { Say = said.Add });
        while (said.Count == 0) await Task.Delay(5);
        Assert.Contains("cannot be reached", said[0]);
        server.Dead = false;
        (await again).Dispose();
    }

    [Fact]
    public async Task Waiting_at_the_start_ends_with_give_up()
    {
        await using var server = await remotes.Start(new() { Loading = true });
        var error = await Assert.ThrowsAsync<UserError>(() => remotes.Open(server, with: o => o with { GiveUp = 0.3 }));
        Assert.Contains("503 Loading model", error.Message);
    }

    [Theory]
    [InlineData("""{"object": "list", "data": [{"owned_by": "vllm", "max_model_len": 4096}]}""", "without ids")]
    [InlineData("[]", "lists no models")]
    [InlineData("\"models\"", "lists no models")]
    [InlineData("""{"data": {"id": "tiny"}}""", "lists no models")]
    [InlineData("""{"data": [7, null, {"id": 8}]}""", "without ids")]
    [InlineData("""{"data": [{"id": "tiny", "owned_by": "vllm", "max_model_len": 1e10}]}""", "max_model_len is 1e10")]
    [InlineData("""{"data": [{"id": "tiny", "owned_by": "vllm", "max_model_len": 1.5}]}""", "max_model_len is 1.5")]
    [InlineData("""{"data": [{"id": "tiny", "owned_by": "vllm", "max_model_len": -1}]}""", "max_model_len is -1")]
    [InlineData("""{"data": [{"id": "tiny\u001b[2J", "owned_by": "vllm"}]}""", "is no name ('tiny\\x1b[2J')")]
    [InlineData("not json", "something that is not JSON")]
    public async Task A_strange_list_of_models_sets_its_endpoint_aside_and_no_other(string models, string told)
    {
        await using var strange = await remotes.Start(new() { Models = models });
        await using var well = await remotes.Start();
        Assert.Contains(told, (await Assert.ThrowsAsync<UserError>(() => remotes.Open(strange, with: o => o with { Model = "" }))).Message);
        using var policy = await Remotes.Open([strange, well], with: o => o with { Model = "" });
        Assert.All(await policy.Extend(Remotes.Draws(2, 2), Until.TraceEnd, Sampling), t => Assert.True(t.Ended && !t.Lost));
        Assert.Contains(told, policy.Complaint(strange.Url));
        Assert.Equal(well.Url, Assert.Single(policy.Servers).Url);
    }

    [Fact]
    public async Task Servers_that_join_later_are_named_with_the_others()
    {
        await using var first = await remotes.Start();
        await using var later = await remotes.Start(new() { Loading = true });
        using var policy = await Remotes.Open([first, later]);
        Assert.Single(policy.Servers);
        later.Options = later.Options with { Loading = false };
        for (var i = 0; i < 500 && policy.Servers.Count == 1; i++) await Task.Delay(10);
        Assert.Equal([first.Url, later.Url], policy.Servers.Select(s => s.Url));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_sample_that_is_no_text_does_not_stop_the_probe(bool ids)
    {
        // Of the requests of the probe each one in turn.
        for (var number = 0; number < 6; number++)
        {
            var current = number;
            await using var server = await remotes.Start(new() { Dialect = "llamacpp", Mishaps = k => k == current
                ? Mishap.NoText : Mishap.None });
            using var policy = await remotes.Open(server, ids, o => o with { PerRequest = 2 });
            Assert.Equal(ids, policy.Servers[0].TokenIds);
        }

        await using var often = await remotes.Start(new() { Dialect = "llamacpp", Mishaps = k => k < 3 ? Mishap.NoText : Mishap.None });
        using var last = await remotes.Open(often, ids);
        Assert.Equal(SeedUse.Honoured, last.Servers[0].Seeds);
    }

    [Fact]
    public async Task Slots_that_share_too_small_a_context_get_fewer_requests_and_it_is_said_once()
    {
        await using var server = await remotes.Start(new() { Dialect = "llamacpp", Fits = 2, Latency = TimeSpan.FromMilliseconds(10) });
        var said = new List<string>();
        using var policy = await remotes.Open(server, with: o => o with { Say = said.Add });
        var traces = await policy.Extend(Remotes.Draws(8, 8), Until.TraceEnd, Sampling);
        Assert.All(traces, t => Assert.False(t.Lost));
        Assert.Equal(traces.Count, policy.Tallies[0].Completions);
        Assert.Equal(0, policy.Tallies[0].Failed);
        Assert.InRange(policy.Tallies[0].Busy, 1, 100);
        Assert.Contains("-c", Assert.Single(said));
    }

    [Fact]
    public async Task Without_usage_tokens_are_unknown_and_a_trace_comes_to_its_end_all_the_same()
    {
        await using var server = await remotes.Start(new() { Dialect = "openai", TellsUsage = false });
        using var unknown = await remotes.Open(server, ids: false);
        Assert.Equal(TokenCounts.Unknown, unknown.Tokens);
        var trace = Prefix.Root(Models.Toy.Problem(1));
        for (var step = 0; step < 200 && !trace.Ended; step++)
            trace = (await unknown.Extend([new(trace, (ulong)step << 40)], Until.StepEnd, Sampling))[0];
        Assert.True(trace.Ended);
        Assert.All(trace.Path(), p => Assert.Equal(0, p.TokenCount));
    }

    [Fact]
    public async Task A_key_that_a_server_repeats_is_cut_out_of_all_it_says()
    {
        await using var version = await remotes.Start(new() { Key = Key, Version = $"1.0 for {Key}" });
        using (var policy = await remotes.Open(version, with: o => o with { Key = Loaded(Key) }))
            Assert.DoesNotContain("verysecret", JsonSerializer.Serialize(policy.Servers, Json.Line));
        await using var name = await remotes.Start(new() { Key = Key, Model = Key });
        var error = await Assert.ThrowsAsync<UserError>(() => remotes.Open(name, with: o => o with { Key = Loaded(Key), Model = "" }));
        Assert.DoesNotContain("verysecret", error.ToString());
        Assert.Contains("[key]", error.Message);
    }

    [Fact]
    public async Task A_server_that_takes_no_key_is_told_where_one_comes_from()
    {
        await using var server = await remotes.Start(new() { Key = Key });
        var without = await Assert.ThrowsAsync<UserError>(() => remotes.Open(server));
        Assert.Contains("401", without.Message);
        Assert.Contains("--api-key-file", without.Message);
        Assert.Contains("PAV_API_KEY", without.Message);
        var wrong = await Assert.ThrowsAsync<UserError>(() =>
            remotes.Open(server, with: o => o with { Key = Loaded("sk-another-key-4711") }));
        Assert.Contains("the environment variable PAV_TEST_OPENING_KEY", wrong.Message);
    }

    [Fact]
    public void Keys_in_the_wrong_place_are_refused_and_not_repeated()
    {
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "key.txt");
        File.WriteAllText(file, Key + "\n");
        Action[] mistakes =
        [
            () => ApiKey.Load(Key, ""), () => ApiKey.Load("", Key), () => EndpointUrl.ParseAll($"http://host/v1#{Key}"), () =>
                EndpointUrl.ParseAll($"http://host/{Key}/v1"),
            () => EndpointUrl.ParseAll($"http://host/v1?key={Key}"), () => EndpointUrl.ParseAll("@" + file), () =>
                EndpointUrl.ParseAll(Key), () => ApiKey.Load("hf_AbCdEfGhIjKlMnOp", ""),
        ];
        Assert.All(mistakes, mistake => Assert.DoesNotContain("verysecret", Assert.Throws<UserError>(mistake).ToString()));
        Assert.Contains("no such variable is set", Assert.Throws<UserError>(() => ApiKey.Load("PAV_NO_SUCH_KEY", "")).Message);
    }

    [Fact]
    public async Task A_key_that_others_can_read_or_that_goes_unencrypted_is_warned_of()
    {
        if (OperatingSystem.IsWindows()) return;
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "key.txt");
        File.WriteAllText(file, Key + "\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Null(ApiKey.Load("", file).Warning);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Contains("chmod 600", ApiKey.Load("", file).Warning);
        var key = Loaded(Key);
        Assert.Equal([true, false, false, false, false],
            ((string[])["http://far.example/v1", "https://far.example/v1", "http://localhost:8000/v1", "http://127.0.0.2/v1",
            "http://[::1]:1/v1"])
            .Select(u => key.IsExposedTo(EndpointUrl.Parse(u))));
        await using var server = await remotes.Start(new() { Key = Key });
        using var policy = await remotes.Open(server, with: o => o with { Key = key });
        Assert.Empty(policy.KeyWarnings());
    }

    [Fact]
    public void Seeds_are_sent_to_the_last_digit()
    {
        var request = new CompletionRequest("m", new("a", null), 1, 8, (1UL << 62) - 3, Until.TraceEnd, new());
        Assert.Contains("\"seed\":4611686018427387901", System.Text.Encoding.UTF8.GetString(new VllmDialect().Body(request)));
    }
}
