namespace Pav.Report.Reproduction;

/// <summary>What a figure's rule says of the paper's claim.</summary>
internal enum FigureVerdict
{
    Reproduced,
    Partly,
    NotReproduced,

    /// <summary>The paper makes no claim to hold it against.</summary>
    Measured,
    NotRun,
}

internal static class FigureVerdicts
{
    public static FigureVerdict From(bool reproduced, bool partly) =>
        reproduced ? FigureVerdict.Reproduced : partly ? FigureVerdict.Partly : FigureVerdict.NotReproduced;

    /// <summary>Of a claim in two parts: partly where one of them holds.</summary>
    public static FigureVerdict FromBoth(bool first, bool second) => From(first && second, first || second);
}

/// <summary>What came of one figure of the paper: curves, numbers beside the paper's, and one sentence that a rule chose
/// (docs/run-folder.md).</summary>
/// <param name="Figure">Its number in the paper, or the name of what goes beyond it.</param>
/// <param name="Asks">What it asks, for a reader without the paper.</param>
/// <param name="Rule">How the verdict was chosen.</param>
/// <param name="Intervals">What its bands and intervals are, and over what.</param>
/// <param name="Table">Numbers that are compared by rows, where findings alone would be a long list.</param>
internal sealed record FigureSummary(
    string Figure, string Title, string Asks, FigureVerdict Verdict, string Sentence, string Rule,
    IReadOnlyList<Panel> Panels, IReadOnlyList<Finding> Findings, IReadOnlyList<string> Notes, RunSize Size, string Intervals = "",
    FigureTable? Table = null)
{
    public static FigureSummary NotRun(string figure, string title, string asks, string why) =>
        new(figure, title, asks, FigureVerdict.NotRun, why, "", [], [], [], new("", [], 0, 0, 0, 0));
}

/// <summary>What the intervals of figures say.</summary>
internal static class Intervals
{
    public const string OfSearch = "95%, from a bootstrap over problems and over seeds, methods paired on both. A seed is one of labels, "
        + "of the training of verifiers and of search; the base policy is the same for all.";

    public const string OfRl = "Over iterations 95% t intervals over seeds, else 95% from a bootstrap over test problems and seeds, "
        + "methods paired on both. A seed is one of RL alone: all runs start from one fine-tuned policy and are rewarded by one "
        + "verifier, so that what other labels and verifiers would change is not in them.";

    public const string OfDidactic = "Bands over iterations and over γ, and brackets behind iterations, are the range over seeds, from "
        + "the smallest to the largest (around a median over iterations, a mean over γ); those of Pass@N are 95% from a bootstrap over "
        + "planted sequences.";
}

/// <summary>Texts in rows under column heads.</summary>
internal sealed record FigureTable(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);

/// <summary>One chart. Y is a share where <paramref name="Percent"/>; X is logarithmic where <paramref name="LogX"/>.</summary>
internal sealed record Panel(string Title, string X, string Y, bool LogX, bool Percent, IReadOnlyList<Line> Lines);

/// <summary>One curve: means over seeds and problems with their bands, and the mean of each seed.</summary>
/// <param name="Kind">The method, by which it is coloured.</param>
internal sealed record Line(string Name, string Kind, IReadOnlyList<LinePoint> Points, IReadOnlyList<SeedLine> Seeds);

/// <summary>A point with its 95% interval, where there is one. <paramref name="N"/>: the size that stands behind it.</summary>
internal sealed record LinePoint(double X, double Y, double? Low = null, double? High = null, double? N = null)
{
    public static LinePoint From(double x, Interval y, double? n = null) => new(x, y.Value, y.Low, y.High, n);
}

internal sealed record SeedLine(int Seed, IReadOnlyList<LinePoint> Points);

/// <summary>A number of ours beside the paper's.</summary>
/// <param name="Unit"><c>points</c>: difference of shares; <c>times</c>: ratio; <c>share</c>; else written after the number.</param>
/// <param name="Paper">What the paper reports, with where it says so.</param>
internal sealed record Finding(string What, double? Value, double? Low, double? High, string Unit, string? Paper = null)
{
    public static Finding From(string what, Interval value, string unit, string? paper = null) =>
        new(what, Finite(value.Value), Finite(value.Low), Finite(value.High), unit, paper);

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}

/// <summary>What a figure was made from. Tokens are those generated and those trained on, as far as the runs count them.</summary>
internal sealed record RunSize(string Scale, IReadOnlyList<string> Models, int Problems, int Seeds, long Tokens, double Seconds);
