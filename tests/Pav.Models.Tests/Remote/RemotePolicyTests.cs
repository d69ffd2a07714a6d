using Pav.Double;
using Pav.Models.Remote;
using Pav.Models.Tokenizers;

namespace Pav.Models.Tests.Remote;

public sealed class RemotePolicyTests(Remotes remotes) : IClassFixture<Remotes>
{
    private static readonly Sampling Sampling = new(MaxTokens: 24);

    [Theory]
    [InlineData("vllm", 62, Until.TraceEnd)]
    [InlineData("vllm", 62, Until.StepEnd)]
    [InlineData("sglang", 31, Until.StepEnd)]
    [InlineData("llamacpp", 31, Until.TraceEnd)]
    [InlineData("llamacpp", 31, Until.StepEnd)]
    public async Task With_ids_draws_equal_those_made_in_process(string dialect, int bits, Until until)
    {
        await using var server = await remotes.Start(new() { Dialect = dialect });
        using var policy = await remotes.Open(server);
        Assert.Equal((dialect, SeedUse.Honoured, true), (policy.Servers[0].Server, policy.Servers[0].Seeds, policy.Servers[0].TokenIds));
        foreach (var sampling in (Sampling[])[Sampling, Sampling with { Temperature = 0 },
            Sampling with { Temperature = 0.7, TopK = 5, TopP = 0.9 }])
        {
            var draws = Remotes.Draws(3, 4);
            var here = await remotes.Here(draws, until, sampling, bits);
            Assert.Equal(here.Select(Remotes.Told), (await policy.Extend(draws, until, sampling)).Select(Remotes.Told));
        }
    }

    [Theory]
    [InlineData("vllm", 62)]
    [InlineData("llamacpp", 31)]
    [InlineData("openai", 31)]
    public async Task Without_ids_texts_are_the_same_and_tokens_are_counted_by_usage(string dialect, int bits)
    {
        await using var server = await remotes.Start(new() { Dialect = dialect });
        using var policy = await remotes.Open(server, ids: false);
        Assert.False(policy.Servers[0].TokenIds);
        var draws = TextDraws();
        foreach (var until in (Until[])[Until.TraceEnd, Until.StepEnd])
        {
            var here = await remotes.Here(draws, until, Sampling, bits);
            var there = await policy.Extend(draws, until, Sampling);
            Assert.Equal(here.Select(t => t.Text), there.Select(t => t.Text));
            for (var i = 0; i < draws.Length; i++)
            {
                Assert.All(there[i].Path(), p => Assert.Empty(p.Tokens));
                int Spent(Prefix to) => to.TokensSince(draws[i].Prefix);
                if (dialect == "openai" && until == Until.StepEnd)
                    Assert.True(Spent(there[i]) >= Spent(here[i]), "a whole trace was paid for one step");
                else Assert.Equal(Spent(here[i]), Spent(there[i]));
            }
        }
    }

    [Theory]
    [InlineData("vllm", 62, true)]
    [InlineData("sglang", 31, true)]
    [InlineData("llamacpp", 31, true)]
    [InlineData("vllm", 62, false)]
    [InlineData("llamacpp", 31, false)]
    public async Task Traces_end_at_the_stops_at_which_they_end_in_process(string dialect, int bits, bool ids)
    {
        await using var server = await remotes.Start(new() { Dialect = dialect });
        var template = Models.Toy.Template with { TraceStops = TraceStops.From(["1 1", "\nA", "0 0"]) };
        using var local = remotes.Here(template);
        using var policy = await Remotes.Open([server], ids, template: template);
        var draws = ids ? Remotes.Draws(3, 8) : TextDraws();
        var stopped = 0;
        foreach (var until in (Until[])[Until.TraceEnd, Until.StepEnd])
        {
            var here = await local.Extend([.. draws.Select(d => d with { Seed = RemotePolicy.SeedOf(d.Seed, bits) })], until, Sampling);
            var there = await policy.Extend(draws, until, Sampling);
            Assert.Equal(here.Select(t => (string.Join("|", t.Steps), t.Ended)), there.Select(t => (string.Join("|", t.Steps), t.Ended)));
            if (ids) Assert.Equal(here.Select(Remotes.Told), there.Select(Remotes.Told));
            stopped += here.Count(t => t.Ended && t.Tokens.Count > 0 && StepIds.Text(Models.Toy.Tokenizer, t.Tokens) != t.Step);
        }

        Assert.InRange(stopped, 10, 2 * draws.Length);
    }

    /// <summary>Of prefixes without ids.</summary>
    private static Draw[] TextDraws()
    {
        var roots = Enumerable.Range(0, 4).Select(i => Prefix.Root(Models.Toy.Problem(i)));
        return [.. roots.SelectMany(r => (Prefix[])[r, r.Then(" 1 2 3\n", tokenCount: 4)])
            .SelectMany(p => Enumerable.Range(0, 4).Select(k => new Draw(p, Seeds.Derive(1, p.Problem.Id + p.Text, "text", k))))];
    }

    [Fact]
    public async Task A_server_that_does_not_tell_its_stop_is_cut_at_it_all_the_same()
    {
        await using var server = await remotes.Start(new() { Dialect = "openai" });
        var template = Models.Toy.Template with { TraceStops = TraceStops.From(["1 1"]) };
        using var local = remotes.Here(template);
        using var policy = await Remotes.Open([server], ids: false, template: template);
        var draws = Enumerable.Range(0, 16).Select(k => new Draw(Prefix.Root(Models.Toy.Problem(k % 4)), Seeds.Derive(1, "", "stop", k)))
            .ToList();
        var here = await local.Extend([.. draws.Select(d => d with { Seed = RemotePolicy.SeedOf(d.Seed, 31) })], Until.TraceEnd, Sampling);
        Assert.Equal(here.Select(t => (t.Text, t.Ended)), (await policy.Extend(draws, Until.TraceEnd, Sampling))
            .Select(t => (t.Text, t.Ended)));
    }

    [Fact]
    public async Task Several_draws_in_one_request_have_neighbouring_seeds()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server, with: o => o with { PerRequest = 5 });
        Assert.Equal(ChoiceSeeds.Offset, policy.Servers[0].SeedsOfN);
        var before = server.Requests;
        var draws = Remotes.Draws(2, 8);
        var there = await policy.Extend(draws, Until.TraceEnd, Sampling);
        Assert.Equal(2 * 8, server.Requests - before);
        for (var i = 0; i < draws.Length; i++)
        {
            var first = i / 8 * 8 + i % 8 / 5 * 5;
            var seed = RemotePolicy.SeedOf(draws[first].Seed, 62, 5) + (ulong)(i - first);
            Assert.Equal(Remotes.Told((await remotes.Local.Extend([draws[i] with { Seed = seed }], Until.TraceEnd, Sampling))[0]),
                Remotes.Told(there[i]));
        }
    }

    [Fact]
    public async Task A_server_whose_choices_are_all_alike_gets_one_draw_in_a_request()
    {
        await using var server = await remotes.Start(new() { Dialect = "sglang" });
        using var policy = await remotes.Open(server, with: o => o with { PerRequest = 4 });
        Assert.Equal(ChoiceSeeds.Alike, policy.Servers[0].SeedsOfN);
        var draws = Remotes.Draws(1, 4);
        var there = await policy.Extend(draws, Until.TraceEnd, Sampling);
        Assert.Equal((await remotes.Here(draws, Until.TraceEnd, Sampling, 31)).Select(Remotes.Told), there.Select(Remotes.Told));
    }

    [Fact]
    public async Task Llama_cpp_is_never_asked_for_more_choices_than_it_has_slots()
    {
        await using var server = await remotes.Start(new() { Dialect = "llamacpp", Slots = 3 });
        using var policy = await remotes.Open(server, with: o => o with { PerRequest = 8 });
        Assert.Equal(3, policy.Servers[0].MostN);
        Assert.Equal(16, (await policy.Extend(Remotes.Draws(1, 4), Until.TraceEnd, Sampling)).Count(t => t.Ended));
    }

    [Fact]
    public async Task Greedy_draws_of_one_prefix_are_one_request_and_prompts_are_repeated_to_the_letter()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server);
        var before = server.Requests;
        var traces = await policy.Extend(Remotes.Draws(2, 6), Until.TraceEnd, Sampling with { Temperature = 0 });
        Assert.Equal(8, server.Requests - before);
        Assert.All(traces.Chunk(6), same => Assert.Single(same.Distinct()));
        server.Prompts.Clear();
        await policy.Extend(Remotes.Draws(2, 6), Until.TraceEnd, Sampling);
        Assert.Equal(8, server.Prompts.Distinct().Count());
    }

    [Fact]
    public async Task Requests_of_one_problem_go_to_one_replica()
    {
        await using var a = await remotes.Start();
        await using var b = await remotes.Start();
        using var policy = await Remotes.Open([a, b]);
        a.Prompts.Clear();
        b.Prompts.Clear();
        foreach (var few in Remotes.Draws(12, 4).Chunk(4)) await policy.Extend(few, Until.TraceEnd, Sampling);
        Assert.NotEmpty(a.Prompts);
        Assert.NotEmpty(b.Prompts);
        Assert.Empty(a.Prompts.Intersect(b.Prompts));
    }

    [Fact]
    public async Task Also_where_there_is_more_than_one_replica_can_take_a_prefix_stays_together()
    {
        var slow = new DoubleOptions { Latency = TimeSpan.FromMilliseconds(5) };
        await using var a = await remotes.Start(slow);
        await using var b = await remotes.Start(slow);
        using var policy = await Remotes.Open([a, b], with: o => o with { InFlight = 2 });
        a.Prompts.Clear();
        b.Prompts.Clear();
        await policy.Extend(Remotes.Draws(6, 8), Until.TraceEnd, Sampling);
        Assert.NotEmpty(a.Prompts);
        Assert.NotEmpty(b.Prompts);

        // Of 24 prefixes a few are shared where the two replicas meet; by chance nearly all would be.
        Assert.InRange(a.Prompts.Intersect(b.Prompts).Count(), 0, 8);
        Assert.All(policy.Tallies, t => Assert.InRange((double)t.CachedTokens / t.PromptTokens, 0.5, 1));
    }

    [Fact]
    public async Task Ends_and_limits_are_those_of_a_trace()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server);
        var ended = Prefix.Root(Models.Toy.Problem(1)).Then(" 1\n", ended: true);
        var full = Prefix.Root(Models.Toy.Problem(1)).Then(string.Concat(Enumerable.Repeat(" 1", 24)));
        var results = await policy.Extend([new(ended, 1), new(full, 2)], Until.TraceEnd, Sampling);
        Assert.Same(ended, results[0]);
        Assert.True(results[1].Ended && results[1].Step == "");
        Assert.All(await policy.Extend(Remotes.Draws(6, 6), Until.TraceEnd, Sampling), t => Assert.True(t.Ended));
    }

    [Fact]
    public async Task Half_a_step_is_refused_in_one_sentence()
    {
        await using var server = await remotes.Start();
        using var policy = await remotes.Open(server);
        var half = new Draw(Prefix.Root(Models.Toy.Problem(1)).ThenHalf(" 1", [4]), 1);
        foreach (var (draw, sampling) in new[] { (half, Sampling), (Remotes.Draws(1, 1)[0], Sampling with { StepTokens = 2 }) })
        {
            var error = await Assert.ThrowsAsync<UserError>(() => policy.Extend([draw], Until.StepEnd, sampling));
            Assert.StartsWith("inference servers answer with whole steps", error.Message);
        }
    }

    [Fact]
    public async Task What_is_wrong_with_an_endpoint_is_told_without_the_key()
    {
        const string key = "sk-verysecret-0123456789";
        Environment.SetEnvironmentVariable("PAV_TEST_KEY", key);
        await using var server = await remotes.Start(new() { Key = "another" });
        var refused = await Assert.ThrowsAsync<UserError>(() =>
            remotes.Open(server, with: o => o with { Key = ApiKey.Load("PAV_TEST_KEY", "") }));
        Assert.Contains("401", refused.Message);
        Assert.Contains("[key]", refused.Message);
        for (Exception? e = refused; e is not null; e = e.InnerException) Assert.DoesNotContain("verysecret", e.ToString());
        server.Options = new() { Key = key };
        using (var policy = await remotes.Open(server, with: o => o with { Key = ApiKey.Load("PAV_TEST_KEY", "") }))
            Assert.Equal("tiny", policy.Name);
        server.Options = new();
        Assert.Contains("serves tiny and not other",
            (await Assert.ThrowsAsync<UserError>(() => remotes.Open(server, with: o => o with { Model = "other" }))).Message);
        server.Dead = true;
        Assert.Contains("cannot be reached",
            (await Assert.ThrowsAsync<UserError>(() => remotes.Open(server, with: o => o with { GiveUp = 0.3 }))).Message);
        Assert.Contains("a user name, a query", Assert.Throws<UserError>(() => EndpointUrl.ParseAll("http://me:secret@host/v1")).Message);
    }

    [Fact]
    public async Task Another_tokenizer_than_the_servers_is_refused()
    {
        await using var server = await remotes.Start();
        var options = new RemoteOptions(server.Url) { Model = "tiny" };
        var other = Pav.Models.Tokenizers.Tokenizer.WordLevel(["\n", "A", "Q", .. Enumerable.Range(0, 16).Select(i => " " + (i + 5) % 16)]);
        var error = await Assert.ThrowsAsync<UserError>(() =>
            RemotePolicy.Open(options, Models.Toy.Template, other, Models.Toy.Problem(0)));
        Assert.Contains("--tokenizer", error.Message);
    }

    [Fact]
    public async Task Replicas_with_equal_seeds_of_their_own_are_found_out()
    {
        await using var a = await remotes.Start(new() { OwnSeed = 7 });
        await using var b = await remotes.Start(new() { OwnSeed = 7 });
        var error = await Assert.ThrowsAsync<UserError>(() => Remotes.Open([a, b]));
        Assert.Contains("same samples", error.Message);

        await using var c = await remotes.Start(new() { OwnSeed = 7 });
        await using var d = await remotes.Start(new() { OwnSeed = 8 });
        using var policy = await Remotes.Open([c, d]);
        Assert.All(policy.Servers, s => Assert.Equal(SeedUse.Ignored, s.Seeds));
        Assert.Contains("--hedge", (await Assert.ThrowsAsync<UserError>(() => remotes.Open(c, with: o => o with { Hedge = 1 }))).Message);
    }

    [Fact]
    public async Task Replicas_that_fall_into_step_later_are_found_out_while_they_draw()
    {
        await using var a = await remotes.Start(new() { OwnSeed = 7 });
        await using var b = await remotes.Start(new() { OwnSeed = 8 });
        using var policy = await Remotes.Open([a, b], with: o => o with { InFlight = 1 });
        b.Options = new() { OwnSeed = 7 };
        var draws = Enumerable.Range(0, 400).Select(i => new Draw(Prefix.Root(Models.Toy.Problem(1)), (ulong)i << 40)).ToList();
        await policy.Extend(draws, Until.TraceEnd, new(MaxTokens: 60));
        Assert.Contains("replicas share their randomness", policy.Finding);

        await using var honest = await remotes.Start();
        using var two = await Remotes.Open([honest, await remotes.Start()], with: o => o with { InFlight = 1 });
        await two.Extend(draws, Until.TraceEnd, new(MaxTokens: 60));
        Assert.Null(two.Finding);
    }
}
