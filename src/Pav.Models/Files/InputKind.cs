using System.Text;

namespace Pav.Models.Files;

/// <summary>Files that are told by their first bytes and are no text: what they are, and what makes text of them.</summary>
internal static class InputKind
{
    public const int HeadLength = 512;

    private static readonly (byte[] Start, string What)[] Known =
    [
        ("PAR1"u8.ToArray(), "a Parquet file, and is not read here or not read packed; unpack it, or write it as JSON lines first"),
        ("ARROW1"u8.ToArray(), "an Arrow file, and is not read here or not read packed; unpack it, or write it as JSON lines first"),
        ([0xFF, 0xFF, 0xFF, 0xFF], "an Arrow stream, and is not read here or not read packed; unpack it, or write it as JSON lines first"),
        ("BZh"u8.ToArray(), "compressed by bzip2; unpack it first: bunzip2 FILE (only gzip is read as it is)"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "compressed by xz; unpack it first: unxz FILE (only gzip is read as it is)"),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed by Zstandard; unpack it first: unzstd FILE (only gzip is read as it is)"),
        ([0x04, 0x22, 0x4D, 0x18], "compressed by LZ4; unpack it first: unlz4 FILE (only gzip is read as it is)"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip archive; unpack it first and give a file of it: 7z x FILE"),
        ([0x50, 0x4B, 0x03, 0x04],
            "a zip archive (or an Excel table, or PyTorch weights); unpack it first and give a file of it: unzip FILE"),
        ("version https://git-lfs"u8.ToArray(), "a Git LFS pointer, not the data; fetch the data in its repository: git lfs pull"),
        ("/annex/objects/"u8.ToArray(), "a git-annex pointer, not the data; fetch the data in its repository: git annex get FILE"),
        ("SQLite format 3"u8.ToArray(), "an SQLite database; write the table as JSON lines first"),
        ("%PDF"u8.ToArray(), "a PDF"),
        ([0x89, 0x48, 0x44, 0x46], "an HDF5 file; write it as JSON lines first"),
        ([0x7F, 0x45, 0x4C, 0x46], "a program"),
        ([0x80, 0x02], "a Python pickle (or PyTorch weights), which can run code when read; write it as JSON lines where you made it"),
        ([0x80, 0x03], "a Python pickle, which can run code when read; write it as JSON lines where you made it"),
        ([0x80, 0x04], "a Python pickle, which can run code when read; write it as JSON lines where you made it"),
        ([0x80, 0x05], "a Python pickle, which can run code when read; write it as JSON lines where you made it"),
    ];

    /// <summary>What a file with these first bytes is; null for one that may be text.</summary>
    public static string? Describe(ReadOnlySpan<byte> head)
    {
        foreach (var (start, what) in Known)
            if (head.StartsWith(start)) return what;
        if (head.Length > 262
            && head[257..].StartsWith("ustar"u8)) return "a tar archive; unpack it first and give a file of it: tar xf FILE";
        var text = Encoding.Latin1.GetString(head).TrimStart();
        if (text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
            return "a web page, not the data; download the file itself (its link with /resolve/ or /raw/ in place of /blob/)";
        return head.Contains((byte)0) ? "no text: it holds zero bytes" : null;
    }
}
