using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>
/// A file of one JSON value per line that survives a kill at any byte: a line counts once its newline is on the disk. Readers ignore a
/// torn last line; opening the file for append cuts it off.
/// </summary>
public sealed class JsonLines : IDisposable
{
    private readonly FileStream stream;
    private readonly string path;
    private readonly FilePlace place;
    private readonly int syncEvery;
    private readonly Lock guard = new();
    private int unsynced;

    private JsonLines(string path, FileStream stream, int syncEvery)
    {
        this.path = path;
        this.stream = stream;
        place = new(path, stream);
        this.syncEvery = syncEvery;
    }

    /// <summary>Opens a file for append, made if it is missing. Rows reach the operating system at once, and the disk itself every
    /// <paramref name="syncEvery"/> rows (0: at the end).</summary>
    public static JsonLines Append(string path, int syncEvery = 0)
    {
        FileStream? stream = null;
        Disk.Guard(path, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            stream.SetLength(WholeLines(stream));
            stream.Position = stream.Length;
        });
        return new(path, stream!, syncEvery);
    }

    /// <summary>Appends one row; may be called from any thread. Refused once the file was deleted, moved, replaced or cut.</summary>
    public void Write<T>(T row)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(row, Json.Line);
        Array.Resize(ref bytes, bytes.Length + 1);
        bytes[^1] = (byte)'\n';
        lock (guard)
        {
            CheckPlace();
            var before = stream.Position;
            try
            {
                Disk.Guard(path, () => stream.Write(bytes));
            }
            catch
            {
                stream.SetLength(before);
                stream.Position = before;
                throw;
            }

            if (syncEvery > 0 && ++unsynced >= syncEvery) Sync();
        }
    }

    public void Sync()
    {
        lock (guard)
        {
            CheckPlace();
            Disk.Guard(path, () => stream.Flush(flushToDisk: true));
            unsynced = 0;
        }
    }

    public void Dispose()
    {
        try
        {
            Sync();
        }
        finally
        {
            stream.Dispose();
        }
    }

    private void CheckPlace()
    {
        if (!place.IsKept || stream.Length != stream.Position)
            throw new UserError($"{path}: was deleted, moved, replaced or cut while it was being written; start the command again, it "
                + "goes on from what is left");
    }

    /// <summary>
    /// All whole lines of a file that <see cref="Append"/> made; none if it does not exist. A broken line is an error that names it, and so
    /// is a row
    /// of which <paramref name="wrong"/> has something to say.
    /// </summary>
    public static IEnumerable<T> Read<T>(string path, Func<T, string?>? wrong = null)
    {
        if (!File.Exists(path)) yield break;
        using var reader = new LineReader(InputFile.Open(path), path);
        while (reader.Next() is { } line && reader.Whole)
        {
            var row = JsonText.Parse<T>($"{path}:{reader.Number}", line.Span);
            if (wrong?.Invoke(row) is { } complaint) throw new UserError($"{path}:{reader.Number}: {complaint}");
            yield return row;
        }
    }

    /// <summary>Rewrites the file with those rows that are to be kept.</summary>
    public static void Keep<T>(string path, Func<T, bool> keep)
    {
        if (!File.Exists(path)) return;
        var rows = Read<T>(path).Where(keep).ToList();
        AtomicFile.Write(path, stream => WriteAll(stream, rows));
    }

    /// <summary>Writes one line for each row.</summary>
    public static void WriteAll<T>(Stream stream, IEnumerable<T> rows, JsonSerializerOptions? options = null)
    {
        foreach (var row in rows)
        {
            JsonSerializer.Serialize(stream, row, options ?? Json.Line);
            stream.WriteByte((byte)'\n');
        }
    }

    /// <summary>The objects of a user's file with their lines (<see cref="JsonRows"/>); one that is none is an error.</summary>
    public static IEnumerable<(int Number, JsonElement Row)> ReadInput(string path) =>
        InputRow.Read(path).Select(row => (row.Number, row.Json));

    private static long WholeLines(FileStream stream)
    {
        var block = new byte[1 << 16];
        for (var end = stream.Length; end > 0;)
        {
            var start = Math.Max(0, end - block.Length);
            stream.Position = start;
            stream.ReadExactly(block, 0, (int)(end - start));
            var newline = Array.LastIndexOf(block, (byte)'\n', (int)(end - start) - 1);
            if (newline >= 0) return start + newline + 1;
            end = start;
        }

        return 0;
    }
}
