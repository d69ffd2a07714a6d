using System.Text.Json.Nodes;

namespace Pav.Cli.Tests;

/// <summary>Files in and out by the command line: nothing is overwritten in silence, odd rows are counted, what a format cannot hold is
/// said.</summary>
public sealed class FileCommandsTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    [Fact]
    public void Problems_overwrite_no_other_file_unless_asked()
    {
        string[] make = ["problems", "--count", "3", "--out", "p.jsonl"];
        Run(make).Succeeded();
        var first = File.ReadAllText(temporary.At("p.jsonl"));
        Run(make).Succeeded();
        Assert.StartsWith("pav: p.jsonl: is there already, with other content; give another --out, or --overwrite to replace it",
            Run([.. make, "--seed", "2"]).Sentence(1));
        Assert.Equal(first, File.ReadAllText(temporary.At("p.jsonl")));
        Run([.. make, "--seed", "2", "--overwrite"]).Succeeded();
        Assert.NotEqual(first, File.ReadAllText(temporary.At("p.jsonl")));
    }

    [Fact]
    public void Odd_rows_are_left_out_and_counted_or_end_the_import()
    {
        temporary.Write("in.jsonl",
            "{\"problem\":\"1+1?\",\"answer\":\"2\"}\n{\"problem\":\"Prove it.\",\"answer\":\"\"}\n{\"problem\":\"x "
                + "\\ud800\",\"answer\":\"3\"}\n");
        var skipped = Run("problems", "import", "--input", "in.jsonl", "--out", "p.jsonl", "--json").Succeeded();
        Assert.Equal((1, 2), ((int)JsonNode.Parse(skipped.Out)!["problems"]!, (int)JsonNode.Parse(skipped.Out)!["left_out"]!));
        Assert.Contains("warning: 2 rows were left out (--on-bad-row stop ends at the first):", skipped.Error);
        Assert.Contains("  in.jsonl:2: \"answer\" is empty", skipped.Error);
        Assert.StartsWith("pav: in.jsonl:2: \"answer\" is empty",
            Run("problems", "import", "--input", "in.jsonl", "--out", "q.jsonl", "--on-bad-row", "stop").Sentence(1));
        Assert.False(File.Exists(temporary.At("q.jsonl")));
    }

    [Fact]
    public void Labels_go_in_and_out_with_every_loss_told()
    {
        temporary.Write("in.jsonl",
            "{\"prompt\":\"2+2?\",\"completions\":[\"a\\nb\",\"c\"],\"labels\":[true,false]}\n{\"prompt\":\"2+2?\",\"completions\":[\"a\"],\"labels\":[\"x\"]}\n"
            + "{\"prompt\":\"1?\",\"completions\":[\"a\",\"b\",\"c\"],\"labels\":[true,true,true],\"n\":[2,1,0,1],\"c\":[1,1,0,1]}\n");
        var imported = Run("labels", "import", "--format", "trl", "--input", "in.jsonl", "--out", "labels").Succeeded();
        Assert.Contains("warning: 1 row was left out", imported.Out + imported.Error);
        Assert.Contains("warning: 1 of 5 steps go on after their first newline", imported.Out + imported.Error);
        Assert.Contains("--step-end blank-line it would be 0", imported.Out + imported.Error);

        var exported = Run("labels", "export", "--labels", "labels", "--problems", "labels", "--format", "math-shepherd", "--out",
            "ms.jsonl").Succeeded();
        Assert.Contains("math-shepherd needs a label at every step: 1 labels are left out, as 1 traces end before a step without one",
            exported.Out + exported.Error);
        var whole = Run("labels", "export", "--labels", "labels", "--problems", "labels", "--format", "jsonl", "--out",
            "all.jsonl").Succeeded();
        Assert.DoesNotContain("warning", whole.Out + whole.Error);
        Run("labels", "import", "--format", "jsonl", "--input", "all.jsonl", "--out", "again").Succeeded();
        string[] Counts(string folder) =>
            [.. File.ReadLines(temporary.At($"{folder}/labels.jsonl")).Select(l => JsonNode.Parse(l)!)
            .Select(l => $"{l["n"]!.ToJsonString()} {l["c"]!.ToJsonString()}")];
        Assert.Equal(Counts("labels"), Counts("again"));
    }

    private Cli.Ended Run(params string[] arguments) => Cli.Run(temporary.At("."), arguments);
}
