using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Pav.Models;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Extensions.AI.Tests;

public class GuidedSearchTests
{
    private static readonly GuidedSearchOptions Options = new() { Verifier = new DigitVerifier(), Grader = Grader.Numeric, N = 8 };

    private static int Digit(string text) => int.Parse(Regex.Match(text, @"Answer: (\d)").Groups[1].Value);

    [Fact]
    public async Task The_best_of_n_is_the_best_of_what_the_inner_client_drew()
    {
        var inner = new ScriptedClient { TellsUsage = true };
        using var guided = new GuidedSearchChatClient(inner, Options with { Method = "best-of-n-q" });
        var reply = await guided.GetResponseAsync("a problem");
        Assert.Equal(8, inner.Asked.Select(a => a.Options!.Seed).Distinct().Count());
        var drawn = await Task.WhenAll(inner.Asked.ToList().Select(a => new ScriptedClient().GetResponseAsync(a.Messages, a.Options)));
        Assert.Equal(drawn.Max(d => Digit(d.Text)), Digit(reply.Text));
        Assert.Contains(reply.Text, drawn.Select(d => d.Text));
        // Three lines of two pieces and the answer: 7 tokens an answer.
        Assert.Equal((56, 40, 7), ((int)reply.Usage!.OutputTokenCount!, (int)reply.Usage.InputTokenCount!,
            (int)reply.Usage.AdditionalCounts![GuidedSearchChatClient.ChosenTokens]));
        Assert.Equal("best-of-n-q", Assert.IsType<SearchRow>(reply.AdditionalProperties![GuidedSearchChatClient.RowKey]).Method);
        Assert.Equal(ChatFinishReason.Stop, reply.FinishReason);
    }

    [Fact]
    public async Task Equal_requests_are_answered_alike_and_seeds_change_that()
    {
        using var guided = new GuidedSearchChatClient(new ScriptedClient(), Options with { Method = "majority", N = 3 });
        var texts = new List<string>();
        foreach (var seed in (long?[])[null, null, 1, 2, 3, 4])
            texts.Add((await guided.GetResponseAsync("a problem", new() { Seed = seed })).Text);
        Assert.Equal(texts[0], texts[1]);
        Assert.True(texts.Skip(2).Distinct().Count() > 1);
    }

    [Fact]
    public async Task A_beam_goes_on_from_begun_answers_and_reads_no_more_than_a_step()
    {
        var inner = new ScriptedClient();
        using var guided = new GuidedSearchChatClient(inner, Options with
        {
            Method = "beam-q", N = 2, Continue = o => o.AdditionalProperties = new() { ["continue_final_message"] = true },
        });
        var reply = await guided.GetResponseAsync([new(ChatRole.System, "be brief"), new(ChatRole.User, "a problem")]);
        Assert.Matches("^(step \\d\n){3}Answer: \\d$", reply.Text);
        Assert.All(inner.Asked, a => Assert.Equal("be brief", a.Messages[0].Text));
        Assert.All(inner.Asked, a => Assert.Equal(
            a.Messages[^1].Role == ChatRole.Assistant, a.Options!.AdditionalProperties?.ContainsKey("continue_final_message") == true));
        Assert.Contains(inner.Asked, a => a.Messages[^1].Role == ChatRole.Assistant && a.Messages[^1].Text.StartsWith("step "));
        Assert.True(inner.Read <= 2 * inner.Asked.Count, $"{inner.Read} pieces for {inner.Asked.Count} steps");
        var row = (SearchRow)reply.AdditionalProperties![GuidedSearchChatClient.RowKey]!;
        Assert.Equal(row.GeneratedTokens, reply.Usage!.OutputTokenCount);
    }

    [Theory]
    [InlineData("beam-q", "goes on from a begun answer"), InlineData("forest", "set Continue ")]
    [InlineData("particles", "set Continue ")]
    [InlineData("best", "there is no method 'best'"), InlineData("oracle-beam-q", "there is no method")]
    [InlineData("best-of-n-orm", "needs an outcome verifier")]
    public void What_a_chat_client_cannot_do_is_refused_at_once(string method, string says) =>
        Assert.Contains(says, Assert.Throws<UserError>(() =>
            new GuidedSearchChatClient(new ScriptedClient(), Options with { Method = method })).Message);

    [Fact]
    public async Task Tools_and_conversations_without_a_question_are_refused()
    {
        using var guided = new GuidedSearchChatClient(new ScriptedClient(), Options);
        var tools = new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1)] };
        Assert.Contains("Tools", (await Assert.ThrowsAsync<UserError>(() => guided.GetResponseAsync("a problem", tools))).Message);
        var answered = new ChatMessage(ChatRole.Assistant, "x");
        Assert.Contains("last message", (await Assert.ThrowsAsync<UserError>(() => guided.GetResponseAsync(answered))).Message);
    }

    [Fact]
    public async Task Options_of_the_request_go_before_those_of_the_search()
    {
        var inner = new ScriptedClient();
        using var guided = new GuidedSearchChatClient(inner, Options with { SendSeeds = false });
        await guided.GetResponseAsync("a problem", new() { Temperature = 0.5f, MaxOutputTokens = 100, ModelId = "m", TopK = 5 });
        Assert.All(inner.Asked, a => Assert.Equal((0.5f, 100, "m", 5, null),
            (a.Options!.Temperature, a.Options.MaxOutputTokens, a.Options.ModelId, a.Options.TopK, a.Options.Seed)));
    }

    [Fact]
    public async Task A_stream_is_the_answer()
    {
        using var guided = new GuidedSearchChatClient(new ScriptedClient(), Options);
        var whole = await guided.GetResponseAsync("a problem");
        var streamed = await guided.GetStreamingResponseAsync("a problem").ToChatResponseAsync();
        Assert.Equal((whole.Text, whole.Usage!.OutputTokenCount), (streamed.Text, streamed.Usage!.OutputTokenCount));
    }

    [Fact]
    public async Task Services_set_what_every_pipeline_uses()
    {
        var services = new ServiceCollection();
        services.AddPav(o => (o.Verifier, o.Grader, o.N) = (new DigitVerifier(), Grader.Numeric, 5));
        var inner = new ScriptedClient();
        services.AddChatClient(inner).UseGuidedSearch(o => o.Method = "best-of-n-q");
        await using var provider = services.BuildServiceProvider();
        var reply = await provider.GetRequiredService<IChatClient>().GetResponseAsync("a problem");
        var row = (SearchRow)reply.AdditionalProperties![GuidedSearchChatClient.RowKey]!;
        Assert.Equal(("best-of-n-q", 5), (row.Method, row.N));
        Assert.Equal("weighted-vote", provider.GetRequiredService<GuidedSearchOptions>().Method);
    }

    [Fact]
    public async Task A_verifier_on_a_server_says_what_it_says_here()
    {
        var models = new ServedModels("none", new NoPolicy(), Grader.Numeric, new PromptTemplate("{problem}\n"))
        {
            Verifier = new DigitVerifier(),
        };
        await using var server = await PavServer.Start(new() { Port = 0, Key = "secret" }, _ => Task.FromResult(models), _ => { });
        await server.Loaded;
        using var http = new HttpClient();
        using var local = new GuidedSearchChatClient(new ScriptedClient(), Options);
        var verifier = new ServedVerifier(new(server.Url), http, "secret");
        using var remote = new GuidedSearchChatClient(new ScriptedClient(), Options with { Verifier = verifier });
        Assert.Equal((await local.GetResponseAsync("a problem")).Text, (await remote.GetResponseAsync("a problem")).Text);
        var stopped = Prefix.Root(new("p", "a problem", "")).Then("step 7\n").Then("", ended: true);
        var scored = await verifier.Score([stopped]);
        Assert.Equal([0.5, 0.7, 0.7], scored[0].Q);
        await Refused("401", new(new(server.Url), http), stopped);
        await Refused("cannot be reached", new(new("http://127.0.0.1:1"), http), stopped);
        await Refused("2 steps where this search sees 1", verifier, Prefix.Root(new("p", "a problem", "")).Then("step 7\nstep 8\n"));

        using var told = new HttpClient(new Told("""{"data":[{"steps":[]}]}"""));
        await Refused("http://gate/pav/v1/steps answered something else", new(new("http://gate/pav"), told), stopped);

        static async Task Refused(string why, ServedVerifier asked, Prefix trace) =>
            Assert.Contains(why, (await Assert.ThrowsAsync<UserError>(() => asked.Score([trace]))).Message);
    }

    [Fact]
    public async Task A_server_that_is_busy_or_loading_is_asked_again_when_it_says()
    {
        const string scores = """{"data":[{"q0":0.5,"steps":[{"q":0.7}]}],"usage":{"scored_tokens":3}}""";
        var (time, trace) = (new Hurry(), Prefix.Root(new("p", "a problem", "")).Then("step 7\n"));
        var replies = new Queue<HttpResponseMessage>(
        [
            Busy(429, new(TimeSpan.FromSeconds(7))), Busy(503, new(time.GetUtcNow().AddSeconds(20))), Busy(503, null),
            new() { Content = new StringContent(scores) },
        ]);
        using var http = new HttpClient(new Scripted(() => replies.Dequeue()));
        var scored = await new ServedVerifier(new("http://gate"), http, null, time).Score([trace]);
        Assert.Equal([0.5, 0.7], scored[0].Q);
        Assert.Equal(7, time.Waits[0].TotalSeconds);
        Assert.InRange(time.Waits[1].TotalSeconds, 15, 20);
        Assert.InRange(time.Waits[2].TotalSeconds, 0.01, 10);

        var asked = 0;
        using var never = new HttpClient(new Scripted(() => Busy(asked++ % 2 == 0 ? 429 : 503, null)));
        var error = await Assert.ThrowsAsync<UserError>(() => new ServedVerifier(new("http://gate"), never, null, time).Score([trace]));
        Assert.Contains("429", error.Message);
        Assert.Equal(9, asked);
        using var wrong = new HttpClient(new Scripted(() => Busy(asked++ > 0 ? 500 : 0, null)));
        await Assert.ThrowsAsync<UserError>(() => new ServedVerifier(new("http://gate"), wrong, null, time).Score([trace]));
        Assert.Equal(10, asked);

        static HttpResponseMessage Busy(int status, RetryConditionHeaderValue? after)
        {
            var reply = new HttpResponseMessage((HttpStatusCode)status);
            reply.Headers.RetryAfter = after;
            return reply;
        }
    }

    [Fact]
    public async Task The_sample_runs_and_is_forty_lines()
    {
        var sample = Path.Combine(AppContext.BaseDirectory, "GuidedChat.dll");
        var start = new ProcessStartInfo("dotnet", [sample]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), await process.StandardError.ReadToEndAsync());
        var said = await output;
        await process.WaitForExitAsync();
        Assert.Equal((0, ""), (process.ExitCode, errors));
        Assert.EndsWith("Answer: 81", said.TrimEnd());
        Assert.InRange(File.ReadLines(SampleSource()).Count(), 1, 40);
    }

    private static string SampleSource([System.Runtime.CompilerServices.CallerFilePath] string source = "") =>
        Path.Combine(Path.GetDirectoryName(source)!, "..", "..", "samples", "GuidedChat", "Program.cs");

    private sealed class NoPolicy : IPolicy
    {
        public string Name => "none";

        public Task<IReadOnlyList<Prefix>> Extend(
            IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default) =>
            throw new NotSupportedException();
    }

    /// <summary>A clock whose waits are over at once, and are noted.</summary>
    private sealed class Hurry : TimeProvider
    {
        public List<TimeSpan> Waits { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime > TimeSpan.Zero) Waits.Add(dueTime);
            return base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? TimeSpan.FromMilliseconds(1) : dueTime, period);
        }
    }

    private sealed class Scripted(Func<HttpResponseMessage> next) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel) =>
            Task.FromResult(next());
    }

    /// <summary>Answers all requests with one text.</summary>
    private sealed class Told(string text) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel) =>
            Task.FromResult(new HttpResponseMessage { Content = new StringContent(text) });
    }
}
