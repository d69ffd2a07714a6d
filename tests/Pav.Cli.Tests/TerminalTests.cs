using Pav.Cli.Terminal;

namespace Pav.Cli.Tests;

public class TerminalTests
{
    private static TreeNode Node(int id, int parent, string step, double q, double a, Fate fate) =>
        new(id, parent, step, q, q, a, q, fate, null);

    private static SearchTree Tree(int correct, string? prover, params TreeNode[] nodes) =>
        new("p", "Start 5\n1: +8", "13", "beam-pav", 2, 0.5, prover, correct, nodes);

    private static readonly TreeNode[] Nodes =
    [
        Node(0, -1, "", 0.5, 0, Fate.Root), Node(1, 0, "1: +8 = 13\n", 0.75, 0.25, Fate.Kept),
            Node(2, 0, "1: +8 = 3\n", 0.1, -0.4, Fate.Pruned), Node(3, 1, "Answer: 13", 0.76, 0.01, Fate.Chosen),
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
        Assert.EndsWith("(stops)", TraceExample.Lines(Tree(1, "bo4", [.. Nodes[..2], Node(2, 1, "", 1, 0.25, Fate.Chosen)]), colours: false)
            .Last());

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

    [Fact]
    public async Task WithinABatchTheRolloutsAreCounted()
    {
        var reporter = new Reporter(TextWriter.Null, live: false, quiet: false);
        await reporter.Track("Labelling", 40, "problems", t =>
        {
            reporter.Draws.Ask(300);
            reporter.Draws.Finish(100);
            Assert.Equal("Labelling: 0 of 40 problems (0%), 100 rollouts", t.Line());
            Assert.EndsWith("; waiting for 200 rollouts", t.WaitingLine());
            t.At(20);
            reporter.Draws.Finish(50);
            // 100 rollouts for 20 problems, so 50 are ten problems more.
            Assert.Equal(0.75, t.Share, 1e-9);
            Assert.StartsWith("Labelling: 20 of 40 problems (75%), 150 rollouts; ", t.Line());
            reporter.Draws.Finish(1000);
            Assert.InRange(t.Share, 0.9, 0.99);
            return Task.FromResult(0);
        });
    }

    [Fact]
    public async Task WhereNothingChangesOneLineSaysWhatIsWaitedFor()
    {
        var text = new StringWriter();
        var reporter = new Reporter(text, live: false, quiet: false) { Look = TimeSpan.FromMilliseconds(10),
            Patience = TimeSpan.FromMilliseconds(600) };
        await reporter.Track("Work", 10, "things", async t =>
        {
            t.At(1);
            while (Lines(text).Length < 1) await Task.Delay(5);
            Assert.Single(Lines(text));
            reporter.Draws.Ask(7);
            while (Lines(text).Length < 2) await Task.Delay(5);
            return 0;
        });
        Assert.Matches(@"^Work: 1 of 10 things \(10%\), \d.* left$", Lines(text)[0]);
        Assert.Matches(@"^Work: 1 of 10 things \(10%\), .* left; waiting for 7 rollouts$", Lines(text)[1]);
    }

    [Theory]
    [InlineData("a\x1b[2Jb\x07", @"a\x1b[2Jb\x07")]
    [InlineData("\u009b31m\u0085\x7f", @"\x9b31m\x85\x7f")]
    [InlineData("1\u202e2\u2066\u200f\u061c", @"1\u202e2\u2066\u200f\u061c")]
    [InlineData("one\r\ntwo\rthree\tfour\u2028", "one\ntwo\\x0dthree\tfour\\u2028")]
    [InlineData("ℚ ≤ ½ 数 👩‍🔬 कि", "ℚ ≤ ½ 数 👩‍🔬 कि")]
    [InlineData("\U000e0041", @"\U000e0041")]
    public void WhatATerminalWouldObeyIsShown(string text, string shown) => Assert.Equal(shown, Printable.From(text));

    [Fact]
    public void ALoneHalfOfACharacterIsReplaced() => Assert.Equal("\ufffd", Printable.From("\ud800"));

    [Fact]
    public async Task EverythingThatIsSaidIsShownAsText()
    {
        const string Hostile = "\x1b]0;title\x07\u202e";
        var text = new StringWriter();
        var reporter = new Reporter(text, live: false, quiet: false) { Look = TimeSpan.FromMilliseconds(10) };
        reporter.Say(Hostile);
        await reporter.Track(Hostile, 2, Hostile, async t =>
        {
            t.At(1, Hostile);
            while (Lines(text).Length < 2) await Task.Delay(5);
            return 0;
        });
        var tree = Tree(1, Hostile, Nodes[0], Node(1, 0, Hostile, 1, 0.5, Fate.Chosen)) with { Text = Hostile, Answer = Hostile };
        foreach (var line in TraceExample.Lines(tree, colours: true)) text.WriteLine(line);
        Assert.DoesNotContain("\x1b]", text.ToString());
        Assert.DoesNotContain('\u202e', text.ToString());
        Assert.DoesNotContain('\x07', text.ToString());
        Assert.Contains(@"\x1b]0;title\x07\u202e", text.ToString());
    }

    [Fact]
    public void AnErrorShowsWhatItNamesAsText()
    {
        using var temporary = new TemporaryFolder();
        var sentence = Cli.Run(temporary.At(""), "label", "--policy", "pav-tiny-s", "--problems", "\x1b[2J\u202efile").Sentence(1);
        Assert.Contains(@"\x1b[2J\u202efile", sentence);
        Assert.DoesNotContain('\x1b', sentence);
        Assert.Contains(@"'\x1b[31m'", Cli.Run(temporary.At(""), "\x1b[31m").Sentence(2));
    }

    private static string[] Lines(StringWriter text) => text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    [Theory]
    [InlineData(5, "5 s")]
    [InlineData(125, "2 min 05 s")]
    [InlineData(7500, "2 h 05 min")]
    public void TimesAreShort(int seconds, string expected) => Assert.Equal(expected, Tracker.Span(TimeSpan.FromSeconds(seconds)));
}
