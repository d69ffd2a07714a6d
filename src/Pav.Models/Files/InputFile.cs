using System.IO.Compression;
using System.Text;

namespace Pav.Models.Files;

/// <summary>Files that are read whole or line by line; gzip is recognised by its content, not its name.</summary>
public static class InputFile
{
    /// <summary>Without this a file that was cut short is read as if it ended there.</summary>
    static InputFile() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    public static Stream Open(string path)
    {
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
            var zipped = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            return zipped ? new GZipStream(file, CompressionMode.Decompress) : file;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserError($"{path}: no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path}: cannot be read ({e.Message})", e);
        }
    }

    public static byte[] Bytes(string path)
    {
        using var stream = Open(path);
        using var memory = new MemoryStream();
        try
        {
            stream.CopyTo(memory);
        }
        catch (InvalidDataException e)
        {
            throw new UserError($"{path}: the gzip data is broken ({e.Message})", e);
        }

        return memory.ToArray();
    }

    /// <summary>Lines with their numbers, from 1; a byte-order mark is skipped.</summary>
    public static IEnumerable<(int Number, string Text)> Lines(string path)
    {
        using var reader = new StreamReader(Open(path), Encoding.UTF8);
        for (var number = 1; ; number++)
        {
            string? line;
            try
            {
                line = reader.ReadLine();
            }
            catch (InvalidDataException e)
            {
                throw Broken($"{path}:{number}", e);
            }

            if (line is null) yield break;
            yield return (number, line);
        }
    }

    /// <summary>What to say where decompressing fails.</summary>
    internal static UserError Broken(string where, InvalidDataException e) => new($"{where}: the gzip data is broken ({e.Message.TrimEnd('.')}); copy or download the file again", e);
}
