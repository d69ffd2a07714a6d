namespace Pav.Models.Files;

/// <summary>A folder to write into, made with those above it where they are missing. A command that fails takes back what it
/// made.</summary>
internal sealed class NewFolder
{
    private readonly List<string> made = [];

    private NewFolder()
    {
    }

    public static NewFolder Create(string path)
    {
        var folder = new NewFolder();
        for (var above = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)); above is not null
            && !Directory.Exists(above); above = Path.GetDirectoryName(above))
            folder.made.Add(above);
        Directory.CreateDirectory(path);
        return folder;
    }

    /// <summary>Removes those that were made here, from the innermost, as far as they are empty.</summary>
    public void TakeBack()
    {
        foreach (var path in made)
        {
            if (!Directory.Exists(path) || Directory.EnumerateFileSystemEntries(path).Any()) return;
            Directory.Delete(path);
        }
    }
}
