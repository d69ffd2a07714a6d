using System.Text;

namespace Pav.Arithmetic;

/// <summary>A text to be learned: what is given and what is to be written.</summary>
internal sealed record Lesson(string Prompt, string Completion);

/// <summary>
/// The texts that the embedded models learn from. Pretraining mixes worked solutions, sloppy ones, and corrected ones in which some of the
/// steps end in <c>ok</c> or <c>no</c> (is this step right?) or <c>right</c> or <c>wrong</c> (is the value, so far?) in place of the full
/// stop, and the answer in the latter; a heading tells the kinds apart. So a pretrained model knows more than it does when it writes
/// quickly, as real ones do, and a verifier that starts from it has features for judging.
/// </summary>
internal static class Corpus
{
    /// <summary>Prompt template under which a policy writes.</summary>
    public const string QuickTemplate = "Quick:\n{problem}\n";

    /// <summary>Prompt template under which a verifier reads.</summary>
    public const string CheckedTemplate = "Checked:\n{problem}\n";

    private const string WorkedTemplate = "Worked:\n{problem}\n";

    private const double WorkedShare = 0.2, QuickShare = 0.25, FewMarks = 0.3, ManyMarks = 0.9, StepShare = 0.65, GradeShare = 0.8;

    /// <summary>The index-th pretraining document of a seed, without end-of-sequence; training documents use training problems
    /// only.</summary>
    public static string Document(ulong seed, long index, Split split = Split.Train)
    {
        var random = new SeededRandom(Seeds.Derive(seed, "", "document", index));
        var kind = random.Next();
        var sheet = Worksheet.Draw(seed, index, split);
        var (steps, answer) = Student.Solve(sheet, careful: kind < WorkedShare, Seeds.Derive(seed, "", "student", index));
        var isChecked = kind >= WorkedShare + QuickShare;
        var marks = random.Chance(0.5) ? FewMarks : ManyMarks;
        var text = new StringBuilder((kind < WorkedShare ? WorkedTemplate : isChecked ? CheckedTemplate : QuickTemplate)
            .Replace("{problem}", sheet.Text));
        foreach (var step in steps)
        {
            if (!isChecked || !random.Chance(marks)) text.Append(step.Text);
            else text.Append(step.Text.Replace(" .\n", random.Chance(StepShare) ? step.Right ? " ok\n" : " no\n" : step.OnTrack
                ? " right\n" : " wrong\n"));
        }

        text.Append($"Answer: {answer}");
        if (isChecked && random.Chance(GradeShare)) text.Append(answer == sheet.Answer ? " right" : " wrong");
        return text.ToString();
    }

    /// <summary>The index-th piece of homework for supervised fine-tuning: a sloppy solution, as people write them.</summary>
    public static Lesson Homework(ulong seed, long index, Split split = Split.Train)
    {
        var sheet = Worksheet.Draw(seed, index, split);
        var (steps, answer) = Student.Solve(sheet, careful: false, Seeds.Derive(seed, "", "homework", index));
        return new(QuickTemplate.Replace("{problem}", sheet.Text), string.Concat(steps.Select(s => s.Text)) + $"Answer: {answer}");
    }

    /// <summary>Every word of the domain, as the word-level tokenizer wants them: a word carries the space before it.</summary>
    public static IReadOnlyList<string> Words { get; } =
    [
        "\n", "Worked:", "Quick:", "Checked:", "Start", "Answer:", "so:", "fix:", " .", " ok", " no", " right", " wrong", " =", " skip",
            " keep",
        .. Enumerable.Range(1, Worksheet.MaxLevel).Select(k => $"{k}:"),
        .. Operation.All.Select(o => $" {o}"),
        .. Enumerable.Range(0, Worksheet.Values).Select(v => $" {v}"),
    ];
}
