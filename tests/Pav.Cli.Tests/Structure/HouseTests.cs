using Pav.Cli.Installation;

namespace Pav.Cli.Tests.Structure;

/// <summary>What keeps the sources easy to find one's way in: no folder circle, no long file.</summary>
public class HouseTests
{
    private const int MostLines = 400;

    /// <summary>Pairs of folders that use each other and are known: a registry needs what it lists; the CPU's engine is yet to be
    /// parted.</summary>
    private static readonly HashSet<(string Project, string One, string Other)> Known =
    [
        ("Pav.Models", "Decoders", "Decoders/Families"), ("Pav.Models", "Cpu", "Decoders"), ("Pav.Models", "Cpu", "Inference"),
        ("Pav.Models", "Cpu", "Training"),
    ];

    public static TheoryData<string> Projects => [.. Directory.GetDirectories(Home.Find("src")!).Select(f => Path.GetFileName(f)!).Order()];

    [Theory, MemberData(nameof(Projects))]
    public void NoFolderCircle(string project)
    {
        var sources = FolderGraph.Sources(Path.Combine(Home.Find("src")!, project));
        var uses = FolderGraph.Uses(project, sources).Where(u => !IsKnown(project, u)).ToList();
        var circles = FolderGraph.Circles(uses).Select(way => string.Join("; ", way.Select(u => $"{u.From} uses {u.To} ({u.Example})")))
            .ToList();
        Assert.True(circles.Count == 0, $"{project}: {string.Join("\n", circles)}");
    }

    private static bool IsKnown(string project, FolderUse use) =>
        Known.Contains((project, use.From, use.To)) || Known.Contains((project, use.To, use.From));

    [Fact]
    public void ACircleIsFoundWithItsExamples()
    {
        var sources = new Dictionary<string, string>
        {
            ["A/One.cs"] = "namespace N; class One { static void F() => new Two(); }",
            ["B/Two.cs"] = "namespace N; class Two { static object F() => typeof(Three); int One => 1; }",
            ["C/Three.cs"] = "namespace N; class Three : One;",
            ["D/Four.cs"] = "namespace N; class Four { One? one; }",
        };
        var circle = Assert.Single(FolderGraph.Circles(FolderGraph.Uses("N", sources)));
        Assert.Equal(["A B One.cs names Two", "B C Two.cs names Three", "C A Three.cs names One"],
            circle.Select(u => $"{u.From} {u.To} {u.Example}").Order());
        sources.Remove("C/Three.cs");
        Assert.Empty(FolderGraph.Circles(FolderGraph.Uses("N", sources)));
    }

    /// <summary>Lines over 140 columns are yet to be wrapped; their number may only fall. Where there are fewer, lower it here.</summary>
    [Theory, InlineData("src", 71), InlineData("tests", 89)]
    public void NoMoreWideLines(string folder, int most)
    {
        var wide = FolderGraph.Sources(Home.Find(folder)!).Where(s => !s.Key.Contains("/obj/"))
            .Sum(s => s.Value.Split('\n').Count(line => line.TrimEnd('\r').Length > 140));
        Assert.True(wide <= most, $"{folder} has {wide} lines over 140 columns, {wide - most} more than before: wrap those that are new");
    }

    /// <summary>Rows of tables may be wider.</summary>
    [Fact]
    public void NoWideLineInDocuments()
    {
        string[] files = [Home.Find("README.md")!, Home.Find("CONTRIBUTING.md")!, .. Directory.GetFiles(Home.Find("docs")!, "*.md")];
        Assert.True(files.Length > 10);
        Assert.Empty(from file in files
            from line in File.ReadLines(file).Index()
            where line.Item.Length > 140 && line.Item[0] != '|'
            select $"{Path.GetFileName(file)}:{line.Index + 1}");
    }

    [Theory, InlineData("src"), InlineData("tests")]
    public void NoLongFile(string folder)
    {
        var sources = FolderGraph.Sources(Home.Find(folder)!);
        Assert.NotEmpty(sources);
        Assert.Empty(sources.Where(s => !s.Key.Contains("/obj/") && s.Value.Count(c => c == '\n') > MostLines).Select(s => s.Key));
    }
}
