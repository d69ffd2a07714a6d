using System.Globalization;

namespace Pav;

/// <summary>A table of the map: what progress adds over two of its dimensions.</summary>
/// <param name="Title">What is looked at, and where the rest of the dimensions stand.</param>
/// <param name="Cells">Row by row.</param>
/// <param name="Shown">Which of a cell's gains.</param>
internal sealed record MapDiagram(
    string Title, string Head, IReadOnlyList<string> Rows, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<MapCell>> Cells,
    Func<MapCell, Interval> Shown)
{
    private static readonly MapPlace Centre = new(MapWorld.Padded, 0.2, 0.25, VerifierNoise.None, MapProver.Bo4, 4);
    private static readonly VerifierNoise Blind = new(NoiseKind.Undetected, 0.1), Path = new(NoiseKind.Path, 0.5);

    private static readonly VerifierNoise[] Noises =
    [
        VerifierNoise.None, Blind, new(NoiseKind.Undetected, 0.3), Path, new(NoiseKind.Path, 1), new(NoiseKind.Path, 2),
        new(NoiseKind.State, 0.5), new(NoiseKind.State, 1), new(NoiseKind.Independent, 0.5), new(NoiseKind.Independent, 1),
    ];

    /// <summary>All diagrams of the map.</summary>
    public static IReadOnlyList<MapDiagram> Draw(int trees, ulong seed)
    {
        var map = new ProgressMap(trees, seed);
        double[] guesses = [0.02, 0.1, 0.2, 0.3], stalled = [0, 0.2, 0.4, 0.6], lucks = [0.05, 0.15, 0.25, 0.4, 0.6];
        int[] beams = [1, 2, 4, 8];
        var padded = Cross(map, Noises, guesses, (n, g) => Centre with { Noise = n, Share = g });
        var provers = Cross(map, Enum.GetValues<MapProver>(), beams, (p, b) => Centre with { Noise = Path, Prover = p, Beam = b });
        VerifierNoise[] three = [VerifierNoise.None, Blind, Path];
        string[] Columns(string word, double[] values) => [.. values.Select(v => Text($"{word} {v}"))];
        MapDiagram ByNoise(
            string title, VerifierNoise[] rows, string[] columns, MapCell[][] cells, Func<MapCell, Interval>? shown = null) =>
            new(title, "errors of the verifier", [.. rows.Select(Name)], columns, cells, shown ?? (c => c.Gain));
        MapDiagram ByProver(string title, MapCell[][] cells, Func<MapCell, Interval> shown) =>
            new(title, "prover", [.. Enum.GetValues<MapProver>().Select(Name)], [.. beams.Select(b => $"beam of {b}")], cells, shown);
        return
        [
            ByNoise(
                "Guesses that are padded: errors of the verifier against the chance of a guess (guess right 0.25, best-of-4, beam of 4)",
                Noises, Columns("guess", guesses), padded),
            ByNoise("The same at α = 0.5, untuned", Noises, Columns("guess", guesses), padded, c => c.AtHalf),
            ByNoise(
                "Guesses that are padded: what a guess is worth (chance of a guess 0.2, best-of-4, beam of 4, best α)",
                three, Columns("right", lucks), Cross(map, three, lucks, (n, l) => Centre with { Noise = n, Luck = l })),
            ByNoise(
                "Guesses that end the trace at once (guess right 0.25, best-of-4, beam of 4, best α)", three, Columns("guess", guesses),
                Cross(map, three, guesses, (n, g) => Centre with { World = MapWorld.Ended, Noise = n, Share = g })),
            ByProver(
                "Guesses that are padded: provers against beams (chance of a guess 0.2, guess right 0.25, path errors 0.5, best α)",
                provers, c => c.Gain),
            ByProver("The same, ranked by Q^π + α·Q^μ, nothing subtracted", provers, c => c.Level),
            ByNoise(
                "Random trees: errors of the verifier against the share of stalled states (best-of-4, beam of 4, best α)",
                Noises, Columns("stalled", stalled),
                Cross(map, Noises, stalled, (n, s) => Centre with { World = MapWorld.Random, Noise = n, Share = s })),
            ByProver(
                "Random trees: provers against beams (0.2 of the states stalled, no errors, best α)",
                Cross(map, Enum.GetValues<MapProver>(), beams, (p, b) => Centre with { World = MapWorld.Random, Prover = p, Beam = b }),
                c => c.Gain),
        ];
    }

    /// <summary>
    /// Accuracy of the beam on Q in percent, and what progress adds to it in points with its interval; ▲ above zero, ▼ below.
    /// </summary>
    public string Cell(int row, int column)
    {
        var cell = Cells[row][column];
        var gain = Shown(cell);
        var mark = gain.Low > 0 ? " ▲" : gain.High < 0 ? " ▼" : "";
        return Text($"{100 * cell.OnQ:0} {Points(gain.Value)} [{Points(gain.Low)}, {Points(gain.High)}]{mark}");
    }

    /// <summary>All diagrams in Markdown: what docs/theory.md shows.</summary>
    public static string Markdown(IEnumerable<MapDiagram> diagrams) =>
        string.Join('\n', diagrams.Select(d => $"**{d.Title}**\n\n{d.Table()}"));

    private string Table() => string.Concat(Rows.Select((row, r) => Line([row, .. Cells[r].Select((_, c) => Cell(r, c))]))
        .Prepend(Line(Columns.Select(_ => "---").Prepend("---"))).Prepend(Line(Columns.Prepend(Head))));

    private static string Line(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |\n";

    /// <summary>This diagram in lines of text.</summary>
    public IEnumerable<string> Lines()
    {
        const int first = 26, width = 27;
        yield return Title;
        yield return Head.PadRight(first) + string.Concat(Columns.Select(c => c.PadRight(width))).TrimEnd();
        for (var r = 0; r < Rows.Count; r++)
            yield return Rows[r].PadRight(first) + string.Concat(Columns.Select((_, c) => Cell(r, c).PadRight(width))).TrimEnd();
    }

    private static MapCell[][] Cross<TRow, TColumn>(ProgressMap map, TRow[] rows, TColumn[] columns, Func<TRow, TColumn, MapPlace> place) =>
        [.. rows.Select(r => columns.Select(c => map.At(place(r, c))).ToArray())];

    private static string Name(VerifierNoise noise) => noise.Kind switch
    {
        NoiseKind.None => "none",
        NoiseKind.Undetected => Text($"undetected mistakes {noise.Size}"),
        NoiseKind.Path => Text($"along the path {noise.Size}"),
        NoiseKind.State => Text($"per state {noise.Size}"),
        _ => Text($"independent {noise.Size}"),
    };

    private static string Name(MapProver prover) => prover switch
    {
        MapProver.Bo1 => "π",
        MapProver.Bo4 => "best-of-4",
        MapProver.Bo16 => "best-of-16",
        MapProver.Bo4Second => "best-of-4, own verifier",
        MapProver.Weaker => "weaker",
        MapProver.Guided => "the guided search",
        _ => "another policy",
    };

    /// <summary>Points of a hundred with their sign; never −0.0.</summary>
    private static string Points(double share)
    {
        var points = Math.Round(100 * share, 1) + 0.0;
        return points == 0 ? "0.0" : points.ToString("+0.0;-0.0", CultureInfo.InvariantCulture);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
