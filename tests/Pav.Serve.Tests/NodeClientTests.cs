using System.Diagnostics;

namespace Pav.Serve.Tests;

/// <summary>The official client of npm, unchanged; passed over where there is no node, or no registry to fetch the client from.</summary>
public class NodeClientTests
{
    [Fact]
    public async Task It_reads_all_that_the_server_says()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "node");
        if (!Directory.Exists(Path.Combine(folder, "node_modules", "openai"))
            && await Run("npm", folder, "ci", "--no-audit", "--no-fund", "--ignore-scripts") is not { Code: 0 }) return;
        await using var served = await Served.Start(Toys.Models(new()), new() { Key = "secret" });
        if (await Run("node", folder, "client.mjs", served.Server.Url + "/v1", "secret") is not { } ended) return;
        Assert.True(ended.Code == 0, ended.Said);
        Assert.Contains("all is well", ended.Said);
        Assert.Empty(served.Log.Errors);
    }

    /// <summary>Null where there is no such program.</summary>
    private static async Task<(int Code, string Said)?> Run(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, await output + await error);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
