using Pav.Models.Files;

namespace Pav.Report.Folders;

/// <summary>What a labels.jsonl holds: counts, how Q̂ is spread, and its mean after each number of steps. Read off every <c>Stride</c>-th
/// line.</summary>
internal sealed record LabelStatistics(
    string Path,
    string? Policy,
    string? Strategy,
    string? Grader,
    int Problems,
    int Traces,
    int CorrectTraces,
    long Prefixes,
    long Completions,
    int Stride,
    IReadOnlyList<LabelStatistics.Bin> Histogram,
    IReadOnlyList<LabelStatistics.StepMean> ByStep)
{
    public sealed record Bin(double Low, double High, long Count);

    public sealed record StepMean(int Step, double Mean, long Count);

    private sealed record Line(string Problem, int[] N, int[] C, int Rex = 0, string? Policy = null, string? Strategy = null,
        string? Grader = null);

    private const int Bins = 10;
    private const long WholeFile = 256L << 20;

    /// <summary>The end of a trace counts as an outcome, not as a Q̂; prefixes without rollouts (n = 0) do not count.</summary>
    public static LabelStatistics Read(string file, string path)
    {
        var stride = (int)(1 + new FileInfo(file).Length / WholeFile);
        var problems = new HashSet<string>();
        var histogram = new long[Bins];
        var sums = new List<(double Sum, long Count)>();
        var (lines, traces, correct, prefixes, completions) = (0, 0, 0, 0L, 0L);
        Line? first = null;
        foreach (var line in JsonLines.Read<Line>(file))
        {
            if (lines++ % stride != 0) continue;
            if (line.N.Length != line.C.Length || line.N.Zip(line.C).Any(x => x.Second < 0 || x.Second > x.First))
                throw new UserError($"{file}:{lines}: n and c must be counts of equal length with 0 ≤ c ≤ n; the labels were changed by "
                    + "hand or written by another version, run `pav label` again");
            first ??= line;
            problems.Add(line.Problem);
            traces++;
            correct += line.Rex;
            for (var h = 0; h < line.N.Length; h++)
            {
                var (n, c) = (line.N[h], line.C[h]);
                var outcome = h > 0 && h == line.N.Length - 1 && n == 1 && c == line.Rex;
                if (n == 0 || outcome) continue;
                var q = (double)c / n;
                prefixes++;
                completions += n;
                histogram[Math.Min(Bins - 1, (int)(q * Bins))]++;
                while (sums.Count <= h) sums.Add((0, 0));
                sums[h] = (sums[h].Sum + q, sums[h].Count + 1);
            }
        }

        return new(path, first?.Policy, first?.Strategy, first?.Grader, problems.Count, traces, correct, prefixes, completions, stride,
            [.. histogram.Select((count, i) => new Bin((double)i / Bins, (double)(i + 1) / Bins, count))],
            [.. sums.Select((s, h) => new StepMean(h, s.Count > 0 ? s.Sum / s.Count : 0, s.Count)).Where(s => s.Count > 0)]);
    }
}
