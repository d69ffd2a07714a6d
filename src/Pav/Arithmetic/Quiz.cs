using System.Globalization;

namespace Pav.Arithmetic;

/// <summary>
/// A worksheet with four answers to choose from: <c>Start 17\n1: +8\n2: skip -7\n3: x2\nso: 50 40 30 41</c>. The wrong ones are what
/// misconceptions lead to.
/// Its text needs no word that <see cref="Corpus.Words"/> lacks.
/// </summary>
internal sealed record Quiz(Worksheet Sheet, IReadOnlyList<int> Choices)
{
    public const int Options = 4, Lines = 5;

    public string Text => $"{Sheet.Text}\nso: {string.Join(' ', Choices)}";

    public Problem ToProblem() =>
        new($"quiz-{Seeds.Derive(0, Text, "id", 0):x16}", Text, Sheet.Answer.ToString(CultureInfo.InvariantCulture), Sheet.Lines.Count);

    /// <summary>The index-th quiz of a seed within a split of the worksheets: five lines, each of which tempts to a mistake.</summary>
    public static Quiz Draw(ulong seed, long index, Split split)
    {
        var sheet = Worksheet.Draw(Seeds.Derive(seed, "", "quiz sheet", 0), index, split, Lines, traps: Lines);
        var random = new SeededRandom(Seeds.Derive(seed, sheet.Text, "choices", 0));
        var choices = new List<int> { sheet.Answer };
        for (var tries = 0; choices.Count < Options; tries++)
        {
            var wrong = tries < 20
                ? Student.Solve(sheet, careful: false, Seeds.Derive(seed, sheet.Text, "distractor", tries)).Answer
                : random.Below(Worksheet.Values);
            if (!choices.Contains(wrong)) choices.Add(wrong);
        }

        return new(sheet, [.. choices.OrderBy(_ => random.Next())]);
    }

    /// <summary>Distinct quizzes of a split, in a fixed order that depends on the seed alone.</summary>
    public static IEnumerable<Quiz> Distinct(ulong seed, Split split)
    {
        var seen = new HashSet<string>();
        for (var i = 0L; ; i++)
        {
            var quiz = Draw(seed, i, split);
            if (seen.Add(quiz.Text)) yield return quiz;
        }
    }
}
