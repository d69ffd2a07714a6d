using Pav.Report.Reproduction;

namespace Pav.Report.Tests.Reproduction;

public class HoldsFigureTests
{
    private static readonly RunSize Size = new("test", ["s"], 0, 3, 0, 0);

    /// <summary>So many of 40 problems right at N = 4, 16 and 32 by the highest Q and by likely, the same with each of three
    /// seeds.</summary>
    private static HoldsArm Arm(string name, int[] highest, int[] likely, params EvaluationSummary[] measured)
    {
        IEnumerable<SearchRow> Rows(string method, int[] right) =>
            from size in new[] { 4, 16, 32 }.Zip(right)
            from p in Enumerable.Range(0, 40)
            select new SearchRow
            {
                Problem = $"p{p:00}", Level = 1, Method = method, N = size.First, Seed = 1, Correct = p < size.Second ? 1 : 0, Pass = 1,
                Candidates = 1, Distinct = 1, GeneratedTokens = 50 * size.First, ScoredTokens = 0, Seconds = 0,
            };
        return new(name, 1000, new("s", [.. Enumerable.Range(1, 3).Select(s =>
            new SeededRows(s, [.. Rows("beam-q", highest), .. Rows("beam-q+likely", likely)]))]), measured);
    }

    private static FigureSummary From(params HoldsArm[] arms) => HoldsFigure.From("s", arms, "independent", Size);

    private static double? Value(FigureSummary figure, string what) => figure.Findings.Single(f => f.What == what).Value;

    /// <summary>A row's cell, up to its interval.</summary>
    private static string Cell(FigureSummary figure, string verifier, string choice, string column) =>
        figure.Table!.Rows.Single(r => r[0] == verifier && r[1] == choice)[figure.Table.Columns.Index().Single(c => c.Item == column).Index]
            .Split(' ')[0];

    [Fact]
    public void A_beam_that_holds_with_one_verifier_is_reproduced()
    {
        var figure = From(
            Arm("first", [28, 24, 20], [28, 28, 28]), Arm("independent", [28, 26, 22], [28, 28, 28]), Arm("visited", [28, 30, 29],
            [28, 30, 32]));
        Assert.Equal(FigureVerdict.Reproduced, figure.Verdict);
        Assert.Equal(-8 / 40.0, Value(figure, "s, first, highest Q: N = 32 minus N = 4")!.Value, 9);
        Assert.Equal(1 / 40.0, Value(figure, "s, visited, highest Q: N = 32 minus N = 4")!.Value, 9);
        Assert.Equal(7 / 40.0, Value(figure, "s, visited minus independent, highest Q: N = 32")!.Value, 9);
        Assert.Equal(4 / 40.0, Value(figure, "s, visited minus independent, likely: N = 32")!.Value, 9);
        string[] Row(string verifier) =>
            [.. figure.Table!.Columns.Skip(2).Take(6).Select(c => Cell(figure, verifier, "highest Q", c))];
        Assert.Equal(["70.0%", "50.0%", "-20.0", "-5.0", "-5.0", "1,000"], Row("first"));
        Assert.Equal(["70.0%", "72.5%", "+2.5", "+10.0", "+17.5", "1,000"], Row("visited"));
        Assert.Equal(["70.0%", "55.0%", "-15.0", "", "", "1,000"], Row("independent"));
        Assert.Equal(6, figure.Table!.Rows.Count);
        Assert.Equal(6, figure.Findings.Count);
        Assert.Contains("by highest Q from -20.0 points (first) to +2.5", figure.Sentence);
        Assert.Equal([3, 3], figure.Panels.Select(p => p.Lines.Count));
    }

    [Fact]
    public void A_beam_that_only_another_choice_holds_is_partly_and_none_is_not()
    {
        Assert.Equal(FigureVerdict.Partly,
            From(Arm("first", [28, 24, 20], [28, 28, 28]), Arm("independent", [28, 26, 22], [28, 28, 28])).Verdict);
        var none = From(Arm("first", [28, 24, 20], [28, 28, 20]), Arm("independent", [28, 26, 22], [28, 28, 22]));
        Assert.Equal(FigureVerdict.NotReproduced, none.Verdict);
        Assert.StartsWith("Not reproduced. No beam is shown to hold: by highest Q", none.Sentence);
    }

    /// <summary>20 points below the first verifier's beam of 4, it has nothing to lose.</summary>
    [Fact]
    public void A_beam_that_is_bad_at_any_size_does_not_hold()
    {
        var figure = From(Arm("first", [28, 24, 20], [28, 28, 20]), Arm("independent", [28, 26, 22], [28, 28, 22]),
            Arm("td", [20, 20, 20], [20, 20, 20]));
        Assert.Equal(FigureVerdict.NotReproduced, figure.Verdict);
        Assert.DoesNotContain("(td)", figure.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Measures_of_the_seeds_are_averaged_and_gaps_told_by_size()
    {
        static EvaluationSummary Measured(double gap) => new(2, "numeric", 0, 0, 0, 0, null, new Dictionary<string, double>(), 0, [],
            Gaps:
            [
                new("beam-q", 4, VisitedKind.Kept, 9, 0.5, 0.5 - gap, gap, 0, 0), new("beam-q", 32, VisitedKind.Kept, 9, 0.5, 0, 0.5, 0, 0),
                new("beam-q", 32, VisitedKind.Finished, 9, 0.5, 0, 0.9, 0, 0),
            ]);
        var figure = From(
            Arm("first", [28, 24, 20], [28, 28, 28], Measured(0.1), Measured(0.3)),
            Arm("independent", [28, 26, 22], [28, 28, 28], Measured(0.1)));
        Assert.Contains("Gap of kept steps, first: 0.200 [0.100, 0.300] at N = 4; 0.500 [0.500, 0.500] at N = 32.", figure.Notes);
        Assert.Equal("0.500", Cell(figure, "independent", "likely", "gap at the widest"));
        Assert.Equal("", Cell(figure, "independent", "likely", "AUC, visited traces"));
    }

    [Fact]
    public void One_size_alone_says_nothing() => Assert.Equal(FigureVerdict.NotRun, HoldsFigure.From("s",
        [new("first", 0, new("s", []), []), new("independent", 0, new("s", []), [])], "independent", Size).Verdict);
}
