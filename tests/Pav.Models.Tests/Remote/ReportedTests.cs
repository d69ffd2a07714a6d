using System.Text;
using Pav.Double;
using Pav.Models.Remote;

namespace Pav.Models.Tests.Remote;

/// <summary>Misbehaviour that people reported of servers and proxies.</summary>
public sealed class ReportedTests(Remotes remotes) : IClassFixture<Remotes>
{
    private static readonly Sampling Sampling = new(MaxTokens: 24);

    /// <summary>
    /// Null or "abort" for a reason (vllm#57082, xtuner#1755), an empty 200 (vllm-ascend#12168), an event stream (agentmemory#526), an
    /// error in a 200 (GenericAgent#753).
    /// </summary>
    [Theory]
    [InlineData(Mishap.NullFinish, "finish_reason")]
    [InlineData(Mishap.UnknownFinish, "finish_reason 'abort'")]
    [InlineData(Mishap.Empty, "answered with nothing")]
    [InlineData(Mishap.Stream, "a stream of events, which was not asked for")]
    [InlineData(Mishap.ErrorIn200, "an error (Provider returned error)")]
    public async Task Replies_that_are_none_are_asked_for_again_and_named(Mishap mishap, string told)
    {
        await using var server = await remotes.Start(new() { Mishaps = k => k > 10 && k % 4 == 0 ? mishap : Mishap.None });
        using (var policy = await remotes.Open(server))
        {
            var draws = Remotes.Draws(2, 3);
            Assert.Equal((await remotes.Here(draws, Until.TraceEnd, Sampling, 62))
                .Select(Remotes.Told), (await policy.Extend(draws, Until.TraceEnd, Sampling)).Select(Remotes.Told));
        }

        server.Options = server.Options with { Mishaps = _ => mishap };
        Assert.Contains(told, (await Assert.ThrowsAsync<UserError>(() => remotes.Open(server))).Message);
    }

    /// <summary>The token that stopped a draw is missing among its ids (dynamo#14302).</summary>
    [Theory]
    [InlineData("vllm", Until.StepEnd)]
    [InlineData("sglang", Until.StepEnd)]
    [InlineData("sglang", Until.TraceEnd)]
    public async Task Ids_without_the_last_one_do_not_lose_the_end_of_a_step(string dialect, Until until)
    {
        await using var server = await remotes.Start(new() { Dialect = dialect, DropsLastId = true });
        using var policy = await remotes.Open(server);
        var draws = Remotes.Draws(3, 4);
        var here = await remotes.Here(draws, until, Sampling, dialect == "vllm" ? 62 : 31);
        var there = await policy.Extend(draws, until, Sampling);
        Assert.Equal(here.Select(t => (t.Text, t.Depth, t.Ended)), there.Select(t => (t.Text, t.Depth, t.Ended)));
    }

    /// <summary>
    /// Stop texts that span tokens are missed (llama.cpp#11538, text-generation-inference#1039): one step is still one step.
    /// </summary>
    [Theory]
    [InlineData("vllm", true)]
    [InlineData("vllm", false)]
    [InlineData("llamacpp", false)]
    public async Task A_server_that_misses_the_stop_gives_one_step_all_the_same(string dialect, bool ids)
    {
        await using var server = await remotes.Start(new() { Dialect = dialect, IgnoresStop = true });
        using var policy = await remotes.Open(server, ids);
        var draws = Enumerable.Range(0, 12)
            .Select(k => new Draw(Prefix.Root(Models.Toy.Problem(k % 3)), Seeds.Derive(1, "stop", "missed", k))).ToList();
        var here = await remotes.Here(draws, Until.StepEnd, Sampling, dialect == "vllm" ? 62 : 31);
        var there = await policy.Extend(draws, Until.StepEnd, Sampling);
        Assert.Equal(here.Select(t => t.Text), there.Select(t => t.Text));
        Assert.Contains(there, t => !t.Ended);
        Assert.All(there, t => Assert.Equal(1, t.Depth));
    }

    /// <summary>n is not known to the server (optillm#8, optillm#99).</summary>
    [Fact]
    public async Task A_server_that_knows_no_n_gets_one_draw_in_a_request()
    {
        await using var server = await remotes.Start(new() { Dialect = "openai", IgnoresN = true });
        using var policy = await remotes.Open(server, ids: false, o => o with { PerRequest = 4 });
        Assert.Equal(1, policy.Servers[0].MostN);
        var draws = Enumerable.Range(0, 5).Select(k => new Draw(Prefix.Root(Models.Toy.Problem(1)), (ulong)k << 40)).ToList();
        Assert.All(await policy.Extend(draws, Until.TraceEnd, Sampling), t => Assert.False(t.Lost));
    }

    /// <summary>An engine that died answers 500, then 404 for its model, until it is back (LMCache#2588).</summary>
    [Fact]
    public async Task An_endpoint_that_is_refused_in_the_middle_of_a_run_is_waited_for()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server);
        var running = server.Options;
        server.Options = running with { Key = "restarting" };
        var draws = Remotes.Draws(2, 2);
        var drawing = policy.Extend(draws, Until.TraceEnd, Sampling);
        for (var i = 0; i < 500 && policy.Complaint(server.Url) is null; i++) await Task.Delay(5);
        server.Options = running;
        Assert.Equal((await remotes.Here(draws, Until.TraceEnd, Sampling, 62)).Select(Remotes.Told), (await drawing).Select(Remotes.Told));
    }

    /// <summary>The address of a route is given for that of the server (lm-evaluation-harness#3125).</summary>
    [Theory]
    [InlineData("http://host:8000")]
    [InlineData("http://host:8000/v1/")]
    [InlineData("http://host:8000/v1/completions")]
    [InlineData("http://host:8000/v1/chat/completions/")]
    [InlineData("http://host:8000/v1/models")]
    public void The_address_of_a_route_is_that_of_its_server(string address) =>
        Assert.Equal("http://host:8000/v1", EndpointUrl.Parse(address).ToString());

    /// <summary>Usage with zeros only (vllm#24184) is usage that is not told.</summary>
    [Fact]
    public void A_usage_of_zeros_is_none()
    {
        var answer = """{"choices":[{"index":0,"text":"a = 1","finish_reason":"stop"}],"usage":{"prompt_tokens":0,"completion_tokens":0}}""";
        var read = new Dialect().Read(Encoding.UTF8.GetBytes(answer), new("m", new("p", null), 1, 8, 1, Until.TraceEnd, new()));
        Assert.Equal(0, read.Choices[0].Tokens);
    }
}
