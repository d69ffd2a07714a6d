using System.Text.Json;
using Pav.Models;
using Pav.Models.Chat;
using Pav.Models.Remote;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests;

/// <summary>What the policy is asked and what the verifier sees, for chats of several turns and for begun texts.</summary>
public class ConversationTests
{
    private const string Jinja =
        "{% for m in messages %}{% if m.content == 'bad' %}{{ raise_exception('no bad words') }}{% endif %}"
        + "<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

    private readonly ToyPolicy policy = new();
    private readonly ToyVerifier verifier = new();

    private ServedModels Models(bool chat) => Toys.Models(policy, verifier) with
    {
        Template = !chat ? new("Question: {problem}\nAnswer:") : new("{problem}")
        {
            Chat = new(Jinja, new Dictionary<string, string>(), "Be brief."),
        },
    };

    private async Task<(int Status, JsonElement Reply)> Ask(bool chat, string path, string body)
    {
        await using var served = await Served.Start(Models(chat));
        return await served.Post(path, body);
    }

    private string Prompt(bool chat) => Models(chat).Template.PolicyPrompt(policy.Asked[0]);

    [Theory]
    [InlineData("""[{"role":"user","content":"2 + 2"}]""", "<|system|>Be brief.<|end|><|user|>2 + 2<|end|><|assistant|>")]
    [InlineData("""[{"role":"user","content":[{"type":"text","text":"2 +"},{"type":"text","text":" 2"}]}]""",
        "<|system|>Be brief.<|end|><|user|>2 + 2<|end|><|assistant|>")]
    [InlineData("""
        [{"role":"developer","content":"Sums."},{"role":"user","content":"1 + 1"},{"role":"assistant","content":"2"},
        {"role":"user","content":"2 + 2"}]
        """, "<|system|>Sums.<|end|><|user|>1 + 1<|end|><|assistant|>2<|end|><|user|>2 + 2<|end|><|assistant|>")]
    public async Task With_a_chat_template_all_turns_are_asked_and_the_verifier_sees_the_last(string messages, string prompt)
    {
        var (status, reply) = await Ask(true, "/v1/chat/completions", $$"""{"model":"toy:best-of-4","messages":{{messages}}}""");
        Assert.True(status == 200, reply.ToString());
        Assert.Equal(prompt, Prompt(true));
        Assert.Equal("2 + 2", Assert.Single(verifier.Asked.Select(p => p.Text).Distinct()));
    }

    [Fact]
    public async Task Without_one_system_messages_stand_before_the_only_question()
    {
        const string messages = """[{"role":"system","content":"Sums."},{"role":"user","content":"2 + 2"}]""";
        var (status, _) = await Ask(false, "/v1/chat/completions", $$"""{"model":"toy:best-of-4","messages":{{messages}}}""");
        Assert.Equal(200, status);
        Assert.Equal("Question: Sums.\n\n2 + 2\nAnswer:", Prompt(false));
        Assert.Equal("2 + 2", verifier.Asked[0].Text);
    }

    [Theory]
    [InlineData(false, """[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]""",
        "messages[1].role", "chat template")]
    [InlineData(false, """[{"role":"user","content":"a"},{"role":"user","content":"b"}]""", "messages", "chat template")]
    [InlineData(true, """[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]""", "messages[1].role", "/v1/completions")]
    [InlineData(true, """[{"role":"system","content":"a"}]""", "messages", "message of the user")]
    [InlineData(true, """[{"role":"user","content":"a"},{"role":"tool","content":"b"}]""", "messages[1].role", "tool")]
    [InlineData(true, """[{"role":"assistant","content":null,"tool_calls":[]},{"role":"user","content":"a"}]""", "messages[0].tool_calls",
        "tools")]
    [InlineData(true, """[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]""", "messages[0].content[0].type",
        "'image_url'")]
    [InlineData(true, """[{"role":"user","content":7}]""", "messages[0].content", "a text or a list")]
    [InlineData(true, """[{"role":"user","content":"bad"},{"role":"user","content":"b"}]""", "messages", "no bad words")]
    public async Task What_cannot_be_shown_to_the_policy_is_refused_by_name(bool chat, string messages, string field, string why)
    {
        var (status, reply) = await Ask(chat, "/v1/chat/completions", $$"""{"messages":{{messages}}}""");
        Assert.Equal(422, status);
        Assert.Equal(field, reply.GetProperty("error").GetProperty("param").GetString());
        Assert.Contains(why, reply.GetProperty("error").GetProperty("message").GetString());
    }

    [Theory]
    [InlineData(false, "Question: 2 + 2\nAnswer:", "2 + 2"), InlineData(false, "Once upon", "Once upon")]
    [InlineData(true, "<|user|>x<|end|><|assistant|>y<|end|><|user|>2 + 2<|end|><|assistant|>", "2 + 2")]
    public async Task A_begun_text_is_continued_as_it_is_and_the_verifier_sees_the_problem_in_it(bool chat, string prompt, string problem)
    {
        var body = JsonSerializer.Serialize(new { model = "toy:best-of-4", prompt });
        var models = Models(chat);
        if (chat) models = models with { Tokenizer = Toys.ChatTokenizer };
        await using var served = await Served.Start(models);
        Assert.Equal(200, (await served.Post("/v1/completions", body)).Status);
        Assert.Equal(prompt, policy.Asked[0].Written!.Text);
        Assert.Equal(problem, verifier.Asked[0].Text);
    }

    [Theory]
    [InlineData("""{"prompt":["a","b"],"n":2}""", 4), InlineData("""{"prompt":[2,3]}""", 1), InlineData("""{"prompt":[[2,3],[4]]}""", 2)]
    [InlineData("""{"prompt":["a",[4]]}""", 2)]
    public async Task Prompts_are_texts_or_ids_or_lists_of_them(string body, int choices)
    {
        await using var served = await Served.Start(Models(false) with { Tokenizer = Toys.ChatTokenizer });
        var (status, reply) = await served.Post("/v1/completions", body);
        Assert.True(status == 200, reply.ToString());
        Assert.Equal(choices, reply.GetProperty("choices").GetArrayLength());
        if (body.Contains("[2,3]")) Assert.Contains(policy.Asked, p => p.Written!.Ids is [2, 3]);
    }

    [Theory]
    [InlineData("{}", "prompt"), InlineData("""{"prompt":[]}""", "prompt"), InlineData("""{"prompt":""}""", "prompt")]
    [InlineData("""{"prompt":[""]}""", "prompt[0]"), InlineData("""{"prompt":[[]]}""", "prompt[0]")]
    [InlineData("""{"prompt":{}}""", "prompt"), InlineData("""{"prompt":[1,"a"]}""", "prompt")]
    [InlineData("""{"prompt":[9999]}""", "prompt")]
    [InlineData("""{"prompt":"a","echo":true}""", "echo"), InlineData("""{"prompt":"a","suffix":"b"}""", "suffix")]
    [InlineData("""{"prompt":"a","top_logprobs":2}""", "top_logprobs"), InlineData("""{"prompt":"a","logprobs":true}""", "logprobs")]
    [InlineData("""{"prompt":"a","logprobs":21}""", "logprobs"), InlineData("""{"prompt":"a","logprobs":1}""", "logprobs")]
    [InlineData("""{"prompt":"<|im_start|>a","model":"toy:vote-4"}""", "prompt")]
    public async Task What_cannot_be_continued_is_refused_by_name(string body, string field)
    {
        await using var served = await Served.Start(Models(false) with { Tokenizer = Toys.ChatTokenizer });
        var (status, reply) = await served.Post("/v1/completions", body);
        Assert.Equal((422, field), (status, reply.GetProperty("error").GetProperty("param").GetString()));
    }

    [Fact]
    public async Task Another_pav_may_draw_from_this_server()
    {
        await using var served = await Served.Start(Models(false));
        var problem = Toys.Problem("2 + 2");
        using var remote = await RemotePolicy.Open(
            new(served.Server.Url + "/v1") { Model = "toy" }, new("Solve {problem}:"), null, problem);
        policy.Asked.Clear();
        var traces = await remote.Extend([new(Prefix.Root(problem), 1), new(Prefix.Root(problem), 2)], Until.TraceEnd, new(MaxTokens: 50));
        Assert.All(traces, trace => Assert.Contains("Answer: ", trace.Text));
        Assert.All(policy.Asked, p => Assert.Equal("Solve 2 + 2:", p.Written!.Text));
    }

    [Fact]
    public async Task Ids_need_a_tokenizer()
    {
        var (status, reply) = await Ask(false, "/v1/completions", """{"prompt":[1]}""");
        Assert.Equal((422, "prompt"), (status, reply.GetProperty("error").GetProperty("param").GetString()));
    }
}
