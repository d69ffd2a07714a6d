namespace Pav.Cli.Tests;

/// <summary>What a run writes is deleted, moved, replaced or cut while it runs: it ends with a sentence, and is not called
/// finished.</summary>
public sealed class DeletedFileTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private static readonly string[] Sampled = ["--policy", "model", "--problems", "train.jsonl", "--max-tokens", "60",
        "--problems-per-batch", "1"];

    private static readonly Dictionary<string, string[]> Commands = new()
    {
        ["labels.jsonl"] = ["label", .. Sampled, "--n-cov", "4", "--n-mc", "16"],
        ["states.jsonl"] = ["label", .. Sampled, "--n-cov", "4", "--n-mc", "16", "--steps-per-state", "2"],
        ["search.jsonl"] = ["search", .. Sampled, "--n", "1,2,64", "--methods", "sample,majority"],
        ["metrics.jsonl"] =
        [
            "rl", "--policy", "model", "--problems", "train.jsonl", "--reward", "orm", "--iterations", "400", "--batch", "4", "--samples",
                "4", "--max-tokens", "20", "--checkpoint-every", "1000",
        ],
    };

    public static TheoryData<string> Files => [.. Commands.Keys];

    [Theory]
    [MemberData(nameof(Files))]
    public void ADeletedFileEndsTheRun(string file)
    {
        var ended = Disturbed($"file-{file}", file, File.Delete);
        Assert.Contains($"{file}: was deleted", ended.Error);
        Assert.False(File.Exists(tiny.At($"file-{file}/run.json")) && File.ReadAllText(tiny.At($"file-{file}/run.json"))
            .Contains("finished"));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void ADeletedFolderEndsTheRunAndStaysDeleted(string file)
    {
        Disturbed($"folder-{file}", file, path => Directory.Delete(Path.GetDirectoryName(path)!, recursive: true));
        Assert.False(Directory.Exists(tiny.At($"folder-{file}")));
    }

    [Fact]
    public void AFileThatWasReplacedOrCutEndsTheRunAndTheNextStartGoesOnFromIt()
    {
        Disturbed("replaced", "labels.jsonl", path =>
        {
            File.Copy(path, $"{path}.copy");
            File.Move($"{path}.copy", path, overwrite: true);
        });
        Disturbed("cut", "labels.jsonl", path =>
        {
            using var cut = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            cut.SetLength(10);
        });
        foreach (var run in new[] { "replaced", "cut" }) Cli.Run(tiny.Folder, "label", "--out", run).Succeeded();
        Assert.Equal(File.ReadAllText(tiny.At("replaced/labels.jsonl")), File.ReadAllText(tiny.At("cut/labels.jsonl")));
        Assert.Equal(160, File.ReadLines(tiny.At("cut/labels.jsonl")).Count());
    }

    private Cli.Ended Disturbed(string to, string file, Action<string> disturb)
    {
        var process = Cli.Start(tiny.Folder, [.. Commands[file], "--out", to]);
        var path = tiny.At($"{to}/{file}");
        while (!process.HasExited && !(File.Exists(path) && new FileInfo(path).Length > 100)) Thread.Sleep(1);
        Assert.False(process.HasExited);
        disturb(path);
        var ended = Cli.Wait(process);
        Assert.Equal(1, ended.Code);
        Assert.StartsWith("pav: ", ended.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
        return ended;
    }
}
