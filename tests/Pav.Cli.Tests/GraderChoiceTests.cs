using Pav.Cli.Shared;




namespace Pav.Cli.Tests;

public class GraderChoiceTests
{
    [Fact]
    public void The_option_names_every_grader() => Assert.Equal(Grader.All.Keys, GraderChoice.Names.Split('|'));
}
