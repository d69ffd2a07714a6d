using System.Text.Json.Nodes;

namespace Pav.Cli.Tests;

public class DoctorTests
{
    [Fact]
    public void ThreadsAreAFactAndNoReasonToWarn()
    {
        using var folder = new TemporaryFolder();
        var facts = JsonNode.Parse(Cli.Run(folder.At(""), "doctor", "--json").Succeeded().Out)!;
        Assert.Equal(1, (int)facts["threads"]!);
        Assert.Equal(Environment.ProcessorCount, (int)facts["cores"]!);
        Assert.DoesNotContain(facts["warnings"]!.AsArray(), w => ((string)w!).Contains("cores"));
    }
}
