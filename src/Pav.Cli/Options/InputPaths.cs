namespace Pav.Cli.Options;

/// <summary>What the options of one command say of other commands' files.</summary>
internal static class InputPaths
{
    /// <summary>Every text among the options but the command's own --out: those that are paths are among these.</summary>
    public static IEnumerable<string> In(OptionSchema schema, object options) => schema.Fields.Where(f => f.SnakeName != "out")
        .SelectMany(f => f.Get(options) switch { string text => [text], string[] texts => texts, _ => Array.Empty<string>() })
        .Where(text => text != "" && !text.Contains('\0'));

    /// <summary>Is that path this folder, or in it?</summary>
    public static bool IsInside(string path, string folder)
    {
        var (full, root) = (Path.GetFullPath(path), Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return full == root || full.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }
}
