namespace Pav;

/// <summary>
/// What to say where a grader does not fit its problems or traces: one sentence, with the graders that would; null where all is well.
/// </summary>
internal static class GraderAdvice
{
    /// <summary>References that no trace can match under the grader, however it is written: "five" where only numbers are read.</summary>
    public static string? ForReferences(Grader grader, IReadOnlyCollection<Problem> problems)
    {
        var never = problems.Where(p => !CanMatch(grader, p.Answer)).ToList();
        if (never.Count == 0) return null;
        var others = Others(grader, g => never.Count(p => CanMatch(g, p.Answer)), never.Count)
            ?? "no grader reads them, so correct them or leave these problems out";
        return $"No trace can be right on {never.Count:N0} of {problems.Count:N0} problems: {grader.Described} never matches their "
            + $"reference answers, such as '{Shortened(never[0].Answer)}' of problem {never[0].Id}; {others}.";
    }

    /// <summary>Traces that mostly hold no answer that the grader finds.</summary>
    /// <param name="without">Some of the <paramref name="missing"/> traces of <paramref name="all"/> in which it found none.</param>
    public static string? ForTraces(Grader grader, IReadOnlyCollection<string> without, long missing, long all)
    {
        if (without.Count == 0 || 2 * missing <= all) return null;
        var others = Others(grader, g => without.Count(t => g.Find(t) is not null), without.Count)
            ?? "no other grader finds one either, so see whether traces are cut by --max-tokens or the prompt asks for another form";
        return $"No answer was found in {(int)(100.0 * missing / all)}% of {all:N0} traces: {grader.Described} looks for {grader.Looks}; "
            + $"{others}.";
    }

    private static bool CanMatch(Grader grader, string reference) =>
        new[] { $"Answer: {reference}", $"#### {reference}", $"$\\boxed{{{reference}}}$", $"The answer is {reference}." }.Any(text =>
            grader.Rex(text, new Problem("", "", reference)) == 1);

    private static string? Others(Grader grader, Func<Grader, int> count, int most)
    {
        var better = Grader.All.Values.Where(g => g.Name != grader.Name).Select(g => (g.Name, Count: count(g)))
            .Where(g => 2 * g.Count > most).OrderBy(g => TakesAnyNumber(g.Name)).ThenByDescending(g => g.Count).Take(3).ToList();
        return better.Count == 0 ? null : $"--grader {string.Join(", ", better.Select(g => g.Name))} would";
    }

    private static bool TakesAnyNumber(string name) => Grader.Named(name).Find("7") is not null;

    private static string Shortened(string answer) => answer.Length <= 60 ? answer : answer[..60] + "…";
}

/// <summary>A grader that counts in how many texts it found an answer. For several threads.</summary>
internal sealed class WatchedGrader
{
    private const int Kept = 100;
    private readonly List<string> without = [];
    private readonly Grader plain;
    private long all, missing;

    public WatchedGrader(Grader grader)
    {
        plain = grader;
        Grader = grader with { Find = Find };
    }

    public Grader Grader { get; }

    /// <summary><see cref="GraderAdvice.ForTraces"/> on what was read so far.</summary>
    public string? Advice
    {
        get
        {
            lock (without) return GraderAdvice.ForTraces(plain, without, missing, all);
        }
    }

    private string? Find(string text)
    {
        var answer = plain.Find(text);
        lock (without)
        {
            all++;
            if (answer is not null) return answer;
            missing++;
            if (without.Count < Kept) without.Add(text);
        }

        return null;
    }
}
