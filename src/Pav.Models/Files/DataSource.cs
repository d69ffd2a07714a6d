using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Pav.Models.Files;

/// <summary>
/// What a path to rows stands for: one file, or the files of one split of a data set's folder as it lies on disk: a clone of a Hugging Face
/// repository, one that <c>datasets</c> saved or cached, or shards that are named after their splits.
/// </summary>
/// <param name="Name">What rows without an id are called after: the file's name, or CONFIG/SPLIT.</param>
/// <param name="Files">In the order in which their rows count.</param>
internal sealed partial record DataSource(string Name, IReadOnlyList<string> Files)
{
    private static readonly (string Split, string[] Words)[] Keywords =
    [
        ("train", ["train", "training"]),
        ("validation", ["validation", "valid", "val", "dev"]),
        ("test", ["test", "testing", "eval", "evaluation"]),
    ];

    /// <summary>A path with the split that an option names.</summary>
    public static string WithSplit(string path, string split)
    {
        if (split == "") return path;
        if (path == "") throw new UserError("--split names a part of a folder of problems, and no folder is given");
        return File.Exists(path) ? throw new UserError($"{path}: is one file, and --split is for a data set's folder") : $"{path}:{split}";
    }

    /// <param name="path">A file; FOLDER, FOLDER:SPLIT, or FOLDER/CONFIG with or without :SPLIT.</param>
    public static DataSource Find(string path)
    {
        if (TryFind(path) is not var (folder, split, splits)) return new(Path.GetFileName(path), [path]);
        var names = string.Join(", ", splits.Keys.Where(name => name != ""));
        if (split == "" && splits.Count > 1)
            throw new UserError($"{folder}: holds the splits {names}; say which: {folder}:{splits.Keys.Last()}");
        if (split == "") split = splits.Keys.Single();
        if (!splits.TryGetValue(split, out var files))
            throw new UserError($"{folder}: has no split \"{split}\"; it holds {(names == "" ? "files that name no split" : names)}");
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return new(split == "" ? name : $"{name}/{split}", files.Paths());
    }

    /// <summary>The data files that are there behind a path to a data set's folder; none for any other path.</summary>
    public static IEnumerable<string> FilesOf(string path)
    {
        try
        {
            if (File.Exists(path) || TryFind(path) is not var (_, split, splits)) return [];
            return [.. splits.Where(s => split == "" || s.Key == split).SelectMany(s => Present(s.Value))];
        }
        catch (UserError)
        {
            return [];
        }

        static IEnumerable<string> Present(SplitFiles files)
        {
            try
            {
                return files.Paths();
            }
            catch (UserError)
            {
                return [];
            }
        }
    }

    private static (string Folder, string Split, Dictionary<string, SplitFiles> Splits)? TryFind(string path)
    {
        if (path == "" || File.Exists(path)) return null;
        if (Splits(path) is { } whole) return (path, "", whole);
        var colon = path.LastIndexOf(':');
        return colon > 0 && colon > path.LastIndexOf('/') && Splits(path[..colon]) is { } splits
            ? (path[..colon], path[(colon + 1)..], splits)
            : null;
    }

    /// <summary>The splits of a folder; null where it is none, or holds nothing that is known to be data.</summary>
    private static Dictionary<string, SplitFiles>? Splits(string folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Path.GetDirectoryName(full) is { } parent && DatasetCard.Read(parent) is { } above
            && above.Find(Path.GetFileName(full)) is { } named)
            return Described(named, parent);
        if (!Directory.Exists(folder)) return null;
        if (Saved(folder) is { } saved) return saved;
        if (DatasetCard.Read(folder) is { } card) return Described(card.Only(folder), folder);
        return Cached(folder) ?? Named(folder, everything: File.Exists(Path.Combine(folder, "README.md")));
    }

    /// <summary>The splits of a config of a README.md.</summary>
    private static Dictionary<string, SplitFiles> Described(DatasetConfig config, string folder)
    {
        var within = Path.Combine(folder, config.Folder);
        if (config.Splits.Count > 0)
            return config.Splits.ToDictionary(s => s.Key, s => new SplitFiles(() => Matching(within, s.Key, s.Value)));
        return Named(within, everything: true)
            ?? throw new UserError($"{within}: holds no data of {config.Name}; were only some files downloaded?");
    }

    private static IReadOnlyList<string> Matching(string folder, string split, IReadOnlyList<string> globs)
    {
        if (globs.FirstOrDefault(g => g.Contains("://")) is { } elsewhere)
            throw new UserError($"{folder}: the split {split} lies elsewhere ({elsewhere}); download its files and give them");
        var patterns = globs.Select(Glob).ToList();
        var files = Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories) : [];
        string[] found = [.. files.Where(f => patterns.Any(p => p.IsMatch(Relative(folder, f)))).Order(StringComparer.Ordinal)];
        return found.Length > 0 ? found : throw new UserError($"{folder}: README.md has the split {split} in {string.Join(", ", globs)}, "
            + "and there is no such file; were only some files downloaded?");
    }

    /// <summary>What save_to_disk of <c>datasets</c> wrote: one data set, or a folder for each split.</summary>
    private static Dictionary<string, SplitFiles>? Saved(string folder)
    {
        if (Object(folder, "dataset_dict.json") is { } many)
        {
            var names = many["splits"]?.AsArray().Select(s => s!.ToString()).ToList() ?? [];
            if (names.Count == 0) throw new UserError($"{Path.Combine(folder, "dataset_dict.json")}: names no \"splits\"");
            return names.ToDictionary(name => name, name => new SplitFiles(() => State(Path.Combine(folder, name))));
        }

        if (Object(folder, "state.json") is not { } state || state["_data_files"] is null) return null;
        return new() { [state["_split"]?.ToString() ?? "train"] = new(() => State(folder)) };
    }

    private static IReadOnlyList<string> State(string folder)
    {
        var file = Path.Combine(folder, "state.json");
        var state = Object(folder, "state.json") ?? throw new UserError($"{file} is missing; was the data set saved whole?");
        if (state["_indices_files"] is JsonArray { Count: > 0 } || state["_indices_data_files"] is JsonArray { Count: > 0 })
            throw new UserError($"{file}: the data set is a selection of its rows; save it with flatten_indices() first");
        return state["_data_files"] is JsonArray { Count: > 0 } files
            ? [.. files.Select(f => Path.Combine(folder, f!["filename"]!.ToString()))]
            : throw new UserError($"{file}: names no \"_data_files\"");
    }

    /// <summary>The cache of <c>datasets</c>: NAME-SPLIT.arrow, or its shards, beside dataset_info.json.</summary>
    private static Dictionary<string, SplitFiles>? Cached(string folder)
    {
        if (Object(folder, "dataset_info.json")?["splits"] is not JsonObject splits) return null;
        var files = Data(folder, everything: false).ToList();
        var found = splits.Select(s => (s.Key, Files: (IReadOnlyList<string>)[.. files.Where(f =>
            Shard().Replace(Path.GetFileNameWithoutExtension(f), "") is var name && (name == s.Key || name.EndsWith($"-{s.Key}")))]))
            .Where(s => s.Files.Count > 0).ToList();
        return found.Count > 0 ? found.ToDictionary(s => s.Key, s => new SplitFiles(() => s.Files)) : null;
    }

    /// <summary>Splits by the words in names of files and folders. Without any, all files are one split that has no name.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="everything">JSON lines, too; false: those only where all names tell a split.</param>
    private static Dictionary<string, SplitFiles>? Named(string folder, bool everything)
    {
        var files = Directory.Exists(folder) ? Data(folder, everything: true).Select(f => (File: f, Split: Split(Relative(folder, f))))
            .ToList() : [];
        if (!everything && files.Any(f => f.Split == "")) files.RemoveAll(f => !IsTable(f.File));
        if (files.Count == 0) return null;
        if (files.All(f => f.Split == "")) return new() { [""] = new(() => [.. files.Select(f => f.File)]) };
        return files.Where(f => f.Split != "").GroupBy(f => f.Split).OrderBy(g => g.Key == "test" ? 1 : 0)
            .ToDictionary(g => g.Key, g => new SplitFiles(() => [.. g.Select(f => f.File)]));
    }

    private static IEnumerable<string> Data(string folder, bool everything) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => !Relative(folder, f).Split('/').Any(part => part[0] is '.' or '_') && (IsTable(f) || (everything && IsLines(f))))
            .Order(StringComparer.Ordinal);

    private static bool IsTable(string file) => Path.GetExtension(file).ToLowerInvariant() is ".parquet" or ".arrow";

    private static bool IsLines(string file) =>
        Lines().IsMatch(file)
            && Path.GetFileName(file) is not ("dataset_info.json" or "dataset_infos.json" or "config.json" or "state.json");

    private static string Split(string relative)
    {
        var words = Words().Split(relative.ToLowerInvariant());
        return Keywords.FirstOrDefault(k => k.Words.Any(words.Contains)).Split ?? "";
    }

    private static JsonObject? Object(string folder, string name) =>
        Path.Combine(folder, name) is var file && File.Exists(file) ? StrictJson.Read(file) : null;

    private static string Relative(string folder, string file) => Path.GetRelativePath(folder, file).Replace('\\', '/');

    private static Regex Glob(string glob)
    {
        var pattern = Regex.Escape(glob.TrimStart('.', '/')).Replace(@"\*\*/", "(?:.*/)?").Replace(@"\*\*", ".*").Replace(@"\*", "[^/]*")
            .Replace(@"\?", "[^/]").Replace(@"\[", "[").Replace(@"\{", "(?:").Replace("}", ")");
        return new($"^{(glob.Contains('{') ? pattern.Replace(",", "|") : pattern)}$");
    }

    [GeneratedRegex(@"-\d{5}-of-\d{5}$")]
    private static partial Regex Shard();

    [GeneratedRegex("[^a-z0-9]+|(?<=[a-z])(?=[0-9])")]
    private static partial Regex Words();

    [GeneratedRegex(@"\.jsonl?(\.gz)?$", RegexOptions.IgnoreCase)]
    private static partial Regex Lines();

    /// <summary>The files of a split, looked up when it is read: other splits may not be there.</summary>
    private sealed record SplitFiles(Func<IReadOnlyList<string>> Paths);
}
