using System.Diagnostics;

namespace Pav.Cli.Tests;

/// <summary>The program as a process of its own: what it prints and how it ends.</summary>
internal static class Cli
{
    public sealed record Ended(int Code, string Out, string Error)
    {
        public Ended Succeeded()
        {
            Assert.True(Code == 0, $"exit code {Code}: {Error}");
            return this;
        }

        /// <summary>A failure that a person can read: one sentence on one line, no stack trace.</summary>
        public string Sentence(int code)
        {
            Assert.Equal(code, Code);
            var line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.StartsWith("pav: ", line);
            Assert.DoesNotContain("   at ", Error);
            return line;
        }
    }

    public static Process Start(string folder, params string[] arguments) => Start(folder, "dotnet", [Dll, .. arguments]);

    public static Ended Run(string folder, params string[] arguments) => Wait(Start(folder, arguments));

    /// <summary>With files limited to so many KiB, as on a disk that refuses more.</summary>
    public static Ended RunWithFilesUpTo(int kib, string folder, params string[] arguments) =>
        Wait(Start(folder, "bash", ["-c", $"trap '' XFSZ; ulimit -f {kib}; exec dotnet \"$0\" \"$@\"", Dll, .. arguments]));

    /// <summary>Where there is no native library to load.</summary>
    public static Ended RunWithoutLibtorch(string folder, params string[] arguments) =>
        Wait(Start(folder, "bash", ["-c", "PAV_NATIVE=/nowhere/libpav_torch.so exec dotnet \"$0\" \"$@\"", Dll, .. arguments]));

    public static Ended Wait(Process process)
    {
        using (process)
        {
            var output = process.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(120_000))
            {
                process.Kill();
                throw new TimeoutException("pav ran for two minutes");
            }
            return new(process.ExitCode, output.Result, error.Result);
        }
    }

    /// <summary>Waits until a file has so many lines, and ends the process then: SIGKILL, or SIGTERM as a polite stop.</summary>
    public static Ended StopAt(Process process, string file, int lines, bool politely = false)
    {
        while (!process.HasExited && (!File.Exists(file) || Lines(file) < lines)) Thread.Sleep(2);
        if (politely) Signal(process, "TERM");
        else process.Kill();
        return Wait(process);
    }

    /// <summary>INT, as Ctrl-C sends it; TERM where that is ignored by all that a shell runs in the background.</summary>
    public static string Interrupt { get; } = (Convert.ToUInt64(File.ReadLines("/proc/self/status")
        .First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))["SigIgn:".Length..].Trim(), 16) & 2) == 0 ? "INT" : "TERM";

    public static void Signal(Process process, string name) => Process.Start("kill", [$"-{name}", $"{process.Id}"]).WaitForExit();

    private static int Lines(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return new StreamReader(stream).ReadToEnd().Count(c => c == '\n');
    }

    private static string Dll => Path.Combine(AppContext.BaseDirectory, "Pav.Cli.dll");

    private static Process Start(string folder, string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true,
            RedirectStandardError = true };
        foreach (var name in new[] { "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS" }) start.Environment[name] = "1";
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        foreach (var name in new[] { "PAV_DEBUG", "PAV_COMMAND", "PAV_LACKS" }) start.Environment.Remove(name);
        return Process.Start(start)!;
    }
}
