using Pav.Models.Files;

namespace Pav.Models.Tests.Files;

/// <summary>Data sets' folders as they lie on disk.</summary>
public sealed class DataSourceTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly Duck duck = new();

    public void Dispose()
    {
        duck.Dispose();
        folder.Dispose();
    }

    /// <summary>openai/gsm8k: configs in README.md, a folder for each, which is given as such.</summary>
    [Fact]
    public void A_clone_of_a_repository_is_read_by_its_card()
    {
        Write("README.md", """
            ---
            license: mit
            configs:
            - config_name: main
              data_files:
              - split: train
                path: main/train-*
              - split: test
                path: main/test-*
            - config_name: socratic
              data_files:
              - split: test
                path: ["socratic/test-*.parquet"]
            ---
            # Data
            """);
        Shard("main/train-00000-of-00002.parquet", "t", 2);
        Shard("main/train-00001-of-00002.parquet", "u", 1);
        Shard("main/test-00000-of-00001.parquet", "e", 1);
        Shard("socratic/test-00000-of-00001.parquet", "s", 1);
        Assert.Equal([new Problem("main/train:1", "t0", "1"), new("main/train:2", "t1", "2"), new("main/train:3", "u0", "1")],
            Read("main:train"));
        Assert.Equal([new Problem("main/test:1", "e0", "1")], Read("main", "test"));
        Assert.Equal("s0", Read("socratic").Single().Text);
        Assert.EndsWith("main: holds the splits train, test; say which: " + folder["main"] + ":test", Complaint("main"));
        Assert.EndsWith("main: has no split \"dev\"; it holds train, test", Complaint("main", "dev"));
        Assert.Equal($"{folder.Path}: holds the configs main, socratic; say which: {folder["main"]}", Complaint(""));
        Assert.Equal(3, DataSource.FilesOf(folder["main"]).Count());
        File.Delete(folder["main/test-00000-of-00001.parquet"]);
        Assert.Equal(3, Read("main", "train").Count);
        Assert.Contains("README.md has the split test in main/test-*, and there is no such file", Complaint("main", "test"));
        Assert.Equal(2, DataSource.FilesOf(folder["main"]).Count());
    }

    /// <summary>A config need not be a folder, and files need not be tables.</summary>
    [Theory]
    [InlineData("data/{a,b}.jsonl", 2)]
    [InlineData("**/?.jsonl", 3)]
    [InlineData("data/[ab].jsonl", 2)]
    [InlineData("data/b.jsonl", 1)]
    [InlineData("*.jsonl", 0)]
    public void A_card_names_files_by_patterns(string pattern, int files)
    {
        Write("README.md", $"---\nconfigs:\n- config_name: hard\n  data_files: \"{pattern}\"\n---\n");
        foreach (var name in new[] { "a", "b", "c" }) Write($"data/{name}.jsonl", """{"problem":"p","answer":1}""");
        if (files > 0) Assert.Equal(files, Read("hard", "train").Count);
        else Assert.Contains("there is no such file", Complaint("hard", "train"));
    }

    [Fact]
    public void What_datasets_saved_is_read()
    {
        Write("d/dataset_dict.json", """{"splits": ["train", "test"]}""");
        foreach (var split in new[] { "train", "test" })
        {
            Write($"d/{split}/state.json", $$"""{"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": "{{split}}"}""");
            Write($"d/{split}/dataset_info.json", """{"splits": {"train": {}, "test": {}}}""");
            TableTests.WriteArrow(folder[$"d/{split}/data-00000-of-00001.arrow"], file: false, split == "train" ? 2 : 1);
        }

        var fields = new ProblemFields("stem", "key");
        Assert.Equal(4, Problems.Read(folder["d:train"], fields).Count);
        Assert.Equal("test/test:2", Problems.Read(folder["d/test"], fields)[1].Id);
        Write("d/test/state.json", """{"_data_files": [{"filename": "x"}], "_indices_files": [{"filename": "i"}]}""");
        Assert.Contains("is a selection of its rows; save it with flatten_indices() first", Complaint("d", "test"));
    }

    [Fact]
    public void The_cache_of_datasets_is_read()
    {
        Write("c/dataset_info.json", """{"dataset_name": "gsm8k", "splits": {"train": {}, "test": {}}}""");
        TableTests.WriteArrow(folder["c/gsm8k-train-00000-of-00002.arrow"], file: false, 1);
        TableTests.WriteArrow(folder["c/gsm8k-train-00001-of-00002.arrow"], file: false, 2);
        TableTests.WriteArrow(folder["c/gsm8k-test.arrow"], file: false, 1);
        Assert.Equal(6, Problems.Read(folder["c:train"], new("stem", "key")).Count);
        Assert.Equal(2, Problems.Read(folder["c:test"], new("stem", "key")).Count);
    }

    [Fact]
    public void Names_tell_the_splits_of_other_folders()
    {
        Shard("n/train/a.parquet", "t", 2);
        Shard("n/valid-0.parquet", "v", 1);
        Shard("n/my_test.parquet", "e", 3);
        Assert.Equal((2, 1, 3), (Read("n", "train").Count, Read("n", "validation").Count, Read("n", "test").Count));
        Shard("m/0.parquet", "a", 1);
        Shard("m/1.parquet", "b", 1);
        Assert.Equal(["m:1", "m:2"], Read("m").Select(p => p.Id));
        Assert.EndsWith("m: has no split \"test\"; it holds files that name no split", Complaint("m", "test"));
        Write("h/test.jsonl", """{"problem":"p","answer":1}""");
        Assert.Equal("h/test:1", Read("h").Single().Id);
    }

    [Fact]
    public void A_split_of_a_file_and_a_bad_card_are_told()
    {
        Shard("a.parquet", "a", 1);
        Assert.Equal($"{folder["a.parquet"]}: is one file, and --split is for a data set's folder", Complaint("a.parquet", "test"));
        Write("b/README.md", "---\nconfigs: [\n---\n");
        Assert.Matches(@"README\.md:\d+: the YAML at its head cannot be read", Complaint("b"));
        Assert.EndsWith("nowhere:test: no such file", Complaint("nowhere", "test"));
    }

    private IReadOnlyList<Problem> Read(string path, string split = "") => Problems.Read(DataSource.WithSplit(folder[path], split));

    private string Complaint(string path, string split = "") => Assert.Throws<UserError>(() => Read(path, split)).Message;

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
        File.WriteAllText(folder[name], text);
    }

    private void Shard(string name, string letter, int rows)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
        duck.Run($"copy (select '{letter}' || i as question, '#### ' || (i + 1) as answer from range({rows}) r(i)) to '{folder[name]}' "
            + "(format parquet)");
    }
}
