using System.Diagnostics;
using System.Runtime.InteropServices;
using Pav.Torch;

namespace Pav.Bench;

/// <summary>
/// Nanoseconds of one operator call on small tensors, its result freed: from C# through the boxed dispatcher, and in a loop in C++
/// (bench/native/direct.cpp, where it is
/// built). Medians of many short runs that take turns.
/// </summary>
internal static unsafe class CallBench
{
    private const int Runs = 201, Calls = 1000;

    public static void Run()
    {
        torch.set_num_threads(1);
        using var off = torch.no_grad();
        var direct = Direct();
        Console.WriteLine($"libtorch {torch.version}, 1 "
            + $"thread{(direct is null ? "; for the comparison with C++ first build bench/native (bench/README.md)" : "")}");
        Console.WriteLine($"{"call",-14} {"from C# ns",11} {"from C++ ns",12} {"difference",11}");
        foreach (var (name, product, n) in new[] { ("add 4x4", 0, 4), ("matmul 4x4", 1, 4), ("add 64x64", 0, 64), ("matmul 64x64", 1, 64) })
        {
            using var scope = torch.NewDisposeScope();
            var (a, b) = (torch.ones([n, n]), torch.ones([n, n]));
            List<double> boxed = [], bare = [];
            for (var run = 0; run < Runs; run++)
            {
                var clock = Stopwatch.StartNew();
                for (var i = 0; i < Calls; i++) (product == 1 ? a.mm(b) : a + b).Dispose();
                boxed.Add(clock.Elapsed.TotalNanoseconds / Calls);
                if (direct is not null) bare.Add(((delegate* unmanaged<int, long, long, double>)direct)(product, n, Calls));
            }

            Console.Write($"{name,-14} {Median(boxed),11:F0}");
            Console.WriteLine(direct is null ? "" : $" {Median(bare),12:F0} {Median(boxed) - Median(bare),11:F0}");
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>The function of bench/native/build/libpav_direct.so in a parent of the program; null where that was not built.</summary>
    private static void* Direct()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var path = Path.Combine(directory.FullName, "bench", "native", "build", "libpav_direct.so");
            if (File.Exists(path)) return (void*)NativeLibrary.GetExport(NativeLibrary.Load(path), "pav_direct");
        }

        return null;
    }
}
