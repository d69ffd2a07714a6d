using Pav.Cli.Terminal;

namespace Pav.Cli.Tests;

public class TerminalTests
{
    private static TreeNode Node(int id, int parent, string step, double q, double a, Fate fate) => new(id, parent, step, q, q, a, q, fate, null);

    private static SearchTree Tree(int correct, string? prover, params TreeNode[] nodes) => new("p", "Start 5\n1: +8", "13", "beam-pav", 2, 0.5, prover, correct, nodes);

    private static readonly TreeNode[] Nodes =
    [
        Node(0, -1, "", 0.5, 0, Fate.Root), Node(1, 0, "1: +8 = 13\n", 0.75, 0.25, Fate.Kept), Node(2, 0, "1: +8 = 3\n", 0.1, -0.4, Fate.Pruned), Node(3, 1, "Answer: 13", 0.76, 0.01, Fate.Chosen),
    ];

    [Fact]
    public void AnExampleShowsTheChosenStepsAndTheWorstThatWasDropped()
    {
        var lines = TraceExample.Lines(Tree(1, "bo4", Nodes), colours: false).Skip(2).ToArray();
        Assert.Equal(
            ["     +0.25  0.75  1: +8 = 13", "     -0.40  0.10  1: +8 = 3   (dropped instead)", "     +0.01  0.76  Answer: 13"],
            lines);
    }

    [Fact]
    public void TheChoiceToStopAfterANewlineIsNamed() =>
        Assert.EndsWith("(stops)", TraceExample.Lines(Tree(1, "bo4", [.. Nodes[..2], Node(2, 1, "", 1, 0.25, Fate.Chosen)]), colours: false).Last());

    [Fact]
    public void StepsAreGreenRedOrGreyByTheirProgress()
    {
        var lines = TraceExample.Lines(Tree(1, "bo4", Nodes), colours: true).Skip(2).ToArray();
        Assert.StartsWith("\x1b[32m", lines[0]);
        Assert.StartsWith("\x1b[31m", lines[1]);
        Assert.StartsWith("\x1b[90m", lines[2]);
    }

    [Fact]
    public void TheExampleIsARightAnswerByProgress()
    {
        var (wrong, plain, byProgress) = (Tree(0, "bo4", Nodes), Tree(1, null, Nodes), Tree(1, "bo4", Nodes));
        Assert.Same(byProgress, TraceExample.Choose([wrong, plain, byProgress]));
        Assert.Null(TraceExample.Choose([wrong]));
    }

    [Fact]
    public void ColumnsAreAligned() =>
        Assert.Equal(["name   n", "--------", "a      1", "long  12"], ResultTable.Lines(["name", "n"], [["a", "1"], ["long", "12"]]));

    [Fact]
    public async Task LongWorkSaysHowFarItIs()
    {
        var text = new StringWriter();
        var result = await new Reporter(text, live: false, quiet: false).Track("Work", 10, "things", async t =>
        {
            t.At(5, "half");
            await Task.Delay(2100);
            Assert.Matches(@"^Work: 5 of 10 things \(50%\), \d", t.Line());
            t.At(10, "done");
            return 7;
        });
        Assert.Equal(7, result);
        Assert.Matches(@"^Work: 10 things in \d+ s \(\d\.\d/s\); done", text.ToString());
    }

    [Theory]
    [InlineData(5, "5 s")]
    [InlineData(125, "2 min 05 s")]
    [InlineData(7500, "2 h 05 min")]
    public void TimesAreShort(int seconds, string expected) => Assert.Equal(expected, Tracker.Span(TimeSpan.FromSeconds(seconds)));
}
