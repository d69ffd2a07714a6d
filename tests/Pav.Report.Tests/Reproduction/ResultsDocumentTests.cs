using Pav.Report.Reproduction;

namespace Pav.Report.Tests.Reproduction;

public sealed class ResultsDocumentTests
{
    private static FigureSummary Figure(params Line[] lines) => new("x", "A & B", "What?", FigureVerdict.Measured, "Measured.", "",
        [new("Panel", "steps", "share", LogX: false, Percent: true, lines)],
        [.. Enumerable.Range(0, 14).Select(i => new Finding($"|y*| = {i}", 0.123456, -0.5, null, "share"))], ["A note."],
        new("quick", ["s"], 3, 1, 0, 60), "95%");

    private static Line Curve(params LinePoint[] points) => new("a < b", "series-0", points, [new(0, [new(1, 1)])]);

    [Fact]
    public void NumbersHaveFourDigitsAndCurvesFewPoints()
    {
        var many = Curve([.. Enumerable.Range(0, 41).Select(i => new LinePoint(i, i / 7.0, 1234.56, 123456))]);
        var shortened = ResultsDocument.Short(Figure(many));
        var points = shortened.Panels[0].Lines[0].Points;
        // 41 points: one in four, the last of them the end.
        Assert.Equal([0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40], points.Select(p => p.X));
        Assert.Equal(new LinePoint(4, 0.5714, 1235, 123456), points[1]);
        Assert.Empty(shortened.Panels[0].Lines[0].Seeds);
        Assert.Equal((0.1235, -0.5), (shortened.Findings[0].Value, shortened.Findings[0].Low));
        Assert.Equal(points, ResultsDocument.Short(shortened).Panels[0].Lines[0].Points);
    }

    [Fact]
    public void AFigureHasOneTableAndListsTheRest()
    {
        var text = ResultsDocument.Markdown([Figure(Curve(new LinePoint(0, 0), new(10, 1)))]);
        Assert.Contains("![A & B](figures/x.svg)\n\n**Measured.**\n\n| measured | here | the paper |", text, StringComparison.Ordinal);
        Assert.Contains("| \\|y*\\| = 11 | 12.3% [-50.0, ∞] |  |\n\n<details>", text, StringComparison.Ordinal);
        Assert.Contains("- |y*| = 13: 12.3% [-50.0, ∞]\n- A note.\n\n1 minutes, shared", text, StringComparison.Ordinal);
    }

    [Fact]
    public void CurvesStandWhereTheirNumbersAre()
    {
        var svg = FigurePicture.Svg(Figure(Curve(new LinePoint(0, 0), new(10, 1)), Curve(new LinePoint(5, 0.5, 0.4, 0.6))));
        // The plot is 638 wide from 62 and 190 high from 26; 0.5 is in its middle, and its interval ±19 around.
        Assert.Contains("d=\"M62 216L700 26\"", svg, StringComparison.Ordinal);
        Assert.Contains("cx=\"381\" cy=\"121\"", svg, StringComparison.Ordinal);
        Assert.Contains("d=\"M381 140V102\"", svg, StringComparison.Ordinal);
        Assert.Contains(">a &lt; b</text>", svg, StringComparison.Ordinal);
        System.Xml.Linq.XDocument.Parse(svg);
        Assert.Equal("", FigurePicture.Svg(Figure() with { Panels = [] }));
    }

    [Fact]
    public void ABandGoesAlongTheUpperBoundAndBack()
    {
        var svg = FigurePicture.Svg(Figure(Curve(new LinePoint(0, 0.5, 0, 1), new(10, 0.5, 0.2, 0.8))));
        Assert.Contains("d=\"M62 26L700 64L700 178L62 216Z\"", svg, StringComparison.Ordinal);
    }
}
