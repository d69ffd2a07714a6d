using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Pav.Serve.Tests;

/// <summary>Clients that send too much, or too slowly, seen from their sockets.</summary>
public class SlowClientTests
{
    private const int Large = 100 << 20;

    private static readonly ServeOptions Impatient = new()
    {
        HeadersTimeout = TimeSpan.FromSeconds(1), SlowGrace = TimeSpan.FromSeconds(1.5),
    };

    [Theory]
    [InlineData("/v1/chat/completions"), InlineData("/v1/search"), InlineData("/v1/steps"), InlineData("/get_reward")]
    [InlineData("/pooling")]
    public async Task A_body_of_100_MB_is_refused_before_it_is_sent(string path)
    {
        await using var served = await Served.Start(Toys.Models(new()));
        using var client = Connect(served);
        await Send(client, Head(path, $"Content-Length: {Large}"));
        Assert.StartsWith("HTTP/1.1 413", await Reply(client));
        Assert.Equal(200, (await served.Post("/v1/completions", """{"prompt":"a"}""")).Status);
        Assert.Empty(served.Log.Errors);
    }

    [Theory, InlineData("/v1/chat/completions"), InlineData("/v1/steps")]
    public async Task A_body_of_100_MB_in_chunks_is_refused_at_the_limit(string path)
    {
        await using var served = await Served.Start(Toys.Models(new()), new() { MaxBody = 1 << 20 });
        using var client = Connect(served);
        await Send(client, Head(path, "Transfer-Encoding: chunked"));
        var chunk = new byte[64 << 10];
        Array.Fill(chunk, (byte)' ');
        var (sent, stream) = (0, client.GetStream());
        try
        {
            for (; sent < Large && client.Available == 0; sent += chunk.Length)
            {
                await Send(client, chunk.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n");
                await stream.WriteAsync(chunk);
                await Send(client, "\r\n");
            }
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // It hung up.
        }

        Assert.InRange(sent, 1 << 20, 32 << 20); // What it has not read stands in the system's buffers.
        if (client is { Connected: true, Available: > 0 }) Assert.StartsWith("HTTP/1.1 413", await Reply(client));
        Assert.Equal(200, (await served.Post("/v1/completions", """{"prompt":"a"}""")).Status);
        Assert.Empty(served.Log.Errors);
    }

    [Fact]
    public async Task Nobody_waits_for_slow_headers_and_they_do_not_last()
    {
        await using var served = await Served.Start(Toys.Models(new()), Impatient);
        using var client = Connect(served);
        var ended = Trickle(client, "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
        Assert.Equal(200, (await served.Post("/v1/completions", """{"prompt":"a"}""")).Status);
        Assert.InRange(await ended, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task A_slow_body_is_a_timeout_and_no_fault()
    {
        await using var served = await Served.Start(Toys.Models(new()), Impatient);
        using var client = Connect(served);
        var ended = Trickle(client, Head("/v1/completions", "Content-Length: 100000") + "{ ");
        Assert.Equal(200, (await served.Post("/v1/completions", """{"prompt":"a"}""")).Status);
        Assert.InRange(await ended, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(15));
        Assert.Empty(served.Log.Errors);
    }

    [Fact]
    public async Task Who_never_reads_loses_the_place()
    {
        var policy = new ToyPolicy { Steps = 100, Padding = new('x', 100_000) };
        var limits = new ServeOptions { MaxTokens = 1_000_000, Concurrent = 1, Ping = TimeSpan.FromSeconds(0.3) };
        await using var served = await Served.Start(Toys.Models(policy), limits);
        using var client = Connect(served);
        const string body = """{"prompt":"a","stream":true,"max_tokens":1000000}""";
        await Send(client, Head("/v1/completions", $"Content-Length: {body.Length}") + body);
        while (policy.Calls.Count < policy.Steps) await Task.Delay(5); // 10 MB are there for it.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        Assert.Equal(200, (await served.Post("/v1/completions", """{"prompt":"b","max_tokens":1}""", patience.Token)).Status);
        Assert.Empty(served.Log.Errors);
    }

    private static TcpClient Connect(Served served)
    {
        var address = new Uri(served.Server.Url);
        return new(address.Host, address.Port);
    }

    private static string Head(string path, string length) =>
        $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}\r\n\r\n";

    private static Task Send(TcpClient client, string text) => client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text)).AsTask();

    /// <summary>The first part of what the server says.</summary>
    private static async Task<string> Reply(TcpClient client)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, await client.GetStream().ReadAsync(buffer, patience.Token));
    }

    /// <summary>Sends a text and then a letter ten times a second, until the server hangs up; how long that took.</summary>
    private static async Task<TimeSpan> Trickle(TcpClient client, string text)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            await Send(client, text);
            while (clock.Elapsed < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(100);
                await Send(client, "x");
            }
        }
        catch (IOException)
        {
        }

        return clock.Elapsed;
    }
}
