namespace Pav.Models.Remote;

/// <summary>The key of a server, or none. It goes into one header and nowhere else; what a server says back is cleaned of it.</summary>
public sealed class ApiKey
{
    private readonly string value;

    private ApiKey(string value) => this.value = value;

    public static ApiKey None { get; } = new("");

    /// <summary>From a file, else from an environment variable; none where neither is there.</summary>
    public static ApiKey Load(string variable, string file)
    {
        var text = file != "" ? string.Concat(Files.InputFile.Lines(file).Take(1).Select(l => l.Text)) : variable != "" ? Environment.GetEnvironmentVariable(variable) ?? "" : "";
        text = text.Trim();
        if (file != "" && text == "") throw new UserError($"--api-key-file {file}: its first line is empty, the key should be there");
        return text.All(c => c is > ' ' and < '\x7f') ? new(text) : throw new UserError($"{(file != "" ? $"--api-key-file {file}" : $"the environment variable {variable}")}: a key is one word of plain characters");
    }

    internal void AddTo(HttpRequestMessage request)
    {
        if (value != "") request.Headers.Authorization = new("Bearer", value);
    }

    /// <summary>The text without the key, also where a server shows just the ends of it.</summary>
    public string Clean(string text)
    {
        if (value == "") return text;
        text = text.Replace(value, "[key]", StringComparison.Ordinal);
        if (value.Length < 12) return text;
        return string.Join(' ', text.Split(' ').Select(word => word.Contains(value[..6], StringComparison.Ordinal) || word.Contains(value[^6..], StringComparison.Ordinal) ? "[key]" : word));
    }

    public override string ToString() => value == "" ? "no key" : "[key]";
}
