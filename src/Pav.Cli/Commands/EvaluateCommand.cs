using System.Globalization;
using System.Text.Json.Nodes;
using Pav.Cli.Options;
using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Commands;

internal sealed record EvaluateSettings : SamplingSettings
{
    [Flag("Samples per problem", Min = 1, Max = 65536)]
    public int Samples { get; init; } = 64;

    [Flag("Also measure this verifier on --labels", Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("Labels of the policy on these problems: folders of 'label' runs or labels.jsonl files", Input = true)]
    public string[] Labels { get; init; } = [];

    [Flag("Problems sampled together: larger is faster, the same results", Min = 1, Max = 65536, Local = true)]
    public int ProblemsPerBatch { get; init; } = 32;
}

/// <summary>What a policy does by itself on problems, and what a verifier is worth on labels.</summary>
internal static class EvaluateCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Of<EvaluateSettings>(
        "evaluate", "Measure a policy by itself (one sample, greedy, Pass@N) and, on labels, a verifier (AUC, calibration, ranking).",
        "pav evaluate --policy runs/sft --problems test.jsonl --samples 64", Output.Folder, Run);

    private sealed record Tally(string Problem, int Right, int Samples, int Greedy, long Tokens);

    private static async Task<JsonObject> Run(EvaluateSettings settings, CommandContext context)
    {
        if (settings.Verifier == "" != (settings.Labels.Length == 0)) throw new UserError("--verifier and --labels go together: a verifier is measured on labels.");
        var problems = settings.ReadProblems();
        using var policy = Checkpoint.Policy(settings);
        var tallies = await Tallies(settings, policy, problems, context);
        var measures = settings.Verifier == "" ? null : await OfVerifier(settings, problems, context);

        var sample = Bootstrap.Mean([.. tallies.Select(t => (double)t.Right / t.Samples)]);
        var passes = Enumerable.Range(0, 17).Select(k => 1 << k).Where(n => n <= settings.Samples)
            .Select(n => (N: n, Pass: tallies.Average(t => PassAtN.Of(t.Samples, t.Right, n)))).ToList();
        var greedy = tallies.Average(t => (double)t.Greedy);
        var result = new JsonObject
        {
            ["problems"] = tallies.Count, ["sample"] = sample.Value, ["sample_low"] = sample.Low, ["sample_high"] = sample.High, ["greedy"] = greedy,
            ["tokens_per_trace"] = tallies.Sum(t => t.Tokens) / (double)tallies.Sum(t => t.Samples),
            ["pass"] = new JsonObject(passes.Select(p => KeyValuePair.Create(p.N.ToString(CultureInfo.InvariantCulture), (JsonNode?)p.Pass))),
        };
        if (measures is not null) result["verifier"] = System.Text.Json.JsonSerializer.SerializeToNode(measures, Json.Line);
        AtomicFile.WriteJson(context.Run.At("evaluation.json"), result);
        Show(context.Reporter, sample, greedy, passes, measures);
        return result;
    }

    private static async Task<IReadOnlyList<Tally>> Tallies(EvaluateSettings settings, IPolicy policy, IReadOnlyList<Problem> problems, CommandContext context)
    {
        var grader = Grader.Named(settings.Grader);
        var file = context.Run.At("tallies.jsonl");
        var done = JsonLines.Read<Tally>(file).ToDictionary(t => t.Problem);
        await context.Reporter.Track("Sampling", problems.Count, "problems", async tracker =>
        {
            var finished = done.Count;
            using var lines = JsonLines.Append(file);
            foreach (var batch in problems.Where(p => !done.ContainsKey(p.Id)).Chunk(settings.ProblemsPerBatch))
            {
                context.Cancel.ThrowIfCancellationRequested();
                var sampled = await RepeatedSampling.Draw(batch, policy, settings.Samples, settings.Seed, settings.Sampling, context.Cancel);
                var greedy = await RepeatedSampling.Draw(batch, policy, 1, settings.Seed, settings.Sampling with { Temperature = 0, TopK = 0, TopP = 1 }, context.Cancel);
                foreach (var (set, best) in sampled.Zip(greedy))
                {
                    var tokens = set.Traces.Sum(t => t.Path().Sum(p => (long)p.Tokens.Count));
                    var tally = done[set.Problem.Id] = new(set.Problem.Id, set.Traces.Sum(grader.Rex), set.Traces.Count, grader.Rex(best.Traces[0]), tokens);
                    lines.Write(tally);
                }
                tracker.At(finished += batch.Length);
            }
            return 0;
        }, done.Count);
        return [.. problems.Select(p => done[p.Id])];
    }

    private static async Task<VerifierMeasures> OfVerifier(EvaluateSettings settings, IReadOnlyList<Problem> problems, CommandContext context)
    {
        using var verifier = Checkpoint.Verifier("--verifier", settings.Verifier, settings);
        var byId = problems.ToDictionary(p => p.Id);
        var traces = settings.Labels.SelectMany(LabelFiles.Read).Where(t => byId.ContainsKey(t.Problem)).ToList();
        if (traces.Count == 0) throw new UserError("--labels: none of the labels is of one of the --problems.");
        var scored = await context.Reporter.Track("Scoring labelled traces", traces.Count, "traces", async tracker =>
        {
            var scores = new List<double[]>();
            foreach (var batch in traces.Chunk(256))
            {
                scores.AddRange((await verifier.Score([.. batch.Select(t => t.ToPrefix(byId[t.Problem]))], context.Cancel)).Select(s => s.Q));
                verifier.Reset();
                tracker.At(scores.Count);
            }
            return scores;
        });
        var kind = Pav.Models.VerifierRecord.Load(Home.Model("--verifier", settings.Verifier)).Kind;
        return VerifierMeasures.Of(verifier.Name, kind == Pav.Models.VerifierKind.Outcome, traces, scored, settings.Seed);
    }

    private static void Show(Reporter reporter, Interval sample, double greedy, IReadOnlyList<(int N, double Pass)> passes, VerifierMeasures? measures)
    {
        static string Percent(double value) => (100 * value).ToString("0.0", CultureInfo.InvariantCulture);
        static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "unknown";
        reporter.Say($"one sample {Percent(sample.Value)}% right [{Percent(sample.Low)} to {Percent(sample.High)}], greedy {Percent(greedy)}%");
        foreach (var line in ResultTable.Lines(["Pass@N", "%"], [.. passes.Select(p => (IReadOnlyList<string>)[p.N.ToString(CultureInfo.InvariantCulture), Percent(p.Pass)])])) reporter.Say(line);
        if (measures is not null)
            reporter.Say($"{measures.Name}: AUC within problems {Number(measures.AucWithin)}, pooled {Number(measures.AucPooled)}, Brier {Number(measures.Brier)}, ECE {Number(measures.Ece)}, ranking within states {Number(measures.RankWithinState)}, correlation {Number(measures.Correlation)}");
    }
}
