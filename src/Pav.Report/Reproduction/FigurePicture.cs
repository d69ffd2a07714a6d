using System.Globalization;
using System.Security;
using System.Text;

namespace Pav.Report.Reproduction;

/// <summary>A figure's charts as one SVG, for pages that run no script: curves over their axes, 95% intervals as bands, readable on light
/// and dark ground.</summary>
internal static class FigurePicture
{
    private const double Wide = 720, Gap = 16, Left = 56, Right = 14, Top = 26, Height = 190, Below = 44, Bottom = 8, LegendRow = 16;

    /// <summary>Width of a letter of the legend at 11 px, generously.</summary>
    private const double Letter = 6.1;

    private static readonly string[] Light = ["#1f6fb8", "#cc4a1a", "#4d8a2c", "#a87400", "#b0558f", "#7358b8", "#17808f", "#8a6d3b"];

    private static readonly string[] Dark = ["#6aaef0", "#ff8a5c", "#9bd07a", "#e8b53e", "#dd8fc0", "#b39cf0", "#5cc4d4", "#c9a86a"];

    /// <summary>The picture; empty where the figure has no chart.</summary>
    public static string Svg(FigureSummary figure)
    {
        if (figure.Panels.Count == 0) return "";
        var columns = Math.Min(2, figure.Panels.Count);
        var width = (Wide - (columns - 1) * Gap) / columns;
        var (body, y) = (new StringBuilder(), 0.0);
        foreach (var row in figure.Panels.Chunk(columns))
        {
            for (var i = 0; i < row.Length; i++) Draw(body, row[i], i * (width + Gap), y, width);
            y += row.Max(p => Top + Height + Below + Bottom + LegendRow * Legend(p, width).Max(l => l.Row + 1));
        }

        return Inv($$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{Wide}} {{y:0}}" width="{{Wide}}" height="{{y:0}}" role="img">
            <title>{{SecurityElement.Escape(figure.Title)}}</title>
            <style>text{font:11px system-ui,sans-serif;fill:#4c5058}.t{font-weight:600}.g{stroke:#8b8f96;stroke-width:.5;stroke-opacity:.5}
            .l{stroke-width:1.8}.b{fill-opacity:.13}
            {{Colours(Light)}}
            @media(prefers-color-scheme:dark){text{fill:#b4b8be}
            {{Colours(Dark)}}}</style>
            {{body}}</svg>

            """).ReplaceLineEndings("\n");
    }

    private static string Colours(string[] colours) =>
        string.Concat(colours.Select((c, i) => $".c{i}{{fill:{c}}}.l.c{i}{{fill:none;stroke:{c}}}"));

    private static void Draw(StringBuilder svg, Panel panel, double x0, double y0, double width)
    {
        var lines = panel.Lines.Select(l => l with { Points = [.. l.Points.Where(p => !panel.LogX || p.X > 0)] }).ToList();
        var points = lines.SelectMany(l => l.Points).ToList();
        svg.Append(Inv($"<g transform=\"translate({x0:0.#},{y0:0.#})\">\n"));
        svg.Append(Inv($"<text class=\"t\" x=\"{Left}\" y=\"14\">{SecurityElement.Escape(panel.Title)}</text>\n"));
        if (points.Count > 0)
        {
            var (yTicks, xTicks) = (Ticks(points.Min(p => p.Low ?? p.Y), points.Max(p => p.High ?? p.Y)), XTicks(panel, points));
            var (low, high) = (yTicks[0], yTicks[^1]);
            var (first, last) = (Across(points.Min(p => p.X)), Across(points.Max(p => p.X)));
            double Across(double x) => panel.LogX ? Math.Log(x) : x;
            double X(double x) => Left + 6 + (width - Left - Right - 12) * (last > first ? (Across(x) - first) / (last - first) : 0.5);
            double Y(double y) => Top + Height * (high > low ? (high - y) / (high - low) : 0.5);
            foreach (var t in yTicks)
                svg.Append(Inv($"<path class=\"g\" d=\"M{Left} {Y(t):0.#}H{width - Right:0.#}\"/>"))
                    .Append(Inv($"<text x=\"{Left - 5}\" y=\"{Y(t) + 4:0.#}\" text-anchor=\"end\">{Value(panel, t)}</text>\n"));
            foreach (var t in xTicks)
                svg.Append(Inv($"<text x=\"{X(t):0.#}\" y=\"{Top + Height + 15}\" text-anchor=\"middle\">{t:0.####}</text>\n"));
            foreach (var (line, i) in lines.Select((l, i) => (l, i))) Band(svg, line, i % Light.Length, X, Y);
            foreach (var (line, i) in lines.Select((l, i) => (l, i))) Curve(svg, line, i, X, Y);
        }

        svg.Append(Inv($"<text x=\"{(Left + width - Right) / 2:0.#}\" y=\"{Top + Height + 31}\" text-anchor=\"middle\">"))
            .Append(Inv($"{SecurityElement.Escape(panel.X)}</text>\n<text transform=\"translate(11,{Top + Height / 2})rotate(-90)\" "))
            .Append(Inv($"text-anchor=\"middle\">{SecurityElement.Escape(panel.Y)}</text>\n"));
        foreach (var (name, i, x, row) in Legend(panel, width))
            svg.Append(Inv($"<path class=\"l c{i % Light.Length}\"{Dash(i)} d=\"M{x:0.#} {Top + Height + Below + LegendRow * row}h18\"/>"))
                .Append(Inv($"<text x=\"{x + 22:0.#}\" y=\"{Top + Height + Below + 4 + LegendRow * row}\">"))
                .Append(SecurityElement.Escape(name)).Append("</text>\n");
        svg.Append("</g>\n");
    }

    private static void Band(StringBuilder svg, Line line, int colour, Func<double, double> x, Func<double, double> y)
    {
        var with = line.Points.Where(p => p.Low is not null && p.High is not null).ToList();
        if (with.Count > 1)
            svg.Append(Inv($"<path class=\"b c{colour}\" d=\"M{Path(with, p => x(p.X), p => y(p.High!.Value))}"))
                .Append(Inv($"L{Path(Enumerable.Reverse(with), p => x(p.X), p => y(p.Low!.Value))}Z\"/>\n"));
        else if (with is [var p])
            svg.Append(Inv($"<path class=\"l c{colour}\" stroke-opacity=\".5\" d=\"M{x(p.X):0.#} {y(p.Low!.Value):0.#}"))
                .Append(Inv($"V{y(p.High!.Value):0.#}\"/>\n"));
    }

    private static void Curve(StringBuilder svg, Line line, int i, Func<double, double> x, Func<double, double> y)
    {
        if (line.Points.Count > 1)
            svg.Append(Inv($"<path class=\"l c{i % Light.Length}\"{Dash(i)} d=\"M{Path(line.Points, p => x(p.X), p => y(p.Y))}\"/>\n"));
        foreach (var p in line.Points)
            svg.Append(Inv($"<circle class=\"c{i % Light.Length}\" cx=\"{x(p.X):0.#}\" cy=\"{y(p.Y):0.#}\" r=\"2.2\"/>"));
        svg.Append('\n');
    }

    private static string Path(IEnumerable<LinePoint> points, Func<LinePoint, double> x, Func<LinePoint, double> y) =>
        string.Join('L', points.Select(p => Inv($"{x(p):0.#} {y(p):0.#}")));

    /// <summary>Lines beyond the eight colours are dashed.</summary>
    private static string Dash(int i) => i < Light.Length ? "" : " stroke-dasharray=\"5 3\"";

    /// <summary>Where the names of lines stand, in rows of the panel's width.</summary>
    private static List<(string Name, int Line, double X, int Row)> Legend(Panel panel, double width)
    {
        var (placed, x, row) = (new List<(string, int, double, int)>(), Left, 0);
        for (var i = 0; i < panel.Lines.Count; i++)
        {
            var room = 22 + Letter * panel.Lines[i].Name.Length + 14;
            if (x > Left && x + room > width) (x, row) = (Left, row + 1);
            placed.Add((panel.Lines[i].Name, i, x, row));
            x += room;
        }

        return placed;
    }

    /// <summary>Round numbers from one at or below the lowest value to one at or above the highest, about five.</summary>
    private static List<double> Ticks(double lowest, double highest)
    {
        if (highest <= lowest) (lowest, highest) = (lowest - 0.05, highest + 0.05);
        var step = Step((highest - lowest) / 5);
        var (first, last) = (Math.Floor(lowest / step + 1e-9), Math.Ceiling(highest / step - 1e-9));
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step)];
    }

    private static double Step(double least)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return power * ((least / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
    }

    /// <summary>The places themselves where they are few, else round numbers between the first and the last.</summary>
    private static List<double> XTicks(Panel panel, List<LinePoint> points)
    {
        var places = points.Select(p => p.X).Distinct().Order().ToList();
        if (places.Count <= 7 && places.TrueForAll(double.IsInteger)) return places;
        if (!panel.LogX) return [.. Ticks(places[0], places[^1]).Where(t => t >= places[0] && t <= places[^1])];
        var (from, to) = ((int)Math.Floor(Math.Log10(places[0])), (int)Math.Ceiling(Math.Log10(places[^1])));
        List<double> Round(double[] digits) => [.. Enumerable.Range(from, to - from + 1)
            .SelectMany(e => digits.Select(d => d * Math.Pow(10, e))).Where(t => t >= places[0] && t <= places[^1])];
        return Round([1, 2, 5]) is { Count: <= 8 } many ? many.Count > 1 ? many : [places[0], places[^1]] : Round([1]);
    }

    private static string Value(Panel panel, double y) => panel.Percent ? Inv($"{100 * y:0.##}%") : Inv($"{y:0.####}");

    private static string Inv(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
