using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>Which fields of a row hold what; empty: the names in use (docs/formats.md).</summary>
public sealed record ProblemFields(string Problem = "", string Answer = "", string Id = "", string Level = "");

/// <summary>
/// Problem files, one JSON object a line, plain or gzip: pav's own, GSM8K, MATH, and others by field names. An answer may be written out as
/// a GSM8K solution (its
/// <c>####</c> line counts), or be left to a MATH solution's last box. Every row is checked before the first problem is returned.
/// </summary>
public static class Problems
{
    private static readonly string[] TextNames = ["problem", "text", "question"];
    private static readonly string[] AnswerNames = ["answer", "final_answer", "ground_truth_answer", "solution"];

    /// <param name="path">What <see cref="DataSource.Find"/> takes: a file, or a data set's folder with its split.</param>
    /// <param name="fields">Names of fields, where they are not those in use.</param>
    /// <param name="answers">False: answers may be missing, and are empty then; a verifier learns without them.</param>
    /// <param name="bad">What becomes of a row that holds no usable problem; null: it ends the reading.</param>
    public static IReadOnlyList<Problem> Read(string path, ProblemFields? fields = null, bool answers = true, BadRows? bad = null)
    {
        bad ??= new(stop: true, $"to leave out and count what cannot be used: pav problems import --input {path} --out FILE");
        var problems = new List<Problem>();
        var seen = new Dictionary<string, string>();
        var source = DataSource.Find(path);
        foreach (var row in InputRow.Read(source, bad))
        {
            if (bad.Try(() => Parse(source.Name, row, fields ?? new(), answers)) is not { } problem) continue;
            if (seen.TryAdd(problem.Id, row.Where)) problems.Add(problem);
            else bad.Add(row.Wrong($"the id \"{problem.Id}\" stands in {Place(seen[problem.Id], row.Where)} already; ids must differ"));
        }

        if (problems.Count > 0) return problems;
        throw new UserError(bad.Count > 0
            ? $"{path}: none of its {bad.Count} rows can be used; the first: {bad.First[0]}"
            : $"{path}: holds no problem; expected one JSON object with \"problem\" and \"answer\" per line");
    }

    public static void Write(string path, IEnumerable<Problem> problems, bool overwrite = true) =>
        AtomicFile.Write(path, overwrite, stream =>
            JsonLines.WriteAll(stream,
            problems.Select(p => new { p.Id, Problem = p.Text, Answer = p.Answer == "" ? null : p.Answer, p.Level })));

    /// <summary>Another row's place as this row's complaint names it: without the file's name where it is the same.</summary>
    private static string Place(string other, string here)
    {
        var file = here[..(here.LastIndexOf(':') + 1)];
        if (!other.StartsWith(file, StringComparison.Ordinal)) return other;
        return other[file.Length..] is var place && place.StartsWith("row ") ? place : $"line {place}";
    }

    private static Problem Parse(string source, InputRow row, ProblemFields fields, bool answers)
    {
        var name = fields.Problem != "" ? fields.Problem : row.FirstOf(TextNames)
            ?? throw row.Wrong("no \"problem\" (nor \"text\", nor \"question\")");
        var text = row.Text(name);
        if (text.Length == 0) throw row.Wrong($"\"{name}\" is empty");
        var id = fields.Id != "" ? row.Text(fields.Id) : row.FirstOf("id", "unique_id") is { } given ? row.Text(given)
            : $"{source}:{row.Number}";
        if (id.Length == 0) throw row.Wrong("\"id\" is empty");
        return new(id, text, Answer(row, fields.Answer, answers), Level(row, fields.Level != "" ? fields.Level : "level"));
    }

    private static string Answer(InputRow row, string given, bool needed)
    {
        var name = given != "" ? given : row.FirstOf(AnswerNames);
        if (name is null && !needed) return "";
        var text = row.Text(name ?? "answer");
        var hashes = text.LastIndexOf("####", StringComparison.Ordinal);
        var answer = hashes >= 0 ? text[(hashes + 4)..].Trim() : name == "solution" ? Grader.HendrycksMath.Find(text)
            ?? throw row.Wrong("no \"answer\", and no \\boxed{…} in \"solution\"") : text;
        return answer.Trim().Length > 0 || !needed ? answer : throw row.Wrong($"\"{name}\" is empty");
    }

    /// <summary>A number, or a text that ends in one ("Level 5"); MATH's "Level ?" is unknown.</summary>
    private static int Level(InputRow row, string name)
    {
        if (!row.Has(name)) return 0;
        var value = row.Json.GetProperty(name);
        var text = value.ValueKind == JsonValueKind.String ? value.GetString()!.Split(' ')[^1] : value.GetRawText();
        return text == "?" ? 0 : int.TryParse(text, out var level) && level >= 0
            ? level : throw row.Wrong($"\"level\" must be a whole number from 0 up, it is {value.GetRawText()}");
    }
}
