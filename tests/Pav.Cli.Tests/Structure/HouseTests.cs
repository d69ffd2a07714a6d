using Pav.Cli.Installation;

namespace Pav.Cli.Tests.Structure;

/// <summary>What keeps the sources easy to find one's way in: no folder circle, no long file.</summary>
public class HouseTests
{
    private const int MostLines = 400;

    /// <summary>Pairs of folders that use each other and are known: a registry needs what it lists.</summary>
    private static readonly HashSet<(string Project, string One, string Other)> Known =
    [
        ("Pav.Models", "Decoders", "Decoders/Families"),
    ];

    public static TheoryData<string> Projects => [.. Directory.GetDirectories(Home.Find("src")!).Select(f => Path.GetFileName(f)!).Order()];

    [Theory, MemberData(nameof(Projects))]
    public void NoFolderCircle(string project)
    {
        var sources = FolderGraph.Sources(Path.Combine(Home.Find("src")!, project));
        var uses = FolderGraph.Uses(project, sources).Where(u => !IsKnown(project, u)).ToList();
        var circles = FolderGraph.Circles(uses).Select(way => string.Join("; ", way.Select(u => $"{u.From} uses {u.To} ({u.Example})"))).ToList();
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

    [Theory, InlineData("src"), InlineData("tests")]
    public void NoLongFile(string folder)
    {
        var sources = FolderGraph.Sources(Home.Find(folder)!);
        Assert.NotEmpty(sources);
        Assert.Empty(sources.Where(s => !s.Key.Contains("/obj/") && s.Value.Count(c => c == '\n') > MostLines).Select(s => s.Key));
    }
}
