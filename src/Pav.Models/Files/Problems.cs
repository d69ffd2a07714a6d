using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>
/// Problem files: JSON lines with <c>problem</c> (or <c>text</c>, <c>question</c>), <c>answer</c>, and optionally <c>id</c> and <c>level</c>.
/// Every line is checked before the first problem is returned.
/// </summary>
public static class Problems
{
    private static readonly string[] TextNames = ["problem", "text", "question"];

    public static IReadOnlyList<Problem> Read(string path)
    {
        var problems = new List<Problem>();
        var lines = new Dictionary<string, int>();
        foreach (var (number, row) in JsonLines.ReadInput(path))
        {
            var problem = Parse(path, number, row);
            if (!lines.TryAdd(problem.Id, number)) throw new UserError($"{path}:{number}: the id \"{problem.Id}\" stands in line {lines[problem.Id]} already; ids must differ");
            problems.Add(problem);
        }

        return problems.Count > 0 ? problems : throw new UserError($"{path}: holds no problem; expected one JSON object with \"problem\" and \"answer\" per line");
    }

    public static void Write(string path, IEnumerable<Problem> problems) => AtomicFile.Write(path, stream =>
    {
        foreach (var p in problems)
        {
            JsonSerializer.Serialize(stream, new { p.Id, Problem = p.Text, p.Answer, p.Level }, Json.Line);
            stream.WriteByte((byte)'\n');
        }
    });

    private static Problem Parse(string path, int number, JsonElement row)
    {
        var where = $"{path}:{number}";
        var name = TextNames.FirstOrDefault(n => row.TryGetProperty(n, out _)) ?? throw new UserError($"{where}: no \"problem\" (nor \"text\", nor \"question\")");
        var text = Text(where, row, name);
        if (text.Length == 0) throw new UserError($"{where}: \"{name}\" is empty");
        if (!row.TryGetProperty("answer", out _)) throw new UserError($"{where}: no \"answer\"");
        var answer = Text(where, row, "answer");
        if (answer.Length == 0) throw new UserError($"{where}: \"answer\" is empty");
        var id = row.TryGetProperty("id", out _) ? Text(where, row, "id") : $"{Path.GetFileName(path)}:{number}";
        if (id.Length == 0) throw new UserError($"{where}: \"id\" is empty");
        return new(id, text, answer, Level(where, row));
    }

    private static string Text(string where, JsonElement row, string name)
    {
        var value = row.GetProperty(name);
        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            _ => throw new UserError($"{where}: \"{name}\" must be a text or a number, it is {value.ValueKind.ToString().ToLowerInvariant()}"),
        };
    }

    /// <summary>A number, or a text that ends in one ("Level 5").</summary>
    private static int Level(string where, JsonElement row)
    {
        if (!row.TryGetProperty("level", out var value)) return 0;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString()!.Split(' ')[^1] : value.GetRawText();
        return int.TryParse(text, out var level) && level >= 0 ? level : throw new UserError($"{where}: \"level\" must be a whole number from 0 up, it is {value.GetRawText()}");
    }
}
