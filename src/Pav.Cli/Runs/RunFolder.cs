using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Gguf;
using Pav.Models.Files;
using Pav.Torch;
using IoPath = System.IO.Path;

namespace Pav.Cli.Runs;

/// <summary>
/// The folder that one command writes into, with its run.json: written when the command begins and again when it ends. A folder
/// belongs to a command and its options for good: the same ones resume it, others are refused.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    /// <summary>What the run has cost so far; alone it is no result.</summary>
    public const string CostFile = "cost.json";

    private const string ManifestName = "run.json", ClaimName = ".claim";
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Claim? claim;
    private readonly JsonObject manifest;

    private RunFolder(string path, Claim? claim, JsonObject manifest, bool resumed)
    {
        (Path, this.claim, this.manifest, Resumed) = (path, claim, manifest, resumed);
    }

    public string Path { get; }

    /// <summary>The folder was there already, begun by the same command with the same options.</summary>
    public bool Resumed { get; }

    /// <summary>Options of what is done at the end that this start set anew, by their names in run.json.</summary>
    public IReadOnlyList<string> Changed { get; private init; } = [];

    public bool Finished => manifest["finished"] is not null;

    /// <summary>Time that earlier starts of this run spent.</summary>
    public double SecondsBefore => (double?)manifest["seconds"] ?? 0;

    /// <summary>Most memory of any start of the run so far, MB.</summary>
    public double PeakMemory => Math.Max((double?)manifest["peak_memory_mb"] ?? 0, PeakMemoryMb());

    /// <summary>What the command reported when it finished.</summary>
    public JsonObject? Result => manifest["result"]?.DeepClone() as JsonObject;

    public string At(string name) => IoPath.Combine(Path, name);

    /// <summary>runs/COMMAND-yyyymmdd-hhmmss.</summary>
    public static string DefaultPath(string command, DateTime now) =>
        IoPath.Combine("runs", $"{command.Replace(' ', '-')}-{now:yyyyMMdd-HHmmss}");

    /// <summary>The options of a run of that command begun earlier in that folder, as a recipe; null where there is none.</summary>
    public static Recipe? Begun(string command, string path)
    {
        var file = IoPath.Combine(path, ManifestName);
        if (!File.Exists(file)) return null;
        var run = Read(file);
        if ((string?)run["command"] != command || run["options"] is not JsonObject options) return null;
        return new Recipe(file, command, options.Deserialize<Dictionary<string, JsonElement>>()!);
    }

    /// <summary>Does that folder hold a run that came to its end?</summary>
    public static bool IsFinished(string path) => IoPath.Combine(path, ManifestName) is var file && File.Exists(file)
        && Read(file)["finished"] is not null;

    /// <summary>Opens or makes the folder and writes run.json.</summary>
    public static RunFolder Open(string command, object options, string path)
    {
        var schema = OptionSchema.From(options.GetType());
        var file = IoPath.Combine(path, ManifestName);
        if (File.Exists(path)) throw new UserError($"--out {path} is a file, but must be a folder.");
        // A kill in the first write of run.json leaves these two alone.
        var nothing = new[] { ClaimName, AtomicFile.TemporaryName(ManifestName) };
        if (!File.Exists(file) && Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path)
            .Any(e => !nothing.Contains(IoPath.GetFileName(e))))
            throw new UserError($"--out {path} holds other files and no run.json; choose an empty or a new folder.");
        var inputs = Inputs(schema, options);
        // Nothing is written into a finished run, so its folder may be one that cannot be.
        if (IsFinished(path)) return Checked(null);
        var claim = Claim.Take(path, ClaimName);
        try
        {
            var folder = Checked(claim);
            if (folder.Finished) return folder;
            var manifest = folder.manifest;
            manifest["command"] = command;
            manifest["options"] = schema.ToJson(options);
            manifest["seed"] = schema.Fields.FirstOrDefault(f => f.SnakeName == "seed")?.ToJson(options);
            manifest["started"] ??= Now();
            manifest["versions"] = Versions();
            manifest["inputs"] = inputs;
            folder.Write();
            return folder;
        }
        catch
        {
            claim.Dispose();
            if (!File.Exists(file)) claim.TakeBack();
            throw;
        }

        RunFolder Checked(Claim? claim)
        {
            if (!File.Exists(file)) return new(path, claim, [], resumed: false);
            var manifest = Read(file);
            var changed = CheckSame(command, schema, options, manifest, path);
            CheckInputs(inputs, manifest, path);
            return new(path, claim, manifest, resumed: true) { Changed = changed };
        }
    }

    /// <summary>Notes in run.json that the command is done, with what it has to say of its result.</summary>
    public void Finish(JsonObject result)
    {
        manifest["finished"] = Now();
        if (torch.is_loaded) manifest["versions"]!["libtorch"] = torch.version;
        if (GgufModel.LlamaSharp is { } version) manifest["versions"]!["llama_sharp"] = version;
        manifest["result"] = result.DeepClone();
        Spend();
    }

    /// <summary>Notes in run.json something that turned out after the command began.</summary>
    public void Note(string name, JsonNode? value)
    {
        manifest[name] = value;
        Write();
    }

    /// <summary>What was noted by that name, by this start or an earlier one.</summary>
    public JsonNode? Noted(string name) => manifest[name];

    /// <summary>Notes the time and memory spent so far, for a run that stops before its end.</summary>
    public void Spend()
    {
        manifest["seconds"] = Math.Round(((double?)manifest["seconds"] ?? 0) + clock.Elapsed.TotalSeconds, 3);
        manifest["peak_memory_mb"] = PeakMemory;
        clock.Restart();
        Write();
    }

    /// <summary>Removes what this run made, where that is nothing but its run.json, its cost and empty files.</summary>
    public bool RemoveIfUnused()
    {
        if (claim is not { IsKept: true }) return true;
        var entries = Directory.GetFileSystemEntries(Path);
        if (Resumed || entries.Any(e => IoPath.GetFileName(e) is not (ClaimName or ManifestName or CostFile)
            && new FileInfo(e) is not { Exists: true, Length: 0 })) return false;
        // Last what marks the folder as one of pav's: a kill in between leaves one that can be used.
        foreach (var entry in entries.Where(e => IoPath.GetFileName(e) is not (ClaimName or ManifestName))) File.Delete(entry);
        File.Delete(At(ManifestName));
        claim.TakeBack();
        return true;
    }

    public static double PeakMemoryMb() => Math.Round(Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0, 1);

    public void Dispose() => claim?.Dispose();

    /// <summary>A run whose file was deleted or cut between two openings is not finished.</summary>
    public static void CheckWritten(string file, int found, int written)
    {
        if (found < written) throw new UserError($"{file}: holds {found:N0} of the {written:N0} lines that were written; start the "
            + "command again, it goes on from what is left.");
    }

    /// <summary>Writes a JSON file of this folder whole.</summary>
    public void Save<T>(string name, T value)
    {
        if (claim is not { IsKept: true })
            throw new UserError($"--out {Path}: the folder was deleted or moved while pav was writing into it; start the command again.");
        AtomicFile.WriteJson(At(name), value);
    }

    private void Write() => Save(ManifestName, manifest);

    private static string Now() => DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ");

    private static JsonObject Read(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(file)) as JsonObject
                ?? throw new UserError($"{file} is not a JSON object; choose another --out.");
        }
        catch (JsonException e)
        {
            throw new UserError($"{file}:{e.LineNumber + 1} is not JSON; choose another --out.", e);
        }
    }

    /// <summary>Refuses other options than before; those of the end may differ, and which do is told.</summary>
    private static IReadOnlyList<string> CheckSame(string command, OptionSchema schema, object options, JsonObject manifest, string path)
    {
        if ((string?)manifest["command"] is var other && other != command)
            throw new UserError($"--out {path} belongs to a run of 'pav {other}'; choose another folder for 'pav {command}'.");
        var old = manifest["options"] as JsonObject ?? [];
        var changed = new List<string>();
        foreach (var field in schema.Fields.Where(f => !f.Flag.Local))
        {
            if (!old.TryGetPropertyValue(field.SnakeName, out var before) || JsonNode.DeepEquals(before, field.ToJson(options))
                || field.Flag.Read(Shown(before)) == OptionField.Text(field.Get(options))) continue;
            if (!field.Flag.AtEnd || manifest["finished"] is not null)
                throw new UserError($"--out {path} belongs to a run with {field.FlagName} {Shown(before)}, not "
                    + $"{OptionField.Text(field.Get(options))}; give the same value to resume it, or choose another folder.");
            changed.Add(field.SnakeName);
        }

        return changed;
    }

    private static string Shown(JsonNode? value) => value is JsonArray items ? string.Join(",", items.Select(Shown)) : value?.ToString()
        ?? "none";

    private static void CheckInputs(JsonArray now, JsonObject manifest, string path)
    {
        foreach (var input in now)
        {
            var before = (manifest["inputs"] as JsonArray)?.FirstOrDefault(i => (string?)i?["path"] == (string?)input!["path"]);
            if (before is not null && (string?)before["sha256"] != (string?)input!["sha256"])
                throw new UserError($"{input["path"]} has changed since the run in {path} began; choose another --out.");
        }
    }

    private static JsonArray Inputs(OptionSchema schema, object options)
    {
        var values = schema.Fields.Where(f => f.Flag.Input)
            .SelectMany(f => f.Get(options) switch { string s => [s], string[] many => many, _ => Array.Empty<string>() });
        return [.. values.Distinct().SelectMany(Home.FilesOf).Distinct()
            .Select(f => (JsonNode)new JsonObject { ["path"] = f, ["sha256"] = Hash(f) })];
    }

    private static string Hash(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static JsonObject Versions() => new()
    {
        ["pav"] = typeof(RunFolder).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion,
        ["dotnet"] = Environment.Version.ToString(),
        ["os"] = RuntimeInformation.OSDescription,
    };
}
