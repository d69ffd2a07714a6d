using System.Text.Json;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Shared;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Demo;

/// <summary>One step of a plan: a command with its options, or a gate that a verifier must pass.</summary>
/// <param name="Name">Its sub-folder.</param>
/// <param name="Say">What goes on and why, in one sentence.</param>
/// <param name="Run">The command's name; "gate" looks at a verifier.</param>
/// <param name="Options">snake_case option values; a text that begins with "@/" is a path inside the plan's folder.</param>
internal sealed record PlanStep(string Name, string Say, string Run, Dictionary<string, JsonElement> Options);

/// <summary>Commands in a row: recipes/demo.json.</summary>
internal sealed record DemoPlan(string Source, IReadOnlyList<PlanStep> Steps)
{
    public const string Gate = "gate";

    private sealed record PlanFile(IReadOnlyList<PlanStep> Steps, string? Description = null, string? Command = null);

    private static readonly JsonSerializerOptions Lenient = new(Json.Line)
    {
        ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true,
            UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Is that file a plan, and not a recipe of one command?</summary>
    public static bool IsPlan(string file)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(file),
                new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("steps", out var steps)
                && steps.ValueKind == JsonValueKind.Array;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    public static DemoPlan Parse(string source, string text)
    {
        try
        {
            var plan = JsonSerializer.Deserialize<PlanFile>(text, Lenient);
            if (plan?.Steps is not { Count: > 0 } steps) throw new UserError($"{source}: a plan needs \"steps\".");
            var empty = steps.ToList().FindIndex(s => s?.Name is null || s.Run is null || s.Options is null);
            if (empty >= 0) throw new UserError($"{source}: step {empty + 1} holds null.");
            return new(source, steps);
        }
        catch (JsonException e)
        {
            throw new UserError($"{source}:{e.LineNumber + 1}: not a plan: {e.Message}", e);
        }
    }

    /// <summary>The steps with their options bound, paths put inside the folder: everything is checked before anything runs.</summary>
    public IReadOnlyList<BoundStep> Bind(string folder, IReadOnlyList<CommandSpec> commands, IReadOnlyDictionary<string, string> local)
    {
        var names = new HashSet<string>();
        return [.. Steps.Select(step =>
        {
            if (!names.Add(step.Name)) throw new UserError($"{Source}: two steps are called '{step.Name}'.");
            if (!IsFolderName(step.Name))
                throw new UserError($"{Source}: a step is called '{step.Name}'; a name is that of a sub-folder: without '/', not '..'.");
            var where = $"{Source}, step '{step.Name}'";
            var values = step.Options.ToDictionary(o => o.Key, o => Inside(where, o.Value, folder));
            if (step.Run == Gate)
                return new BoundStep(step, null, OptionSchema.From(typeof(GateSettings)).Bind([new Recipe(where, null, values)], NoFlags),
                    "");
            var spec = commands.FirstOrDefault(c => c.Name == step.Run)
                ?? throw new UserError($"{where}: '{step.Run}' is no command of pav.");
            var path = Path.Combine(folder, step.Name);
            if (spec.HasFolder) values["out"] = JsonSerializer.SerializeToElement(path);
            var flags = local.Where(l => spec.Schema.Fields.Any(f => f.FlagName == l.Key)
                && !values.ContainsKey(l.Key[2..].Replace('-', '_'))).ToDictionary();
            var options = spec.Schema.Bind([new Recipe(where, null, values)], flags);
            var file = spec.Output == Output.File ? spec.Schema.Fields.First(f => f.SnakeName == "out").Get(options) as string : null;
            if (file is { Length: > 0 } && !IsInside(file, folder))
                throw new UserError($"{where}: writes {file}, outside the plan's folder; write \"out\": \"@/{Path.GetFileName(file)}\".");
            return new BoundStep(step, spec, options, path);
        })];
    }

    /// <summary>The names of the steps before it whose folder or file, or what is in it or around it, a step's options name.</summary>
    public static IReadOnlyList<string> Needs(BoundStep step, IReadOnlyList<BoundStep> steps)
    {
        var named = InputPaths.In(OptionSchema.From(step.Options.GetType()), step.Options).ToList();
        return [.. steps.TakeWhile(s => s != step).Where(s => s.Written.Any(w =>
            named.Any(n => InputPaths.IsInside(n, w) || InputPaths.IsInside(w, n)))).Select(s => s.Step.Name)];
    }

    /// <summary>A device that is not the CPU, if a step runs on one.</summary>
    public static string Device(IReadOnlyList<BoundStep> steps) =>
        steps.Select(s => s.Options).OfType<ModelSettings>().Select(s => s.Device).FirstOrDefault(d => !Checkpoint.IsOwn(d)) ?? "cpu";

    /// <summary>Can a sub-folder be called so?</summary>
    public static bool IsFolderName(string name) => name is not ("" or "." or "..") && name.IndexOfAny(['/', '\\', '\0']) < 0;

    private static bool IsInside(string path, string folder) =>
        Path.GetRelativePath(Path.GetFullPath(folder), Path.GetFullPath(path)).Split(Path.DirectorySeparatorChar)[0] != "..";

    private static readonly Dictionary<string, string> NoFlags = [];

    private static JsonElement Inside(string where, JsonElement value, string folder)
    {
        if (value.ValueKind == JsonValueKind.Array)
            return JsonSerializer.SerializeToElement(value.EnumerateArray().Select(v => Inside(where, v, folder)));
        if (value.ValueKind != JsonValueKind.String) return value;
        var text = value.GetString()!;
        if (!text.StartsWith("@/", StringComparison.Ordinal)) return value;
        var path = Path.Combine(folder, text[2..]);
        if (!IsInside(path, folder)) throw new UserError($"{where}: '{text}' is a path outside the plan's folder.");
        return JsonSerializer.SerializeToElement(path);
    }
}

/// <summary>A step ready to run. Command is null for a gate.</summary>
internal sealed record BoundStep(PlanStep Step, CommandSpec? Command, object Options, string Path)
{
    /// <summary>Its folder, or the file that it writes; nothing for a gate.</summary>
    public IReadOnlyList<string> Written => Command is null ? [] : Command.Output == Output.File && Out is { Length: > 0 } file
        ? [file] : [Path];

    /// <summary>In steps; a gate, problems and what an earlier start finished take only a moment.</summary>
    public double Length => Command is null or { Name: "problems" } || Command.HasFolder && RunFolder.IsFinished(Path) ? 0 : 1;

    private string? Out => Command!.Schema.Fields.First(f => f.SnakeName == "out").Get(Options) as string;
}

internal sealed record GateSettings
{
    [Flag("Folder of a verifier's training", Required = true)]
    public string Verifier { get; init; } = "";

    [Flag("Least within-problem AUC on held-out problems", Min = 0, Max = 1)]
    public double AucWithin { get; init; } = 0.85;
}
