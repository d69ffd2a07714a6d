using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Engine;
using Pav.Models.Inference;

namespace Pav.Models.Tests.Models;

public sealed class LogprobTests : IDisposable
{
    private readonly DecoderModel model = Toy.Model();

    public void Dispose() => model.Dispose();

    private TransformerPolicy Policy(EngineOptions? options = null) => new("toy", model, Toy.Tokenizer, Toy.Template, options);

    private static Task<IReadOnlyList<Prefix>> Traces(TransformerPolicy policy, int tokens) => policy.Extend(
        [.. Enumerable.Range(0, 6).Select(i => new Draw(Prefix.Root(Toy.Problem(i)), (ulong)i))], Until.TraceEnd,
        new(1.5, MaxTokens: tokens));

    /// <summary>All logits of a trace at once, by the decoder that trains: ln p of each id after the prompt.</summary>
    private double[][] Reference(Prefix trace)
    {
        int[] ids = [.. Toy.Template.Encode(Toy.Tokenizer, trace.Problem), .. trace.Path().SelectMany(p => p.Tokens)];
        var prompt = ids.Length - trace.TokensSince();
        using var decoder = CpuDecoder.From(model, 1);
        decoder.Pack();
        var values = decoder.Values([new ReadRow(ids, [.. Enumerable.Range(0, ids.Length)])]);
        var size = values.Length / ids.Length;
        return [.. Enumerable.Range(prompt, ids.Length - prompt).Select(at =>
        {
            var logits = values.Skip((at - 1) * size).Take(size).Select(v => (double)v).ToArray();
            var whole = Math.Log(logits.Sum(Math.Exp));
            return logits.Select(l => l - whole).ToArray();
        })];
    }

    [Fact]
    public void Three_logits_are_worked()
    {
        using var runner = Toy.Runner(model, 1 << 20, 1);
        var reader = new LogprobReader("toy", runner, new(runner));
        var found = reader.From([0, MathF.Log(2), MathF.Log(5)], 0, 2);
        Assert.Equal(Math.Log(1 / 8.0), found.Token.Value, 6);
        Assert.Equal([2, 1], found.Top.Select(t => t.Id));
        Assert.Equal(Math.Log(5 / 8.0), found.Top[0].Value, 6);
        Assert.Equal([0, 1], reader.From([1, 1, 1], 2, 2).Top.Select(t => t.Id));
        Assert.Empty(reader.From([1, 1, 1], 2, 0).Top);
        Assert.Contains("toy: the logit of token 1", Assert.Throws<UserError>(() => reader.From([1, float.NaN, 1], 0, 1)).Message);
    }

    [Theory, InlineData(20), InlineData(100)]
    public async Task They_are_those_of_the_whole_trace_read_at_once(int tokens)
    {
        using var policy = Policy();
        foreach (var trace in await Traces(policy, tokens))
        {
            var (told, expected) = (await policy.Logprobs(trace, 0, 3), Reference(trace));
            Assert.Equal(trace.Path().Skip(1).Select(p => p.Tokens), told.Steps.Select(s => s.Select(t => t.Token.Id)));
            var flat = told.Steps.SelectMany(s => s).ToList();
            foreach (var (token, p) in flat.Zip(expected))
            {
                Assert.Equal(p[token.Token.Id], token.Token.Value, 1e-4);
                Assert.Equal(p.OrderDescending().Take(3), token.Top.Select(t => t.Value), (a, b) => Math.Abs(a - b) < 1e-4);
            }

            Assert.InRange(told.Read, flat.Count, flat.Count + Toy.Template.Encode(Toy.Tokenizer, trace.Problem).Length - 1);
        }
    }

    [Fact]
    public async Task Step_by_step_they_are_the_same()
    {
        using var policy = Policy();
        foreach (var trace in await Traces(policy, 60))
        {
            var whole = await policy.Logprobs(trace, 0, 2);
            for (var h = 0; h < trace.Depth; h++)
            {
                var rest = await policy.Logprobs(trace.Path()[h + 1], h, 2);
                foreach (var (a, b) in whole.Steps[h].Zip(Assert.Single(rest.Steps)))
                    Assert.Equal(a.Token.Value, b.Token.Value, 1e-5);
            }

            Assert.Empty((await policy.Logprobs(trace, trace.Depth, 2)).Steps);
        }
    }

    [Fact]
    public async Task What_is_drawn_afterwards_is_not_changed_by_them()
    {
        Prefix[] first, second;
        using (var alone = Policy()) first = [.. await Traces(alone, 40)];
        using var policy = Policy();
        foreach (var trace in first) await policy.Logprobs(trace, 0, 0);
        second = [.. await Traces(policy, 40)];
        Assert.Equal(first.Select(t => t.Text), second.Select(t => t.Text));
    }

    [Fact]
    public async Task Too_little_memory_is_told_and_hurts_nobody()
    {
        Prefix trace;
        using (var large = Policy()) trace = (await Traces(large, 200)).MaxBy(t => t.TokensSince())!;
        using var policy = Policy(new(2 * 4096)); // Two blocks: 32 tokens.
        var error = await Assert.ThrowsAsync<UserError>(() => policy.Logprobs(trace, 0, 1));
        Assert.Contains("raise the cache budget", error.Message);
        Assert.NotEmpty(await Traces(policy, 4));
    }
}
