using Pav.Models.Files;

namespace Pav.Cli.Runs;

/// <summary>A run folder taken for one process, by a file in it that stays open.</summary>
internal sealed class Claim : IDisposable
{
    private readonly string file;
    private readonly NewFolder folder;
    private readonly FileStream stream;
    private readonly FilePlace place;

    private Claim(string file, NewFolder folder, FileStream stream) =>
        (this.file, this.folder, this.stream, place) = (file, folder, stream, new(file, stream));

    /// <summary>False once the folder was deleted or moved.</summary>
    public bool IsKept => place.IsKept;

    /// <summary>Makes the folder where it is missing.</summary>
    public static Claim Take(string path, string name)
    {
        var file = Path.Combine(path, name);
        NewFolder? folder = null;
        try
        {
            folder = NewFolder.Create(path);
            return new(file, folder, new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            folder?.TakeBack();
            throw IsTaken(e) ? new UserError($"Another pav process is writing into {path}; wait for it, or choose another --out.", e)
                : new UserError($"--out {path}: cannot be written ({e.Message.TrimEnd('.')}); choose a folder that you may write into.", e);
        }
    }

    /// <summary>Removes its file, and the folder where it was made for it and is empty.</summary>
    public void TakeBack()
    {
        // Windows deletes no open file; elsewhere the lock is held until the file is gone.
        if (OperatingSystem.IsWindows()) stream.Dispose();
        File.Delete(file);
        folder.TakeBack();
    }

    public void Dispose() => stream.Dispose();

    /// <summary>A lock that is held is EWOULDBLOCK: 11 on Linux, 35 on macOS; on Windows a sharing or lock violation.</summary>
    private static bool IsTaken(Exception e) =>
        e is IOException && (e.HResult & 0xFFFF) is var code && (OperatingSystem.IsWindows() ? code is 32 or 33 : code is 11 or 35);
}
