using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests;

public class HostTests
{
    private static readonly ServeOptions Free = new() { Port = 0 };

    private static Task<PavServer> Start(ServeOptions? options = null, Func<CancellationToken, Task<ServedModels>>? load = null) =>
        PavServer.Start(options ?? Free, load ?? (_ => Task.FromResult(Toys.Models(new()))), log => log.AddFilter(_ => false));

    private static async Task<(HttpResponseMessage Reply, JsonElement Json)> Get(PavServer server, string path, string? key = null)
    {
        using var client = new HttpClient { BaseAddress = new(server.Url) };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        var reply = await client.GetAsync(path);
        return (reply, JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement);
    }

    [Fact]
    public async Task It_counts_for_Prometheus_and_describes_itself()
    {
        await using var server = await Start();
        await server.Loaded;
        using var client = new HttpClient { BaseAddress = new(server.Url) };
        var asked = new StringContent("""{"prompt":"a","model":"toy:beam-4"}""", null, "application/json");
        Assert.Equal(HttpStatusCode.OK, (await client.PostAsync("/v1/completions", asked)).StatusCode);
        var text = await client.GetStringAsync("/metrics");
        foreach (var name in new[]
        {
            "pav_tokens_generated", "pav_tokens_scored", "pav_batch_draws_bucket", "pav_batch_scores_bucket",
            "pav_request_first_token_seconds", "pav_requests_working", "pav_requests_waiting", "http_server_request_duration",
        })
            Assert.Contains(name, text);
        var (_, api) = await Get(server, "/openapi.json");
        Assert.True(api.GetProperty("paths").TryGetProperty("/v1/chat/completions", out _));
        var fields = api.GetProperty("components").GetProperty("schemas");
        foreach (var (body, field) in (ReadOnlySpan<(string, string)>)
            [("ChatFields", "top_logprobs"), ("TextFields", "prompt"), ("ChatLogprobs", "content")])
            Assert.True(fields.GetProperty(body).GetProperty("properties").TryGetProperty(field, out _), $"{body}.{field}");
    }

    [Fact]
    public async Task Its_description_has_every_route_with_its_body_and_its_reply()
    {
        await using var server = await Start();
        var (_, api) = await Get(server, "/openapi.json");
        Assert.Equal("pav serve", api.GetProperty("info").GetProperty("title").GetString());
        var paths = api.GetProperty("paths");
        Assert.Equal(
            ["/classify", "/get_reward", "/health", "/pooling", "/reward", "/score", "/v1/chat/completions", "/v1/classify",
                "/v1/completions", "/v1/embeddings", "/v1/models", "/v1/models/{id}", "/v1/score", "/v1/search", "/v1/steps"],
            paths.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        foreach (var path in paths.EnumerateObject().Where(p => p.Value.TryGetProperty("post", out _)))
        {
            var post = path.Value.GetProperty("post");
            Assert.True(post.GetProperty("requestBody").GetProperty("content").TryGetProperty("application/json", out _), path.Name);
            Assert.True(post.GetProperty("responses").GetProperty("200").TryGetProperty("content", out _), path.Name);
        }

        var schemas = api.GetProperty("components").GetProperty("schemas");
        Assert.Equal(["text_1", "text_2"], Required("PairFields"));
        Assert.Equal(["messages"], Required("ChatFields"));
        var start = schemas.GetProperty("StepReply").GetProperty("properties").GetProperty("start");
        Assert.Equal("integer", start.GetProperty("type").GetString());

        IEnumerable<string?> Required(string schema) =>
            schemas.GetProperty(schema).GetProperty("required").EnumerateArray().Select(field => field.GetString());
    }

    /// <summary>Clients that write all of a request before they read, as Python's http.client does.</summary>
    [Fact]
    public async Task Who_sends_too_much_before_it_listens_is_told_so()
    {
        await using var server = await Start(Free with { MaxBody = 1000 });
        using var client = new TcpClient("127.0.0.1", new Uri(server.Url).Port);
        await using var stream = client.GetStream();
        var body = new byte[8 << 20];
        await stream.WriteAsync(Encoding.ASCII.GetBytes("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
            + $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n"));
        await stream.WriteAsync(body);
        using var reader = new StreamReader(stream);
        Assert.Contains(" 413 ", await reader.ReadLineAsync());
    }

    [Fact]
    public async Task It_says_that_it_is_loading_and_then_that_it_is_ready()
    {
        var models = new TaskCompletionSource<ServedModels>();
        await using var server = await Start(load: _ => models.Task);
        var (health, json) = await Get(server, "/health");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "loading"), (health.StatusCode, json.GetProperty("status").GetString()));
        var (early, error) = await Get(server, "/v1/models");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, early.StatusCode);
        Assert.Equal("2", Assert.Single(early.Headers.GetValues("Retry-After")));
        Assert.Equal("loading", error.GetProperty("error").GetProperty("code").GetString());
        models.SetResult(Toys.Models(new()));
        await server.Loaded;
        (health, json) = await Get(server, "/health");
        Assert.Equal((HttpStatusCode.OK, "ready"), (health.StatusCode, json.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task It_lists_the_policy_and_its_methods()
    {
        await using var server = await Start();
        await server.Loaded;
        var (_, json) = await Get(server, "/v1/models");
        var ids = json.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()).ToList();
        Assert.Equal("toy", ids[0]);
        Assert.Contains("toy:beam-4", ids);
        Assert.Contains("toy:best-of-n-orm-16", ids);
        Assert.DoesNotContain(ids, id => id!.Contains("oracle"));
        Assert.Contains("toy:forest-early-4", ids);
        Assert.DoesNotContain(ids, id => id!.Contains("forest-sure"));
        Assert.Equal(HttpStatusCode.OK, (await Get(server, "/v1/models/toy:mcts-7")).Reply.StatusCode);
        foreach (var card in json.GetProperty("data").EnumerateArray())
            Assert.Equal(card.GetRawText(), (await Get(server, $"/v1/models/{card.GetProperty("id").GetString()}")).Json.GetRawText());
        var pav = (await Get(server, "/v1/models/toy:beam-q-7")).Json.GetProperty("pav");
        Assert.Equal(("beam-q", 7, "toy-q"), (pav.GetProperty("method").GetString(), pav.GetProperty("n").GetInt32(),
            pav.GetProperty("verifier").GetString()));
        Assert.Equal(1000, pav.GetProperty("limits").GetProperty("alpha").GetDouble());
        Assert.Equal(HttpStatusCode.NotFound, (await Get(server, "/v1/models/toy:oracle-beam-q")).Reply.StatusCode);
        var (missing, error) = await Get(server, "/v1/models/toy:nothing-7");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal("model_not_found", error.GetProperty("error").GetProperty("code").GetString());
    }

    [Theory]
    [InlineData(null, 401), InlineData("other", 401), InlineData("secret", 200)]
    public async Task With_a_key_only_its_bearers_come_in(string? key, int expected)
    {
        await using var server = await Start(Free with { Key = "secret" });
        await server.Loaded;
        var (reply, json) = await Get(server, "/v1/models", key);
        Assert.Equal(expected, (int)reply.StatusCode);
        if (expected == 401) Assert.Equal("authentication_error", json.GetProperty("error").GetProperty("type").GetString());
        Assert.Equal(HttpStatusCode.OK, (await Get(server, "/health")).Reply.StatusCode);
    }

    [Fact]
    public async Task What_is_not_there_is_an_error_object()
    {
        await using var server = await Start();
        var (reply, json) = await Get(server, "/v1/nothing");
        Assert.Equal(HttpStatusCode.NotFound, reply.StatusCode);
        Assert.Contains("/v1/nothing", json.GetProperty("error").GetProperty("message").GetString());
    }

    [Theory, InlineData("0.0.0.0", "key"), InlineData("here", "address"), InlineData("localhost", "127.0.0.1")]
    public async Task It_does_not_start_where_it_should_not(string host, string why) =>
        Assert.Contains(why, (await Assert.ThrowsAsync<UserError>(() => Start(Free with { Host = host }))).Message);

    [Theory, InlineData("example.org"), InlineData("https://example.org/"), InlineData("https://example.org/page"), InlineData("*")]
    public async Task What_is_no_origin_is_refused(string origin) =>
        Assert.Contains(origin, (await Assert.ThrowsAsync<UserError>(() => Start(Free with { Origins = [origin] }))).Message);

    [Theory]
    [InlineData("https://evil.example", 403), InlineData("https://example.org", 200), InlineData(null, 403)]
    public async Task Without_a_key_pages_of_other_sites_are_let_in_by_their_origin_only(string? origin, int expected)
    {
        await using var server = await Start(Free with { Origins = ["https://example.org"] });
        using var client = new HttpClient { BaseAddress = new(server.Url) };
        client.DefaultRequestHeaders.Add("Sec-Fetch-Site", "cross-site");
        if (origin is not null) client.DefaultRequestHeaders.Add("Origin", origin);
        await server.Loaded;
        var reply = await client.GetAsync("/v1/models");
        Assert.Equal(expected, (int)reply.StatusCode);
        Assert.Equal(expected == 200 ? [origin!] : [], reply.Headers.TryGetValues("Access-Control-Allow-Origin", out var let) ? let : []);
        Assert.Equal(expected == 200 ? ["Retry-After"] : [],
            reply.Headers.TryGetValues("Access-Control-Expose-Headers", out var told) ? told : []);
    }

    [Fact]
    public async Task A_page_of_another_site_that_calls_itself_this_machine_is_refused()
    {
        await using var server = await Start();
        using var client = new HttpClient { BaseAddress = new(server.Url) };
        client.DefaultRequestHeaders.Host = "evil.example";
        Assert.Equal(HttpStatusCode.BadRequest, (await client.GetAsync("/health")).StatusCode);
    }
}
