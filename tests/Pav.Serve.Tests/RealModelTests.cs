using System.Diagnostics;
using System.Text.Json;
using Pav.Arithmetic;
using Pav.Double;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Remote;
using Pav.Models.Tokenizers;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests;

/// <summary>With the embedded policy and a random verifier, on the CPU's engine.</summary>
public class RealModelTests
{
    internal const string Name = "pav-tiny-s";

    private static readonly PromptTemplate Template = new("{problem}\n");

    private static string Folder { get; } = Find();

    private static IReadOnlyList<Problem> Problems { get; } = [.. Worksheet.Problems(1, Split.Test).Take(20)];

    internal static TransformerPolicy Policy(PromptTemplate? template = null) =>
        TransformerPolicy.Load(Name, Folder, template ?? Template, new(64 << 20));

    internal static TransformerVerifier Verifier()
    {
        var tokenizer = Tokenizer.Load(Folder);
        var config = new DecoderConfig
        {
            VocabSize = tokenizer.Size, HiddenSize = 16, IntermediateSize = 32, Layers = 1, Heads = 2, KvHeads = 2, HeadSize = 8,
            MaxPositions = 256, Head = DecoderHead.SequenceClassification, Labels = 1, Eos = [tokenizer.Eos!.Value],
        };
        using var model = DecoderModel.RandomInit(config, 5);
        return new("random", model, new(tokenizer, Template, ends: config.Eos), new(64 << 20), new(40, 0));
    }

    internal static ServedModels Models(IPolicy policy, IVerifier verifier) => new(Name, policy, Grader.Numeric, Template)
    {
        Logprobs = policy is TransformerPolicy local ? local.Logprobs : null, Context = (policy as TransformerPolicy)?.MaxTokens,
        Verifier = verifier, Tokenizer = Tokenizer.Load(Folder),
        Defaults = new() { Prover = Prover.BestOf(4), Alpha = 0.5, Sampling = new(MaxTokens: 100) },
    };

    /// <summary>Before anything is drawn, so that others' batch is not asked twice; a stream too has the status.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public async Task A_prompt_that_the_policy_cannot_read_is_refused_at_once(bool stream)
    {
        using var policy = Policy();
        using var verifier = Verifier();
        await using var served = await Served.Start(Models(policy, verifier));
        var text = string.Join('\n', Enumerable.Repeat(Problems[0].Text, 30));
        var (status, reply) = await served.Post("/v1/chat/completions", JsonSerializer.Serialize(new
        {
            model = $"{Name}:beam-4", stream, messages = new[] { new { role = "user", content = text } },
        }));
        Assert.Equal(422, status);
        var error = reply.GetProperty("error");
        Assert.Equal("messages", error.GetProperty("param").GetString());
        Assert.Contains($"reads {policy.MaxTokens} with the answer", error.GetProperty("message").GetString());
    }

    [Theory, InlineData("beam-4", "beam-q", 4), InlineData("majority-8", "majority", 8), InlineData("forest-pav-3", "forest-pav", 3)]
    public async Task Answers_of_many_clients_at_once_are_those_of_pav_search(string model, string method, int n)
    {
        using var verifier = Verifier();
        IReadOnlyList<SearchResult> expected;
        using (var alone = Policy())
        {
            var models = Models(alone, verifier);
            var tools = new SearchTools(alone, models.Grader, verifier);
            expected = await SearchBatch.Run(Problems, SearchMethods.Find(method)!, n, tools, models.Defaults with { Seed = 9 });
        }

        using var policy = Policy();
        await using var served = await Served.Start(Models(policy, verifier));
        var replies = await Task.WhenAll(Problems.Select(p => served.Post("/v1/chat/completions", JsonSerializer.Serialize(new
        {
            model = $"{Name}:{model}", seed = 9, pav = new { problem_id = p.Id },
            messages = new[] { new { role = "user", content = p.Text } },
        }))));
        foreach (var (result, (status, reply)) in expected.Zip(replies))
        {
            Assert.Equal(200, status);
            var choice = reply.GetProperty("choices")[0];
            Assert.Equal(result.Chosen.Trace.Text, choice.GetProperty("message").GetProperty("content").GetString());
            Assert.Equal(result.Row.GeneratedTokens, reply.GetProperty("usage").GetProperty("completion_tokens").GetInt64());
        }
    }

    /// <summary>It leaves between two of its traces' steps: the next one is begun with its end known, and draws nothing.</summary>
    [Fact]
    public async Task A_client_that_leaves_costs_no_token_more_than_its_step()
    {
        using var policy = Policy();
        using var verifier = Verifier();
        var watched = new Watched(policy);
        await using var served = await Served.Start(Models(policy, verifier) with { Policy = watched });
        using var cancel = new CancellationTokenSource();
        var asked = JsonSerializer.Serialize(new { prompt = Problems[0].Text + "\n", model = $"{Name}:majority-64" });
        var leaving = served.Post("/v1/completions", asked, cancel.Token);
        var first = await watched.Second.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.InRange(first, 64, 64 * 40);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        await watched.Ended.WaitAsync(TimeSpan.FromMinutes(1));
        while ((await served.Http.GetStringAsync("/health")).Contains("\"working\":1")) await Task.Delay(5);
        await Task.Delay(200);
        Assert.Equal((2, first), (watched.Calls, policy.GeneratedTokens));
    }

    [Fact]
    public async Task A_policy_on_servers_is_searched_through_the_same_door()
    {
        var drawing = TransformerPolicy.Load(Name, Folder, new("{problem}"), new(64 << 20));
        using var generator = new Generator(drawing, Tokenizer.Load(Folder));
        await using var server = await DoubleServer.Start(generator, new() { Model = Name });
        using var remote = await RemotePolicy.Open(new(server.Url), Template, Tokenizer.Load(Folder), Problems[0]);
        using var verifier = Verifier();
        var models = Models(remote, verifier) with { IsRemote = true };
        await using var served = await Served.Start(models);
        var expected = await SearchBatch.Run(
            [Problems[0]], SearchMethods.BeamByQ, 2, new(remote, models.Grader, verifier), models.Defaults with { Seed = 4 });
        var (status, reply) = await served.Post("/v1/completions", JsonSerializer.Serialize(new
        {
            model = $"{Name}:beam-2", seed = 4, prompt = Problems[0].Text + "\n", pav = new { problem_id = Problems[0].Id },
        }));
        Assert.Equal(200, status);
        Assert.Equal(expected[0].Chosen.Trace.Text, reply.GetProperty("choices")[0].GetProperty("text").GetString());
    }

    /// <summary>It is told as an outage, without the server's address, and is over when the server is back.</summary>
    [Fact]
    public async Task A_policy_whose_server_fails_is_asked_again_when_it_is_back()
    {
        using var generator = new Generator(TransformerPolicy.Load(Name, Folder, new("{problem}"), new(64 << 20)), Tokenizer.Load(Folder));
        var isDown = false;
        await using var server = await DoubleServer.Start(
            generator, new() { Model = Name, Mishaps = _ => Volatile.Read(ref isDown) ? Mishap.HtmlBadGateway : Mishap.None });
        using var remote = await RemotePolicy.Open(
            new(server.Url) { GiveUp = 0.5 }, Template, Tokenizer.Load(Folder), Problems[0]);
        using var verifier = Verifier();
        await using var served = await Served.Start(Models(remote, verifier) with { IsRemote = true });
        var asked = JsonSerializer.Serialize(new { prompt = Problems[0].Text + "\n", max_tokens = 3 });
        Volatile.Write(ref isDown, true);
        var (status, reply) = await served.Post("/v1/completions", asked);
        Assert.Equal(503, status);
        Assert.Equal("server_error", reply.GetProperty("error").GetProperty("type").GetString());
        Assert.DoesNotContain(server.Url, reply.GetRawText());
        Assert.Contains(served.Log.Errors, line => line.Contains(server.Url, StringComparison.Ordinal));
        Volatile.Write(ref isDown, false);
        for (var clock = Stopwatch.StartNew(); status != 200 && clock.Elapsed < TimeSpan.FromMinutes(1); await Task.Delay(100))
            (status, _) = await served.Post("/v1/completions", asked);
        Assert.Equal(200, status);
    }

    [Fact]
    public void Disposing_twice_is_as_good_as_once()
    {
        var policy = Policy();
        var verifier = Verifier();
        policy.Dispose();
        verifier.Dispose();
        policy.Dispose();
        verifier.Dispose();
        Assert.Equal(Name, policy.Name);
    }

    /// <summary>Holds its second call until whoever asked has gone; if that is not told, it draws after all.</summary>
    private sealed class Watched(TransformerPolicy policy) : IPolicy
    {
        private readonly TaskCompletionSource<long> second = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Name => policy.Name;

        public int Calls { get; private set; }

        /// <summary>When it is reached: the tokens of the first call.</summary>
        public Task<long> Second => second.Task;

        /// <summary>When that call is over, however it ended.</summary>
        public Task Ended => ended.Task;

        public async Task<IReadOnlyList<Prefix>> Extend(
            IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default)
        {
            if (++Calls != 2) return await policy.Extend(draws, until, sampling, cancel);
            second.SetResult(policy.GeneratedTokens);
            await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(20), cancel));
            try
            {
                return await policy.Extend(draws, until, sampling, cancel);
            }
            finally
            {
                ended.SetResult();
            }
        }
    }

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder.FullName, "models", Name))) folder = folder.Parent!;
        return Path.Combine(folder.FullName, "models", Name);
    }
}
