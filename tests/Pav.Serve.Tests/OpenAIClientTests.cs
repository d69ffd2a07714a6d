using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;
using Pav.Models.Chat;
using ChatMessage = OpenAI.Chat.ChatMessage;

namespace Pav.Serve.Tests;

/// <summary>The official client of NuGet, unchanged.</summary>
public class OpenAIClientTests
{
    private static OpenAIClient Client(Served served, string key = "secret") => new(
        new ApiKeyCredential(key),
        new OpenAIClientOptions { Endpoint = new Uri(served.Server.Url + "/v1"), RetryPolicy = new ClientRetryPolicy(0) });

    private static Task<Served> Start(ToyPolicy? policy = null) =>
        Served.Start(Toys.Models(policy ?? new()), new() { Key = "secret", MaxTokens = 1_000_000 });

    [Fact]
    public async Task Chat()
    {
        await using var served = await Start();
        var chat = Client(served).GetChatClient("toy:beam-4");
        ChatCompletion answer = await chat.CompleteChatAsync(
            [new SystemChatMessage("Think."), new UserChatMessage("2 + 2")],
            new ChatCompletionOptions { MaxOutputTokenCount = 100, Temperature = 0.7f, TopP = 0.9f, EndUserId = "me" });
        Assert.Contains("Answer:", answer.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
        Assert.Equal(ChatMessageRole.Assistant, answer.Role);
        Assert.Equal("toy:beam-4", answer.Model);
        Assert.StartsWith("chatcmpl-", answer.Id);
        Assert.True(answer.Usage.OutputTokenCount > answer.Usage.OutputTokenDetails.ReasoningTokenCount);
        Assert.Equal(answer.Usage.TotalTokenCount, answer.Usage.InputTokenCount + answer.Usage.OutputTokenCount);
        Assert.InRange((DateTimeOffset.UtcNow - answer.CreatedAt).TotalSeconds, -5, 60);
    }

    [Fact]
    public async Task Several_turns_and_log_probabilities()
    {
        var template = new ChatFrame(
            "{% for m in messages %}{{ m.content }} {% endfor %}", new Dictionary<string, string>());
        var policy = new ToyPolicy();
        var models = Toys.Models(policy) with { Template = new("{problem}") { Chat = template } };
        await using (var turns = await Served.Start(models, new() { Key = "secret" }))
        {
            ChatMessage[] messages =
            [
                new SystemChatMessage("Think."), new UserChatMessage("1 + 1"), new AssistantChatMessage("2"), new UserChatMessage("2 + 2"),
            ];
            await Client(turns).GetChatClient("toy:beam-2").CompleteChatAsync(messages);
            Assert.Equal("Think. 1 + 1 2 2 + 2 ", policy.Asked[0].Written!.Text);
        }

        using var local = RealModelTests.Policy();
        using var verifier = RealModelTests.Verifier();
        await using var served = await Served.Start(RealModelTests.Models(local, verifier), new() { Key = "secret" });
        var chat = Client(served).GetChatClient(RealModelTests.Name);
        var options = new ChatCompletionOptions { IncludeLogProbabilities = true, TopLogProbabilityCount = 2 };
        ChatCompletion answer = await chat.CompleteChatAsync([new UserChatMessage(LogprobTests.Problem)], options);
        Assert.Equal(answer.Content[0].Text, string.Concat(answer.ContentTokenLogProbabilities.Select(t => t.Token)));
        Assert.All(answer.ContentTokenLogProbabilities, t =>
        {
            Assert.Equal(2, t.TopLogProbabilities.Count);
            Assert.InRange(t.LogProbability, -100, t.TopLogProbabilities[0].LogProbability);
            Assert.Equal(t.Token, System.Text.Encoding.UTF8.GetString(t.Utf8Bytes!.Value.Span));
        });
        var (text, tokens) = ("", "");
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage(LogprobTests.Problem)], options))
        {
            foreach (var part in update.ContentUpdate) text += part.Text;
            foreach (var token in update.ContentTokenLogProbabilities) tokens += token.Token;
        }

        Assert.Equal(text, tokens);
        Assert.NotEqual("", text);
    }

    [Theory, InlineData("toy"), InlineData("toy:vote-8")]
    public async Task Stream(string model)
    {
        await using var served = await Start();
        var (text, finish, usage) = ("", (ChatFinishReason?)null, (ChatTokenUsage?)null);
        await foreach (var update in Client(served).GetChatClient(model).CompleteChatStreamingAsync("2 + 2"))
        {
            foreach (var part in update.ContentUpdate) text += part.Text;
            finish ??= update.FinishReason;
            usage ??= update.Usage;
        }

        Assert.Contains("Answer:", text);
        Assert.Equal(ChatFinishReason.Stop, finish);
        Assert.True(usage!.OutputTokenCount > 0);
    }

    [Fact]
    public async Task Errors_have_their_words()
    {
        await using var served = await Start();
        var stranger = Client(served, "other").GetChatClient("toy");
        var wrongKey = await Assert.ThrowsAsync<ClientResultException>(() => stranger.CompleteChatAsync("hi"));
        Assert.Equal(401, wrongKey.Status);
        Assert.Contains("the key is not this server's", wrongKey.Message);
        var noModel = await Assert.ThrowsAsync<ClientResultException>(() => Client(served).GetChatClient("gpt").CompleteChatAsync("hi"));
        Assert.Equal(404, noModel.Status);
        Assert.Contains("there is no model 'gpt' here", noModel.Message);
        var tools = new ChatCompletionOptions { Tools = { ChatTool.CreateFunctionTool("f") } };
        var chat = Client(served).GetChatClient("toy");
        var refused = await Assert.ThrowsAsync<ClientResultException>(() => chat.CompleteChatAsync(["hi"], tools));
        Assert.Equal(422, refused.Status);
        Assert.Contains("tools", refused.Message);
    }

    [Fact]
    public async Task A_stream_that_is_left_ends_its_search()
    {
        var policy = new ToyPolicy { Steps = 100_000, Before = _ => Task.Delay(2) };
        await using var served = await Start(policy);
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 1_000_000 };
        await foreach (var update in Client(served).GetChatClient("toy").CompleteChatStreamingAsync(["2 + 2"], options))
            if (update.ContentUpdate.Any(part => part.Text != "")) break;
        while ((await served.Http.GetStringAsync("/health")).Contains("\"working\":1")) await Task.Delay(5);
        var tokens = policy.Tokens;
        await Task.Delay(50);
        Assert.Equal(tokens, policy.Tokens);
    }

    [Fact]
    public async Task Models()
    {
        await using var served = await Start();
        var models = (await Client(served).GetOpenAIModelClient().GetModelsAsync()).Value;
        Assert.Contains(models, model => model.Id == "toy:forest-4");
        Assert.Equal("toy", (await Client(served).GetOpenAIModelClient().GetModelAsync("toy")).Value.Id);
    }
}
