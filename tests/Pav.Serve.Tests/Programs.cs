using System.Diagnostics;

namespace Pav.Serve.Tests;

/// <summary>Other programs that tests need.</summary>
internal static class Programs
{
    /// <summary>Runs one to its end; its code is 127 where there is none of that name.</summary>
    public static (int Code, string Said) Run(string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output.Result + errors);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (127, e.Message);
        }
    }
}
