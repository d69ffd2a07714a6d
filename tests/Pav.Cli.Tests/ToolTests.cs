using System.Diagnostics;
using System.IO.Compression;
using Pav.Cli.Installation;

namespace Pav.Cli.Tests;

/// <summary>The tool as others get it: packed from this build, installed from its package alone, started in an empty folder.</summary>
public sealed class ToolTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    /// <summary>Assemblies of the packages beside the tool's. Pav's is Pav.Core, as names of packages know no case.</summary>
    internal static string[] Libraries { get; } =
        ["Pav", "Pav.Torch", "Pav.Models", "Pav.Gguf", "Pav.Report", "Pav.Serve", "Pav.Extensions.AI"];

    public void Dispose() => temporary.Dispose();

    /// <summary>Each with its assembly, the words of its members, a page of its own, and the licence; of the others it asks for the same
    /// version.</summary>
    [Fact]
    public void EveryLibraryIsPackedWithWhatItNeeds()
    {
        foreach (var name in Libraries)
            DotNet("pack", Path.Combine(Home.Find("src")!, name), "-c", Configuration, "--no-build", "-o", temporary.At("feed"), "-v", "q",
                "-nodeReuse:false");
        foreach (var name in Libraries)
        {
            var id = name == "Pav" ? "Pav.Core" : name;
            using var package = ZipFile.OpenRead(temporary.At($"feed/{id}.0.1.0.nupkg"));
            string[] wanted = [$"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml", "README.md", "LICENSE", $"{id}.nuspec"];
            Assert.All(wanted, file => Assert.True(package.GetEntry(file) is { Length: > 0 }, $"{id} lacks {file}"));
            using var reader = new StreamReader(package.GetEntry($"{id}.nuspec")!.Open());
            var about = reader.ReadToEnd();
            Assert.Contains("""<license type="expression">MIT</license>""", about, StringComparison.Ordinal);
            Assert.Contains("<readme>README.md</readme>", about, StringComparison.Ordinal);
            Assert.DoesNotContain("Package Description", about, StringComparison.Ordinal);
            Assert.DoesNotMatch("""id="Pav[^"]*" version="[^\[]""", about);
        }
    }

    [Fact]
    public void TheToolIsInstalledFromItsPackageAndLabelsWithTheModelInIt()
    {
        var project = Path.Combine(Home.Find("src")!, "Pav.Cli");
        DotNet("pack", project, "-c", Configuration, "--no-build", "-o", temporary.At("feed"), "-v", "q", "-nodeReuse:false");
        Assert.Equal("pav.0.1.0.nupkg", Path.GetFileName(Assert.Single(Directory.GetFiles(temporary.At("feed")))));
        temporary.Write("nuget.config",
            """<configuration><packageSources><clear /><add key="feed" value="feed" /></packageSources></configuration>""");
        DotNet("tool", "install", "pav", "--tool-path", temporary.At("tool"), "--configfile", temporary.At("nuget.config"));

        Directory.CreateDirectory(temporary.At("empty"));
        Assert.Contains("pav demo", Pav("--help").Succeeded().Out);
        Pav("problems", "--split", "train", "--count", "4", "--out", "problems.jsonl").Succeeded();
        Pav("label", "--policy", "pav-tiny-s", "--problems", "problems.jsonl", "--n-cov", "1", "--n-mc", "1", "--max-tokens", "64",
            "--out", "labels").Succeeded();
        Assert.Equal(4, File.ReadAllLines(temporary.At("empty/labels/labels.jsonl")).Length);
        Assert.Contains("comes with pav (demo, ", Pav("rl", "--recipe", "none").Sentence(2));
    }

    private static string Configuration =>
        AppContext.BaseDirectory.Split(Path.DirectorySeparatorChar).Contains("Debug") ? "Debug" : "Release";

    private Cli.Ended Pav(params string[] arguments) =>
        Start(temporary.At(OperatingSystem.IsWindows() ? "tool/pav.exe" : "tool/pav"), arguments);

    private void DotNet(params string[] arguments)
    {
        var ended = Start("dotnet", arguments);
        Assert.True(ended.Code == 0, ended.Out + ended.Error);
    }

    private Cli.Ended Start(string program, string[] arguments)
    {
        var empty = Directory.CreateDirectory(temporary.At("empty")).FullName;
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = empty, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        // The test runner's own settings of MSBuild are not those of a shell.
        var others = start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList();
        foreach (var name in others.Append("PAV_COMMAND")) start.Environment.Remove(name);
        return Cli.Wait(Process.Start(start)!);
    }
}
