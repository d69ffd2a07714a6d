using System.Buffers;
using System.Text;

namespace Pav.Models.Files;

/// <summary>Lines of bytes, split at newlines only (a text may hold U+2028 and its like). One line stands in memory at a time, and a line
/// has a largest length.</summary>
internal sealed class LineReader(Stream stream, string path) : IDisposable
{
    /// <summary>Far above any row, far below what fills a machine.</summary>
    public const int Longest = 64 << 20;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private byte[] buffer = new byte[1 << 16];
    private int start, end;

    /// <summary>The number of the line that was read last, from 1.</summary>
    public int Number { get; private set; }

    /// <summary>The line that was read last ended in a newline.</summary>
    public bool Whole { get; private set; }

    /// <summary>The next line without its end, valid until the next call; null after the last.</summary>
    public ReadOnlyMemory<byte>? Next()
    {
        for (var scanned = start; ;)
        {
            var newline = Array.IndexOf(buffer, (byte)'\n', scanned, end - scanned);
            if (newline >= 0) return Take(newline, newline + 1);
            (scanned, end, start) = (Shift(), end - start, 0);
            var read = stream.Read(buffer, end, buffer.Length - end);
            if (read == 0 && end == 0) return null;
            if (read == 0) return Take(end, end);
            end += read;
        }
    }

    /// <summary>The text of a line; what is not UTF-8 is an error that names it.</summary>
    public static string Decode(string where, ReadOnlySpan<byte> line)
    {
        try
        {
            return Strict.GetString(line);
        }
        catch (DecoderFallbackException)
        {
            throw NotUtf8(where, line);
        }
    }

    public static UserError NotUtf8(string where, ReadOnlySpan<byte> line)
    {
        var good = 0;
        while (Rune.DecodeFromUtf8(line[good..], out _, out var length) == OperationStatus.Done) good += length;
        return new($"{where}: byte 0x{line[good]:X2} at place {good + 1} of the line is not UTF-8; "
            + "if the file is Latin-1: iconv -f LATIN1 -t UTF-8 FILE > NEW");
    }

    public void Dispose() => stream.Dispose();

    private ReadOnlyMemory<byte> Take(int to, int next)
    {
        var from = ++Number == 1 && buffer.AsSpan(start, to - start).StartsWith(Encoding.UTF8.Preamble)
            ? start + Encoding.UTF8.Preamble.Length : start;
        (start, Whole) = (next, next > to);
        return buffer.AsMemory(from, (to > from && buffer[to - 1] == '\r' ? to - 1 : to) - from);
    }

    /// <summary>Moves the begun line to the front and makes room behind it; answers its length.</summary>
    private int Shift()
    {
        var length = end - start;
        if (length >= Longest)
            throw new UserError($"{path}:{Number + 1}: the line is longer than {Longest >> 20} MiB; expected one JSON object on each line");
        var target = length == buffer.Length ? new byte[2 * length] : buffer;
        Buffer.BlockCopy(buffer, start, target, 0, length);
        buffer = target;
        return length;
    }
}
