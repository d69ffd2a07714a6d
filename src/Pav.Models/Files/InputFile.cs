using System.IO.Compression;
using System.Text;

namespace Pav.Models.Files;

/// <summary>Files that are read whole or line by line. Gzip and UTF-16 are recognised by their content; what is no text is refused by its
/// kind.</summary>
internal static class InputFile
{
    public static Stream Open(string path)
    {
        if (Directory.Exists(path)) throw new UserError($"{path}: is a folder; give a file{Suggested(path)}");
        try
        {
            var file = Seekable(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16));
            var head = Head(file);
            var zipped = head is [0x1F, 0x8B, ..];
            if (zipped)
            {
                using var beginning = new Unzipped(path, file, leaveOpen: true);
                head = beginning.Head();
                file.Position = 0;
            }

            Stream stream = zipped ? new Unzipped(path, file, leaveOpen: false) : file;
            if (Utf16(head) is { } encoding) return Encoding.CreateTranscodingStream(stream, encoding, Encoding.UTF8);
            if (InputKind.Describe(head) is not { } kind) return stream;
            stream.Dispose();
            throw new UserError($"{path}: is {(zipped ? "gzip of " : "")}{kind}");
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
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    /// <summary>Lines with their numbers, from 1; a byte-order mark is skipped. What is not UTF-8 is an error that names the
    /// line.</summary>
    public static IEnumerable<(int Number, string Text)> Lines(string path)
    {
        using var reader = new LineReader(Open(path), path);
        while (reader.Next() is { } line) yield return (reader.Number, LineReader.Decode($"{path}:{reader.Number}", line.Span));
    }

    private static string Suggested(string folder) =>
        new[] { "problems.jsonl", "labels.jsonl" }.FirstOrDefault(f => File.Exists(Path.Combine(folder, f))) is { } name
            ? $" of it, such as {Path.Combine(folder, name)}" : " of JSON lines";

    /// <summary>A pipe is read to its end first.</summary>
    private static Stream Seekable(FileStream file)
    {
        if (file.CanSeek) return file;
        using (file)
        {
            var memory = new MemoryStream();
            file.CopyTo(memory);
            memory.Position = 0;
            return memory;
        }
    }

    private static byte[] Head(this Stream stream)
    {
        var head = new byte[InputKind.HeadLength];
        var length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (stream.CanSeek) stream.Position = 0;
        return head[..length];
    }

    private static Encoding? Utf16(ReadOnlySpan<byte> head) => head switch
    {
        [0xFF, 0xFE, 0, 0, ..] => Encoding.UTF32,
        [0xFF, 0xFE, ..] => Encoding.Unicode,
        [0xFE, 0xFF, ..] => Encoding.BigEndianUnicode,
        _ => null,
    };

    /// <summary>What gzip holds; broken data, and data that unpacks to far more than any text does, are told with the file's
    /// name.</summary>
    private sealed class Unzipped(string path, Stream file, bool leaveOpen) : Stream
    {
        /// <summary>Text seldom shrinks to a twentieth; zeros shrink to a thousandth.</summary>
        private const int MostGain = 200, Free = 64 << 20;

        private readonly GZipStream gzip = new(file, CompressionMode.Decompress, leaveOpen);
        private long unpacked;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => unpacked; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            try
            {
                var read = gzip.Read(buffer);
                unpacked += read;
                if (unpacked > Free + (MostGain * file.Position))
                    throw new UserError($"{path}: unpacks to more than {MostGain} times its size, "
                        + "as no file of problems or labels does; look into it: gunzip -c FILE | head -c 1000");
                return read;
            }
            catch (InvalidDataException e)
            {
                throw new UserError($"{path}: the gzip data is broken ({e.Message.TrimEnd('.')}); copy or download the file again", e);
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) gzip.Dispose();
            base.Dispose(disposing);
        }
    }
}
