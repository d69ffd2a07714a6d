using System.IO.Compression;
using System.Text;
using Pav.Models.Files;

namespace Pav.Models.Tests.Files;

/// <summary>Files as other people have them: odd rows, other kinds, hostile ones. Each is read, or refused in a sentence with its
/// place.</summary>
public sealed class InputFilesTests : IDisposable
{
    private const string Good = "{\"problem\":\"1+1?\",\"answer\":\"2\"}";
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("{\"problem\":\"1? \\ud83d\",\"answer\":\"2\"}", "holds \\ud83d, half of a character")]
    [InlineData("{\"problem\":\"1? \\\\\\uDE00\",\"answer\":\"2\"}", "holds \\uDE00, half of a character")]
    [InlineData("{\"problem\":\"a\",\"problem\":\"b\",\"answer\":\"2\"}", "the key \"problem\" stands twice")]
    [InlineData("{\"problem\":\"Prove it.\",\"answer\":\"\"}", "\"answer\" is empty")]
    [InlineData("{\"problem\":\"1?\",\"answer\":[\"2\"]}", "\"answer\" must be a text or a number, it is a list")]
    [InlineData("{\"problem\":\"1?\",\"answer\":NaN}", "not JSON at place 26, at NaN} (JSON has no such number; write null)")]
    [InlineData("{'problem':'1?','answer':'2'}", "not JSON at place 2, at 'problem':'1?','answer':'2'} (JSON takes double quotes")]
    [InlineData("{\"problem\":\"$\\mathrm{a}$\",\"answer\":\"2\"}", "(JSON has no such escape; a backslash is written \\\\)")]
    [InlineData("{\"problem\":\"1?\",\"answer\":\"2\"", "the JSON ends in the middle")]
    [InlineData("\"1?\"", "expected a JSON object, found the text \"1?\"")]
    [InlineData("{\"problem\":\"a\u001b[2J\",\"answer\":\"2\"}", "not JSON at place 14, at \\x1b[2J")]
    public void An_odd_row_ends_the_reading_or_is_left_out_and_told(string row, string complaint)
    {
        var file = Write($"{Good}\n{row}\n{{\"problem\":\"1+2?\",\"answer\":\"3\"}}\n");
        var error = Assert.Throws<UserError>(() => Problems.Read(file)).Message;
        Assert.StartsWith($"{file}:2: ", error);
        Assert.Contains(complaint, error);
        Assert.Contains("pav problems import", error);

        var bad = new BadRows(stop: false);
        Assert.Equal(["2", "3"], Problems.Read(file, bad: bad).Select(p => p.Answer));
        Assert.StartsWith($"{file}:2: ", Assert.Single(bad.First));
        Assert.Equal(["warning: 1 row was left out (--on-bad-row stop ends at the first):", $"  {bad.First[0]}"], bad.Lines(""));
    }

    [Fact]
    public void A_pair_of_surrogates_and_a_written_out_backslash_are_no_half_character()
    {
        var file = Write("{\"problem\":\"\\ud83d\\ude00 \\\\ud83d \\u00e9\",\"answer\":\"2\"}");
        Assert.Equal("😀 \\ud83d é", Problems.Read(file)[0].Text);
    }

    [Fact]
    public void Only_the_first_five_bad_rows_are_shown()
    {
        var bad = new BadRows(stop: false);
        Problems.Read(Write(Good + string.Concat(Enumerable.Repeat("\n{}", 7))), bad: bad);
        Assert.Equal((7, 5), (bad.Count, bad.First.Count));
        Assert.Equal("WARNING: most of the file is not used, 7 of its 8 rows; is it the right one?", bad.Lines("is it the right one?")
            .First());
        Assert.Equal("  and 2 more", bad.Lines("").Last());
    }

    [Fact]
    public void A_file_without_a_good_row_says_what_is_wrong_with_the_first() =>
        Assert.Contains("none of its 2 rows can be used; the first:",
            Assert.Throws<UserError>(() => Problems.Read(Write("{}\n{}"), bad: new(stop: false))).Message);

    [Theory]
    [InlineData("[" + Good + "]")]
    [InlineData("[\n  " + Good + "\n]\n")]
    [InlineData("\uFEFF \n[\n  {\n    \"problem\": \"1+1?\",\n    \"answer\": \"2\"\n  }\n]")]
    [InlineData("[" + Good + "]\n[" + Good + "]", 2)]
    [InlineData("[{\"problem\":\"a ] , } \\\" \\\\\",\"answer\":\"[2]\"}," + Good + "]", 2)]
    public void A_list_is_read_like_lines(string text, int problems = 1) => Assert.Equal(problems, Problems.Read(Write(text)).Count);

    [Fact]
    public void Elements_of_a_list_are_told_by_the_line_on_which_they_begin()
    {
        var file = Write($"[\n{Good},\n{{\"problem\":\"x\"}},\n{{\"problem\":\n \"y\",,}},\n{Good[..^1]}");
        var bad = new BadRows(stop: false);
        Assert.Single(Problems.Read(file, bad: bad));
        Assert.Equal([$"{file}:3: no \"answer\"", $"{file}:4: not JSON at place 18, at ,}}",
            $"{file}:6: the list of line 1 does not end; was the file cut short?"], bad.First);
    }

    [Fact]
    public void Byte_order_marks_and_utf_16_are_understood()
    {
        foreach (var encoding in new[] { new UTF8Encoding(true), Encoding.Unicode, Encoding.BigEndianUnicode })
        {
            File.WriteAllText(folder["p"], "{\"problem\":\"π?\",\"answer\":\"2\"}\r\n{\"problem\":\"\u2028\",\"answer\":\"3\"}", encoding);
            Assert.Equal(["π?", "\u2028"], Problems.Read(folder["p"]).Select(p => p.Text));
        }
    }

    [Fact]
    public void Bytes_that_are_no_utf_8_are_told_and_never_replaced()
    {
        File.WriteAllBytes(folder["latin"], Encoding.Latin1.GetBytes($"{Good}\n{{\"problem\":\"caf\u00e9?\",\"answer\":\"2\"}}\n"));
        Assert.StartsWith($"{folder["latin"]}:2: byte 0xE9 at place 16 of the line is not UTF-8; if the file is Latin-1: iconv",
            Assert.Throws<UserError>(() => Problems.Read(folder["latin"])).Message);
        Assert.Contains(":2: byte 0xE9",
            Assert.Throws<UserError>(() => JsonLines.Read<System.Text.Json.JsonElement>(folder["latin"]).Count()).Message);
    }

    [Theory]
    [InlineData("PAR1", "is a Parquet file, and is not read here or not read packed; unpack it")]
    [InlineData("BZh91AY", "is compressed by bzip2; unpack it first")]
    [InlineData("PK\u0003\u0004", "is a zip archive")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
        "is a Git LFS pointer, not the data; fetch the data in its repository: git lfs pull")]
    [InlineData("/annex/objects/MD5E-s1--a.jsonl\n", "is a git-annex pointer")]
    [InlineData("<!DOCTYPE html>\n<html>", "is a web page, not the data")]
    [InlineData("abc\0def", "is no text: it holds zero bytes")]
    public void Files_that_are_no_text_are_told_by_their_kind(string start, string kind)
    {
        var file = Write(start);
        Assert.StartsWith($"{file}: {kind}", Assert.Throws<UserError>(() => Problems.Read(file)).Message);
        using (var zip = new GZipStream(File.Create(folder["z"]), CompressionMode.Compress)) zip.Write(Encoding.UTF8.GetBytes(start));
        Assert.StartsWith($"{folder["z"]}: is gzip of {kind[3..]}", Assert.Throws<UserError>(() => Problems.Read(folder["z"])).Message);
    }

    [Fact]
    public void A_folder_and_an_object_over_several_lines_are_told()
    {
        File.WriteAllText(folder["problems.jsonl"], Good);
        Assert.Equal($"{folder.Path}: is a folder; give a file of it, such as {folder["problems.jsonl"]}",
            Assert.Throws<UserError>(() => Problems.Read(folder.Path)).Message);
        Assert.Contains("an object is written over several lines",
            Assert.Throws<UserError>(() => Problems.Read(Write("{\n\"problem\":\"1?\",\n\"answer\":\"2\"}"))).Message);
    }

    [Theory]
    [InlineData((byte)'\n')]
    [InlineData((byte)'x')]
    public void A_file_that_unpacks_without_end_is_refused(byte filling)
    {
        using (var zip = new GZipStream(File.Create(folder["bomb"]), CompressionLevel.Optimal))
        {
            var block = new byte[1 << 20];
            block.AsSpan().Fill(filling);
            for (var i = 0; i < 120; i++) zip.Write(block);
        }

        Assert.Matches("unpacks to more than 200 times its size|the line is longer than 64 MiB",
            Assert.Throws<UserError>(() => Problems.Read(folder["bomb"])).Message);
        Assert.Contains("unpacks to more than 200 times", Assert.Throws<UserError>(() => Json.Read<object>(folder["bomb"])).Message);
    }

    [Fact]
    public void Own_files_tell_their_faults_in_words()
    {
        var trace = new LabelledTrace("p", "π", "random", 0, ["a\n"], [[1]], 0, null, "exact", [2, 1], [1, 0]);
        var good = System.Text.Json.JsonSerializer.Serialize(trace, Json.Line);
        foreach (var (from, to, complaint) in new[]
        {
            ("\"n\":[2,1]", "\"n\":[2,\"1\"]", "\"n[1]\" must be a whole number"),
            ("\"rex\":0", "\"rex\":3e9", "\"rex\" must be a number of its kind, in range"),
            ("\"steps\":[\"a\\n\"],", "", "no \"steps\""),
            ("\"policy\":\"π\"", "\"policy\":\"\\ud800\"", "holds \\ud800, half of a character"),
            ("\"rex\":0", "\"rex\":0,\"rex\":1", "the key \"rex\" stands twice"),
        })
        {
            var line = good.Replace(from, to, StringComparison.Ordinal);
            Assert.NotEqual(good, line);
            var message = Assert.Throws<UserError>(() => Labels.Read(Write($"{good}\n{line}\n")).Count()).Message;
            Assert.Equal($"{folder["in"]}:2: {complaint}", message[..Math.Min(message.Length, folder["in"].Length + 4 + complaint.Length)]);
            Assert.DoesNotContain("Path:", message);
        }
    }

    [Fact]
    public void A_file_with_other_content_is_replaced_only_on_demand()
    {
        Problem[] one = [new("a", "1?", "1")], two = [new("b", "2?", "2")];
        Problems.Write(folder["p"], one, overwrite: false);
        Problems.Write(folder["p"], one, overwrite: false);
        Assert.Contains("is there already, with other content",
            Assert.Throws<UserError>(() => Problems.Write(folder["p"], two, overwrite: false)).Message);
        Assert.Equal(one, Problems.Read(folder["p"]));
        Assert.Equal(["p"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
        Problems.Write(folder["p"], two);
        Assert.Equal(two, Problems.Read(folder["p"]));
    }

    private string Write(string text)
    {
        File.WriteAllText(folder["in"], text);
        return folder["in"];
    }
}
