namespace Pav.Tests;

public class OverlapTests
{
    [Fact]
    public void The_same_problem_is_found_whatever_its_spaces_and_punctuation()
    {
        Problem[] known = [new("a", "What is $1 + 2$?", "3"), new("b", "What is $1 - 2$?", "-1")];
        Problem[] tested = [new("t1", "what is  1+2", "3"), new("t2", "What is $1 \\cdot 2$?", "2"), new("t3", "What is $-1 - 2$?", "-3")];
        Assert.Equal([("a", "t1")], Overlap.Find(known, tested).Select(o => (o.Known.Id, o.Again.Id)));
    }
}
