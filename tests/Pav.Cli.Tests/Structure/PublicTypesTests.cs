namespace Pav.Cli.Tests.Structure;

/// <summary>What the packages offer to others' programs.</summary>
public class PublicTypesTests
{
    /// <summary>A type that becomes public, or is so no longer, changes fixtures/public-types.txt, in which a reader sees it;
    /// PAV_WRITE_TYPES=1 writes that file.</summary>
    [Fact]
    public void ThePackagesOfferTheTypesThatTheyDid()
    {
        string[] found = [.. ToolTests.Libraries.SelectMany(name => System.Reflection.Assembly.Load(name).GetExportedTypes()
            .Where(type => !type.IsNested).Select(type => $"{name} {type.FullName}")).Order(StringComparer.Ordinal)];
        var file = Path.Combine(AppContext.BaseDirectory, "fixtures", "public-types.txt");
        if (Environment.GetEnvironmentVariable("PAV_WRITE_TYPES") == "1")
            foreach (var place in new[] { file, Installation.Home.Find("tests/Pav.Cli.Tests/fixtures/public-types.txt")! })
                File.WriteAllLines(place, found);
        Assert.Equal(File.ReadAllLines(file), found);
    }
}
