using System.IO.Compression;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Pav.Grading;

namespace Pav.Tests.Grading;

public class MathGraderTests
{
    /// <summary>Right for PRM800K (the verdicts of its Python code), in the manner of Qwen.</summary>
    [Theory]
    [InlineData(@"\frac{1}{2}", "0.5", 1, 1)]
    [InlineData(@"\dfrac12", "1/2", 1, 1)]
    [InlineData("2/4", "1/2", 0, 1)]                                        // a fraction that is not reduced
    [InlineData(@"11\cdot 3", "33", 0, 1)]                                  // a whole number that is not worked out
    [InlineData(@"\left(3, \frac{\pi}{2}\right)", @"(3,\pi/2)", 1, 1)]
    [InlineData("(1,2)", "[1,2]", 0, 1)]
    [InlineData("(1,2)", "(2,1)", 0, 0)]
    [InlineData("x^2-1", "(x-1)(x+1)", 1, 1)]
    [InlineData("x^2-1", "(x-1)(x+2)", 0, 0)]
    [InlineData(@"\sqrt{8}", @"2\sqrt2", 1, 1)]
    [InlineData(@"\frac{1}{\sqrt2}", @"\frac{\sqrt{2}}{2}", 1, 1)]
    [InlineData(@"\frac{\sqrt[3]{16}}{2}", @"\sqrt[3]{2}", 0, 1)]
    [InlineData(@"\sqrt[3]{-8}+0.5", "-1.5", 0, 1)]
    [InlineData("1,234", "1234", 1, 1)]
    [InlineData(@"12,\! 345", "12345", 1, 1)]
    [InlineData("1, 234", "1234", 1, 0)]                                    // two answers
    [InlineData(@"3\frac{1}{2}", @"\frac72", 1, 1)]
    [InlineData("-3 1/2", "-3.5", 0, 1)]
    [InlineData("x=5", "5", 1, 1)]
    [InlineData(@"x \in [1,2]", "[1,2]", 0, 1)]
    [InlineData("f(x)=x^2+1", "x^2+1", 0, 1)]
    [InlineData(@"5 \text{ cm}^2", "5", 1, 1)]
    [InlineData(@"\frac{3}{4} \text{ miles}", "0.75", 1, 1)]
    [InlineData(@"\$18.90", "18.9", 1, 1)]
    [InlineData(@"60^\circ", "60", 1, 1)]
    [InlineData(@"50\%", "50", 1, 1)]
    [InlineData("0.5", @"50\%", 0, 1)]
    [InlineData("0.33335", "0.33333", 0, 1)]
    [InlineData("0.3334", "0.3333", 0, 0)]
    [InlineData(@"3.1416", @"\pi", 0, 1)]
    [InlineData(@"(-\infty,2]\cup[3,\infty)", @"[3, \infty) \cup (-\infty, 2]", 0, 1)]
    [InlineData(@"(-\infty,2)", @"(-\infty,3)", 0, 0)]
    [InlineData(@"(-\infty,2)", @"(\infty,2)", 0, 0)]
    [InlineData(@"\{1,2,3\}", "3,2,1", 0, 1)]
    [InlineData(@"\{1,2,3\}", "3,2,2", 0, 0)]
    [InlineData("5 or 6", "6, 5", 0, 1)]
    [InlineData(@"1 \pm \sqrt{19}", @"1-\sqrt{19}, 1+\sqrt{19}", 0, 1)]
    [InlineData(@"\text{(A)}", "A", 1, 1)]
    [InlineData(@"\text{Monday}", "monday", 1, 1)]
    [InlineData("seat", "east", 0, 0)]                                      // words are no products of letters
    [InlineData(@"\begin{pmatrix} 1/2 \\ 3 \end{pmatrix}", @"\begin{pmatrix} \frac{1}{2} \\ 3.0 \end{pmatrix}", 0, 1)]
    [InlineData(@"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", @"\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}", 0, 0)]
    [InlineData("y = 2x+3", "2x - y + 3 = 0", 0, 1)]
    [InlineData("y = 2x+3", "y = 2x-3", 0, 0)]
    [InlineData("x>5", "5<x", 0, 1)]
    [InlineData("x>5", "x<5", 0, 0)]
    [InlineData(@"1 \le x < 2", @"2 > x \geq 1", 0, 1)]
    [InlineData(@"\sin^2 x", @"1-\cos^2 x", 0, 1)]
    [InlineData(@"\tan\theta", @"\frac{\sin\theta}{\cos\theta}", 0, 1)]
    [InlineData(@"\log_2 8 + x", "3+x", 0, 1)]
    [InlineData(@"e^{i\pi}+1+\sqrt2", @"\sqrt2", 0, 1)]
    [InlineData(@"|x|", @"\sqrt{x^2}", 0, 1)]
    [InlineData(@"x", @"\sqrt{x^2}", 0, 0)]                                 // not for a negative x
    [InlineData(@"0.\overline{3}", @"\frac13", 0, 1)]
    [InlineData("4210_5", "4210_{5}", 1, 1)]
    [InlineData("4210_5", "4210", 0, 0)]
    [InlineData("x^{100}", "x^{101}", 0, 0)]
    [InlineData("2^{2025} + x", "2^{2025} + x + 1", 0, 0)]                  // beyond the digits of a double
    [InlineData(@"\binom{10}{3}+0.5", "120.5", 0, 1)]
    [InlineData("3:1", "3 : 1", 1, 1)]
    [InlineData("3:1", "1:3", 0, 0)]
    [InlineData(@"2\sqrt{3}", @"2\sqrt{3}+10^{-6}", 0, 1)]
    [InlineData("", "5", 0, 0)]
    [InlineData("5", "", 0, 0)]
    public void Answers_are_equal_in_form_or_value(string answer, string reference, int strict, int tolerant) =>
        Assert.Equal((strict, tolerant), (Grader.Prm800k.Same(answer, reference) ? 1 : 0, Grader.Qwen.Same(answer, reference) ? 1 : 0));

    [Fact]
    public void Normalisation_of_Hendrycks_is_that_of_the_Python_code()
    {
        var rows = Read<string?[][]>("hendrycks.json.gz");
        Assert.All(rows, row => Assert.Equal(row[1] ?? row[0], Hendrycks.Normalise(row[0]!)));
        Assert.True(rows.Length > 3000);
    }

    [Fact]
    public void Every_reference_answer_of_MATH_equals_itself_rewritten_and_no_perturbed_one()
    {
        foreach (var answer in Read<Answers>("answers.json.gz").Math) CheckMath(answer);
    }

    [Fact]
    public void Every_reference_answer_of_GSM8K_equals_itself_rewritten_and_no_perturbed_one()
    {
        foreach (var answer in Read<Answers>("answers.json.gz").Gsm8k) CheckGsm8k(answer);
    }

    /// <summary>The data sets themselves, solutions and all, from the folder that PAV_DATA names.</summary>
    [DataFact]
    public void Every_solution_of_the_data_sets_is_graded_right()
    {
        foreach (var row in DataFactAttribute.Rows("math_test.jsonl.gz"))
        {
            var solution = row.GetProperty("solution").GetString()!;
            var problem = new Problem("p", "", FoundAnswer.Boxed(solution)!);
            Assert.All(new[] { Grader.HendrycksMath, Grader.Prm800k, Grader.Qwen }, g => Assert.Equal(1, g.Rex(solution, problem)));
        }

        foreach (var row in new[] { "gsm8k_train.jsonl.gz", "gsm8k_test.jsonl.gz" }.SelectMany(DataFactAttribute.Rows))
        {
            var solution = row.GetProperty("answer").GetString()!;
            Assert.Equal((1, 1),
                (Grader.Gsm8k.Rex(solution, new("p", "", solution)),
                Grader.Gsm8kFlexible.Rex(solution, new("p", "", solution[(solution.LastIndexOf(' ') + 1)..]))));
        }

        foreach (var row in DataFactAttribute.Rows("math_train_answers.jsonl.gz"))
        {
            if (row.GetProperty("final_answer").ToString() is { Length: > 0 } answer) CheckMath(answer);
        }
    }

    /// <summary>Verdicts of other people's graders on sampled solutions.</summary>
    [DataFact]
    public void Verdicts_agree_with_recorded_ones()
    {
        var (agree, all) = (0, 0);
        foreach (var row in DataFactAttribute.Rows("traces_qwen_math_100x8.jsonl.gz"))
        {
            var problem = new Problem("p", "", row.GetProperty("gt").GetString()!);
            foreach (var (response, score) in row.GetProperty("response").EnumerateArray().Zip(row.GetProperty("score").EnumerateArray()))
            {
                all++;
                agree += Grader.Prm800k.Rex(response.GetString()!, problem) == (score.GetBoolean() ? 1 : 0) ? 1 : 0;
            }
        }

        Assert.Equal((799, 800), (agree, all));  // the other one is 10000 for 10{,}000
    }

    [Fact]
    public void Any_two_texts_get_an_answer_within_the_bounds()
    {
        string[] pieces =
        [
            "\\frac", "\\sqrt", "\\left(", "\\right)", "(", ")", "[", "]", "{", "}", "\\{", "\\}", "^", "_", "+", "-", "*", "/", "!", "|",
                "=", "<", ",", ";", ":", "&", "\\\\", "\\begin{pmatrix}", "\\end{pmatrix}",
            "\\text{", "\\overline{", "\\pm", "\\cup", "\\sin", "\\log", "\\binom", "\\pi", "x", "i", "e", "y", "cm", "apples", " ", "0",
                "1", "99", "3.5", "1,234", "2^{99999}", "9!", ".", "\\boxed{", "####", "# Answer", "$", "%", "°", "é", "\n",
        ];
        var soup = Gen.Elements(pieces).ListOf().Select(string.Concat);
        var text = Gen.Frequency((4, soup), (1, ArbMap.Default.GeneratorFor<string>().Select(s => s ?? "")),
            (1, Gen.Elements(pieces).SelectMany(p => Gen.Choose(1, 400).Select(n => string.Concat(Enumerable.Repeat(p, n))))));
        Prop.ForAll(text.ToArbitrary(), text.ToArbitrary(), (a, b) =>
        {
            foreach (var grader in Grader.All.Values)
            {
                grader.Rex(a, new("p", "", b));
                grader.Rex($"\\boxed{{{a}}}", new("p", "", a));
                Assert.Equal(grader.Same(a, b), grader.Same(a, b));
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1500).WithEndSize(60));
    }

    [Theory]
    [InlineData("(((((((((((((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))))))))))))")]
    [InlineData("9^{9^{9^{9^{9}}}}")]
    [InlineData("999999999999!!!!")]
    [InlineData(@"\begin{pmatrix} 1 \\ 2")]
    [InlineData("999999999!^{999999999!}")]
    [InlineData(@"\frac{1}{\frac{1}{\frac{1}{\frac{1}{0}}}}")]
    [InlineData("2^{2^{2^{2^{30}}}}-2^{2^{2^{2^{30}}}}")]
    [InlineData(@"\{\begin{pmatrix}")]
    public void Traps_are_told_apart_at_once(string trap)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        foreach (var grader in new[] { Grader.Math, Grader.Prm800k, Grader.Qwen })
        {
            Assert.True(grader.Same(trap, trap));
            Assert.False(grader.Same(trap, "7"));
            Assert.False(grader.Same("7", trap));
            Assert.False(grader.Same(string.Concat(Enumerable.Repeat(trap + "+", 100_000 / trap.Length)), trap));
        }

        Assert.True(clock.Elapsed.TotalSeconds < 5, $"{clock.Elapsed}");
    }

    /// <summary>What would be searched again and again by a finder that goes back over the text for each box.</summary>
    [Theory]
    [InlineData("\\boxed{}")]
    [InlineData("\\boxed{")]
    [InlineData("Answer:\n")]
    [InlineData("\\boxed{1}, ")]
    [InlineData("answer is ")]
    public void Finding_takes_one_pass_or_a_few(string piece)
    {
        var text = string.Concat(Enumerable.Repeat(piece, 200_000 / piece.Length));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        foreach (var grader in Grader.All.Values) grader.Rex(text, new("p", "", "5"));
        Assert.True(clock.Elapsed.TotalSeconds < 5, $"{clock.Elapsed}");
    }

    private sealed record Answers(string[] Math, string[] Gsm8k);

    private static void CheckMath(string answer)
    {
        var same = Rewritten(answer).Where(r => r != answer).Distinct().ToList();
        Assert.True(same.Count >= 10, answer);
        foreach (var rewritten in same)
        {
            Assert.True(Grader.Math.Same(rewritten, answer), $"{rewritten} is {answer}");
            Assert.True(Grader.Qwen.Same(answer, rewritten), $"{answer} is {rewritten}");
        }

        Assert.Equal(1, Grader.Math.Rex($"Therefore, the answer is $\\boxed{{{answer}}}$.\n", new("p", "", answer)));
        foreach (var other in Perturbed(answer))
        {
            Assert.False(Grader.Math.Same(other, answer), $"{other} is not {answer}");
            Assert.False(Grader.HendrycksMath.Same(other, answer), $"{other} is not {answer}");
        }
    }

    /// <summary>Forms in which a model may write the same answer.</summary>
    private static IEnumerable<string> Rewritten(string answer)
    {
        var a = answer.Trim();
        foreach (var frame in new[] { " {0} ", "${0}$", "\\({0}\\)", "\\boxed{{{0}}}", "{0}.", "{{{0}}}", "\\displaystyle {0}", "\n{0}\n",
            "**{0}**", "\\!{0}\\,", "\\mathbf{{{0}}}", "~{0}\\ " }) yield return string.Format(frame, a);
        yield return a.Replace("\\dfrac", "\\frac").Replace("\\tfrac", "\\frac");
        yield return a.Replace("\\tfrac", "\\frac").Replace("\\dfrac", "\\frac").Replace("\\frac", "\\dfrac");
        if (!a.Contains("\\left")) yield return a.Replace("(", "\\left(").Replace(")", "\\right)");
        yield return a.Replace("\\left", "").Replace("\\right", "");
        yield return a.Replace("+", " + ").Replace("=", " = ").Replace("/", " / ");
        yield return a.Replace("\\pi", "π").Replace("\\infty", "∞").Replace("\\cup", "∪");
        yield return a.Replace("\\text{", "\\mbox{");
        if (NumberText.Whole(a) is not { } number) yield break;
        if (!a.Contains('=')) yield return $"x = {a}";
        yield return number + (number.Contains('.') ? "00" : ".00");
        foreach (var unit in new[] { "\\%", "\\text{ units}", " \\text{ square cm}", "^\\circ", " cm", "\\mbox{ inches}^2" })
            yield return a.TrimEnd('.').Replace("\\%", "") + unit;
        yield return "\\$" + number;
        if (number.Length > 3 && number.All(char.IsAsciiDigit)) yield return long.Parse(number).ToString("N0");
    }

    /// <summary>Another first digit, and one more; without a digit, one more letter.</summary>
    private static IEnumerable<string> Perturbed(string answer)
    {
        var digit = answer.AsSpan().IndexOfAnyInRange('0', '9');
        if (digit < 0)
        {
            yield return answer + "+1";
            yield break;
        }

        yield return answer[..digit] + (char)('0' + (answer[digit] - '0' + 1) % 10) + answer[(digit + 1)..];
        yield return answer[..digit] + "7" + answer[digit..];
    }

    private static void CheckGsm8k(string answer)
    {
        var number = NumberText.Whole(answer)!;
        string[] same = [answer, $" {answer} ", $"${answer}", answer + ".", number + (number.Contains('.') ? "0" : ".0"),
            number + (number.Contains('.') ? "00" : ".00"), $"**{answer}**", $"{answer} dollars", $"{answer}%", $"\\${answer}",
            $"{answer}\n\nDone."];
        var problem = new Problem("p", "", answer);
        Assert.All(same, form =>
            Assert.Equal((1, 1),
            (Grader.Gsm8k.Rex($"2 + 2 = 4\n#### {form}", problem), Grader.Gsm8kFlexible.Rex($"So the answer is {form}", problem))));
        Assert.All([$"1{number}", number + "1", "-" + number + "5"], form =>
            Assert.Equal((0, 0), (Grader.Gsm8k.Rex($"#### {form}", problem), Grader.Gsm8kFlexible.Rex($"it is {form}", problem))));
    }

    private static T Read<T>(string name)
    {
        using var file = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "fixtures", name)),
            CompressionMode.Decompress);
        return JsonSerializer.Deserialize<T>(file, JsonSerializerOptions.Web)!;
    }
}
