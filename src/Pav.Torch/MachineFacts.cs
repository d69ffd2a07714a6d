using System.Diagnostics;

namespace Pav.Torch;

/// <summary>Which BLAS libtorch's matrix products run on.</summary>
/// <param name="Library">Path of the mapped library, or "built into libtorch".</param>
/// <param name="IsSlowReference">Debian's unoptimised BLAS: some ten times slower.</param>
internal sealed record BlasFacts(string Library, bool IsSlowReference);

/// <summary>What the machine offers to tensors.</summary>
/// <param name="LibtorchPath">The loaded libtorch_cpu.so.</param>
/// <param name="Devices">"cpu", then each GPU.</param>
/// <param name="Threads">Threads of one operator.</param>
/// <param name="GemmGflops">Rate of a 1024³ float32 product on the CPU.</param>
internal sealed record MachineFacts(
    string LibtorchVersion, string LibtorchPath, IReadOnlyList<string> Devices, int Threads, int Cores, BlasFacts Blas, double GemmGflops)
{
    private const string MapsPath = "/proc/self/maps";

    /// <summary>Looks and measures: a quarter of a second on two cores, longer with a slow BLAS.</summary>
    public static MachineFacts Gather()
    {
        var gflops = MeasureGemm();
        var mapped = File.Exists(MapsPath) ? MappedLibraries(File.ReadLines(MapsPath)) : [];
        return new MachineFacts(
            torch.version,
            mapped.FirstOrDefault(p => Path.GetFileName(p).StartsWith("libtorch_cpu.so", StringComparison.Ordinal)) ?? "not found",
            ["cpu", .. Enumerable.Range(0, torch.cuda_device_count()).Select(i => $"cuda:{i}")],
            torch.get_num_threads(),
            Environment.ProcessorCount,
            BlasOf(mapped),
            gflops);
    }

    /// <summary>Paths of the shared libraries in the lines of /proc/self/maps.</summary>
    internal static List<string> MappedLibraries(IEnumerable<string> maps) =>
        [.. maps.Select(line => line.IndexOf('/') is var slash && slash >= 0 ? line[slash..] : "")
            .Where(path => path.Contains(".so", StringComparison.Ordinal)).Distinct()];

    /// <summary>Debian's reference BLAS and OpenBLAS are both called libblas.so.3; their folders tell them apart.</summary>
    internal static BlasFacts BlasOf(IReadOnlyList<string> mapped)
    {
        var fast = mapped.FirstOrDefault(p => Path.GetFileName(p) is var name
            && (name.StartsWith("libmkl", StringComparison.Ordinal) || name.Contains("openblas", StringComparison.Ordinal)
            || name.Contains("blis", StringComparison.Ordinal)))
            ?? mapped.FirstOrDefault(p => IsBlas(p) && Folder(p) is var folder
                && (folder.Contains("openblas", StringComparison.Ordinal) || folder.Contains("atlas", StringComparison.Ordinal)
                || folder.Contains("blis", StringComparison.Ordinal)));
        if (fast is not null) return new BlasFacts(fast, false);
        return mapped.FirstOrDefault(IsBlas) is { } reference
            ? new BlasFacts(reference, true) : new BlasFacts("built into libtorch", false);
    }

    private static bool IsBlas(string path) => Path.GetFileName(path).StartsWith("libblas.so", StringComparison.Ordinal);

    private static string Folder(string path) => Path.GetDirectoryName(path) ?? "";

    private static double MeasureGemm()
    {
        const int size = 1024, repeats = 4;
        using var scope = torch.NewDisposeScope();
        using var guard = torch.no_grad();
        var (a, b) = (torch.ones([size, size]), torch.ones([size, size]));
        a.mm(b);
        var best = double.MaxValue;
        for (var i = 0; i < repeats; i++)
        {
            var watch = Stopwatch.StartNew();
            a.mm(b);
            best = Math.Min(best, watch.Elapsed.TotalSeconds);
            if (best > 0.1) break;
        }
        return 2.0 * size * size * size / best / 1e9;
    }
}
