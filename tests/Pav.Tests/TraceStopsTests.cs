namespace Pav.Tests;

public class TraceStopsTests
{
    [Theory]
    [InlineData("", "x = 30\n\nQuestion: ", 6, 17)]
    [InlineData("#### 30\n", "\nQuestion: Ann", 0, 10)]
    [InlineData("#### 30\n\n", "Question: Ann", 0, 9)]
    [InlineData("#### 30\n\nQuest", "ion: Ann", 0, 4)]
    [InlineData("", "END or \n\nQuestion:", 0, 3)]
    [InlineData("abE", "ND", 0, 2)]
    public void The_first_stop_that_is_whole_ends_the_trace(string before, string step, int cut, int end) =>
        Assert.Equal((cut, end), TraceStops.From(["\n\nQuestion:", "END"]).In(before, step));

    [Theory]
    [InlineData("", "a Question:")]
    [InlineData("\n\nQuestion", "")]
    [InlineData("END", "more")]
    [InlineData("\n\nQuestion", "naire")]
    public void A_stop_that_is_not_whole_in_the_step_does_not(string before, string step) =>
        Assert.Null(TraceStops.From(["\n\nQuestion:", "END"]).In(before, step));

    [Fact]
    public void Of_two_the_one_that_is_whole_first_counts_and_of_these_the_longer()
    {
        Assert.Equal((2, 4), TraceStops.From(["abcdef", "cd"]).In("", "abcdef"));
        Assert.Equal((0, 4), TraceStops.From(["cd", "abcd"]).In("", "abcdef"));
        Assert.Equal(5, TraceStops.From(["abcdef", "cd"]).Reach);
        Assert.Equal("cdefg", TraceStops.From(["abcdef", "cd"]).Tail("abcdefg"));
        Assert.Equal("efg", TraceStops.From(["abcd"]).Tail(Prefix.Root(new("p", "?", "")).Then("abc").Then("").Then("defg")));
        Assert.Equal("", TraceStops.None.Tail("abc"));
        Assert.Throws<UserError>(() => TraceStops.From(["a", ""]));
    }
}
