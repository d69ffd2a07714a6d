using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Pav.Cli.Tests.Structure;

/// <summary>What the packages offer to others' programs.</summary>
public class PublicTypesTests
{
    /// <summary>A type that becomes public, or is so no longer, changes fixtures/public-types.txt, in which a reader sees it;
    /// PAV_WRITE_TYPES=1 writes that file.</summary>
    [Fact]
    public void ThePackagesOfferTheTypesThatTheyDid()
    {
        string[] found = [.. ToolTests.Libraries.SelectMany(name => Offered(name).Select(type => $"{name} {type.FullName}"))
            .Order(StringComparer.Ordinal)];
        var file = Path.Combine(AppContext.BaseDirectory, "fixtures", "public-types.txt");
        if (Environment.GetEnvironmentVariable("PAV_WRITE_TYPES") == "1")
            foreach (var place in new[] { file, Installation.Home.Find("tests/Pav.Cli.Tests/fixtures/public-types.txt")! })
                File.WriteAllLines(place, found);
        Assert.Equal(File.ReadAllLines(file), found);
    }

    /// <summary>In the XML file that its package carries.</summary>
    [Fact]
    public void EveryTypeOfThemSaysWhatItIs()
    {
        foreach (var name in ToolTests.Libraries)
        {
            var said = XDocument.Load(Path.Combine(AppContext.BaseDirectory, $"{name}.xml")).Descendants("member")
                .Select(member => member.Attribute("name")!.Value).ToHashSet();
            Assert.All(Offered(name), type => Assert.True(said.Contains($"T:{type.FullName}"), $"{type.FullName} has no docstring"));
        }
    }

    /// <summary>A sample that compiles needs nothing that others' programs cannot have.</summary>
    [Fact]
    public void SamplesSeeNothingInternal()
    {
        string[] samples = [.. Directory.GetFiles(Installation.Home.Find("samples")!, "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetFileNameWithoutExtension(file))];
        Assert.NotEmpty(samples);
        foreach (var name in ToolTests.Libraries)
            Assert.Empty(Assembly.Load(name).GetCustomAttributes<InternalsVisibleToAttribute>().Select(a => a.AssemblyName)
                .Intersect([.. samples, "Pav.Samples.Tests"]));
    }

    private static IEnumerable<Type> Offered(string library) => Assembly.Load(library).GetExportedTypes().Where(type => !type.IsNested);
}
