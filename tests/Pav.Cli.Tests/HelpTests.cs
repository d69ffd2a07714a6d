using Pav.Cli.Options;
using Pav.Cli.Running;

namespace Pav.Cli.Tests;

public class HelpTests
{
    private const int Screen = 40;

    private static readonly HelpLine[] Common =
        [new("--recipe <NAME|FILE>", "Values from a recipe", "Run", true), new("--quiet", "Nothing", "Run", false)];

    public static TheoryData<string> Commands => [.. AllCommands.Specs.Select(s => s.Name)];

    [Theory, MemberData(nameof(Commands))]
    public void HelpFitsAScreenAndAllOfItHasEveryOption(string name)
    {
        var spec = AllCommands.Specs.First(s => s.Name == name);
        var few = HelpText.Write(spec, Common, all: false, 120).Split('\n');
        var example = spec.Example.Split('\n').Length + 1;
        Assert.InRange(few.Length + example, 5, Screen);
        Assert.All(few, line => Assert.InRange(line.Length, 0, 120));
        foreach (var required in spec.Schema.Fields.Where(f => f.Flag is { Required: true, Positional: false }))
            Assert.Contains(few, line => line.StartsWith($"  {required.FlagName} ", StringComparison.Ordinal));

        var all = HelpText.Write(spec, Common, all: true, 120);
        foreach (var field in spec.Schema.Fields.Where(f => !f.Flag.Positional)) Assert.Contains($"\n  {field.FlagName} ", all);
        Assert.Contains("\n  --quiet ", all);
        Assert.DoesNotContain("--help --all", all);
    }

    [Fact]
    public void EveryOptionThatIsShownFirstIsOneOfACommand() =>
        Assert.Empty(HelpText.First.Except(AllCommands.Specs.SelectMany(s => s.Schema.Fields.Select(f => f.FlagName))));

    [Fact]
    public void OptionsOfServersAndSamplingStandBelowTheirHeadings()
    {
        var all = HelpText.Write(AllCommands.Specs.First(s => s.Name == "search"), Common, all: true, 100).Split('\n');
        Assert.Equal(["What:", "Options:", "Prompt and steps:", "Sampling:", "Servers:", "Run:"],
            all.Where(line => line.EndsWith(':') && line[0] != ' '));
        Assert.InRange(Array.FindIndex(all, l => l.StartsWith("  --hedge ")), Array.IndexOf(all, "Servers:"), Array.IndexOf(all, "Run:"));
    }

    [Theory]
    [InlineData("Most tokens of a trace [from 1 to 9; default: 256]", 80, "Most tokens of a trace [default: 256]")]
    [InlineData("Problems: JSON lines, Parquet, or a folder of both [required]", 24, "Problems [required]")]
    [InlineData("Where it is written (default: runs/COMMAND-DATE)", 24, "Where it is written")]
    [InlineData("Print what it would take [default: off]", 80, "Print what it would take")]
    [InlineData("One clause that is too long for a line", 20, "One clause that is…")]
    public void ALineHoldsTheFirstClauseAndTheDefault(string words, int width, string expected) =>
        Assert.Equal(expected, HelpText.Shortened(words, width));

    [Fact]
    public void AllGoesWithHelp()
    {
        var folder = Path.GetTempPath();
        Assert.Contains("--all goes with --help", Cli.Run(folder, "search", "--policy", "x", "--problems", "y", "--all").Sentence(2));
        var help = Cli.Run(folder, "search", "--help").Succeeded().Out;
        Assert.InRange(help.TrimEnd().Split('\n').Length, 10, Screen);
        Assert.Contains("--hedge <N>", Cli.Run(folder, "search", "--help", "--all").Succeeded().Out);
    }
}
