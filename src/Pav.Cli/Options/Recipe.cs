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
        var known = Home.Find("recipes") is { } folder
            ? Directory.GetFiles(folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!).Order().ToList() : [];
        throw new UserError($"Recipe '{nameOrFile}' is neither a file nor the name of one that comes with "
            + $"pav{(known.Count == 0 ? "" : $" ({string.Join(", ", known)})")}.");
    }

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
