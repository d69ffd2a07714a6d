using System.IO.Compression;
using System.Text.Json;

namespace Pav.Tests.Grading;

/// <summary>A test on whole data sets, which lie outside the repository: skipped unless PAV_DATA names their folder.</summary>
internal sealed class DataFactAttribute : FactAttribute
{
    private static readonly string? Folder = Environment.GetEnvironmentVariable("PAV_DATA");

    public DataFactAttribute()
    {
        if (!Directory.Exists(Folder)) Skip = "PAV_DATA does not name a folder with the data sets";
    }

    public static IEnumerable<JsonElement> Rows(string file)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(Folder!, file)), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line) yield return JsonDocument.Parse(line).RootElement;
    }
}
