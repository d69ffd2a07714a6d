using System.Text.RegularExpressions;
using Pav.Cli.Shared;
using Pav.Gguf;
using Pav.Models.Files;

namespace Pav.Cli.Installation;

/// <summary>What comes with pav: recipes/ and models/, beside the program or above it.</summary>
internal static partial class Home
{
    /// <summary>Where the launcher says what parts of pav lack that it could not build.</summary>
    public const string LacksVariable = "PAV_LACKS";

    /// <summary>What a user types to start pav, as the launcher was started: commands in messages can be pasted.</summary>
    public static string Program => Environment.GetEnvironmentVariable("PAV_COMMAND") is { Length: > 0 } typed ? typed : "pav";

    /// <summary>A text with the commands in it ("pav label …") as they are typed here.</summary>
    public static string Typed(string text, string? program = null) => Commands().Replace(text, _ => program ?? Program);

    [GeneratedRegex(
        @"(?<![\w./-])pav(?= (?:demo|doctor|problems|pretrain|train|merge|labels?|search|serve|evaluate|rl|signal|reproduce|report|prover"
        + @"|test)\b)")]
    private static partial Regex Commands();

    /// <summary>What to type to take up a run.</summary>
    public static string Again(string command, string folder) => $"{Program} {command} --out {Shell.Quote(folder)}";

    /// <summary>The nearest file or folder of that relative path, from the program's folder upward; null if there is none.</summary>
    public static string? Find(string relative)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var path = Path.Combine(directory.FullName, relative);
            if (File.Exists(path) || Directory.Exists(path)) return path;
        }
        return null;
    }

    /// <summary>The folder of a checkpoint given as a path, or as the bare name of an embedded model (pav-tiny-s).</summary>
    public static string Model(string option, string nameOrFolder)
    {
        if (TryModel(nameOrFolder) is { } folder) return folder;
        if (GgufModel.IsNamedBy(nameOrFolder))
            throw new UserError($"{option} '{nameOrFolder}': a GGUF file can be drawn from (--policy of label, search, evaluate, prover "
                + "and serve), and nothing else; training and verifiers take a Hugging Face folder.");
        var known = Find("models") is { } models ? Directory.GetDirectories(models).Select(d => Path.GetFileName(d)!).Order().ToList() : [];
        throw new UserError($"{option} '{nameOrFolder}': there is no such "
            + $"folder{(known.Count == 0 ? "" : $", and the models that come with pav are {string.Join(", ", known)}")}.");
    }

    /// <summary>What a policy that is drawn from is read from: a checkpoint's folder, or a GGUF file.</summary>
    public static string Policy(string given) =>
        !GgufModel.IsNamedBy(given) || Directory.Exists(given) ? Model("--policy", given)
        : File.Exists(given) ? given : throw new UserError($"--policy '{given}': there is no such file.");

    /// <inheritdoc cref="Model"/>
    /// <returns>Null where there is none.</returns>
    public static string? TryModel(string nameOrFolder) =>
        Directory.Exists(nameOrFolder) ? Checkpoint(nameOrFolder)
        : nameOrFolder != "" && Path.GetFileName(nameOrFolder) == nameOrFolder ? Find(Path.Combine("models", nameOrFolder))
        : null;

    /// <summary>The files that an option's value stands for: a file, or the weights, settings and lines of a folder; none where it is
    /// neither.</summary>
    public static IEnumerable<string> FilesOf(string value)
    {
        if (File.Exists(value)) return [value];
        var folder = TryModel(value);
        IEnumerable<string> content = folder is null ? [] : Directory.GetFiles(folder).Where(IsContent).Order(StringComparer.Ordinal);
        return folder is not null && File.Exists(Path.Combine(folder, "config.json")) ? content : content.Union(DataSource.FilesOf(value));
    }

    /// <summary>A training run's folder stands for its best checkpoint.</summary>
    private static string Checkpoint(string folder)
    {
        var best = Path.Combine(folder, "checkpoints", "best");
        return !File.Exists(Path.Combine(folder, "config.json")) && Directory.Exists(best) ? best : folder;
    }

    private static bool IsContent(string file) =>
        Path.GetExtension(file) is ".json" or ".jsonl" or ".safetensors"
            && Path.GetFileName(file) is not ("run.json" or "log.jsonl" or "summary.json");
}
