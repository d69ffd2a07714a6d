using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pav.Serve.Tests;

/// <summary>What no honest client sends.</summary>
public class HostileTests
{
    private const int Requests = 10_000;

    private static readonly string[] Chats =
    [
        """
        {"model":"toy:beam-2","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"n":1,"seed":3,
        "max_tokens":9,"stop":["x"],"temperature":0.5,"top_p":0.5,"top_k":3,"stream":false,"stream_options":{"include_usage":true},"user":"u","tools":[],
        "tool_choice":"none","response_format":{"type":"text"},"logit_bias":{},"presence_penalty":0,"logprobs":false,
        "pav":{"method":"beam-q","n":2,"alpha":1,"prover":"bo4","budget":99,"trace":true,"candidates":2,"settle":1,
        "problem_id":"p","answer":"1"}}
        """,
        """
        {"model":"toy","prompt":["a","b"],"n":2,"max_completion_tokens":5,"echo":false,"suffix":"","best_of":1,
        "stream":true,"pav":{"trace":true}}
        """,
        """
        {"problem":"a","model":"toy","method":"vote","n":2,"alpha":0.5,"prover":"bo2","seed":1,"answer":"1","trace":true,
        "stop":"q","max_tokens":9}
        """,
    ];

    private static readonly string[] Addresses = ["/v1/chat/completions", "/v1/completions", "/v1/search"];

    private static readonly string[] Strange =
    [
        "null", "true", "-1", "0", "1e400", "1e308", "99999999999999999999", "0.5", "\"\"", "\"x\"", "\"\\ud800\"", "\"\\u0000\"", "[]",
        "[[]]", "{}", "[null]", "{\"a\":{}}", "[1,\"x\"]", "\"toy:beam--4\"", "\"toy:\"", "\"bo0\"", "\"bo99999999999\"",
        "-9223372036854775808", "[\"\"]",
    ];

    [Fact]
    public async Task No_body_makes_the_server_fail()
    {
        await using var served = await Served.Start(Toys.Models(new() { Steps = 1 }), new() { MaxN = 8, MaxTokens = 20, MaxBudget = 500 });
        var random = new Random(17);
        var seen = new Dictionary<int, int>();
        foreach (var batch in Enumerable.Range(0, Requests).Select(_ => Any(random)).Chunk(64))
        {
            foreach (var found in await Task.WhenAll(batch.Select(async asked =>
            {
                using var content = new StringContent(asked.Body, null, "application/json");
                using var reply = await served.Http.PostAsync(asked.Address, content);
                var text = await reply.Content.ReadAsStringAsync();
                var status = (int)reply.StatusCode;
                Assert.True(status is 200 or 400 or 404 or 422, $"{status} {text} to {asked.Address} {asked.Body}");
                if (reply.Content.Headers.ContentType!.MediaType == "application/json") JsonDocument.Parse(text).Dispose();
                else Assert.DoesNotContain("internal_error", text);
                return status;
            }))) seen[found] = seen.GetValueOrDefault(found) + 1;
        }

        Assert.Empty(served.Log.Errors);
        foreach (var status in new[] { 200, 400, 404, 422 }) Assert.InRange(seen.GetValueOrDefault(status), Requests / 200, Requests);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_not_read()
    {
        await using var served = await Served.Start(Toys.Models(new()), new() { MaxBody = 1 << 16 });
        using var content = new StringContent(new string(' ', 1 << 22), null, "application/json");
        try
        {
            using var reply = await served.Http.PostAsync("/v1/completions", content);
            Assert.Equal(413, (int)reply.StatusCode);
        }
        catch (HttpRequestException)
        {
            // The server hung up before all was sent, which is as good.
        }

        Assert.Equal(200, (int)(await served.Http.GetAsync("/health")).StatusCode);
    }

    [Fact]
    public async Task Nobody_waits_for_slow_headers()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var address = new Uri(served.Server.Url);
        using var slow = new TcpClient(address.Host, address.Port);
        await slow.GetStream().WriteAsync("POST /v1/completions HTTP/1.1\r\nHost: local"u8.ToArray());
        Assert.Equal(200, (await served.Post("/v1/completions", """{"prompt":"a"}""")).Status);
    }

    /// <summary>A good body with one to three of its parts replaced, or its text cut.</summary>
    private static (string Address, string Body) Any(Random random)
    {
        var which = random.Next(Chats.Length);
        var address = Addresses[random.Next(10) == 0 ? random.Next(Addresses.Length) : which];
        if (random.Next(4) == 0)
        {
            var text = Chats[which];
            return (address, random.Next(2) == 0 ? text[..random.Next(text.Length)] : text.Remove(random.Next(text.Length), 1));
        }

        var body = JsonNode.Parse(Chats[which])!;
        var marks = new List<string>();
        for (var changes = random.Next(4); changes > 0; changes--)
        {
            var places = Places(body).ToList();
            var (parent, key) = places[random.Next(places.Count)];
            var mark = $"@{marks.Count}@";
            marks.Add(Strange[random.Next(Strange.Length)]);
            if (parent is JsonObject fields) fields[(string)key] = mark;
            else ((JsonArray)parent)[(int)key] = mark;
        }

        var written = new StringBuilder(body.ToJsonString());
        for (var i = 0; i < marks.Count; i++) written.Replace($"\"@{i}@\"", marks[i]);
        return (address, written.ToString());
    }

    private static IEnumerable<(JsonNode Parent, object Key)> Places(JsonNode node) => node switch
    {
        JsonObject fields => fields.SelectMany(f => (f.Value is null ? [] : Places(f.Value)).Prepend((node, (object)f.Key))),
        JsonArray items => items.SelectMany((item, i) => (item is null ? [] : Places(item)).Prepend((node, (object)i))),
        _ => [],
    };
}
