using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Label;

internal sealed record LabelsMergeSettings
{
    [Flag("File to write", Required = true, Local = true)]
    public string Out { get; init; } = "";

    [Flag("Labels: folders of 'label' runs (shards) or labels.jsonl files", Required = true, Input = true)]
    public string[] Labels { get; init; } = [];

    [Flag("Also merge what is there of shards that are missing or not finished")]
    public bool Partial { get; init; }

    [Flag("Replace a file that is there with other content", Local = true)]
    public bool Overwrite { get; init; }
}

/// <summary>The file that was written.</summary>
internal sealed record MergedLabels(string File, int Traces, int Duplicates);

/// <summary>Puts the labels of several machines together: nothing missing, nothing twice, all of one kind.</summary>
internal static class LabelsMerge
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<LabelsMergeSettings, MergedLabels>(
        "labels merge", "Put the labels of shards together: checks that all are there and alike, and removes what is there twice.",
        "pav labels merge --labels runs/labels-0,runs/labels-1 --out labels.jsonl", Output.File, Run);

    private static Task<MergedLabels> Run(LabelsMergeSettings settings, CommandContext context)
    {
        if (!settings.Partial) CheckShards([.. settings.Labels.Where(Directory.Exists)]);
        var seen = new Dictionary<(string Problem, int Trace), (ulong Content, string Where)>();
        (LabelledTrace Line, string Where)? first = null;
        var twice = 0;
        AtomicFile.Write(settings.Out, settings.Overwrite, stream =>
        {
            foreach (var path in settings.Labels)
            {
                var number = 0;
                foreach (var line in LabelFiles.Read(path))
                {
                    var where = $"{path}:{++number}";
                    first ??= (line, where);
                    if (Kind(line) != Kind(first.Value.Line))
                        throw new UserError($"{where} and {first.Value.Where} are labels of different kinds ({Kind(line)}; "
                            + $"{Kind(first.Value.Line)}) and do not go together.");
                    var bytes = JsonSerializer.SerializeToUtf8Bytes(line, Json.Line);
                    var content = Fnv1a.Hash(bytes);
                    if (seen.TryGetValue((line.Problem, line.Trace), out var other))
                    {
                        if (other.Content != content) throw new UserError($"trace {line.Trace} of problem {line.Problem} is there twice "
                            + $"and not the same: {other.Where} and {where}; leave one of the two out.");
                        twice++;
                        continue;
                    }

                    seen.Add((line.Problem, line.Trace), (content, where));
                    stream.Write(bytes);
                    stream.WriteByte((byte)'\n');
                }
            }
        });
        context.Reporter.Say($"{seen.Count:N0} labelled traces of {seen.Keys.Select(k => k.Problem).Distinct().Count():N0} problems in "
            + $"{settings.Out}{(twice == 0 ? "" : $"; {twice:N0} were there twice")}");
        return Task.FromResult(new MergedLabels(settings.Out, seen.Count, twice));
    }

    /// <summary>Runs of one kind, each finished, and of shards all of them.</summary>
    private static void CheckShards(IReadOnlyList<string> folders)
    {
        var runs = folders.Select(f => (Folder: f, Run: Path.Combine(f, "run.json"))).Where(r => File.Exists(r.Run))
            .Select(r => (r.Folder, Run: Json.Read<JsonObject>(r.Run))).ToList();
        foreach (var (folder, run) in runs)
        {
            if (run["finished"] is null) throw new UserError($"{folder} is not finished; wait for it, take it up again with: "
                + $"{Home.Again("label", folder)}, or merge what is there with --partial.");
            foreach (var field in OptionSchema.From(typeof(LabelSettings)).Fields.Where(f => !f.Flag.Local
                && f.SnakeName is not ("shard" or "policy")))
                if (!JsonNode.DeepEquals(run["options"]?[field.SnakeName], runs[0].Run["options"]?[field.SnakeName]))
                    throw new UserError(
                        $"{folder} and {runs[0].Folder} were made with different values of {field.FlagName} and do not go together.");
        }

        var shards = runs.Where(r => r.Run["shard"] is not null).Select(r => Shard.Parse((string)r.Run["shard"]!)).ToList();
        if (shards.Count == 0) return;
        if (shards.Select(s => s.Count).Distinct().Count() > 1)
            throw new UserError($"the folders are shards of different wholes: {string.Join(", ", shards)}.");
        var missing = Enumerable.Range(0, shards[0].Count).Except(shards.Select(s => s.Index)).ToList();
        if (missing.Count > 0) throw new UserError($"shard {string.Join(", ", missing.Take(8).Select(i => $"{i}/{shards[0].Count}"))} is "
            + "missing; give its folder too, or merge what is there with --partial.");
    }

    private static string Kind(LabelledTrace line) =>
        $"policy {line.Policy}, grader {line.Grader}, strategy {line.Strategy}{(line.Visited is null ? "" : " on visited traces")}, "
        + $"step end {StepEnd.Parse(line.StepEnd)}, {(line.Plan is null ? "fixed allocation" : $"adaptive allocation {line.Plan}")}";
}
