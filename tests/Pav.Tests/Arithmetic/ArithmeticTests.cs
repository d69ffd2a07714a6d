using Pav.Arithmetic;

namespace Pav.Tests.Arithmetic;

public class ArithmeticTests
{
    private static readonly Worksheet Example = new(17,
        [new(new('+', 8), false), new(new('-', 7), true), new(new('-', 9), false), new(new('x', 2), false)]);

    [Fact]
    public void A_worksheet_has_readable_text_and_an_answer_without_its_distractors()
    {
        Assert.Equal("Start 17\n1: +8\n2: skip -7\n3: -9\n4: x2", Example.Text);
        Assert.Equal((17 + 8 - 9) * 2, Example.Answer);
    }

    [Theory]
    [InlineData(17, '+', 8, 15)]   // 25 without the carry
    [InlineData(11, '+', 8, null)] // no carry
    [InlineData(32, '-', 7, 35)]   // digit from digit, the smaller from the larger; 25 is right
    [InlineData(18, 'x', 2, 26)]   // 36 without the carry
    [InlineData(15, 'x', 3, 30)]   // doubled instead
    [InlineData(17, '+', 3, null)] // small carries go well
    public void Misconceptions_are_functions_of_the_fact(int value, char sign, int operand, int? wrong) =>
        Assert.Equal(wrong, Student.Misconception(value, new(sign, operand)));

    [Fact]
    public void Splits_are_disjoint_by_content_and_drawing_is_reproducible()
    {
        var train = Worksheet.Problems(1, Split.Train).Take(500).ToList();
        var test = Worksheet.Problems(1, Split.Test).Take(200).ToList();
        Assert.Empty(train.Select(p => p.Text).Intersect(test.Select(p => p.Text)));
        Assert.Equal(train, Worksheet.Problems(1, Split.Train).Take(500));
        Assert.All(test, p => Assert.InRange(p.Level, Worksheet.MinLevel, Worksheet.MaxLevel));
        Assert.All(Worksheet.Problems(2, Split.Valid, 7).Take(50), p => Assert.Equal(7, p.Level));
    }

    [Fact]
    public void Values_stay_in_range_and_answers_agree_with_the_text()
    {
        foreach (var problem in Worksheet.Problems(3, Split.Train).Take(500))
        {
            var lines = problem.Text.Split('\n');
            var value = int.Parse(lines[0]["Start ".Length..]);
            foreach (var line in lines.Skip(1))
            {
                var words = line.Split(' ');
                if (words[1] == "skip") continue;
                var d = int.Parse(words[1][1..]);
                value = words[1][0] switch { '+' => value + d, '-' => value - d, _ => value * d };
                Assert.InRange(value, 0, Worksheet.Values - 1);
            }

            Assert.Equal(problem.Answer, value.ToString());
        }
    }

    [Fact]
    public void A_careful_student_is_always_right_and_a_sloppy_one_often_wrong_in_the_same_places()
    {
        var (right, careful, ended) = (0, 0, 0);
        for (var i = 0; i < 2000; i++)
        {
            var sheet = Worksheet.Draw(5, i, Split.Train);
            if (Student.Solve(sheet, true, (ulong)i).Answer == sheet.Answer) careful++;
            var (steps, answer) = Student.Solve(sheet, false, (ulong)i);
            if (answer == sheet.Answer) right++;
            if (steps[^1].OnTrack == (answer == sheet.Answer)) ended++;
        }

        Assert.Equal(2000, careful);
        Assert.InRange(right / 2000.0, 0.15, 0.25);
        Assert.Equal(2000, ended);
    }

    [Fact]
    public void A_step_is_on_track_when_its_value_is_right()
    {
        var sheet = new Worksheet(17, [new(new('+', 8), false)]);
        for (var seed = 0UL; seed < 50; seed++)
        {
            foreach (var step in Student.Solve(sheet, false, seed).Steps.Where(s => s.Text.Contains("+8")))
                Assert.Equal(step.Text.EndsWith("= 25 .\n"), step.OnTrack);
        }
    }

    [Fact]
    public void Traps_are_lines_where_a_misconception_can_strike()
    {
        // 17 +8: a carry. 25 -4: no borrow from an operand below 5. skip x3: no temptation. skip -7: one. 21 x2: no carry.
        var sheet = new Worksheet(17,
            [new(new('+', 8), false), new(new('-', 4), false), new(new('x', 3), true), new(new('-', 7), true), new(new('x', 2), false)]);
        Assert.Equal(2, Student.Traps(sheet));
        Assert.All(Enumerable.Range(0, 50), i => Assert.True(Student.Traps(Worksheet.Draw(3, i, Split.Train, 10, 5)) >= 5));
        Assert.Contains(Enumerable.Range(0, 50), i => Student.Traps(Worksheet.Draw(3, i, Split.Train, 10)) < 5);
    }

    [Fact]
    public void Documents_use_only_words_of_the_domain()
    {
        var words = Corpus.Words.ToHashSet();
        for (var i = 0L; i < 300; i++)
        {
            foreach (var line in Corpus.Document(9, i).Split('\n'))
            {
                var parts = line.Split(' ');
                Assert.All(parts.Select((p, k) => k == 0 ? p : " " + p), w => Assert.Contains(w, words));
            }
        }
    }
}
