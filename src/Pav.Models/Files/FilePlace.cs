namespace Pav.Models.Files;

/// <summary>Where a file stood when it was opened. Written on, a file that was deleted or replaced since takes everything with it and gives
/// no error.</summary>
internal sealed class FilePlace(string path, FileStream file)
{
    private readonly string? opened = Now(file);

    /// <summary>Is the open file still the one at its path?</summary>
    public bool IsKept => File.Exists(path) && Now(file) == opened;

    /// <summary>Linux names the place of an open file, and says so when it has none any more; elsewhere only the name counts.</summary>
    private static string? Now(FileStream file) =>
        OperatingSystem.IsLinux() ? new FileInfo($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}").LinkTarget : null;
}
