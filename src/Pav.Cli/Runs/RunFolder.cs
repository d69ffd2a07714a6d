using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Cli.Options;
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
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly FileStream claim;
    private readonly JsonObject manifest;

    private RunFolder(string path, FileStream claim, JsonObject manifest, bool resumed)
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
    public static string DefaultPath(string command, DateTime now) => IoPath.Combine("runs", $"{command.Replace(' ', '-')}-{now:yyyyMMdd-HHmmss}");

    /// <summary>The options of a run of that command begun earlier in that folder, as a recipe; null where there is none.</summary>
    public static Recipe? Begun(string command, string path)
    {
        var file = IoPath.Combine(path, "run.json");
        if (!File.Exists(file)) return null;
        var run = Read(file);
        if ((string?)run["command"] != command || run["options"] is not JsonObject options) return null;
        return new Recipe(file, command, options.Deserialize<Dictionary<string, JsonElement>>()!);
    }

    /// <summary>Does that folder hold a run that came to its end?</summary>
    public static bool IsFinished(string path) => IoPath.Combine(path, "run.json") is var file && File.Exists(file) && Read(file)["finished"] is not null;

    /// <summary>Opens or makes the folder and writes run.json.</summary>
    public static RunFolder Open(string command, object options, string path)
    {
        var schema = OptionSchema.Of(options.GetType());
        var file = IoPath.Combine(path, "run.json");
        if (File.Exists(path)) throw new UserError($"--out {path} is a file, but must be a folder.");
        var begun = File.Exists(file);
        if (!begun && Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any(e => IoPath.GetFileName(e) != ".claim"))
            throw new UserError($"--out {path} holds other files and no run.json; choose an empty or a new folder.");
        var inputs = Inputs(schema, options);
        Directory.CreateDirectory(path);
        var claim = Claim(path);
        try
        {
            var manifest = begun ? Read(file) : [];
            IReadOnlyList<string> changed = begun ? CheckSame(command, schema, options, manifest, path) : [];
            if (begun) CheckInputs(inputs, manifest, path);
            var folder = new RunFolder(path, claim, manifest, begun) { Changed = changed };
            if (folder.Finished) return folder;
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
            throw;
        }
    }

    /// <summary>Notes in run.json that the command is done, with what it has to say of its result.</summary>
    public void Finish(JsonObject result)
    {
        manifest["finished"] = Now();
        if (torch.is_loaded) manifest["versions"]!["libtorch"] = torch.version;
        manifest["result"] = result.DeepClone();
        Spend();
    }

    /// <summary>Notes in run.json something that turned out after the command began.</summary>
    public void Note(string name, JsonNode? value)
    {
        manifest[name] = value;
        Write();
    }

    /// <summary>Notes the time and memory spent so far, for a run that stops before its end.</summary>
    public void Spend()
    {
        manifest["seconds"] = Math.Round(((double?)manifest["seconds"] ?? 0) + clock.Elapsed.TotalSeconds, 3);
        manifest["peak_memory_mb"] = PeakMemory;
        clock.Restart();
        Write();
    }

    /// <summary>Removes a folder that this run made and in which there is nothing but its run.json, its cost and empty files.</summary>
    public bool RemoveIfUnused()
    {
        if (Resumed || Directory.EnumerateFileSystemEntries(Path).Any(e => IoPath.GetFileName(e) is not (".claim" or "run.json" or "cost.json") && new FileInfo(e) is not { Exists: true, Length: 0 })) return false;
        Directory.Delete(Path, recursive: true);
        return true;
    }

    public static double PeakMemoryMb() => Math.Round(Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0, 1);

    public void Dispose() => claim.Dispose();

    private void Write() => AtomicFile.WriteJson(At("run.json"), manifest);

    private static string Now() => DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ");

    private static JsonObject Read(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(file)) as JsonObject ?? throw new UserError($"{file} is not a JSON object; choose another --out.");
        }
        catch (JsonException e)
        {
            throw new UserError($"{file}:{e.LineNumber + 1} is not JSON; choose another --out.", e);
        }
    }

    private static FileStream Claim(string path)
    {
        var file = IoPath.Combine(path, ".claim");
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(file))
        {
            throw new UserError($"Another pav process is writing into {path}; wait for it, or choose another --out.", e);
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
            if (!old.TryGetPropertyValue(field.SnakeName, out var before) || JsonNode.DeepEquals(before, field.ToJson(options)) || Shown(before) == OptionField.Text(field.Get(options))) continue;
            if (!field.Flag.AtEnd || manifest["finished"] is not null)
                throw new UserError($"--out {path} belongs to a run with {field.FlagName} {Shown(before)}, not {OptionField.Text(field.Get(options))}; give the same value to resume it, or choose another folder.");
            changed.Add(field.SnakeName);
        }

        return changed;
    }

    private static string Shown(JsonNode? value) => value is JsonArray items ? string.Join(",", items.Select(Shown)) : value?.ToString() ?? "none";

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
        var values = schema.Fields.Where(f => f.Flag.Input).SelectMany(f => f.Get(options) switch { string s => [s], string[] many => many, _ => Array.Empty<string>() });
        return [.. values.Distinct().SelectMany(Home.FilesOf).Distinct().Select(f => (JsonNode)new JsonObject { ["path"] = f, ["sha256"] = Hash(f) })];
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
