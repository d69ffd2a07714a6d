using System.Text.Json;

namespace Pav.Serve.Tests.Rewards;

/// <summary>A wrong request is told what is wrong with it, in its dialect, and is never the server's fault.</summary>
public class BadRewardRequestTests
{
    [Theory]
    [InlineData("/v1/steps", "{}", 422, "prompt is missing")]
    [InlineData("/v1/steps", """{"prompt":"x"}""", 422, "response or response_ids")]
    [InlineData("/v1/steps", """{"prompt":"x","response":"so","response_ids":[3]}""", 422, "one of them")]
    [InlineData("/v1/steps", """{"samples":[{"prompt":"x","response":""},{"prompt":7,"response":""}]}""", 422, "samples[1].prompt must be")]
    [InlineData("/v1/steps", """{"prompt":"x","response":"so","label":{"a":1}}""", 422, "label must be")]
    [InlineData("/v1/steps", """{"prompt":"x","response":"so","prover":"best"}""", 422, "the prover 'best' is not known")]
    [InlineData("/v1/steps", """{"prompt":"x","response":"so","alpha":-1}""", 422, "alpha must be")]
    [InlineData("/v1/steps", """{"prompt":"x","response":"so","grader":"mine"}""", 422, "grader 'mine' is not known")]
    [InlineData("/v1/steps", """{"prompt":"x","response_ids":[3,"a"]}""", 422, "response_ids must be a list of token ids")]
    [InlineData("/v1/steps", """{"prompt":[],"response":"so"}""", 422, "no message of the user")]
    [InlineData("/v1/steps", """{"prompt":[{"role":"user"}],"response":"so"}""", 422, "prompt[0] must be a message")]
    [InlineData("/v1/steps", """{"prompt":[{"role":"user","content":[{"type":"image_url"}]}],"response":"so"}""", 422, "is no text")]
    [InlineData("/v1/steps", """{"prompt":"x","response":"\ud800"}""", 400, "half a character")]
    [InlineData("/v1/steps", "[]", 400, "one JSON object")]
    [InlineData("/v1/steps", "{", 400, "not JSON")]
    [InlineData("/get_reward", "{}", 422, "query is missing")]
    [InlineData("/get_reward", """{"query":["x\ny"],"prompts":["x\n"],"labels":["1","2"]}""", 422, "labels has 2 entries")]
    [InlineData("/get_reward?reward=best", """{"query":["x\ny"],"prompts":["x\n"],"labels":["1"]}""", 422, "q, outcome, min_progress")]
    [InlineData("/get_reward?reward=outcome", """{"query":["x\ny"],"prompts":["x\n"],"labels":[null]}""", 422, "labels[0] is missing")]
    [InlineData("/get_reward?alpha=x", """{"query":["x\ny"],"prompts":["x\n"],"labels":["1"]}""", 422, "alpha in the address")]
    [InlineData("/reward", """{"prompt":"x","label":"1"}""", 422, "response is missing")]
    public async Task Own_routes(string path, string body, int status, string says)
    {
        await using var client = await RewardClient.Start(0.5, 0.5, 0.5);
        var (found, text) = await client.Post(path, body);
        Assert.Equal(status, found);
        Assert.Contains(says, JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("message").GetString());
    }

    [Theory]
    [InlineData("/classify", "{}", "input is missing")]
    [InlineData("/classify", """{"input":"nothing that ends a prompt"}""", "cannot be told from the response")]
    [InlineData("/classify", """{"input":[{}]}""", "input[0] must be a list of token ids")]
    [InlineData("/classify", """{"input":"x\ny","truncate_prompt_tokens":10}""", "truncate_prompt_tokens is not supported")]
    [InlineData("/pooling", """{"input":"x\ny","task":"embed"}""", "'embed' is not what a verifier does")]
    [InlineData("/pooling", """{"input":"x\ny","encoding_format":"base64"}""", "take float")]
    [InlineData("/pooling", """{"messages":[{"role":"user","content":"x"}]}""", "none of the assistant")]
    [InlineData("/score", """{"text_1":"x"}""", "text_2 is missing")]
    [InlineData("/v1/embeddings", """{"input":3}""", "input must be")]
    [InlineData("/v1/classify", """{"messages":"x"}""", "messages must be a list")]
    public async Task Routes_of_inference_servers_with_their_errors(string path, string body, string says)
    {
        await using var client = await RewardClient.Start(0.5, 0.5, 0.5);
        var (status, text) = await client.Post(path, body);
        var json = JsonDocument.Parse(text).RootElement;
        var error = path.StartsWith("/v1/", StringComparison.Ordinal) && path != "/v1/score" ? json : json.GetProperty("error");
        Assert.Equal(400, status);
        Assert.Contains(says, error.GetProperty("message").GetString());
        Assert.Equal(("BadRequestError", 400), (error.GetProperty("type").GetString(), error.GetProperty("code").GetInt32()));
    }

    [Fact]
    public async Task Without_a_verifier_there_are_no_rewards()
    {
        await using var client = await RewardClient.Start((IVerifier?)null);
        var (status, text) = await client.Post("/v1/steps", """{"prompt":"x","response":"so"}""");
        Assert.Equal(422, status);
        Assert.Contains("--verifier", text);
    }

    [Fact]
    public async Task Wrong_types_in_every_field_are_nowhere_the_servers_fault()
    {
        string[] values = ["null", "true", "-1", "1e999", "\"\"", "\"x\\nso\"", "[]", "[null]", "[1]", "[\"x\\nso\"]", "{}", "[{}]",
            "[{\"role\":1,\"content\":2}]", "[[]]"];
        string[] fields = ["model", "prompt", "response", "response_ids", "label", "samples", "prover", "alpha", "grader", "query",
            "prompts", "labels", "input", "messages", "use_activation", "task", "encoding_format", "text_1", "text_2", "queries",
            "documents"];
        string[] paths = ["/v1/steps", "/get_reward", "/reward", "/classify", "/pooling", "/score", "/v1/embeddings", "/v1/classify"];
        await using var client = await RewardClient.Start(Enumerable.Repeat(0.5, 20).ToArray());
        var random = new Random(1);
        var seen = new Dictionary<int, int>();
        for (var i = 0; i < 4000; i++)
        {
            var chosen = fields.Where(_ => random.Next(3) == 0).Select(f => $"\"{f}\":{values[random.Next(values.Length)]}");
            var body = $"{{{string.Join(',', chosen)}}}";
            var (status, text) = await client.Post(paths[i % paths.Length], body);
            Assert.True(status is 200 or 400 or 404 or 422, $"{paths[i % paths.Length]} {body} answered {status}: {text}");
            seen[status] = seen.GetValueOrDefault(status) + 1;
        }

        Assert.Empty(client.Faults);
        Assert.True(seen[200] > 0 && seen[422] > 0, string.Join(", ", seen));
    }
}
