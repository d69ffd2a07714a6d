namespace Pav.Tests;

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
    [InlineData("Answer: x+1", "x+1", 1)]
    [InlineData("Answer:\n42", "42", 0)]
    [InlineData("42", "42", 0)]
    [InlineData("", "", 0)]
    public void Numeric(string trace, string reference, int rex) => Assert.Equal(rex, Grader.Numeric.Rex(trace, new("p", "text", reference)));

    [Fact]
    public void Answers_that_are_equal_have_one_form() => Assert.Equal("1234", Grader.Numeric.Extract("Answer: 1,234.00"));

    [Fact]
    public void Graders_are_found_by_name()
    {
        Assert.Same(Grader.Numeric, Grader.Named("numeric"));
        Assert.Equal("numeric-2", Grader.Numeric.Id);
        Assert.Contains("numeric", Assert.Throws<UserError>(() => Grader.Named("symbolic")).Message);
    }
}
