using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Arithmetic;

namespace Pav.Serve.Tests;

/// <summary>Log-probabilities, with the embedded policy.</summary>
public class LogprobTests
{
    internal static readonly string Problem = Worksheet.Problems(1, Split.Test).First().Text;

    private static string Chat(string more, string model = RealModelTests.Name) => JsonSerializer.Serialize(new
    {
        model, seed = 5, messages = new[] { new { role = "user", content = Problem } },
    })[..^1] + more + "}";

    private static string Content(JsonNode choices) => string.Concat(choices.AsArray().Select(t => (string?)t!["token"]));

    [Theory, InlineData("sample"), InlineData("beam-2"), InlineData("majority-4")]
    public async Task A_chats_tokens_are_the_answer_and_the_likeliest_stand_beside_them(string method)
    {
        using var policy = RealModelTests.Policy();
        using var verifier = RealModelTests.Verifier();
        await using var served = await Served.Start(RealModelTests.Models(policy, verifier));
        var model = $"{RealModelTests.Name}:{method}";
        var (status, reply) = await served.Post("/v1/chat/completions", Chat(",\"logprobs\":true,\"top_logprobs\":3", model));
        Assert.True(status == 200, reply.ToString());
        var (choice, usage) = (reply.GetProperty("choices")[0], reply.GetProperty("usage").GetProperty("completion_tokens_details"));
        var answer = choice.GetProperty("message").GetProperty("content").GetString();
        var tokens = choice.GetProperty("logprobs").GetProperty("content").EnumerateArray().ToList();
        Assert.Equal(answer, string.Concat(tokens.Select(t => t.GetProperty("token").GetString())));
        Assert.Equal(answer, Encoding.UTF8.GetString([.. tokens.SelectMany(t => t.GetProperty("bytes").EnumerateArray())
            .Select(b => b.GetByte())]));
        Assert.InRange(usage.GetProperty("answer_tokens").GetInt32(), tokens.Count, tokens.Count + 1);
        foreach (var token in tokens)
        {
            var top = token.GetProperty("top_logprobs").EnumerateArray().Select(t => t.GetProperty("logprob").GetDouble()).ToList();
            Assert.Equal(3, top.Count);
            Assert.Equal(top.OrderDescending(), top);
            Assert.InRange(token.GetProperty("logprob").GetDouble(), -100, top[0]);
            Assert.InRange(top.Sum(Math.Exp), 0, 1 + 1e-6);
        }

        var (_, without) = await served.Post("/v1/chat/completions", Chat("", model));
        Assert.Equal(answer, without.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        Assert.False(without.GetProperty("choices")[0].TryGetProperty("logprobs", out _));
        Assert.True(usage.GetProperty("scored_tokens").GetInt32() >= tokens.Count);
    }

    [Theory, InlineData(""), InlineData(":majority-4")]
    public async Task A_stream_brings_them_with_its_texts(string method)
    {
        using var policy = RealModelTests.Policy();
        using var verifier = RealModelTests.Verifier();
        await using var served = await Served.Start(RealModelTests.Models(policy, verifier));
        var model = RealModelTests.Name + method;
        var (_, whole) = await served.Post("/v1/chat/completions", Chat(",\"logprobs\":true,\"top_logprobs\":1", model));
        var expected = JsonNode.Parse(whole.GetRawText())!["choices"]![0]!["logprobs"]!["content"]!.AsArray();
        var (events, done) = await served.Stream(
            "/v1/chat/completions", Chat(",\"logprobs\":true,\"top_logprobs\":1,\"stream\":true", model));
        Assert.True(done);
        List<JsonNode> tokens = [];
        foreach (var choice in events.Select(e => e.Data["choices"]![0]!).Where(c => c["logprobs"] is not null))
        {
            var told = choice["logprobs"]!["content"]!;
            Assert.Equal((string?)choice["delta"]!["content"], Content(told));
            tokens.AddRange(told.AsArray()!);
        }

        Assert.Equal(expected.Select(t => (string?)t!["token"]), tokens.Select(t => (string?)t["token"]));
        foreach (var (a, b) in expected.Zip(tokens)) Assert.Equal((double)a!["logprob"]!, (double)b["logprob"]!, 1e-4);
    }

    [Fact]
    public async Task A_begun_text_has_them_in_lists_with_their_places()
    {
        using var policy = RealModelTests.Policy();
        using var verifier = RealModelTests.Verifier();
        await using var served = await Served.Start(RealModelTests.Models(policy, verifier));
        var body = JsonSerializer.Serialize(new { prompt = Problem + "\n", seed = 5, logprobs = 2 });
        var (status, reply) = await served.Post("/v1/completions", body);
        Assert.True(status == 200, reply.ToString());
        var choice = reply.GetProperty("choices")[0];
        var (text, told) = (choice.GetProperty("text").GetString()!, choice.GetProperty("logprobs"));
        var tokens = told.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()!).ToList();
        Assert.Equal(text, string.Concat(tokens));
        var places = told.GetProperty("text_offset").EnumerateArray().Select(t => t.GetInt32()).ToList();
        Assert.All(places.Zip(tokens), p => Assert.Equal(p.Second, text.Substring(p.First, p.Second.Length)));
        var top = told.GetProperty("top_logprobs").EnumerateArray().ToList();
        Assert.Equal((tokens.Count, tokens.Count), (top.Count, told.GetProperty("token_logprobs").GetArrayLength()));
        foreach (var (likely, i) in top.Select((t, i) => (t, i)))
        {
            Assert.InRange(likely.EnumerateObject().Count(), 2, 3);
            Assert.Equal(told.GetProperty("token_logprobs")[i].GetDouble(), likely.GetProperty(tokens[i]).GetDouble());
        }

        // The words of one step, streamed: places go on through the answer.
        var (events, _) = await served.Stream("/v1/completions", body[..^1] + ",\"stream\":true}");
        Assert.Equal(places, events.SelectMany(e => e.Data["choices"]!.AsArray()).Where(c => c!["logprobs"] is not null)
            .SelectMany(c => c!["logprobs"]!["text_offset"]!.AsArray().Select(t => (int)t!)));
    }

    [Theory]
    [InlineData(",\"top_logprobs\":2", "top_logprobs"), InlineData(",\"logprobs\":1", "logprobs")]
    [InlineData(",\"logprobs\":true,\"top_logprobs\":21", "top_logprobs"), InlineData(",\"prompt_logprobs\":1", "prompt_logprobs")]
    public async Task What_is_no_such_number_is_refused_by_name(string more, string field)
    {
        using var policy = RealModelTests.Policy();
        using var verifier = RealModelTests.Verifier();
        await using var served = await Served.Start(RealModelTests.Models(policy, verifier));
        var (status, reply) = await served.Post("/v1/chat/completions", Chat(more));
        Assert.Equal((422, field), (status, reply.GetProperty("error").GetProperty("param").GetString()));
    }
}
