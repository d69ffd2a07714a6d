namespace Pav.Tests;

public class StepAdviceTests
{
    [Fact]
    public void Steps_of_a_blank_line_model_are_half_empty_at_newlines()
    {
        Assert.Equal(new StepFit(StepEnd.Newline, 1, 5, 2, 0), StepFit.From(StepEnd.Newline, ["a\n\nb\n \nc"]));
        Assert.Equal(new StepFit(StepEnd.BlankLine, 1, 2, 0, 0), StepFit.From(StepEnd.BlankLine, ["a\n\nb\n \nc"]));
        Assert.Equal("With steps that end at newline, 33% of the steps are empty and 0% end inside a LaTeX block (of the first 50 "
            + "traces). With --step-end blank-line 0% of the steps are empty and 0% end inside a LaTeX block: it fits this model's "
            + "output better; a verifier and the labels it learns from need the same step end",
            Advice(StepEnd.Newline, "First.\n\nThen.\n\n#### 4\nx"));
    }

    [Theory]
    [InlineData("Let\n\\[\nx = 1\n\\]\nSo 1.", 2)]
    [InlineData("$$\nx\n$$\nok\n$$y$$\nz", 2)]
    [InlineData("\\begin{align}\n\\begin{array}{c}\nx\n\\end{array}\n\\end{align}\nend", 4)]
    [InlineData("a line \\\\[2pt]\nb", 0)]
    [InlineData("cost \\$5 and $x$\nb\nc", 0)]
    [InlineData("\\[ x", 0)]
    public void A_step_that_ends_inside_a_formula_is_counted(string trace, int split) =>
        Assert.Equal(split, StepFit.From(StepEnd.Newline, [trace]).Split);

    [Fact]
    public void A_step_end_that_fits_is_not_spoken_of()
    {
        Assert.Null(Advice(StepEnd.Newline, "One.\nTwo.\n#### 3"));
        Assert.Null(Advice(StepEnd.BlankLine, "One.\n\nTwo.\n\n#### 3"));
        Assert.Contains("A pattern for --step-end", Advice(StepEnd.Newline, "a\n\n\n\nb"));
        var few = new StepAdvice(StepEnd.Newline);
        for (var i = 0; i < 4; i++) Assert.False(few.Add("a\n\nb\n\nc"));
        Assert.Null(few.Tell());
    }

    private static string? Advice(StepEnd end, string trace)
    {
        var advice = new StepAdvice(end);
        for (var i = 1; i <= 50; i++) Assert.Equal(i == 50, advice.Add(trace));
        var said = advice.Tell();
        Assert.Null(advice.Tell());
        return said is null ? null : char.ToUpperInvariant(said[0]) + said[1..];
    }
}
