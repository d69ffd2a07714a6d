using System.Text.Json;
using System.Text.RegularExpressions;
using Pav.Models;
using Pav.Models.Chat;

namespace Pav.Serve.Tests.Rewards;

/// <summary>What each framework sends, and what it gets, to the byte where nothing in it depends on time or chance.</summary>
public partial class DialectTests
{
    /// <summary>Q of the prompt and after one and two steps: exact in a double.</summary>
    private static readonly double[] Q = [0.5, 0.75, 0.25];

    private const string ChatMl = "{% for m in messages %}<pad>{{ m.role }}\n{{ m.content }}<eos>\n{% endfor %}"
        + "{% if add_generation_prompt %}<pad>assistant\n{% endif %}";

    [Fact]
    public async Task Steps_of_one_sample()
    {
        await using var client = await RewardClient.Start(Q);
        var (_, text) = await client.Post("/v1/steps", """{"prompt":"2+2","response":"2+2 = 4\nAnswer: 4","label":"4"}""");
        Assert.Equal("""{"model":"told","prover":"bo1","alpha":0.5,"grader":"numeric","data":["""
            + """{"index":0,"q0":0.5,"q":0.25,"outcome":1,"steps":["""
            + """{"start":0,"end":8,"token_start":0,"token_end":4,"q":0.75,"progress":0.25,"reward":0.875},"""
            + """{"start":8,"end":17,"token_start":4,"token_end":6,"q":0.25,"progress":-0.5,"reward":0}]}],"""
            + "\"usage\":{\"scored_tokens\":2},\"object\":\"list\"}", text);
    }

    [Fact]
    public async Task Steps_of_a_list_are_one_batch_in_order()
    {
        var verifier = new ToldVerifier(Q);
        await using var client = await RewardClient.Start(verifier);
        var samples = string.Join(',', Enumerable.Range(0, 100).Select(i =>
            $$"""{"prompt":[{"role":"user","content":"{{i}}"}],"response_ids":[{{(i % 2 == 0 ? "3,2,6,0" : "3")}}]}"""));
        var json = await client.Ask("/v1/steps", $$"""{"samples":[{{samples}}],"prover":"bo2","alpha":1}""");
        var data = json.GetProperty("data").EnumerateArray().ToList();
        Assert.Equal(Enumerable.Range(0, 100), data.Select(d => d.GetProperty("index").GetInt32()));
        Assert.Equal([2, 1], data.Take(2).Select(d => d.GetProperty("steps").GetArrayLength()));
        // The best of two: 0.75, 0.9375 and 0.4375.
        Assert.Equal([0.1875, -0.5], data[0].GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("progress").GetDouble()));
        Assert.Equal(JsonValueKind.Null, data[0].GetProperty("outcome").ValueKind);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), Assert.Single(verifier.Calls).Select(p => p.Problem.Text));
        Assert.Equal(0, (await client.Ask("/v1/steps", """{"samples":[]}""")).GetProperty("data").GetArrayLength());
    }

    [Fact]
    public async Task A_prover_with_a_verifier_of_its_own()
    {
        await using var client = await RewardClient.Start(new ToldVerifier(Q), models => models with
        {
            Provers = new Dictionary<string, Prover> { ["weak"] = Prover.By(new ToldVerifier(0.25, 0.25, 0.5)) },
        });
        var json = await client.Ask("/v1/steps", """{"prompt":"2+2","response":"2+2 = 4\nso","prover":"weak","alpha":2}""");
        var steps = json.GetProperty("data")[0].GetProperty("steps").EnumerateArray().ToList();
        Assert.Equal([0.75, 0.25], steps.Select(s => s.GetProperty("q").GetDouble()));
        Assert.Equal([0, 0.25], steps.Select(s => s.GetProperty("progress").GetDouble()));
        Assert.Equal([0.75, 0.75], steps.Select(s => s.GetProperty("reward").GetDouble()));
    }

    /// <summary>openrlhf/utils/agent.py, _fetch_rewards_via_http: one sample, special tokens kept, any JSON for a label.</summary>
    [Fact]
    public async Task OpenRlhf_sends_one_sample_at_a_time()
    {
        await using var client = await RewardClient.Start(Q);
        const string body = """{"query": ["2+2\n2+2 = 4\nAnswer: 4<eos>"], "prompts": ["2+2\n"], "labels": ["4"]}""";
        Assert.Equal("""{"rewards":[0.25],"scores":[0.25],"extra_logs":{"q0":[0.5],"q_end":[0.25],"progress_sum":[-0.25],"""
            + "\"progress_min\":[-0.5],\"steps\":[2]}}", (await client.Post("/get_reward", body)).Text);
        Assert.StartsWith("""{"rewards":[1],"scores":[1],""", (await client.Post("/get_reward?reward=outcome", body)).Text);
        Assert.StartsWith("""{"rewards":[-0.5],"scores":[0.25],""", (await client.Post("/get_reward?reward=min_progress", body)).Text);
        var unlabelled = body.Replace("\"4\"", "null", StringComparison.Ordinal);
        Assert.StartsWith("""{"rewards":[0.25],""", (await client.Post("/get_reward", unlabelled)).Text);
        Assert.StartsWith("""{"rewards":[0.25],""",
            (await client.Post("/get_reward", body.Replace("\"4\"", """{"steps":["4"]}""", StringComparison.Ordinal))).Text);
        Assert.Equal(422, (await client.Post("/get_reward?reward=outcome", unlabelled)).Status);
        // With several addresses all but the first get empty lists.
        Assert.Equal("""{"rewards":[],"scores":[],"extra_logs":{"q0":[],"q_end":[],"progress_sum":[],"progress_min":[],"steps":[]}}""",
            (await client.Post("/get_reward", """{"query": [], "prompts": [], "labels": []}""")).Text);
    }

    [Fact]
    public async Task OpenRlhf_with_a_chat_template_and_a_prompt_that_was_cut()
    {
        var verifier = new ToldVerifier(Q);
        await using var client = await RewardClient.Start(verifier, models => models with
        {
            Template = new PromptTemplate("{problem}") { Chat = new ChatFrame(ChatMl, new Dictionary<string, string>()) },
        });
        const string prompt = "<pad>user\\n2+2<eos>\\n<pad>assistant\\n";
        await client.Ask("/get_reward", $$"""{"query":["{{prompt}}so<eos>"],"prompts":["{{prompt}}"],"labels":[4]}""");
        await client.Ask("/get_reward", $$"""{"query":["{{prompt}}so<eos>"],"prompts":["a long beginning {{prompt}}"],"labels":[4]}""");
        Assert.Equal([("2+2", "so"), ("2+2", "so")], verifier.Calls.SelectMany(c => c).Select(p => (p.Problem.Text, p.Text)));
    }

    /// <summary>slime/rollout/rm_hub/__init__.py, remote_rm: the prompt as text or messages, a label or null.</summary>
    [Theory]
    [InlineData("\"2+2\\n\"", "\"4\"", "1")]
    [InlineData("[{\"role\": \"system\", \"content\": \"x\"}, {\"role\": \"user\", \"content\": \"2+2\"}]", "null", "null")]
    public async Task Slime_gets_an_object_with_steps(string prompt, string label, string outcome)
    {
        await using var client = await RewardClient.Start(Q);
        var body = $$"""{"prompt": {{prompt}}, "response": "2+2 = 4\nAnswer: 4", "label": {{label}}}""";
        Assert.Equal($$"""{"score":0.25,"outcome":{{outcome}},"q0":0.5,"q":0.25,"progress_sum":-0.25,"steps":[[0,8,0.25],[8,17,-0.5]]}""",
            (await client.Post("/reward", body)).Text);
    }

    /// <summary>verl/experimental/reward_loop/reward_loop.py: read at data[-1].probs[-1], before the activation.</summary>
    [Theory, InlineData(", \"use_activation\": false", "-1.0986122886681098"), InlineData("", "0.25")]
    public async Task Vllm_classify(string more, string value)
    {
        await using var client = await RewardClient.Start(Q);
        var (_, text) = await client.Post("/classify", $$"""{"model": "told", "input": "2+2\nso 4\nAnswer: 4"{{more}}}""");
        Assert.Equal($$"""{"id":"classify-#","object":"list","created":0,"model":"told","data":["""
            + $$"""{"index":0,"label":"LABEL_0","probs":[{{value}}],"num_classes":1}],"""
            + Usage(2) + "}", Plain(text));
    }

    [Theory]
    [InlineData("", "[[0.75],[0.25]]"), InlineData(", \"task\": \"classify\"", "[0.25]")]
    [InlineData(", \"use_activation\": false, \"task\": \"classify\"", "[-1.0986122886681098]")]
    public async Task Vllm_pooling_has_a_row_for_each_step(string more, string data)
    {
        await using var client = await RewardClient.Start(Q);
        const string messages = """[{"role": "user", "content": "2+2"}, """
            + """{"role": "assistant", "content": [{"type": "text", "text": "so 4\nAnswer: 4"}]}]""";
        var (_, text) = await client.Post("/pooling", $$"""{"model": "told", "messages": {{messages}}{{more}}}""");
        Assert.Equal($$"""{"id":"pool-#","object":"list","created":0,"model":"told","data":["""
            + $$"""{"index":0,"object":"pooling","data":{{data}}}],"""
            + Usage(2) + "}", Plain(text));
    }

    [Theory, InlineData("text_1", "text_2"), InlineData("queries", "documents")]
    [InlineData("queries", "items"), InlineData("data_1", "data_2")]
    public async Task Vllm_score_takes_pairs(string first, string second)
    {
        await using var client = await RewardClient.Start(Q);
        var (_, text) = await client.Post("/score", $$"""{"model": "told", "{{first}}": "2+2", "{{second}}": ["so\n4", "4"]}""");
        Assert.Equal("""{"id":"embd-#","object":"list","created":0,"model":"told","data":[{"index":0,"object":"score","score":0.25},"""
            + """{"index":1,"object":"score","score":0.75}],"""
            + Usage(3) + "}", Plain(text));
        Assert.Equal(400, (await client.Post("/v1/score", $$"""{"{{first}}": ["a", "b"], "{{second}}": ["c"]}""")).Status);
    }

    /// <summary>verl with SGLang: read at data[-1].embedding[-1].</summary>
    [Fact]
    public async Task Sglang_embeddings_and_classes()
    {
        await using var client = await RewardClient.Start(Q);
        const string body = """{"model": "told", "input": ["2+2\nso\n4", "2+2\n4"]}""";
        Assert.Equal("""{"data":[{"object":"embedding","embedding":[-1.0986122886681098],"index":0},"""
            + """{"object":"embedding","embedding":[1.0986122886681098],"index":1}],"""
            + $"\"model\":\"told\",{Usage(3)},\"object\":\"list\"}}", (await client.Post("/v1/embeddings", body)).Text);
        var classes = (await client.Post("/v1/classify", body)).Text;
        Assert.Equal("""{"id":"classify-#","object":"list","created":0,"model":"told","data":["""
            + """{"index":0,"label":"LABEL_0","probs":[0.75,0.25],"num_classes":2},"""
            + """{"index":1,"label":"LABEL_1","probs":[0.25,0.75],"num_classes":2}],""" + Usage(3) + "}", Plain(classes));
    }

    [Fact]
    public async Task The_verifier_is_in_the_list_of_models()
    {
        await using var client = await RewardClient.Start(Q);
        var models = await client.Get("/v1/models");
        Assert.Contains("told", models.GetProperty("data").EnumerateArray().Select(m => m.GetProperty("id").GetString()));
        Assert.Equal("told", (await client.Get("/v1/models/told")).GetProperty("id").GetString());
        Assert.Equal(200, (await client.Post("/classify", """{"model": "toy", "input": "2+2\n4"}""")).Status);
        Assert.Equal("""{"error":{"message":"there is no model 'other' here; rewards are those of told","type":"NotFoundError","""
            + "\"param\":\"model\",\"code\":404}}", (await client.Post("/classify", """{"model": "other", "input": "2+2\n4"}""")).Text);
    }

    private static string Usage(int tokens) =>
        $$"""
        "usage":{"prompt_tokens":{{tokens}},"total_tokens":{{tokens}},"completion_tokens":0,"prompt_tokens_details":null}
        """;

    /// <summary>What differs from time to time, made the same.</summary>
    private static string Plain(string json) => Changing().Replace(json, m => m.Value.StartsWith('-') ? "-#\"" : "\"created\":0");

    [GeneratedRegex("-[0-9a-f]{32}\"|\"created\":[0-9]+")]
    private static partial Regex Changing();
}
