using Pav.Double;
using Pav.Models.Remote;

namespace Pav.Models.Tests.Remote;

/// <summary>What cannot be drawn is left out by name, and all else goes on.</summary>
public sealed class LostDrawTests(Remotes remotes) : IClassFixture<Remotes>
{
    private static readonly Sampling Sampling = new(MaxTokens: 24);

    private static readonly Problem Poisoned = new("poisoned", " 7 7 7 7", "");

    private static Draw[] Roots(params Problem[] problems) =>
        [.. problems.SelectMany(p => Enumerable.Range(0, 4).Select(k => new Draw(Prefix.Root(p), Seeds.Derive(1, p.Id, "lost", k))))];

    private static Problem Long(int tokens) => new("long", string.Concat(Enumerable.Repeat(" 3", tokens)), "");

    [Theory]
    [InlineData(Mishap.UnknownFinish)]
    [InlineData(Mishap.ErrorIn200)]
    [InlineData(Mishap.Error500)]
    [InlineData(Mishap.TruncatedJson)]
    [InlineData(Mishap.NegativeTokens)]
    [InlineData(Mishap.TooManyTokens)]
    [InlineData(Mishap.BadRequest)]
    [InlineData(Mishap.Endless)]
    [InlineData(Mishap.CutBody)]
    public async Task A_draw_whose_reply_is_never_usable_is_lost_and_its_endpoint_stays(Mishap mishap)
    {
        await using var server = await remotes.Start(new() { Poison = new Dictionary<string, Mishap> { [Poisoned.Text] = mishap } });
        using var policy = await remotes.Open(server, with: o => o with { PerRequest = 2, GiveUp = 5 });
        var draws = Roots(Models.Toy.Problem(1), Poisoned, Models.Toy.Problem(2));
        var traces = await policy.Extend(draws, Until.TraceEnd, Sampling);
        Assert.Equal(draws.Select(d => d.Prefix.Problem == Poisoned), traces.Select(t => t.Lost));
        var lost = Assert.Single(policy.Lost.Problems);
        Assert.Equal(("poisoned", 4), (lost.Problem, lost.Draws));
        Assert.Contains("problem poisoned, 4 draws", policy.Lost.Sentence());
        Assert.Contains(server.Url, lost.Reason);
        Assert.Equal(8, policy.Tallies[0].Completions);

        // The others would not be drawn now if the endpoint were set aside.
        Assert.All(await policy.Extend(Roots(Models.Toy.Problem(3)), Until.TraceEnd, Sampling), t => Assert.False(t.Lost));
    }

    [Fact]
    public async Task A_server_of_which_no_reply_is_usable_ends_the_run()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server, with: o => o with { GiveUp = 1 });
        server.Options = server.Options with { Mishaps = _ => Mishap.ErrorIn200 };
        var error = await Assert.ThrowsAsync<UserError>(() => policy.Extend(Remotes.Draws(12, 1), Until.TraceEnd, Sampling));
        Assert.Contains("an error (Provider returned error)", error.Message);
    }

    [Fact]
    public async Task Requests_that_are_all_refused_end_the_run_after_a_few_problems()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server);
        server.Options = server.Options with { Mishaps = _ => Mishap.BadRequest };
        var error = await Assert.ThrowsAsync<UserError>(() =>
            policy.Extend(Roots([.. Enumerable.Range(0, 30).Select(i => new Problem($"{i}", $" {i % 16}", ""))]), Until.TraceEnd,
            Sampling));
        Assert.Contains("problems in a row got no usable answer", error.Message);
    }

    [Theory]
    [InlineData("vllm", true)]
    [InlineData("vllm", false)]
    [InlineData("llamacpp", true)]
    [InlineData("llamacpp", false)]
    public async Task A_trace_gets_what_the_context_leaves_and_a_problem_that_does_not_fit_is_left_out(string dialect, bool ids)
    {
        await using var server = await remotes.Start(new() { Dialect = dialect, Context = 64 });
        using var policy = await remotes.Open(server, ids, o => o with { GiveUp = 3 });
        var draws = Roots(Long(50) with { Id = "tight" }, Long(100), Models.Toy.Problem(1));
        var traces = await policy.Extend(draws, Until.TraceEnd, Sampling);
        Assert.Equal(draws.Select(d => d.Prefix.Problem.Id == "long"), traces.Select(t => t.Lost));
        var lost = Assert.Single(policy.Lost.Problems);
        Assert.Equal(("long", 4), (lost.Problem, lost.Draws));
        Assert.Contains("64", lost.Reason);

        // 51 tokens of prompt and its line's end leave 12, or 11 to llama.cpp; nearly no trace of this model is shorter.
        var tight = traces.Take(4).Select(t => t.TokensSince()).Max();
        Assert.Equal(dialect == "vllm" ? 12 : 11, tight);
        Assert.All(traces.Where(t => !t.Lost), t => Assert.True(t.Ended));
        Assert.True(traces.TakeLast(4).Max(t => t.TokensSince()) > 12);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_llama_cpp_trace_that_fills_its_slot_has_ended_by_its_length(bool ids)
    {
        await using var server = await remotes.Start(new() { Dialect = "llamacpp", Context = 40 });
        using var policy = await remotes.Open(server, ids, o => o with { GiveUp = 2 });
        var traces = await policy.Extend(Roots(Models.Toy.Problem(1)), Until.TraceEnd, new(MaxTokens: 200));
        Assert.All(traces, t => Assert.True(t.Ended && !t.Lost));
        Assert.Equal(0, policy.Tallies[0].Failed);
    }

    [Fact]
    public async Task A_prompt_that_llama_cpp_cut_is_no_prompt()
    {
        await using var server =
            await remotes.Start(new() { Dialect = "llamacpp",
            Poison = new Dictionary<string, Mishap> { [Poisoned.Text] = Mishap.CutPrompt } });
        using var policy = await remotes.Open(server);
        var traces = await policy.Extend(Roots(Poisoned, Models.Toy.Problem(1)), Until.TraceEnd, Sampling);
        Assert.Equal([true, true, true, true, false, false, false, false], traces.Select(t => t.Lost));
        Assert.Contains("a prompt cut from", policy.Lost.Problems[0].Reason);
    }

    [Fact]
    public async Task Ids_that_no_tokenizer_has_are_no_answer()
    {
        await using var server =
            await remotes.Start(new() { Poison = new Dictionary<string, Mishap> { [Poisoned.Text] = Mishap.StrangeIds } });
        using var policy = await remotes.Open(server);
        Assert.Equal(4, (await policy.Extend(Roots(Poisoned, Models.Toy.Problem(1)), Until.TraceEnd, Sampling)).Count(t => t.Lost));
    }

    [Fact]
    public async Task Lost_draws_are_not_counted_and_lost_traces_not_labelled()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server);
        var fine = new Problem("fine", Models.Toy.Problem(1).Text, "1");
        var grader = new Grader("any", 1, _ => "1", a => a, (_, _) => true);
        var options = new LabelOptions { NCov = 2, NMc = 4, Sampling = Sampling };
        async Task<List<LabelledTrace>> Labels()
        {
            var lines = new List<LabelledTrace>();
            await foreach (var line in Labelling.Run(policy, grader, [Poisoned, fine], options)) lines.Add(line);
            return lines;
        }

        Assert.Equal(4, (await Labels()).Count);
        server.Options = server.Options with { Poison = new Dictionary<string, Mishap> { [Poisoned.Text] = Mishap.BadRequest } };
        Assert.All(await Labels(), l => Assert.Equal("fine", l.Problem));

        // A tenth of the completions is lost: c = n shows that none of them counts as wrong.
        server.Options = server.Options with { Poison = new Dictionary<string, Mishap>(), Mishaps = k => k % 10 == 0
            ? Mishap.BadRequest : Mishap.None };
        var some = await Labels();
        Assert.All(some, l => Assert.Equal(l.N, l.C));
        Assert.Contains(some, l => l.N.Any(n => n is > 1 and < 4));

        var plan = options with { Plan = new(2, 8, 0.01) };
        await foreach (var line in Labelling.Run(policy, grader, [Poisoned, fine], plan)) Assert.All(line.N, n =>
            Assert.True(n is 0 or 1 or 8, $"{n} is no number that the plan stops at"));
    }

    [Theory]
    [InlineData("maximum context length is 256 tokens. However, you requested 300 tokens (220 in the prompt, 80 in the completion)", 80,
        256, 36)]
    [InlineData("'max_tokens' or 'max_completion_tokens' is too large: 1000. This model's maximum context length is 4096 tokens and your "
        + "request has 4000 input tokens (1000 > 4096 - 4000).", 1000, 4096, 96)]
    [InlineData("This model's maximum context length is 4,096 tokens. However, your request has 5,000 input tokens.", 1000, 4096, -904)]
    [InlineData("Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5000 tokens: "
        + "4000 tokens from the input messages and 1000 tokens for the completion.", 1000, null, 96)]
    [InlineData("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 1000 "
        + "`max_new_tokens`", 1000, null, 96)]
    [InlineData("max_tokens=100 is too large: the context is 200 tokens and the request has 150", 100, null, 50)]
    [InlineData("request (39 tokens) exceeds the available context size (32 tokens), try increasing it", 8, 32, -7)]
    [InlineData("the request exceeds the available context size", 100, null, null)]
    [InlineData("the context is too small, request cmpl-12345, version 0.9.1", 100, 200, null)]
    public void What_the_context_leaves_is_read_from_complaints(string message, int maxTokens, int? context, int? room) =>
        Assert.Equal(room, ServerText.Room(message, maxTokens, context));
}
