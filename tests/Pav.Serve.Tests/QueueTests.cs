namespace Pav.Serve.Tests;

/// <summary>What streams tell while their request waits for its turn.</summary>
public class QueueTests
{
    private const string Chat = """{"messages":[{"role":"user","content":"2 + 2"}],"stream":true}""", Search = """{"problem":"2 + 2"}""";

    private static Task<HttpResponseMessage> Begin(Served served, string path, string body, CancellationToken cancel = default) =>
        served.Http.SendAsync(
            new(HttpMethod.Post, path) { Content = new StringContent(body, null, "application/json") },
            HttpCompletionOption.ResponseHeadersRead, cancel);

    private static (ToyPolicy Policy, TaskCompletionSource Gate) Held()
    {
        var gate = new TaskCompletionSource();
        return (new() { Before = _ => gate.Task }, gate);
    }

    [Theory, InlineData("/v1/chat/completions", Chat), InlineData("/v1/search", Search)]
    public async Task A_stream_that_waits_sends_comments_before_its_search_and_while_it_runs(string path, string body)
    {
        var (policy, gate) = Held();
        await using var served = await Served.Start(
            Toys.Models(policy), new() { Concurrent = 1, Queue = 1, Ping = TimeSpan.FromMilliseconds(20) });
        using var first = await Begin(served, path, body);
        using var second = await Begin(served, path, body);
        using var third = await Begin(served, path, body);
        Assert.Equal([200, 200, 429], ((HttpResponseMessage[])[first, second, third]).Select(r => (int)r.StatusCode));
        using var waiting = new StreamReader(await second.Content.ReadAsStreamAsync());
        Assert.Equal(": ping", await waiting.ReadLineAsync());
        Assert.Equal("", await waiting.ReadLineAsync());
        Assert.Equal(": ping", await waiting.ReadLineAsync());
        using var working = new StreamReader(await first.Content.ReadAsStreamAsync());
        while (await working.ReadLineAsync() != ": ping") { }
        gate.SetResult();
        Assert.Contains("data: ", await waiting.ReadToEndAsync());
        Assert.Contains("data: ", await working.ReadToEndAsync());
    }

    [Fact]
    public async Task Who_leaves_while_it_waits_leaves_the_queue()
    {
        var (policy, gate) = Held();
        await using var served = await Served.Start(Toys.Models(policy), new() { Concurrent = 1, Queue = 1 });
        using var first = await Begin(served, "/v1/chat/completions", Chat);
        var second = await Begin(served, "/v1/chat/completions", Chat);
        second.Dispose();
        while (!(await served.Http.GetStringAsync("/health")).Contains("\"waiting\":0")) await Task.Delay(5);
        gate.SetResult();
        Assert.EndsWith("data: [DONE]\n\n", await first.Content.ReadAsStringAsync());
        Assert.Empty(served.Log.Errors);
    }

    [Fact]
    public async Task A_slow_reader_holds_no_place()
    {
        await using var served = await Served.Start(
            Toys.Models(new() { Steps = 300, Padding = new('x', 20_000) }), new() { Concurrent = 1, Queue = 1, MaxTokens = 1_000_000 });
        using var slow = await Begin(served, "/v1/chat/completions", Chat[..^1] + ",\"max_tokens\":1000000}");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!(await served.Http.GetStringAsync("/health", patience.Token)).Contains("\"working\":0"))
            await Task.Delay(5, patience.Token);
    }
}
