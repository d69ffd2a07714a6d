using System.Collections.Concurrent;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Pav.Models.Files;
using Pav.Models.Tests.Models;
using Pav.Models.Tokenizers;
using Pav.Models.Engine;

namespace Pav.Models.Tests.Tokenizers;

/// <summary>Sampling, labels, scoring, search and RL agree on every step's ids, also where a token holds a step's end and more.</summary>
public class StepsOfTokensTests
{
    private static readonly Arbitrary<string> Texts = Gen.Elements(
        "Step 1:", " So", "x", " 12", ".", ". ", ",", " ", "  ", "\t", "\n", "\n\n", "\n\n\n", "\r\n", " \n", ")\n\n", "####", " ки", "é",
            "→", "𝟙", "数", "\u2003", "$$").ListOf().Select(string.Concat).ToArbitrary();

    private static readonly Problem Problem = new("p", "1+1?", "2");

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var tokenizer in (string[])["qwen3", "bytes-llama3", "bytes-gpt2-prefix", "bytes-digits", "sp-prepend", "sp-replace",
                "sp-metaspace-always", "sp-metaspace-first", "tiny-bpe-512"])
                foreach (var end in (string[])["newline", "blank-line", @"\.\s", " ки"]) cases.Add(tokenizer, end);
            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Everyone_reads_the_same_steps_of_the_same_ids(string name, string stepEnd)
    {
        var (tokenizer, end) = (Tokenizer(name), StepEnd.Parse(stepEnd));
        var chain = new StepChain(tokenizer, end);
        var root = Prefix.Root(Problem);
        var scoring = new VerifierEncoding(tokenizer, new("{problem}\n"));
        Prop.ForAll(Texts, text =>
        {
            var ids = tokenizer.Encode(text, addSpecial: false, continues: true);
            if (ids.Length == 0) return true;
            var trace = chain.Append(root, ids, eos: false, ended: true);

            int[][] steps = [.. trace.Path().Skip(1).Select(p => p.Tokens.ToArray())];
            var label = new LabelledTrace("p", "", "random", 0, trace.Steps, steps, 0, null, "", [.. trace.Path().Select(_ => 1)],
                [.. trace.Path().Select(_ => 0)], StepEnd: end.Recorded);
            var read = JsonSerializer.Deserialize<LabelledTrace>(JsonSerializer.Serialize(label, Json.Line), Json.Line)!.ToPrefix(Problem);
            return steps.Select(s => string.Join(",", s)).SequenceEqual(ByDefinition(tokenizer, end, ids).Select(s => string.Join(",", s)))
                && OneByOne(chain, root, ids).Equals(trace)
                && trace.Text == tokenizer.Decode(ids, continues: true)
                && read.Equals(trace)
                && scoring.MostTokens(read) >= scoring.Encode(read).Ids.Length
                && scoring.Stretches(read).Skip(1).SelectMany(s => s).SequenceEqual(ids.Where(id => !tokenizer.IsSpecial(id)));
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("qwen3", "bytes-llama3")]
    [InlineData("sp-prepend", "qwen3")]
    [InlineData("tiny-bpe-512", "bytes-gpt2-prefix")]
    public void A_verifier_with_another_tokenizer_reads_the_same_text_of_each_step(string policy, string verifier)
    {
        var (writes, reads) = (Tokenizer(policy), Tokenizer(verifier));
        var scoring = new VerifierEncoding(reads, new("{problem}\n"));
        foreach (var end in (StepEnd[])[StepEnd.Newline, StepEnd.BlankLine])
        {
            var chain = new StepChain(writes, end);
            Prop.ForAll(Texts, text =>
            {
                var ids = writes.Encode(text, addSpecial: false, continues: true);
                if (ids.Length == 0) return true;
                var trace = chain.Append(Prefix.Root(Problem), ids, eos: false, ended: true);
                return scoring.Stretches(trace).Skip(1).Select(s => StepIds.Text(reads, s)).SequenceEqual(trace.Steps);
            }).QuickCheckThrowOnFailure();
        }
    }

    [Fact]
    public async Task A_policy_stops_a_step_where_its_whole_traces_are_cut()
    {
        using var model = Toy.Model();
        var template = Toy.Template with { StepEnd = StepEnd.Parse(@" \d+ \d+\n| [37] ") };
        using var policy = new TransformerPolicy("toy", model, Toy.Tokenizer, template);
        var draws = Enumerable.Range(0, 60).Select(k => new Draw(Prefix.Root(Toy.Problem(k % 3)), Seeds.Derive(1, "", "draw", k))).ToList();
        var steps = await policy.Extend(draws, Until.StepEnd, new(MaxTokens: 40));
        var traces = await policy.Extend(draws, Until.TraceEnd, new(MaxTokens: 40));
        Assert.True(traces.Count(t => t.Depth > 1) > 5, string.Join(";", traces.Take(8).Select(t => t.Depth + t.Text)));
        Assert.All(steps.Zip(traces), pair =>
            Assert.Equal((pair.Second.Path()[1].Step, string.Join(",", pair.Second.Path()[1].Tokens)),
            (pair.First.Step, string.Join(",", pair.First.Tokens))));
        Assert.All(steps.Where(s => !s.Ended), s => Assert.True(template.StepEnd.In(s.Step)));
    }

    [Theory]
    [InlineData("newline", 1)]
    [InlineData("newline", 3)]
    [InlineData(@" \d+ \d+\n| [37] ", 1)]
    [InlineData(@" \d+ \d+\n| [37] ", 2)]
    [InlineData(@" \d+ \d+\n| [37] ", 5)]
    public async Task A_half_written_step_is_finished_as_if_it_had_been_drawn_at_once(string stepEnd, int tokens)
    {
        using var model = Toy.Model();
        var template = Toy.Template with { StepEnd = StepEnd.Parse(stepEnd) };
        using var policy = new TransformerPolicy("toy", model, Toy.Tokenizer, template);
        var sampling = new Sampling(MaxTokens: 40);
        var draws = Enumerable.Range(0, 60).Select(k => new Draw(Prefix.Root(Toy.Problem(k % 3)), Seeds.Derive(1, "", "draw", k))).ToList();
        var whole = await policy.Extend(draws, Until.StepEnd, sampling);
        var halves = await policy.Extend(draws, Until.StepEnd, sampling with { StepTokens = tokens });
        Assert.Contains(halves, h => h.Half);
        Assert.All(halves.Zip(whole), p => Assert.Equal(p.Second.Tokens.Take(tokens), p.First.Tokens));
        Assert.All(halves.Zip(whole), p => Assert.Equal(p.Second.Tokens.Count > tokens, p.First.Half));

        static string Told(Prefix p) => $"{p.Depth} {p.Step} {string.Join(",", p.Tokens)} {p.Ended} {p.Half}";
        var next = halves.Zip(draws, (half, draw) => (Half: half, draw.Seed)).Where(x => x.Half.Half).ToList();
        var finished = await policy.Extend([.. next.Select(x => new Draw(x.Half, x.Seed))], Until.StepEnd, sampling);
        Assert.Equal(whole.Where((_, i) => halves[i].Half).Select(Told), finished.Select(Told));
    }

    public static TheoryData<string, string, string[]> Stopped
    {
        get
        {
            var cases = new TheoryData<string, string, string[]>();
            foreach (var tokenizer in (string[])["qwen3", "bytes-llama3", "sp-prepend", "tiny-bpe-512"])
                foreach (var end in (string[])["newline", "blank-line", @"\.\s"])
                    foreach (var stops in (string[][])[["\n"], ["\n\n"], [". ", "\n1"], ["1\n\n", "2"], ["a.", "ki", "é"],
                        ["\n\n\n", "ки"]]) cases.Add(tokenizer, end, stops);
            return cases;
        }
    }

    /// <summary>
    /// By definition: all is drawn and cut into steps; in the one in which the first stop becomes whole, the text ends where that stop
    /// begins, or with the step before.
    /// </summary>
    [Theory, MemberData(nameof(Stopped))]
    public void A_trace_ends_at_its_first_stop_however_it_is_drawn(string name, string stepEnd, string[] texts)
    {
        var (tokenizer, end, stops) = (Tokenizer(name), StepEnd.Parse(stepEnd), TraceStops.From(texts));
        var (chain, plain, root) = (new StepChain(tokenizer, end, stops: stops), new StepChain(tokenizer, end), Prefix.Root(Problem));
        Prop.ForAll(Texts, text =>
        {
            var ids = tokenizer.Encode(text, addSpecial: false, continues: true);
            if (ids.Length == 0) return true;
            var (trace, all) = (chain.Append(root, ids, eos: false, ended: true), plain.Append(root, ids, eos: false, ended: true));
            var whole = Enumerable.Range(1, all.Text.Length)
                .FirstOrDefault(n => texts.Any(t => all.Text[..n].EndsWith(t, StringComparison.Ordinal)));
            if (whole == 0) return trace.Equals(all) && OneByOne(chain, root, ids).Equals(trace);

            var begin = whole - texts.Where(t => all.Text[..whole].EndsWith(t, StringComparison.Ordinal)).Max(t => t.Length);
            var kept = new List<string>();
            var before = 0;
            foreach (var step in all.Steps)
            {
                kept.Add(before + step.Length < whole ? step : step[..(Math.Max(before, begin) - before)]);
                if ((before += step.Length) >= whole) break;
            }

            var drawn = trace.Path().Skip(1).SelectMany(p => p.Tokens).ToArray();
            return trace.Ended && trace.Steps.SequenceEqual(kept) && OneByOne(chain, root, ids).Equals(trace)
                && drawn.SequenceEqual(ids[..drawn.Length]) && tokenizer.Decode(drawn, continues: true).Length >= whole
                && (drawn.Length == 1 || tokenizer.Decode(drawn[..^1], continues: true).TrimEnd('\uFFFD').Length < whole);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public async Task A_policy_stops_where_its_whole_traces_would_be_cut()
    {
        using var model = Toy.Model();
        using var plain = new TransformerPolicy("toy", model, Toy.Tokenizer, Toy.Template);
        using var stopping = new TransformerPolicy("toy", model, Toy.Tokenizer,
            Toy.Template with { TraceStops = TraceStops.From(["1 1", "\nA"]) });
        var draws = Enumerable.Range(0, 60).Select(k => new Draw(Prefix.Root(Toy.Problem(k % 3)), Seeds.Derive(1, "", "draw", k))).ToList();
        var all = await plain.Extend(draws, Until.TraceEnd, new(MaxTokens: 40));
        var cut = await stopping.Extend(draws, Until.TraceEnd, new(MaxTokens: 40));
        var alone = (await stopping.Extend([draws[7]], Until.TraceEnd, new(MaxTokens: 40)))[0];
        Assert.Equal(cut[7], alone);
        var shorter = 0;
        foreach (var (whole, stopped) in all.Zip(cut))
        {
            Assert.True(stopped.Ended);
            Assert.StartsWith(stopped.Text, whole.Text);
            Assert.False(stopped.Text.Contains("1 1") || stopped.Text.Contains("\nA"));
            var ids = stopped.Path().Skip(1).SelectMany(p => p.Tokens).ToArray();
            Assert.Equal(whole.Path().Skip(1).SelectMany(p => p.Tokens).Take(ids.Length), ids);
            Assert.Equal(ids.Length, stopped.Path().Sum(p => p.TokenCount));
            if (stopped.Text.Length < whole.Text.Length) shorter++;
        }

        Assert.InRange(shorter, 10, 60);
    }

    /// <summary>Each step is the fewest ids whose text holds an end and no half character.</summary>
    private static IEnumerable<int[]> ByDefinition(Tokenizer tokenizer, StepEnd end, int[] ids)
    {
        var start = 0;
        for (var i = 1; i <= ids.Length; i++)
        {
            if (i < ids.Length && !(tokenizer.Decode(ids[start..i], continues: true) is var step && end.In(step) && step[^1] != '\uFFFD'))
                continue;
            yield return ids[start..i];
            start = i;
        }
    }

    /// <summary>As a search draws it: a step at a time, each from its beginning.</summary>
    private static Prefix OneByOne(StepChain chain, Prefix prefix, int[] ids)
    {
        for (var start = 0; start < ids.Length;)
        {
            var reader = chain.Reader(prefix);
            var next = start;
            while (reader.Read(ids[next++]) == StepSign.Inside && next < ids.Length) { }
            prefix = chain.Append(prefix, ids[start..next], eos: false, ended: next == ids.Length);
            if (prefix.Ended) break;
            start = next;
        }

        return prefix;
    }

    private static readonly ConcurrentDictionary<string, Tokenizer> Loaded = [];

    private static Tokenizer Tokenizer(string name) => Loaded.GetOrAdd(name, n => RecordedCases.Committed(n).Tokenizer);
}
