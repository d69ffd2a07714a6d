using System.Security.Cryptography;
using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>Writes whole files and folders: to a temporary name beside the target, flushed to the disk, then renamed. A reader meets the
/// old content or the new, never half.</summary>
internal static class AtomicFile
{
    /// <summary>A link is followed, and a device (/dev/stdout) written to as it stands.</summary>
    public static void Write(string path, Action<Stream> write) => Write(path, overwrite: true, write);

    /// <param name="path">The file.</param>
    /// <param name="overwrite">May another content be replaced? The same content is no matter.</param>
    /// <param name="write">Writes it.</param>
    public static void Write(string path, bool overwrite, Action<Stream> write)
    {
        if (IsDevice(path))
        {
            Disk.Guard(path, () => { using var device = new FileStream(path, FileMode.Open, FileAccess.Write); write(device); });
            return;
        }

        path = File.Exists(path) && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target ? target.FullName : path;
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var temporary = Path.Combine(folder, TemporaryName(Path.GetFileName(path)));
        Disk.Guard(path, () =>
        {
            var made = NewFolder.Create(folder);
            try
            {
                using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
                {
                    write(stream);
                    stream.Flush(flushToDisk: true);
                }

                if (!overwrite && File.Exists(path) && !Same(temporary, path))
                    throw new UserError($"{path}: is there already, with other content; give another --out, or --overwrite to replace it");
                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                made.TakeBack();
                throw;
            }
        });
    }

    private static bool Same(string path, string other)
    {
        using var one = File.OpenRead(path);
        using var two = File.OpenRead(other);
        return one.Length == two.Length && SHA256.HashData(one).AsSpan().SequenceEqual(SHA256.HashData(two));
    }

    /// <summary>What a file is called while it is written; a kill leaves this name behind.</summary>
    public static string TemporaryName(string name) => $".{name}.tmp";

    private static bool IsDevice(string path) =>
        Path.GetFullPath(path) is var full && full.StartsWith("/dev/", StringComparison.Ordinal)
            && !full.StartsWith("/dev/shm/", StringComparison.Ordinal) && File.Exists(full);

    public static void WriteText(string path, string text) => Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        writer.Write(text);
    });

    /// <summary>Indented JSON with snake_case names.</summary>
    public static void WriteJson<T>(string path, T value) => Write(path, stream => JsonSerializer.Serialize(stream, value, Json.Indented));

    /// <summary>Fills a new folder and puts it in the place of <paramref name="path"/>, whatever was there. See <see
    /// cref="RecoverFolder"/>.</summary>
    public static void WriteFolder(string path, Action<string> fill)
    {
        var (fresh, old) = Beside(path);
        Disk.Guard(path, () =>
        {
            RecoverFolder(path);
            if (Directory.Exists(fresh)) Directory.Delete(fresh, recursive: true);
            Directory.CreateDirectory(fresh);
            try
            {
                fill(fresh);
                foreach (var file in Directory.EnumerateFiles(fresh, "*", SearchOption.AllDirectories))
                {
                    using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
                    stream.Flush(flushToDisk: true);
                }

                if (Directory.Exists(path)) Directory.Move(path, old);
                Directory.Move(fresh, path);
            }
            catch
            {
                if (Directory.Exists(fresh)) Directory.Delete(fresh, recursive: true);
                RecoverFolder(path);
                throw;
            }

            if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
        });
    }

    /// <summary>Brings back the folder that a kill between the two renames of <see cref="WriteFolder"/> left under its other name. Call it
    /// before reading.</summary>
    public static void RecoverFolder(string path)
    {
        var (_, old) = Beside(path);
        if (!Directory.Exists(old)) return;
        if (Directory.Exists(path)) Directory.Delete(old, recursive: true);
        else Directory.Move(old, path);
    }

    private static (string Fresh, string Old) Beside(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var (folder, name) = (Path.GetDirectoryName(full)!, Path.GetFileName(full));
        return (Path.Combine(folder, TemporaryName(name)), Path.Combine(folder, $".{name}.old"));
    }
}

internal static class Disk
{
    /// <summary>ENOSPC and EDQUOT (122 on Linux, 69 on macOS), or Windows' words for a full disk and a spent quota.</summary>
    private static readonly int[] Full = OperatingSystem.IsWindows() ? [39, 112, 1295] : OperatingSystem.IsMacOS() ? [28, 69] : [28, 122];

    /// <summary>Turns what a disk or its permissions refuse into a sentence for the user.</summary>
    public static void Guard(string path, Action action)
    {
        try
        {
            action();
        }
        catch (IOException e) when (Full.Contains(e.HResult & 0xFFFF))
        {
            throw new UserError($"{path}: the disk is full, nothing half-written was left behind; free some space or choose another "
                + "folder, then start the command again", e);
        }
        catch (ArgumentOutOfRangeException e) when (e is { ParamName: "value", ActualValue: null }
            && e.TargetSite?.DeclaringType?.Namespace?.StartsWith("System.IO", StringComparison.Ordinal) == true)
        {
            // .NET's name for EFBIG, thrown where it writes; anything else out of range is a mistake of this program.
            throw new UserError($"{path}: the file would be larger than this disk or this user may have; choose another folder, then "
                + "start the command again", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UserError($"{path}: not allowed to write here; choose a folder that you own", e);
        }
        catch (IOException e)
        {
            throw new UserError($"{path}: cannot be written ({e.Message})", e);
        }
    }
}
