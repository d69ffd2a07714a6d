using System.IO.Compression;
using System.Text;
using Pav.Models.Files;

namespace Pav.Models.Tests.Files;

public class FilesTests
{
    private sealed record Row(int Number, string Text);

    [Fact]
    public void A_line_counts_once_its_newline_is_written_whatever_byte_the_file_was_cut_at()
    {
        using var folder = new TempFolder();
        Row[] rows = [new(1, "plain"), new(2, "λ → 𝑥 \"quoted\"\nnewline"), new(3, "")];
        using (var log = JsonLines.Append(folder["whole"], syncEvery: 2))
            foreach (var row in rows) log.Write(row);
        var whole = File.ReadAllBytes(folder["whole"]);
        Assert.Equal(rows, JsonLines.Read<Row>(folder["whole"]));

        for (var cut = 0; cut <= whole.Length; cut++)
        {
            File.WriteAllBytes(folder["cut"], whole[..cut]);
            var survivors = rows.Take(whole[..cut].Count(b => b == '\n')).ToList();
            Assert.Equal(survivors, JsonLines.Read<Row>(folder["cut"]));

            using (var log = JsonLines.Append(folder["cut"])) log.Write(new Row(9, "after"));
            Assert.Equal([.. survivors, new Row(9, "after")], JsonLines.Read<Row>(folder["cut"]));
        }
    }

    [Fact]
    public void A_torn_line_longer_than_a_block_is_cut_off()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["log"], "{\"number\":1,\"text\":\"a\"}\n{\"number\":2,\"text\":\"" + new string('x', 200_000));
        using (var log = JsonLines.Append(folder["log"])) log.Write(new Row(2, "b"));
        Assert.Equal([new Row(1, "a"), new Row(2, "b")], JsonLines.Read<Row>(folder["log"]));
    }

    [Fact]
    public void A_broken_line_in_the_middle_is_named()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["log"], "{\"number\":1,\"text\":\"a\"}\n{\"number\":\n{\"number\":3,\"text\":\"c\"}\n");
        var error = Assert.Throws<UserError>(() => JsonLines.Read<Row>(folder["log"]).ToList());
        Assert.StartsWith($"{folder["log"]}:2: ", error.Message);
    }

    [Fact]
    public void What_may_be_null_may_be_absent_and_nothing_else()
    {
        using var folder = new TempFolder();
        var trace = new LabelledTrace("p", "π", "random", 0, ["a\n"], [[1]], 0, null, "exact", [2, 1], [1, 0]);
        using (var log = JsonLines.Append(folder["log"])) log.Write(trace);
        Assert.DoesNotContain("answer", File.ReadAllText(folder["log"]));
        var read = JsonLines.Read<LabelledTrace>(folder["log"]).Single();
        Assert.Equal((trace.Problem, trace.Answer, trace.C[0]), (read.Problem, read.Answer, read.C[0]));

        File.WriteAllText(folder["log"], "{\"problem\":\"p\"}\n");
        Assert.Contains("log:1: ", Assert.Throws<UserError>(() => JsonLines.Read<LabelledTrace>(folder["log"]).ToList()).Message);
    }

    [Theory]
    [InlineData(new[] { 4 }, new[] { 1 }, 1, "1 steps need 2 counts n and c")]
    [InlineData(new[] { 4, 1 }, new[] { 5, 1 }, 1, "c[0] = 5 of n[0] = 4")]
    [InlineData(new[] { 4, 1 }, new[] { 1, 1 }, 2, "rex must be 0 or 1")]
    public void Labels_whose_counts_cannot_be_are_refused(int[] n, int[] c, int rex, string complaint)
    {
        using var folder = new TempFolder();
        var good = new LabelledTrace("p", "π", "random", 0, ["a\n"], [[1]], 1, "2", "exact", [4, 1], [3, 1]);
        using (var log = JsonLines.Append(folder["labels"]))
        {
            log.Write(good);
            log.Write(good with { N = n, C = c, Rex = rex });
        }

        Assert.Contains($"labels:2: {complaint}", Assert.Throws<UserError>(() => Labels.Read(folder["labels"]).Count()).Message);
    }

    [Theory]
    [InlineData("\"steps\":[\"a\\n\"]", "\"steps\":null", "steps is null")]
    [InlineData("\"steps\":[\"a\\n\"]", "\"steps\":[null]", "steps holds a null")]
    [InlineData("\"tokens\":[[1]]", "\"tokens\":[null]", "tokens holds a null")]
    [InlineData("\"n\":[4,1]", "\"n\":null", "n is null")]
    [InlineData(null, "null", "holds null, and no row")]
    public void Nulls_in_labels_are_named(string? from, string to, string complaint)
    {
        using var folder = new TempFolder();
        var good = System.Text.Json.JsonSerializer.Serialize(new LabelledTrace("p", "π", "random", 0, ["a\n"], [[1]], 1, "2", "exact",
            [4, 1], [3, 1]), Json.Line);
        var bad = from is null ? to : good.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(good, bad);
        File.WriteAllText(folder["labels"], $"{good}\n{bad}\n");
        Assert.EndsWith($"labels:2: {complaint}", Assert.Throws<UserError>(() => Labels.Read(folder["labels"]).Count()).Message);
    }

    [Theory]
    [InlineData("\"next\":[", "\"next\":null,\"was\":[", "next is null")]
    [InlineData("\"next\":[", "\"next\":[null,", "next holds a null")]
    [InlineData("\"next\":[", "\"next\":[],\"was\":[", "next holds no step")]
    [InlineData("\"step\":\"b\\n\"", "\"step\":null", "step is null in next")]
    [InlineData("\"step\":\"c\\n\"", "\"step\":\"b\\n\"", "the step \"b\" is in next twice")]
    [InlineData("\"problem\":\"q\"", "\"problem\":\"p\"", "this state of problem p is in the file already")]
    public void States_that_cannot_be_are_refused(string from, string to, string complaint)
    {
        using var folder = new TempFolder();
        string Line(string problem) => System.Text.Json.JsonSerializer.Serialize(
            new LabelledState(problem, "π", "π", ["a\n"], [[1]], 1, "exact", 4, 2,
                [new("b\n", [2], false, 1, 4, 3), new("c\n", [3], false, 1, 4, 1)]), Json.Line);
        File.WriteAllText(folder["states"], $"{Line("p")}\n{Line("q")}\n");
        Assert.Equal(2, States.Read(folder["states"]).Count());
        var bad = Line("q").Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(Line("q"), bad);
        File.WriteAllText(folder["states"], $"{Line("p")}\n{bad}\n");
        Assert.EndsWith($"states:2: {complaint}", Assert.Throws<UserError>(() => States.Read(folder["states"]).Count()).Message);
    }

    [Fact]
    public void Keep_rewrites_the_rows_that_are_kept()
    {
        using var folder = new TempFolder();
        using (var log = JsonLines.Append(folder["log"]))
            for (var i = 0; i < 10; i++) log.Write(new Row(i, "r"));
        JsonLines.Keep<Row>(folder["log"], row => row.Number < 4);
        Assert.Equal([0, 1, 2, 3], JsonLines.Read<Row>(folder["log"]).Select(row => row.Number));
    }

    [Fact]
    public void A_failed_write_leaves_the_old_content_and_no_other_file()
    {
        using var folder = new TempFolder();
        AtomicFile.WriteText(folder["file"], "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(folder["file"], stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(folder["file"]));

        AtomicFile.WriteFolder(folder["set"], inside => File.WriteAllText(Path.Combine(inside, "a"), "1"));
        Assert.Throws<InvalidOperationException>(() => AtomicFile.WriteFolder(folder["set"], inside =>
        {
            File.WriteAllText(Path.Combine(inside, "a"), "2");
            throw new InvalidOperationException();
        }));
        Assert.Equal("1", File.ReadAllText(Path.Combine(folder["set"], "a")));
        Assert.Equal(["file", "set"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_link_stays_a_link_and_its_target_is_written()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["target"], "old");
        File.CreateSymbolicLink(folder["link"], folder["target"]);
        AtomicFile.WriteText(folder["link"], "new");
        Assert.Equal(folder["target"], new FileInfo(folder["link"]).LinkTarget);
        Assert.Equal("new", File.ReadAllText(folder["target"]));
    }

    [Fact]
    public void A_full_disk_is_told_in_one_sentence()
    {
        if (!File.Exists("/dev/full")) return;
        var error = Assert.Throws<UserError>(() =>
        {
            using var stream = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0);
            Disk.Guard("labels.jsonl", () => stream.Write("x"u8));
        });
        Assert.StartsWith("labels.jsonl: the disk is full", error.Message);
    }

    [Fact]
    public void A_mistake_of_the_program_is_not_called_a_full_disk()
    {
        using var folder = new TempFolder();
        foreach (var mistake in new Action<Stream>[] { _ => ArgumentOutOfRangeException.ThrowIfNegative(-1, "value"), stream =>
            stream.Position = -1, stream => stream.Write(new byte[1], 0, 2), _ => "a".Substring(2) })
            Assert.ThrowsAny<ArgumentException>(() => AtomicFile.Write(folder["file"], mistake));
    }

    [Theory]
    [InlineData("cut short")]
    [InlineData("no gzip after the first two bytes")]
    [InlineData("a byte changed")]
    public void Broken_gzip_is_told_with_the_files_name(string how)
    {
        using var folder = new TempFolder();
        var zipped = new MemoryStream();
        var lines = Enumerable.Range(0, 2000).Select(i => $"{{\"problem\":\"{Seeds.Mix((ulong)i)}\",\"answer\":\"1\"}}\n");
        using (var zip = new GZipStream(zipped, CompressionMode.Compress, leaveOpen: true))
            zip.Write(Encoding.UTF8.GetBytes(string.Concat(lines)));
        var bytes = zipped.ToArray();
        if (how == "cut short") bytes = bytes[..(bytes.Length / 2)];
        else if (how == "a byte changed") bytes[bytes.Length / 2] ^= 0x55;
        else bytes.AsSpan(2).Fill(0xEE);
        File.WriteAllBytes(folder["broken"], bytes);
        Action[] reads = [() => Problems.Read(folder["broken"]), () => Labels.Read(folder["broken"]).Count(), () =>
            JsonLines.Read<System.Text.Json.JsonElement>(folder["broken"]).Count(), () => Json.Read<object>(folder["broken"])];
        foreach (var read in reads) Assert.StartsWith(folder["broken"], Assert.Throws<UserError>(read).Message);
        if (how != "a byte changed") Assert.Contains("the gzip data is broken", Assert.Throws<UserError>(reads[2]).Message);
    }

    [Fact]
    public void A_folder_is_replaced_whole_and_comes_back_after_a_kill_between_its_renames()
    {
        using var folder = new TempFolder();
        foreach (var version in new[] { "1", "2" })
            AtomicFile.WriteFolder(folder["set"], inside => File.WriteAllText(Path.Combine(inside, version), ""));
        Assert.Equal(["2"], Directory.EnumerateFiles(folder["set"]).Select(Path.GetFileName));

        Directory.Move(folder["set"], folder[".set.old"]);
        AtomicFile.RecoverFolder(folder["set"]);
        Assert.True(File.Exists(Path.Combine(folder["set"], "2")));
    }

    [Fact]
    public void Problems_take_the_names_in_use_and_gzip()
    {
        using var folder = new TempFolder();
        var text = "{\"id\":\"a\",\"problem\":\"1+1\",\"answer\":\"2\",\"level\":3}\n\n{\"question\":\"q\",\"answer\":7,\"level\":\"Level 5\"}\n{\"text\":\"t\",\"answer\":\"x\",\"extra\":[]}";
        File.WriteAllText(folder["p.jsonl"], text);
        using (var zip = new GZipStream(File.Create(folder["p.gz"]), CompressionMode.Compress)) zip.Write(Encoding.UTF8.GetBytes(text));
        Assert.Equal([new Problem("a", "1+1", "2", 3), new Problem("p.jsonl:3", "q", "7", 5), new Problem("p.jsonl:4", "t", "x")],
            Problems.Read(folder["p.jsonl"]));
        Assert.Equal(3, Problems.Read(folder["p.gz"]).Count);

        Problems.Write(folder["w"], Problems.Read(folder["p.jsonl"]));
        Assert.Equal(Problems.Read(folder["p.jsonl"]), Problems.Read(folder["w"]));
    }

    [Theory]
    [InlineData("{\"problem\":\"1\",\"answer\":\"2\"}\n{\"problem\":", ":2: the JSON ends in the middle")]
    [InlineData("[1]", ":1: expected a JSON object, found 1")]
    [InlineData("{\"answer\":\"2\"}", ":1: no \"problem\"")]
    [InlineData("{\"problem\":\"1\"}", ":1: no \"answer\"")]
    [InlineData("{\"problem\":\"1\",\"answer\":null}", ":1: \"answer\" must be a text or a number")]
    [InlineData("{\"problem\":\" \",\"answer\":\"\"}", ":1: \"answer\" is empty")]
    [InlineData("{\"problem\":\"1\",\"answer\":\"2\",\"level\":-1}", ":1: \"level\" must be")]
    [InlineData("{\"id\":\"a\",\"problem\":\"1\",\"answer\":\"2\"}\n{\"id\":\"a\",\"problem\":\"1\",\"answer\":\"2\"}",
        ":2: the id \"a\" stands in line 1")]
    [InlineData("\n", ": holds no problem")]
    public void A_problem_file_that_is_wrong_says_where(string content, string complaint)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["p"], content);
        Assert.StartsWith(folder["p"] + complaint, Assert.Throws<UserError>(() => Problems.Read(folder["p"])).Message);
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.Contains("nowhere.jsonl: no such file", Assert.Throws<UserError>(() => Problems.Read("nowhere.jsonl")).Message);
}
