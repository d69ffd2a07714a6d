using Pav.Models.Decoders;
using Pav.Models.Engine;
using Pav.Models.Inference;
using Pav.Torch;

namespace Pav.Models.Tests.Models;

/// <summary>Layers that carry a state from token to token: what contexts share, how they are cut and what runs beside them change
/// nothing.</summary>
public sealed class RecurrentTests : IDisposable
{
    private static readonly Sampling Sampling = new(MaxTokens: 24);

    private static readonly int[][] Sequences = [.. Enumerable.Range(0, 9)
        .Select(i => Enumerable.Range(0, 5 + 9 * i).Select(t => (t * t + 3 * i + 2) % Toy.Tokenizer.Size).ToArray())];

    private readonly DecoderModel model = Lively(Config());

    public void Dispose() => model.Dispose();

    private static DecoderConfig Config() => Toy.Config() with
    {
        Family = Family.Qwen35, Layers = 4, FullEvery = 2, RotarySize = 4, OutputGate = true, QueryKeyNorm = true, NormPlusOne = true,
        DeltaNet = new(KeyHeads: 2, ValueHeads: 4, KeySize: 8, ValueSize: 16),
    };

    /// <summary>A layer's products are cut among threads by their outputs.</summary>
    private static DecoderConfig Large() => Config() with
    {
        HiddenSize = 256, IntermediateSize = 520, DeltaNet = new(KeyHeads: 3, ValueHeads: 3, KeySize: 16, ValueSize: 40),
    };

    /// <summary>Distributions that differ from token to token, and states that last.</summary>
    private static DecoderModel Lively(DecoderConfig config)
    {
        var model = DecoderModel.RandomInit(config, 1);
        using var off = torch.no_grad();
        foreach (var (name, weight) in model.Parameters)
            if (name.EndsWith("dt_bias", StringComparison.Ordinal)) weight.add_(-4);
            else if (!name.Contains("norm") && !DeltaNet.Starts(name)) weight.mul_(name.Contains("embed") ? 12 : 8);
        return model;
    }

    /// <summary>Last logits of each sequence, each cut into stretches of at most a length, all in one call or each alone.</summary>
    private static float[][] Logits(CpuRunner runner, int stretch, bool together)
    {
        var (results, rows) = (new float[Sequences.Length][], new int[Sequences.Length]);
        for (var i = 0; i < Sequences.Length; i++)
        {
            KvSegment? segment = null;
            foreach (var ids in Sequences[i].Chunk(stretch))
            {
                segment = new(runner.Pool, segment);
                rows[i] = runner.Add(segment, ids);
                if (!together) Run(i);
            }
        }

        if (together) Run([.. Enumerable.Range(0, results.Length)]);
        return results;

        void Run(params int[] which)
        {
            runner.Run();
            foreach (var i in which) results[i] = runner.Output(rows[i]).ToArray();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Bits_depend_on_the_context_alone(bool large)
    {
        using var model = Lively(large ? Large() : Config());
        using var one = Toy.Runner(model, 1 << 27, 1);
        var expected = Logits(one, 1000, together: false);
        Assert.True(expected.Select(l => l[0]).Distinct().Count() > 5, "the toy's logits are too alike to test anything");
        foreach (var threads in (int[])[1, 2, 3, 4])
        {
            using var several = Toy.Runner(model, 1 << 27, threads);
            foreach (var stretch in (int[])[1000, 7, 3, 1])
                foreach (var together in (bool[])[false, true])
                    Assert.Equal(expected, Logits(several, stretch, together));
        }
    }

    /// <summary>Continuations of one prefix, in the call that computes it and after it, one beside another and each alone; and the prefix
    /// again, which they do not touch.</summary>
    [Fact]
    public void A_shared_past_gives_the_same_bits()
    {
        using var runner = Toy.Runner(model, 1 << 24, 2);
        var past = new KvSegment(runner.Pool, null);
        var first = runner.Add(past, Sequences[4]);
        var branches = Enumerable.Range(0, 7).Select(_ => new KvSegment(runner.Pool, past)).ToArray();
        var rows = branches.Select((s, i) => runner.Add(s, [i, i + 1])).ToArray();
        runner.Run();
        var (root, found) = (runner.Output(first).ToArray(), rows.Select(row => runner.Output(row).ToArray()).ToArray());
        for (var step = 0; step < 9; step++)
        {
            for (var i = 0; i < branches.Length; i++)
                Assert.Equal(Alone([.. Sequences[4], i, i + 1, .. Enumerable.Range(0, step).Select(k => (k * (i + 3)) % 9)]), found[i]);
            rows = [.. branches.Select((s, i) => runner.Add(s, [(step * (i + 3)) % 9]))];
            runner.Run();
            found = [.. rows.Select(row => runner.Output(row).ToArray())];
        }

        past.DropLast();
        var again = runner.Add(past, Sequences[4].AsSpan(past.Count));
        var late = new KvSegment(runner.Pool, past);
        var row = runner.Add(late, [5]);
        runner.Run();
        Assert.Equal(root, runner.Output(again).ToArray());
        Assert.Equal(Alone([.. Sequences[4], 5]), runner.Output(row).ToArray());
    }

    private float[] Alone(int[] ids)
    {
        using var runner = Toy.Runner(model, 1 << 22, 1);
        var row = runner.Add(new(runner.Pool, null), ids);
        runner.Run();
        return runner.Output(row).ToArray();
    }

    private TransformerPolicy Policy(EngineOptions? options = null) => new("toy", model, Toy.Tokenizer, Toy.Template, options);

    private static Draw[] Draws(int problems, int each) =>
        [.. Toy.Prefixes(problems)
            .SelectMany(p => Enumerable.Range(0, each).Select(k => new Draw(p, Seeds.Derive(1, p.Problem.Id + p.Text, "test", k))))];

    private static string Told(Prefix prefix) =>
        string.Join("|", prefix.Path().Select(p => $"{p.Step}({string.Join(",", p.Tokens)}){(p.Ended ? "." : "")}"));

    private static async Task<string[]> Extend(TransformerPolicy policy, Draw[] draws, Until until) =>
        [.. (await policy.Extend(draws, until, Sampling)).Select(Told)];

    /// <summary>Each draw alone, its whole context anew for each token, nothing shared or kept.</summary>
    [Theory]
    [InlineData(Until.TraceEnd)]
    [InlineData(Until.StepEnd)]
    public async Task Draws_equal_those_without_any_sharing(Until until)
    {
        using var policy = Policy(new(Slots: 7));
        var draws = Draws(3, 3);
        var results = await policy.Extend(draws, until, Sampling);
        var sampler = new TokenSampler("toy");
        for (var i = 0; i < draws.Length; i++)
        {
            List<int> ids = [.. Toy.Template.Encode(Toy.Tokenizer, draws[i].Prefix.Problem)];
            var prompt = ids.Count;
            foreach (var node in draws[i].Prefix.Path().Skip(1)) ids.AddRange(Toy.Tokenizer.Encode(node.Step, false));
            List<int> tokens = [];
            while (ids.Count - prompt < Sampling.MaxTokens)
            {
                tokens.Add(sampler.Draw(Alone([.. ids]), Sampling, Seeds.Uniform(draws[i].Seed, tokens.Count)));
                ids.Add(tokens[^1]);
                if (tokens[^1] == Toy.Tokenizer.Eos || (until == Until.StepEnd && tokens[^1] == Toy.Tokenizer.Id("\n"))) break;
            }

            Assert.Equal(tokens, results[i].Path().Skip(draws[i].Prefix.Depth + 1).SelectMany(p => p.Tokens));
        }
    }

    [Fact]
    public async Task Slots_order_threads_and_budget_change_nothing()
    {
        var draws = Draws(5, 8);
        using var wide = Policy();
        var expected = await Extend(wide, draws, Until.TraceEnd);
        var shuffled = Enumerable.Range(0, draws.Length).OrderBy(i => Seeds.Mix((ulong)i)).ToArray();
        foreach (var options in new EngineOptions[] { new(Slots: 1), new(Slots: 5, Threads: 2), new(Slots: 33),
            new(CacheBudgetBytes: 80_000) })
        {
            using var policy = Policy(options);
            var found = await Extend(policy, [.. shuffled.Select(i => draws[i])], Until.TraceEnd);
            for (var k = 0; k < shuffled.Length; k++) Assert.Equal(expected[shuffled[k]], found[k]);
            Assert.InRange(policy.CacheBytes, 1, options.CacheBudgetBytes);
        }
    }

    /// <summary>A beam of steps, whose nodes keep their states, are asked again and are evicted, against policies that begin
    /// anew.</summary>
    [Theory]
    [InlineData(1 << 24)]
    [InlineData(120_000)]
    public async Task A_beam_draws_what_fresh_policies_draw(long budget)
    {
        using var policy = Policy(new(budget));
        var beam = Toy.Prefixes(2).ToArray();
        for (var depth = 0; depth < 4; depth++)
        {
            Draw[] draws = [.. beam.Where(p => !p.Ended)
                .SelectMany((p, i) => new Draw[] { new(p, (ulong)(7 * depth + i)), new(p, (ulong)i) })];
            var found = await policy.Extend(draws, Until.StepEnd, Sampling);
            Assert.Equal(found.Select(Told), await Extend(policy, draws, Until.StepEnd));
            using var fresh = Policy();
            Assert.Equal(found.Select(Told), await Extend(fresh, draws, Until.StepEnd));
            beam = [.. found.Where((_, i) => i % 3 != 1)];
        }
    }

    /// <summary>By one thread: of several, each has a cache of its own, and whichever is free takes the draws.</summary>
    [Fact]
    public async Task What_is_held_is_not_computed_again()
    {
        using var policy = Policy(new(Threads: 1));
        var draws = Draws(4, 3);
        var first = await Extend(policy, draws, Until.TraceEnd);
        var computed = policy.PrefilledTokens;
        Assert.Equal(first, await Extend(policy, draws, Until.TraceEnd));
        Assert.Equal(computed, policy.PrefilledTokens);
    }

    /// <summary>Log-probabilities of a trace, read in pieces after a prompt that is held, are those of whole passes.</summary>
    [Fact]
    public void Log_probabilities_are_those_of_whole_passes()
    {
        using var runner = Toy.Runner(model, 1 << 24, 1);
        var (tree, prompt, ids) = (new KvTree(runner), Sequences[1], Sequences[8]);
        var reader = new LogprobReader("toy", runner, tree);
        for (var again = 0; again < 2; again++)
        {
            var (tokens, _) = reader.Read([prompt], ids, 0, default);
            foreach (var t in (int[])[0, 1, 31, 32, 33, 64, ids.Length - 1])
                Assert.Equal(reader.From(Alone([.. prompt, .. ids[..t]]), ids[t], 0).Token, tokens[t].Token);
        }
    }

    [Fact]
    public async Task What_does_not_fit_is_told()
    {
        using var policy = Policy(new(CacheBudgetBytes: 20_000));
        var told = await Assert.ThrowsAsync<UserError>(() => policy.Extend(Draws(1, 1), Until.TraceEnd, Sampling));
        Assert.Contains("raise the cache budget", told.Message);
    }

    [Theory]
    [InlineData(1 << 24)]
    [InlineData(90_000)]
    public async Task A_verifier_scores_a_beam_as_anew(long budget)
    {
        using var scorer = model.WithScoreHead();
        using (torch.no_grad()) scorer.Parameters["score.weight"].normal_(0, 0.3);
        var encoding = new VerifierEncoding(Toy.Tokenizer, Toy.Template);
        using var verifier = new TransformerVerifier("toy", scorer, encoding, new(budget));
        var beam = Toy.Prefixes(3).ToArray();
        await verifier.Score(beam);
        for (var step = 0; step < 3; step++)
        {
            beam = [.. beam.SelectMany(p => new[] { p.Then(" 1 2\n"), p.Then(" 3\n") })];
            var scored = await verifier.Score(beam);
            using var fresh = new TransformerVerifier("toy", scorer, encoding, new(1 << 24));
            var anew = await fresh.Score(beam);
            for (var i = 0; i < beam.Length; i++)
            {
                Assert.Equal(anew[i].Q, scored[i].Q);
                if (budget == 1 << 24) Assert.Equal(i % 2 == 0 ? 3 : 2, scored[i].Tokens);
            }

            Assert.True(scored.SelectMany(s => s.Q).Max() - scored.SelectMany(s => s.Q).Min() > 0.02);
            beam = [.. beam.Where((_, i) => i % 3 == 0)];
        }
    }

    /// <summary>In libtorch draws are refused: its runner keeps no states.</summary>
    [Fact]
    public void Libtorch_does_not_draw() =>
        Assert.Contains("--device cpu", Assert.Throws<UserError>(() => Policy(new(Torch: torch.CPU))).Message);
}
