using System.Text.Json;
using Pav.Cli.Installation;

namespace Pav.Cli.Options;

/// <summary>A file of option values: a JSON object (comments allowed) with snake_case names, optionally with the <c>command</c> it is for
/// and a <c>description</c>.</summary>
internal sealed record Recipe(string Source, string? Command, IReadOnlyDictionary<string, JsonElement> Values)
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public static Recipe Load(string nameOrFile)
    {
        var path = Locate(nameOrFile);
        return Parse(path, File.ReadAllText(path));
    }

    /// <summary>The file of a recipe given by its path, or by the name of one that comes with pav (recipes/NAME.json, or
    /// recipes/COMMAND-NAME.json for that command).</summary>
    public static string Locate(string nameOrFile, string command = "")
    {
        if (File.Exists(nameOrFile)) return nameOrFile;
        if (command != "" && Home.Find(Path.Combine("recipes", $"{command.Replace(' ', '-')}-{nameOrFile}.json")) is { } stored)
            return stored;
        if (Home.Find(Path.Combine("recipes", nameOrFile + ".json")) is { } path) return path;
        throw new UserError($"Recipe '{nameOrFile}' is neither a file nor the name of one that comes with pav{Known("recipes")}.");
    }

    /// <summary>The names of the recipes in a folder that comes with pav, in brackets; empty where there are none.</summary>
    public static string Known(string folder) =>
        Home.Find(folder) is { } there && Directory.GetFiles(there, "*.json") is { Length: > 0 } files
            ? $" ({string.Join(", ", files.Select(Path.GetFileNameWithoutExtension).Order())})" : "";

    public static Recipe Parse(string source, string text)
    {
        JsonElement root;
        try
        {
            root = JsonDocument.Parse(text, Lenient).RootElement;
        }
        catch (JsonException e)
        {
            throw new UserError($"{source}:{e.LineNumber + 1}: not JSON: {FirstSentence(e.Message)}", e);
        }
        if (root.ValueKind != JsonValueKind.Object) throw new UserError($"{source}: a recipe is a JSON object of option names and values.");
        var values = new Dictionary<string, JsonElement>();
        string? command = null;
        foreach (var p in root.EnumerateObject())
        {
            if (p.Name == "command") command = p.Value.GetString();
            else if (p.Name != "description" && !values.TryAdd(p.Name, p.Value))
                throw new UserError($"{source}: option '{p.Name}' stands there twice.");
        }
        return new Recipe(source, command, values);
    }

    private static string FirstSentence(string message) => message.Split(". ")[0].TrimEnd('.') + ".";
}
