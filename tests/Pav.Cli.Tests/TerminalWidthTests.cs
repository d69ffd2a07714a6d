using System.Text.RegularExpressions;
using Pav.Report.Folders;
using Pav.Cli.Terminal;

namespace Pav.Cli.Tests;

public partial class TerminalWidthTests
{
    private static MethodSummary Method(string name, int n, double? alpha = null, string? prover = null) => new()
    {
        Method = name, N = n, Alpha = alpha, Prover = prover, Problems = 300, Seeds = 1,
        Accuracy = 0.863, Low = 0.823, High = 1, Pass = 0.98,
        GeneratedTokens = 6525.4, ScoredTokens = 2755.2, Seconds = 0.2,
    };

    private static Summary Search(params MethodSummary[] methods) => new(methods, [], [], new(null, null, null), null, 1, 1);

    [Theory]
    [InlineData(80)]
    [InlineData(120)]
    public void TheTableOfASearchFits(int width)
    {
        var search = Search(Method("sample", 1), Method("best-of-n-orm", 128), Method("oracle-beam-pav", 16, 0.25, "bo4"));
        var lines = ResultTable.FromSummary(search, width).ToList();
        Assert.All(lines, line => Assert.InRange(line.Length, 1, width));
        Assert.Contains(lines, line =>
            Regex.IsMatch(line, @"^oracle-beam-pav bo4 +16 +0\.25 +86\.3 +82\.3-100\.0 +98\.0 +6525 +2755 +300$"));
        Assert.Equal(width == 120 ? 1 : 3, lines.TakeWhile(line => !line.StartsWith('-')).Count());
    }

    [Theory]
    [InlineData(80)]
    [InlineData(120)]
    public void ALongNameOfAProverTakesLinesOfItsOwn(int width)
    {
        static IEnumerable<string> First(List<string> lines) => lines.SkipWhile(l => !l.StartsWith("---")).Skip(1).SkipLast(1)
            .Select(l => l.Split(' ')[0]).Where(w => w != "beam-pav");
        var name = string.Join('-', Enumerable.Repeat("verifier-of-another-policy", 6));
        var lines = ResultTable.FromSummary(Search(Method("beam-pav", 4, 0.5, name)), width).ToList();
        Assert.All(lines, line => Assert.InRange(line.Length, 1, width));
        Assert.Equal(name.Replace("-", ""), string.Concat(First(lines)).Replace("-", ""));
    }

    [Theory]
    [InlineData(80)]
    [InlineData(120)]
    public void TheTableOfRlFits(int width)
    {
        RlGroup Group(string name) =>
            new(name, "pav", [1, 2], [new(1, [new(0, 0, 0, 0.04), new(10, 900, 900, 0.8)])], [],
            [new(1, 0.8, 0.7, 0.9), new(128, 0.9, 0.8, 1)], [], [], 0, 0, 0.85, []);
        var lines = RlTable.Lines(new([Group("orm"), Group("pav alpha=0.3 best_of=8 kl=0.01")], [], []), width).Skip(1).ToList();
        Assert.All(lines, line => Assert.InRange(line.Length, 1, width));
        Assert.Contains(lines, line => Regex.IsMatch(line, @"^pav alpha=0\.3 best_of=8( kl=0\.01)? +2 +4\.0 +80\.0 +80\.0 +90\.0 +85\.0$"));
        Assert.EndsWith("kl=0.01", lines[^1].Split("  ")[0]);
    }

    private static Summary Compared(params Comparison[] comparisons) => new([], comparisons, [], new(null, null, null), null, 1, 1);

    [Fact]
    public void ASavingWhoseIntervalHoldsOneIsNotShown()
    {
        var lines = ResultTable.Claims(Compared(new Comparison("tokens-to-reach", "beam-q", "best-of-n-orm n=128", 4.1, 0, 11.2, 225, 926)))
            .ToList();
        Assert.Equal(
            "beam-q reaches the accuracy of best-of-n-orm n=128 with 225 tokens per problem, best-of-n-orm itself first with 926: 4.1 "
                + "times fewer [never to 11.2]; 1 lies in the interval, so no saving is shown.",
            Assert.Single(lines));
    }

    [Fact]
    public void ABeamOfOneOnQAndProgressIsToldAsWhatItIsABeamOnQ()
    {
        var lines = ResultTable.Claims(Compared(
            new Comparison("equal-tokens", "beam-pav bo4 alpha=0.1 n=1", "best-of-n-orm", 0.211, 0.144, 0.278, 154, 154),
            new Comparison("equal-tokens", "beam-pav bo4 alpha=0.1 n=2", "best-of-n-orm", 0.158, 0.09, 0.23, 297, 297),
            new Comparison("equal-tokens", "beam-q n=1", "best-of-n-orm", 0.211, 0.144, 0.278, 154, 154))).ToList();
        Assert.Equal("At equal generated tokens (154 per problem), beam-q n=1 is +21.1 points [+14.4 to +27.8] from best-of-n-orm, the "
            + "largest of 2 such differences of beams.", Assert.Single(lines));
    }

    [Fact]
    public void ForestsAreToldFirstAgainstBestOfNAndTheWeightedVoteThenBeams()
    {
        Comparison Equal(string a, string b, double difference) =>
            new("equal-tokens", a, b, difference, difference - 0.05, difference + 0.05, 600, 600);
        var lines = ResultTable.Claims(Compared(
            Equal("beam-q n=2", "best-of-n-orm", 0.2), Equal("forest n=1", "weighted-vote", 0.01),
                Equal("forest n=4", "weighted-vote", 0.3),
            Equal("forest n=4", "beam-q", 0.5), Equal("forest n=4", "best-of-n-orm", 0.4), Equal("mcts n=4", "best-of-n-orm", 0.9),
            new Comparison("tokens-to-reach", "forest-seq", "weighted-vote n=64", 9.1, 6.5, 12, 356, 3240))).ToList();
        Assert.Equal(
            [
                "At equal generated tokens (600 per problem), forest n=4 is +40.0 points [+35.0 to +45.0] from best-of-n-orm, the only "
                    + "such comparison.",
                "At equal generated tokens (600 per problem), forest n=4 is +30.0 points [+25.0 to +35.0] from weighted-vote, the "
                    + "largest of 2 such differences of forests.",
                "forest-seq reaches the accuracy of weighted-vote n=64 with 356 tokens per problem, weighted-vote itself first with "
                    + "3240: 9.1 times fewer [6.5 to 12.0].",
                "At equal generated tokens (600 per problem), beam-q n=2 is +20.0 points [+15.0 to +25.0] from best-of-n-orm, the only "
                    + "such comparison.",
            ],
            lines);
    }

    [Fact]
    public void TheTableOfAllMethodsIsGroupedByKindAndFits()
    {
        var search =
            Search([.. SearchMethods.All.Select(m =>
            Method(m.Id, 128, m.HasProver ? 0.25 : null, m.HasProver ? "bo32" : null) with { Kind = m.Kind })]);
        var lines = ResultTable.FromSummary(search, 80).ToList();
        Assert.All(lines, line => Assert.InRange(line.Length, 1, 80));
        Assert.Equal(
            ["Samples:", "Ranked samples:", "Beams:", "Searches of one tree:", "Particle filters:", "Forests:", "Oracle searches:"],
            lines.Where(l => l.EndsWith(':')));
        Assert.All(SearchMethods.All, m => Assert.Contains(lines, l => l.StartsWith(m.Id + " ", StringComparison.Ordinal) || l == m.Id));
    }

    [Theory]
    [InlineData(4.1, 1.3, 11.2, "4.1 times fewer [1.3 to 11.2]", true)]
    [InlineData(0.25, 0.2, 0.5, "4.0 times as many [2.0 to 5.0]", true)]
    [InlineData(0.5, 0.0, 1.25, "2.0 times as many [0.8 to never]", false)]
    public void ARatioBelowOneIsTurnedRound(double ratio, double low, double high, string words, bool shown)
    {
        Assert.Equal(words, TimesFewer.Words(ratio, low, high));
        Assert.Equal(shown, TimesFewer.IsShown(low, high));
    }

    [Fact]
    public void ATableWithTooManyColumnsIsToldInParts()
    {
        string[] headings = ["name", .. Enumerable.Range(1, 30).Select(i => $"column {i}")];
        IReadOnlyList<string> row = ["first", .. Enumerable.Range(1, 30).Select(i => $"value{i}")];
        var lines = ResultTable.Lines(headings, [row], 80).ToList();
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.Equal(row.Skip(1), lines.Where(l => l.StartsWith("first"))
            .SelectMany(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)));
    }

    [Theory]
    [InlineData(80)]
    [InlineData(120)]
    public async Task ABarIsThereBesideTheLongestTitleAndWhatIsSaidGoesAboveIt(int width)
    {
        const string Title = "sample, majority, best-of-n-orm, best-of-n-q, weighted-vote (up to 128 traces)";
        var text = new StringWriter();
        var reporter = new Reporter(TextWriter.Synchronized(text), live: true, quiet: false, width);
        await reporter.Track(Title, 300, "problems", async t =>
        {
            t.At(150, "12,345 prefixes, 1,234,567 tokens");
            await Task.Delay(600);
            reporter.Say("memory: 1,234 MB");
            await Task.Delay(400);
            return 0;
        });
        var lines = Moves().Replace(Colours().Replace(text.ToString(), ""), "\n").Split('\n', '\r').Select(l => l.TrimEnd())
            .Where(l => l != "").ToList();
        Assert.Contains("memory: 1,234 MB", lines);
        var bars = lines.Where(l => l.Contains('━')).ToList();
        Assert.NotEmpty(bars);
        Assert.All(bars, bar => Assert.InRange(bar.Length, 1, width));
        Assert.All(bars, bar => Assert.Matches(@"^sample, major.*━{8}.* \d+%$", bar));
        Assert.Contains(bars, bar => bar.EndsWith(" 50%") && bar.Contains(": 150 of 300 problems, ") && bar.Contains(" left"));
    }

    [GeneratedRegex(@"\x1b\[[0-9;]*m")]
    private static partial Regex Colours();

    [GeneratedRegex(@"\x1b\[[0-9;?]*[A-Zhl]")]
    private static partial Regex Moves();
}
