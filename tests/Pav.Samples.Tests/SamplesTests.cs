using System.Diagnostics;
using System.Runtime.CompilerServices;
using Pav.Double;
using Pav.Models;
using Pav.Models.Tokenizers;

namespace Pav.Samples.Tests;

/// <summary>The samples as programs: what they print.</summary>
public class SamplesTests
{
    [Fact]
    public async Task TheFirstSearchHasLabelsABeamAndATreeInSixtyLines()
    {
        var lines = (await Run("FirstSearch")).Split('\n');
        Assert.Equal(5, lines.Count(line => line.Contains("Answer:") && line.Contains(" | ")));
        Assert.Contains(lines, line => line.StartsWith("Its answer: 90, ", StringComparison.Ordinal));
        Assert.Single(lines, line => line.EndsWith("Chosen", StringComparison.Ordinal));
        Assert.Contains("  17 + 26 = 43  Q 0.", string.Join('\n', lines));
        Assert.InRange(Source("samples/Adder.cs").Length + Source("samples/FirstSearch/Program.cs").Length, 1, 66);
    }

    [Fact]
    public async Task AnOwnSearchIsRunAndComparedLikeTheOthers()
    {
        var lines = (await Run("OwnSearch")).TrimEnd().Split('\n');
        var right = lines.Select(line => int.Parse(line.Split(": ")[1].Split('%')[0])).ToArray();
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("Depth first, best step first", lines[2]);
        Assert.InRange(right[0], 10, 45);
        Assert.InRange(right[2], right[0] + 20, 100);
    }

    [Fact]
    public async Task AnOwnGraderCountsEqualAnswersTogether() =>
        Assert.Equal(["minutes: majority of 64 says 90, right", "numeric: majority of 64 says 70 min, wrong"],
            (await Run("OwnGrader")).TrimEnd().Split('\n'));

    [Fact]
    public async Task AnswersOfAServerAreGuided()
    {
        var model = Path.Combine(Root(), "models", "pav-tiny-s");
        using var generator = new Generator(TransformerPolicy.Load("served", model, new("{problem}")), Tokenizer.Load(model));
        await using var server = await DoubleServer.Start(generator);
        var printed = await Run("GuidedAnswers", server.Url, "Start 38\n1: -9\n2: +6");
        Assert.Contains("Single sample (", printed);
        Assert.Contains("Guided forest (", printed);
        Assert.True(server.Requests > 4);
    }

    private static async Task<string> Run(string sample, params string[] arguments)
    {
        string[] all = [Path.Combine(AppContext.BaseDirectory, $"{sample}.dll"), .. arguments];
        var start = new ProcessStartInfo("dotnet", all) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await error);
        return await output;
    }

    private static string[] Source(string path) => File.ReadAllLines(Path.Combine(Root(), path));

    private static string Root([CallerFilePath] string source = "") => Path.Combine(Path.GetDirectoryName(source)!, "..", "..");
}
