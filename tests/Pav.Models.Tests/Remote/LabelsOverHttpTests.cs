using System.Text.Json;
using Pav.Arithmetic;
using Pav.Double;
using Pav.Models.Remote;
using Pav.Models.Tokenizers;

namespace Pav.Models.Tests.Remote;

/// <summary>The embedded model behind a server gives the labels that it gives in this process.</summary>
public sealed class LabelsOverHttpTests : IDisposable
{
    private static readonly string Folder = Embedded();

    private static readonly PromptTemplate Template = new("{problem}\n");

    /// <summary>Right is an even answer: about as often as not, so that counts have much to differ in.</summary>
    private static readonly Grader Even = new("even", 1, text => text.Split("Answer:") is [_, .., var answer]
        && int.TryParse(answer, out var number) ? $"{number % 2}" : null, answer => answer, (answer, _) => answer == "0");

    private static readonly LabelOptions Options =
        new() { NCov = 2, NMc = 4, Seed = 3, Sampling = new(MaxTokens: 80), ProblemsPerBatch = 8 };

    private readonly Tokenizer tokenizer = Tokenizer.Load(Folder);
    private readonly Generator generator;
    private readonly TransformerPolicy local = TransformerPolicy.Load("served", Folder, Template);

    public LabelsOverHttpTests() => generator = new(TransformerPolicy.Load("served", Folder, new("{problem}")), tokenizer);

    public void Dispose()
    {
        generator.Dispose();
        local.Dispose();
    }

    /// <summary>Draws with the seeds that a server of so many bits is sent.</summary>
    private sealed class Folded(IPolicy inner, string name, int bits) : IPolicy
    {
        public string Name => name;

        public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling,
            CancellationToken cancel = default) =>
            inner.Extend([.. draws.Select(d => d with { Seed = RemotePolicy.SeedOf(d.Seed, bits) })], until, sampling, cancel);
    }

    private static string Embedded()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (Path.Combine(directory.FullName, "models", "pav-tiny-s") is var folder && File.Exists(Path.Combine(folder, "config.json")))
                return folder;
        throw new DirectoryNotFoundException("models/pav-tiny-s");
    }

    private static IReadOnlyList<Problem> Problems(int count) => [.. Worksheet.Problems(1, Split.Test).Take(count)];

    private static async Task<List<LabelledTrace>> Labels(IPolicy policy, IReadOnlyList<Problem> problems, LabelOptions options)
    {
        var lines = new List<LabelledTrace>();
        await foreach (var line in Labelling.Run(policy, Even, problems, options)) lines.Add(line);
        return lines;
    }

    private Task<RemotePolicy> Open(DoubleServer server, Tokenizer? ids) =>
        RemotePolicy.Open(new(server.Url), Template, ids, Problems(1)[0]);

    [Fact]
    public async Task With_seeds_and_ids_honoured_the_labels_are_the_same_to_the_byte()
    {
        await using var server = await DoubleServer.Start(generator);
        using var remote = await Open(server, tokenizer);
        var problems = Problems(3);
        var here = await Labels(new Folded(local, remote.Name, 62), problems, Options);
        var there = await Labels(remote, problems, Options with { ProblemsPerBatch = 2, BatchesAtOnce = 3 });
        Assert.Equal(here.Select(t => JsonSerializer.Serialize(t)), there.Select(t => JsonSerializer.Serialize(t)));
        Assert.Contains(here, t => t.C.Sum() > 0);
    }

    /// <summary>
    /// 200 prefixes with other randomness and as text only. Under equal Q the difference of two counts of n has the variance 2nQ(1 − Q);
    /// its sum over prefixes, and the sum of its squares
    /// against that variance as both counts estimate it together, are tested to four standard errors.
    /// </summary>
    [Fact]
    public async Task With_other_seeds_and_as_text_they_are_equal_in_distribution()
    {
        await using var server = await DoubleServer.Start(generator, new() { Dialect = "llamacpp" });
        using var remote = await Open(server, null);
        var traces = await Labels(local, Problems(30), Options with { NMc = 1 });
        var byId = Problems(30).ToDictionary(p => p.Id);
        var prefixes = traces.SelectMany(t => t.ToPrefix(byId[t.Problem]).Path()).Where(p => !p.Ended).Distinct().Take(200).ToList();
        Assert.Equal(200, prefixes.Count);
        var (a, b) = (await Counts(local, prefixes, 1), await Counts(remote, prefixes, 2));
        double sum = 0, variance = 0;
        for (var i = 0; i < prefixes.Count; i++)
        {
            var pooled = (a[i] + b[i]) / (2.0 * Options.NMc);
            sum += a[i] - b[i];

            // Unbiased for 2nQ(1 − Q): pooled(1 − pooled) falls short by the factor (2n − 1)/2n.
            variance += 2 * Options.NMc * pooled * (1 - pooled) * 2 * Options.NMc / (2 * Options.NMc - 1);
        }

        Assert.True(variance > 30, "the policy's values leave nothing to chance, so that the test would show nothing");
        Assert.InRange(sum / Math.Sqrt(variance), -4, 4);
        var squares = Enumerable.Range(0, prefixes.Count).Sum(i => Math.Pow(a[i] - b[i], 2));
        Assert.InRange(squares / variance, 0.6, 1.4);
    }

    [Fact]
    public async Task Without_usage_tokens_are_estimated_by_the_tokenizer()
    {
        await using var silent = await DoubleServer.Start(generator, new() { Dialect = "openai", TellsUsage = false });
        await using var telling = await DoubleServer.Start(generator, new() { Dialect = "openai" });
        using var estimated = await Open(silent, tokenizer);
        using var told = await Open(telling, tokenizer);
        Assert.Equal((TokenCounts.Estimated, TokenCounts.Told), (estimated.Tokens, told.Tokens));
        var draws = Problems(4)
            .SelectMany(p => Enumerable.Range(0, 4).Select(k => new Draw(Prefix.Root(p), Seeds.Derive(5, p.Id, "usage", k)))).ToList();
        async Task<List<int>> Tokens(RemotePolicy policy) =>
            [.. (await policy.Extend(draws, Until.TraceEnd, Options.Sampling!)).Select(t => t.TokensSince())];
        var (a, b) = (await Tokens(estimated), await Tokens(told));
        for (var i = 0; i < a.Count; i++) Assert.InRange(a[i], b[i] - 1, b[i] + 1);
        Assert.All(a, n => Assert.True(n > 5));
    }

    private static async Task<int[]> Counts(IPolicy policy, IReadOnlyList<Prefix> prefixes, ulong seed)
    {
        var draws = prefixes.SelectMany(p => Enumerable.Range(0, Options.NMc)
            .Select(k => new Draw(p, Seeds.Derive(seed, p.Problem.Id, p.Text, k)))).ToList();
        var traces = await policy.Extend(draws, Until.TraceEnd, Options.Sampling!);
        return [.. traces.Chunk(Options.NMc).Select(chunk => chunk.Sum(Even.Rex))];
    }
}
