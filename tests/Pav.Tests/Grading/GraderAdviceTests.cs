namespace Pav.Tests.Grading;

public class GraderAdviceTests
{
    private const string Boxed = "So it is \\(\\boxed{\\frac{1}{2}}\\).";

    [Fact]
    public void Traces_without_an_answer_are_told_with_the_graders_that_find_one()
    {
        var watched = new WatchedGrader(Grader.Numeric);
        for (var i = 0; i < 9; i++) watched.Grader.Rex(Boxed, new("p", "", "\\frac{1}{2}"));
        watched.Grader.Rex("Answer: 5", new("p", "", "5"));
        Assert.StartsWith("No answer was found in 90% of 10 traces: grader numeric (version 3 of its rules) looks for a last line "
            + "'Answer: 42' or '#### 42'; --grader ", watched.Advice);
        Assert.EndsWith("--grader math, hendrycks, prm800k would.", watched.Advice);
    }

    [Fact]
    public void Traces_with_answers_get_no_advice()
    {
        var watched = new WatchedGrader(Grader.Math);
        Assert.Null(watched.Advice);
        watched.Grader.Rex(Boxed, new("p", "", "0.5"));
        watched.Grader.Rex("no answer", new("p", "", "0.5"));
        Assert.Null(watched.Advice);
    }

    [Fact]
    public void Where_no_grader_finds_an_answer_other_causes_are_named()
    {
        var watched = new WatchedGrader(Grader.Math);
        watched.Grader.Find("cut off");
        Assert.Contains("--max-tokens", watched.Advice);
    }

    [Theory]
    [InlineData("five", "--grader numeric")]
    [InlineData("\\frac{1}{2}", "math")]
    public void References_that_a_grader_never_matches_are_told(string reference, string other)
    {
        var advice = GraderAdvice.ForReferences(Grader.Gsm8k, [new("a", "", "12"), new("b", "", reference)]);
        Assert.StartsWith("No trace can be right on 1 of 2 problems: grader gsm8k (version 1 of its rules) never matches "
            + "their reference answers, such as", advice);
        Assert.Contains(other, advice);
        Assert.Null(GraderAdvice.ForReferences(Grader.Math, [new("a", "", "12"), new("b", "", reference)]));
    }

    [Fact]
    public void A_reference_that_no_grader_reads_is_told() =>
        Assert.Contains("no grader reads them", GraderAdvice.ForReferences(Grader.Gsm8k, [new("a", "", "")]));
}
