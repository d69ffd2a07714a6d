using System.Globalization;

namespace Pav.Arithmetic;

/// <summary>
/// Writes solutions of quizzes. Before the first line he may guess (<c>so: skip = 41 .</c>): then he only pads, so that it looks like work
/// (<c>fix: x2 = 41 .</c>), and says it in the end. Where he works, each line of misconceptions goes wrong with probability <see
/// cref="Slip"/>, and he repairs nothing: so the value of every state is known, but for the few ways in which two mistakes cancel.
/// </summary>
internal static class Guesser
{
    public const double Guess = 0.3, Slip = 0.4;

    /// <summary>The next step after the steps so far; the answer's line ends a trace.</summary>
    public static string Next(Quiz quiz, IReadOnlyList<string> steps, ulong seed)
    {
        var random = new SeededRandom(seed);
        var lines = quiz.Sheet.Lines;
        var value = steps.Count == 0 ? quiz.Sheet.Start : Reached(steps[^1]);
        if (steps.Count == lines.Count) return $"Answer: {value}";
        if (HasGuessed(steps)) return $"fix: {lines[random.Below(lines.Count)].Operation} = {value} .\n";
        if (steps.Count == 0 && random.Chance(Guess)) return $"so: skip = {quiz.Choices[random.Below(Quiz.Options)]} .\n";
        var line = lines[steps.Count];
        var slips = random.Chance(Slip);
        if (line.Skip && !(slips && Student.Tempted(line))) return $"{steps.Count + 1}: skip = {value} .\n";
        var result = slips && Student.Misconception(value, line.Operation) is { } wrong ? wrong : line.Operation.Apply(value);
        return $"{steps.Count + 1}: {line.Operation} = {Math.Clamp(result, 0, Worksheet.Values - 1)} .\n";
    }

    /// <summary>A whole solution.</summary>
    public static string Write(Quiz quiz, ulong seed)
    {
        var steps = new List<string>();
        while (steps.Count <= quiz.Sheet.Lines.Count) steps.Add(Next(quiz, steps, Seeds.Derive(seed, "", "line", steps.Count)));
        return string.Concat(steps);
    }

    /// <summary>
    /// The chance that he ends right from here. A guess is worth one in four, whatever it says: only the work could tell.
    /// </summary>
    public static double Value(Quiz quiz, IReadOnlyList<string> steps)
    {
        if (HasGuessed(steps)) return 1.0 / Quiz.Options;
        var value = quiz.Sheet.Start;
        var chance = 1.0;
        foreach (var (k, line) in quiz.Sheet.Lines.Index())
        {
            var trap = line.Skip ? Student.Tempted(line) : Student.Misconception(value, line.Operation) is not null;
            if (!line.Skip) value = line.Operation.Apply(value);
            if (k < steps.Count && Reached(steps[k]) != value) return 0;
            if (k >= steps.Count && trap) chance *= 1 - Slip;
        }

        return steps.Count == 0 ? Guess / Quiz.Options + (1 - Guess) * chance : chance;
    }

    /// <summary>The index-th piece of homework of a seed, from training worksheets.</summary>
    public static Lesson Homework(ulong seed, long index)
    {
        var quiz = Quiz.Draw(seed, index, Split.Train);
        return new(Corpus.QuickTemplate.Replace("{problem}", quiz.Text), Write(quiz, Seeds.Derive(seed, "", "quiz homework", index)));
    }

    private static bool HasGuessed(IReadOnlyList<string> steps) => steps.Count > 0 && steps[0].StartsWith("so:", StringComparison.Ordinal);

    private static int Reached(string step) =>
        int.Parse(step.Split((char[])[' ', '\n', '.'], StringSplitOptions.RemoveEmptyEntries)[^1], CultureInfo.InvariantCulture);
}
