namespace Pav.Tests.Grading;

public class GraderTests
{
    [Theory]
    [InlineData("1: +8 = 45\nAnswer: 42", "42", 1)]
    [InlineData("Answer: 41\nso\nAnswer: 42\n", "42", 1)]   // the last one counts
    [InlineData("Answer: 42\nAnswer: 41", "42", 0)]
    [InlineData("work\n#### 1,234", "1234", 1)]
    [InlineData("  Answer:  42.0  \r\n", " 42 ", 1)]
    [InlineData("Answer: -0.50", "-.5", 1)]
    [InlineData("The Answer: 42", "42", 0)]                 // not a line of that form
    [InlineData("Answer: 42 apples", "42", 0)]
    [InlineData("Answer: 1,2", "12", 0)]                    // a comma separates thousands or two answers, never two digits
    [InlineData("Answer: 12,34", "1234", 0)]
    [InlineData("Answer: $1,234,567.50", "1234567.5", 1)]
    [InlineData("Answer: x+1", "x+1", 1)]
    [InlineData("Answer:\n42", "42", 0)]
    [InlineData("42", "42", 0)]
    [InlineData("", "", 0)]
    [InlineData("x = 30\n\n**Answer:** 30", "30", 1)]
    [InlineData("**Answer**: 30", "30", 1)]
    [InlineData("__Answer: 30__", "30", 1)]
    [InlineData("**Answers:** 30", "30", 0)]
    public void Numeric(string trace, string reference, int rex) =>
        Assert.Equal(rex, Grader.Numeric.Rex(trace, new("p", "text", reference)));

    [Fact]
    public void Answers_that_are_equal_have_one_form() => Assert.Equal("1234", Grader.Numeric.Extract("Answer: 1,234.00"));

    [Fact]
    public void Graders_are_found_by_name()
    {
        Assert.Same(Grader.Numeric, Grader.Named("numeric"));
        Assert.Equal("numeric-3", Grader.Numeric.Id);
        Assert.Contains("numeric", Assert.Throws<UserError>(() => Grader.Named("symbolic")).Message);
    }

    [Theory]
    [InlineData("48/2 = <<48/2=24>>24\n#### 72", "72", 1, 1)]
    [InlineData("#### $1,080.00", "1080", 1, 1)]
    [InlineData("#### 72 clips", "48 + 24\n#### 72", 1, 1)]            // the reference may be a whole solution
    [InlineData("#### 71\n#### 72.", "72", 1, 1)]                     // the last one counts
    [InlineData("She sold 72 clips.", "72", 0, 1)]
    [InlineData("so 48-24", "24", 0, 1)]
    [InlineData("so it is -24.", "24", 0, 0)]
    [InlineData("so it is -24.", "-24", 0, 1)]
    [InlineData("#### none\nbut 72", "72", 0, 1)]
    [InlineData("no number", "72", 0, 0)]
    public void Gsm8k_strict_and_flexible(string trace, string reference, int strict, int flexible)
    {
        var problem = new Problem("p", "text", reference);
        Assert.Equal((strict, flexible), (Grader.Gsm8k.Rex(trace, problem), Grader.Gsm8kFlexible.Rex(trace, problem)));
    }

    /// <summary>What is found by Hendrycks, by PRM800K and by Qwen.</summary>
    [Theory]
    [InlineData("It is $\\boxed{\\frac{1}{2}}$, not \\boxed{\\frac{1}{3}}.", "\\frac{1}{3}", "\\frac{1}{3}", "\\frac{1}{3}")]
    [InlineData("\\fbox{3}", "3", "3", "3")]
    [InlineData("so $\\boxed 5$", "5", "5", "5")]
    [InlineData("cut off in \\boxed{12", null, null, "12")]
    [InlineData("Then\n\n# Answer\n\n(1, 2)\n", null, "(1, 2)", "(1, 2)")]
    [InlineData("Final Answer: The final answer is $x^2$. I hope it is correct.", null, null, "$x^2$")]
    [InlineData("Answer: 12 apples\nDone", null, "12 apples", "12 apples")]
    [InlineData("it costs 5 or 6", null, null, "6")]
    [InlineData("", null, null, null)]
    [InlineData("So \\boxed{42}.\nIt stands in \\boxed{} above.", null, "42", "42")]
    [InlineData("So \\boxed{42}. (Mark it with \\boxed)", null, "42", "42")]
    [InlineData("\\boxed{}", null, null, null)]
    [InlineData("x = 30\n\n**Answer:** 30", null, "30", "30")]
    public void Where_answers_of_math_are_found(string trace, string? hendrycks, string? prm800k, string? qwen) =>
        Assert.Equal((hendrycks, prm800k, qwen), (Grader.HendrycksMath.Find(trace), Grader.Prm800k.Find(trace), Grader.Qwen.Find(trace)));
}
