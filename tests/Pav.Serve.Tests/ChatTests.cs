using System.Text.Json.Nodes;

namespace Pav.Serve.Tests;

public class ChatTests
{
    private static string Ask(string model, string more = "") =>
        $$"""{"model":"{{model}}","messages":[{"role":"user","content":"2 + 2"}],"seed":3{{more}}}""";

    /// <summary>What `pav search` answers to the same problem with the same seed.</summary>
    private static async Task<SearchResult> Search(string method, int n, ulong seed = 3, string id = "q")
    {
        var models = Toys.Models(new());
        var tools = new SearchTools(models.Policy, models.Grader, models.Verifier, models.Outcome);
        var found = await SearchBatch.Run(
            [new Problem(id, "2 + 2", "")], SearchMethods.Find(method)!, n, tools, models.Defaults with { Seed = seed }, trees: true);
        return found[0];
    }

    [Theory]
    [InlineData("toy", "sample", 1), InlineData("toy:beam-4", "beam-q", 4), InlineData("toy:best-of-16", "best-of-n-q", 16)]
    [InlineData("toy:vote-32", "weighted-vote", 32), InlineData("toy:forest-16", "forest", 16), InlineData("toy:beam-pav-2", "beam-pav", 2)]
    [InlineData("toy:mcts-8", "mcts", 8), InlineData("toy:beam-q+vote-4", "beam-q+vote", 4)]
    [InlineData("toy:best-of-n-orm-4", "best-of-n-orm", 4)]
    public async Task An_answer_is_that_of_the_search_with_its_seed(string model, string method, int n)
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var (status, reply) = await served.Post("/v1/chat/completions", Ask(model, ""","pav":{"problem_id":"q"}"""));
        Assert.Equal(200, status);
        var expected = await Search(method, n);
        var choice = reply.GetProperty("choices")[0];
        Assert.Equal(expected.Chosen.Trace.Text, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
        var pav = choice.GetProperty("pav");
        Assert.Equal((method, n), (pav.GetProperty("method").GetString(), pav.GetProperty("n").GetInt32()));
        var usage = reply.GetProperty("usage");
        Assert.Equal(expected.Row.GeneratedTokens, usage.GetProperty("completion_tokens").GetInt64());
        var details = usage.GetProperty("completion_tokens_details");
        var tokens = expected.Chosen.Trace.TokensSince();
        Assert.Equal(tokens, details.GetProperty("answer_tokens").GetInt64());
        Assert.Equal(expected.Row.GeneratedTokens - tokens, details.GetProperty("reasoning_tokens").GetInt64());
        Assert.Equal(expected.Row.ScoredTokens, details.GetProperty("scored_tokens").GetInt64());
    }

    [Fact]
    public async Task Fields_of_the_object_pav_override_the_name()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var more = ""","pav":{"method":"beam-pav","n":2,"alpha":1,"prover":"bo8","trace":true,"answer":"1"}""";
        var (_, reply) = await served.Post("/v1/chat/completions", Ask("toy:vote-8", more));
        var pav = reply.GetProperty("choices")[0].GetProperty("pav");
        Assert.Equal("beam-pav", pav.GetProperty("method").GetString());
        Assert.Equal((2, 1.0), (pav.GetProperty("n").GetInt32(), pav.GetProperty("alpha").GetDouble()));
        Assert.Equal("bo8", pav.GetProperty("prover").GetString());
        Assert.Equal("root", pav.GetProperty("tree").GetProperty("nodes")[0].GetProperty("fate").GetString());
        Assert.True(pav.TryGetProperty("correct", out _));
        (_, reply) = await served.Post("/v1/chat/completions", Ask("toy:vote-8", ""","top_k":-1,"pav":{"method":"beam","N":3}"""));
        Assert.Equal(3, reply.GetProperty("choices")[0].GetProperty("pav").GetProperty("n").GetInt32());
    }

    [Fact]
    public async Task Choices_have_seeds_of_their_own_and_prompts_answers_of_their_own()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        const string asked = """{"model":"toy","prompt":["2 + 2","x"],"n":2,"seed":3,"pav":{"problem_id":"q"}}""";
        var (_, reply) = await served.Post("/v1/completions", asked);
        var choices = reply.GetProperty("choices");
        Assert.Equal(4, choices.GetArrayLength());
        Assert.Equal((await Search("sample", 1, 4)).Chosen.Trace.Text, choices[1].GetProperty("text").GetString());
        Assert.Equal([3UL, 4, 3, 4], choices.EnumerateArray().Select(c => c.GetProperty("pav").GetProperty("seed").GetUInt64()));
    }

    [Fact]
    public async Task A_stop_cuts_and_a_limit_ends_a_trace()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var (_, whole) = await served.Post("/v1/chat/completions", Ask("toy"));
        var text = whole.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
        var (_, stopped) = await served.Post("/v1/chat/completions", Ask("toy", ""","stop":["Answer"]"""));
        var choice = stopped.GetProperty("choices")[0];
        var before = text[..text.IndexOf("Answer", StringComparison.Ordinal)];
        Assert.Equal(before, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
        var (_, cut) = await served.Post("/v1/chat/completions", Ask("toy", ""","max_tokens":2"""));
        Assert.Equal("length", cut.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal(2, cut.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task A_budget_ends_a_search_with_what_it_has()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var (_, reply) = await served.Post("/v1/chat/completions", Ask("toy:beam-8", ""","pav":{"budget":30}"""));
        Assert.Equal("length", reply.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.InRange(reply.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), 30, 30 + 24 * 3);
    }

    [Fact]
    public async Task A_plain_sample_streams_its_steps()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var (_, whole) = await served.Post("/v1/chat/completions", Ask("toy"));
        const string streamed = ""","stream":true,"stream_options":{"include_usage":true}""";
        var (events, done) = await served.Stream("/v1/chat/completions", Ask("toy", streamed));
        Assert.True(done);
        Assert.Equal("assistant", (string?)Delta(events[0].Data)!["role"]);
        var texts = events.Select(e => (string?)Delta(e.Data)?["content"]).Where(t => t is not (null or "")).ToList();
        Assert.Equal(4, texts.Count);
        Assert.Equal(whole.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(), string.Concat(texts));
        Assert.Equal("stop", (string?)events[^2].Data["choices"]![0]!["finish_reason"]);
        Assert.Empty(events[^1].Data["choices"]!.AsArray());
        Assert.True((int)events[^1].Data["usage"]!["completion_tokens"]! > 0);
        Assert.Single(events.Select(e => (string?)e.Data["id"]).Distinct());
    }

    [Fact]
    public async Task A_search_streams_its_progress_and_then_the_answer()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var (events, done) = await served.Stream("/v1/chat/completions", Ask("toy:beam-4", ""","stream":true"""));
        Assert.True(done);
        var kinds = events.Select(e => Delta(e.Data)).Select(delta =>
            delta?["reasoning_content"] is not null ? "r" : (string?)delta?["content"] is not (null or "") ? "c" : "-");
        Assert.Matches("^-r+c+-$", string.Concat(kinds));
        var line = Delta(events.First(e => Delta(e.Data)?["reasoning"] is not null).Data)!;
        Assert.Equal((string?)line["reasoning"], (string?)line["reasoning_content"]);
        Assert.Matches(@"^step 1 kept: .* \(Q 0\.\d\d, A [+-]0\.\d\d\)\n$", (string?)line["reasoning"]);
    }

    [Theory]
    [InlineData("{", 400, null), InlineData("[]", 400, null), InlineData("""{"messages":[]}""", 422, "messages")]
    [InlineData("""{"messages":"hi"}""", 422, "messages"), InlineData("""{}""", 422, "messages")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}""", 422, "messages[1].role")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}""", 422, "messages[0].content[0].type")]
    [InlineData("""{"model":"gpt","messages":[{"role":"user","content":"a"}]}""", 404, "model")]
    [InlineData("""{"n":0,"messages":[{"role":"user","content":"a"}]}""", 422, "n")]
    [InlineData("""{"temperature":"hot","messages":[{"role":"user","content":"a"}]}""", 422, "temperature")]
    [InlineData("""{"tools":[{"type":"function"}],"messages":[{"role":"user","content":"a"}]}""", 422, "tools")]
    [InlineData("""{"logprobs":true,"messages":[{"role":"user","content":"a"}]}""", 422, "logprobs")]
    [InlineData("""{"pav":{"method":"magic"},"messages":[{"role":"user","content":"a"}]}""", 422, "pav.method")]
    [InlineData("""{"pav":{"n":1000},"messages":[{"role":"user","content":"a"}]}""", 422, "pav.n")]
    [InlineData("""{"pav":{"prover":"nobody"},"messages":[{"role":"user","content":"a"}]}""", 422, "pav.prover")]
    [InlineData("""{"messages":[{"role":"user","content":""}]}""", 422, "messages")]
    [InlineData("""{"pav":{"method":"oracle-beam-q"},"messages":[{"role":"user","content":"a"}]}""", 422, "pav.method")]
    [InlineData("""{"model":"toy:oracle-beam-q","messages":[{"role":"user","content":"a"}]}""", 422, "model")]
    [InlineData("""{"pav":{"method":"forest-2","n":3},"messages":[{"role":"user","content":"a"}]}""", 422, "pav.n")]
    [InlineData("""{"model":"toy:forest-2-3","messages":[{"role":"user","content":"a"}]}""", 422, "model")]
    [InlineData("""{"messages":[{"role":"user","content":"refused"}]}""", 422, null)]
    [InlineData("""{"messages":[{"role":"user","content":"\ud800"}]}""", 400, null)]
    public async Task What_cannot_be_answered_is_told_by_name(string json, int status, string? field)
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var (found, reply) = await served.Post("/v1/chat/completions", json);
        Assert.Equal(status, found);
        var error = reply.GetProperty("error");
        Assert.Equal(field, error.GetProperty("param").GetString());
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.NotEqual("", error.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Limits_are_told_with_their_status()
    {
        await using var served = await Served.Start(Toys.Models(new()), new() { MaxBody = 1000, MaxPrompt = 10 });
        var (large, _) = await served.Post("/v1/chat/completions", Ask("toy", $",\"user\":\"{new string('x', 2000)}\""));
        Assert.Equal(413, large);
        var (longPrompt, reply) = await served.Post("/v1/completions", $$"""{"prompt":"{{new string('x', 100)}}"}""");
        Assert.Equal(422, longPrompt);
        Assert.Contains("--max-prompt", reply.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task Who_finds_the_queue_full_is_told_when_to_come_back()
    {
        var (policy, gate) = (new ToyPolicy(), new TaskCompletionSource());
        policy.Before = _ => gate.Task;
        await using var served = await Served.Start(Toys.Models(policy), new() { Concurrent = 1, Queue = 1 });
        var waiting = Enumerable.Range(0, 2).Select(_ => served.Post("/v1/chat/completions", Ask("toy"))).ToList();
        while ((await served.Http.GetStringAsync("/health")).Contains("\"waiting\":0")) await Task.Delay(5);
        using var reply = await served.Http.PostAsync("/v1/chat/completions", new StringContent(Ask("toy"), null, "application/json"));
        Assert.Equal(429, (int)reply.StatusCode);
        Assert.Equal("1", Assert.Single(reply.Headers.GetValues("Retry-After")));
        gate.SetResult();
        Assert.All(await Task.WhenAll(waiting), answer => Assert.Equal(200, answer.Status));
    }

    [Fact]
    public async Task Unknown_fields_are_ignored_and_told_once_and_prompts_are_not_logged()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var asked = Ask("toy", ""","flux_level":9""");
        for (var i = 0; i < 2; i++) Assert.Equal(200, (await served.Post("/v1/chat/completions", asked)).Status);
        Assert.Single(served.Log.All, line => line.Contains("flux_level"));
        await served.Post("/v1/chat/completions", Ask("toy", ""","pav":{"mehtod":"beam","n":1}"""));
        Assert.Single(served.Log.All, line => line.Contains("pav.mehtod"));
        Assert.DoesNotContain(served.Log.All, line => line.Contains("pav.n "));
        await served.Post("/v1/steps", """{"prompt":"2 + 2","response":"4\n","provr":"bo2"}""");
        Assert.Single(served.Log.All, line => line.Contains("provr"));
        Assert.Single(served.Log.All, line => line.Contains("/v1/steps: 1 traces, 1 tokens scored"));
        Assert.DoesNotContain(served.Log.All, line => line.Contains("2 + 2"));
    }

    [Fact]
    public async Task A_client_that_goes_away_takes_its_search_with_it()
    {
        var policy = new ToyPolicy { Steps = 100_000, Before = _ => Task.Delay(2) };
        await using var served = await Served.Start(Toys.Models(policy), new() { MaxTokens = 1_000_000 });
        using var cancel = new CancellationTokenSource();
        var asked = served.Post("/v1/chat/completions", Ask("toy:beam-4", ""","max_tokens":1000000"""), cancel.Token);
        while (policy.Calls.Count < 5) await Task.Delay(1);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        while ((await served.Http.GetStringAsync("/health")).Contains("\"working\":1")) await Task.Delay(5);
        var tokens = policy.Tokens;
        await Task.Delay(100);
        Assert.Equal(tokens, policy.Tokens);
        Assert.Empty(served.Log.Errors);
    }

    [Fact]
    public async Task Nobody_waits_for_a_slow_reader()
    {
        var policy = new ToyPolicy { Steps = 500, Padding = new('x', 20_000) };
        await using var served = await Served.Start(Toys.Models(policy), new() { MaxTokens = 1_000_000 });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent(Ask("toy", ""","stream":true,"max_tokens":1000000"""), null, "application/json"),
        };
        using var slow = await served.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (policy.Calls.Count < policy.Steps) await Task.Delay(5, patience.Token); // 10 MB that nobody has read.
        Assert.Equal(200, (await served.Post("/v1/chat/completions", Ask("toy", ""","max_tokens":50"""), patience.Token)).Status);
    }

    private static JsonNode? Delta(JsonNode chunk) => chunk["choices"] is JsonArray { Count: > 0 } choices ? choices[0]!["delta"] : null;
}
