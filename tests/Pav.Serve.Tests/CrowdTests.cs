using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text.Json;

namespace Pav.Serve.Tests;

/// <summary>Many clients at once, that come, stay, leave, or are there when the server stops.</summary>
public class CrowdTests
{
    private const string Question =
        """{"model":"toy:beam-2","messages":[{"role":"user","content":"a"}],"stream":true,"max_tokens":100000}""";

    [Fact]
    public async Task A_thousand_idle_connections_hold_nobody_up()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var address = new Uri(served.Server.Url);
        var idle = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 1000; i++) idle.Add(new(address.Host, address.Port));
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            foreach (var connection in idle.Where((_, i) => i % 10 == 0))
                await connection.GetStream().WriteAsync("GET /health HTTP/1.1\r\nHost: localhost\r\n"u8.ToArray(), patience.Token);
            for (var i = 0; i < 10; i++)
                Assert.Equal(200, (await served.Post("/v1/completions", """{"prompt":"a"}""", patience.Token)).Status);
        }
        finally
        {
            foreach (var connection in idle) connection.Dispose();
        }
    }

    [Fact]
    public async Task Streams_that_are_opened_and_closed_at_once_leave_nothing_behind()
    {
        var policy = new ToyPolicy { Steps = 10_000, Before = _ => Task.Delay(1) };
        await using var served = await Served.Start(Toys.Models(policy), new() { MaxTokens = 1_000_000, Concurrent = 16 });
        for (var round = 0; round < 3; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
            {
                using var cancel = new CancellationTokenSource();
                using var request = new HttpRequestMessage(HttpMethod.Post, i % 2 == 0 ? "/v1/chat/completions" : "/v1/search");
                request.Content = new StringContent(
                    i % 2 == 0 ? Question : """{"problem":"a","method":"beam-q","n":2,"max_tokens":100000}""", null, "application/json");
                cancel.CancelAfter(i * 7 % 100);
                try
                {
                    using var reply = await served.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel.Token);
                    Assert.Equal(200, (int)reply.StatusCode);
                    await using var stream = await reply.Content.ReadAsStreamAsync(cancel.Token);
                    await stream.ReadExactlyAsync(new byte[1 << 20], cancel.Token);
                    Assert.Fail("a search of 10,000 steps came to its end");
                }
                catch (OperationCanceledException)
                {
                }
            }));
        }

        await Quiet(served);
        var tokens = policy.Tokens;
        await Task.Delay(50);
        Assert.Equal(tokens, policy.Tokens);
        Assert.Equal(200, (await served.Post("/v1/completions", """{"prompt":"a","max_tokens":3}""")).Status);
        Assert.Empty(served.Log.Errors);
    }

    [Theory, InlineData(20, 1), InlineData(0, 1), InlineData(0, 64)]
    public async Task Whoever_asks_while_the_server_stops_is_answered_or_left(int grace, int concurrent)
    {
        var policy = new ToyPolicy { Steps = 4, Before = _ => Task.Delay(1) };
        await using var served = await Served.Start(Toys.Models(policy), new() { Concurrent = concurrent });
        var seen = new ConcurrentBag<int>();
        var clients = Enumerable.Range(0, 32).Select(async i =>
        {
            try
            {
                while (true)
                {
                    var (status, _) = i % 2 == 0
                        ? await served.Post("/v1/completions", """{"prompt":"a"}""")
                        : await served.Post("/v1/steps", """{"prompt":"a","response":"b\nc"}""");
                    seen.Add(status);
                }
            }
            catch (Exception e) when (e is HttpRequestException or JsonException or IOException)
            {
                seen.Add(0);
            }
        }).ToList();
        while (seen.Count < 40) await Task.Delay(1);
        await served.Server.Stop(TimeSpan.FromSeconds(grace));
        await served.Server.DisposeAsync();
        await Task.WhenAll(clients).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Subset(new HashSet<int> { 0, 200, 503 }, seen.ToHashSet());
        Assert.Empty(served.Log.Errors);
    }

    [Theory]
    [InlineData("org/model"), InlineData("a b"), InlineData("c:d"), InlineData("100%")]
    [InlineData("modèle \"ß\" 模型 🙂"), InlineData("<b>&amp;")]
    public async Task Models_may_have_any_name(string name)
    {
        await using var served = await Served.Start(Toys.Models(new()) with { Name = name });
        var list = JsonDocument.Parse(await served.Http.GetStringAsync("/v1/models")).RootElement.GetProperty("data");
        var ids = list.EnumerateArray().Select(model => model.GetProperty("id").GetString()!).ToList();
        Assert.Contains($"{name}:beam-4", ids);
        Assert.Equal(ids.Count, ids.Distinct().Count());
        foreach (var id in ids)
        {
            using var reply = await served.Http.GetAsync("/v1/models/" + Uri.EscapeDataString(id));
            Assert.True(reply.IsSuccessStatusCode, $"{(int)reply.StatusCode} for {id}");
            if (id.Contains('/')) Assert.True((await served.Http.GetAsync($"/v1/models/{id}")).IsSuccessStatusCode, id);
            Assert.Equal(id, JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString());
        }

        var asked = JsonSerializer.Serialize(new { model = $"{name}:beam-2", prompt = "a" });
        Assert.Equal(200, (await served.Post("/v1/completions", asked)).Status);
    }

    private static async Task Quiet(Served served)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!(await served.Http.GetStringAsync("/health", patience.Token)).Contains("\"working\":0,\"waiting\":0")) await Task.Delay(5);
    }
}
