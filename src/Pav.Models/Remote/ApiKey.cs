using System.Text.RegularExpressions;

namespace Pav.Models.Remote;

/// <summary>The key of a server, or none. It goes into one header and nowhere else; what a server says back is cleaned of it.</summary>
public sealed partial class ApiKey
{
    public const string Variable = "PAV_API_KEY";

    private readonly string value, source;

    private ApiKey(string value, string source) => (this.value, this.source) = (value, source);

    public static ApiKey None { get; } = new("", "");

    /// <summary>What a user should know of how the key is kept; null where all is well.</summary>
    public string? Warning { get; private init; }

    /// <summary>
    /// From a file, else from an environment variable; none where neither is named and <see cref="Variable"/> is not set.
    /// </summary>
    public static ApiKey Load(string variable, string file)
    {
        RefuseKeys(variable, file);
        var source = file != "" ? $"--api-key-file {file}" : $"the environment variable {variable}";
        var text = file != "" ? string.Concat(Files.InputFile.Lines(file).Take(1).Select(l => l.Text)) : variable != ""
            ? Environment.GetEnvironmentVariable(variable) : "";
        if (text is null && variable != Variable) throw new UserError($"--api-key-env {variable}: no such variable is set; put the key "
            + "into it, or into a file for --api-key-file");
        text = text?.Trim() ?? "";
        if (file != "" && text == "") throw new UserError($"{source}: its first line is empty, the key should be there");
        if (!text.All(c => c is > ' ' and < '\x7f')) throw new UserError($"{source}: a key is one word of plain characters");
        return new(text, text == "" ? "" : source) { Warning = file == "" || OnlyOwnerReads(file)
            ? null : $"others on this machine can read {file}, which holds a key: chmod 600 {file}" };
    }

    /// <summary>Refuses a key that was given in place of the name of its variable or file, before the name is written anywhere.</summary>
    public static void RefuseKeys(string variable, string file)
    {
        if (!VariableName().IsMatch(variable) || (LooksLikeKey(variable) && Environment.GetEnvironmentVariable(variable) is null))
            throw new UserError("--api-key-env takes the name of an environment variable that holds the key, not the key itself");
        if (LooksLikeKey(file) && !File.Exists(file))
            throw new UserError("--api-key-file takes the name of a file that holds the key, not the key itself");
    }

    /// <summary>
    /// Has a word the look of a key? It has no path and no ending, is long and mixes letters and digits, or begins as keys do.
    /// </summary>
    public static bool LooksLikeKey(string word) => BeginsLikeKey(word) || LongMixture().IsMatch(word);

    public static bool BeginsLikeKey(string word) => KeyBeginning().IsMatch(word);

    internal void AddTo(HttpRequestMessage request)
    {
        if (value != "") request.Headers.Authorization = new("Bearer", value);
    }

    /// <summary>Where the key came from, or could come from, for a server that does not take it.</summary>
    internal string Remedy() => value == ""
        ? $"give its key with --api-key-file FILE, or in the environment variable {Variable} (another one: --api-key-env NAME)"
        : $"it does not take the key from {source}";

    /// <summary>Is there a key, and would it go over the network unencrypted?</summary>
    internal bool IsExposedTo(EndpointUrl url) => value != "" && url.IsPlainAndFar;

    /// <summary>The text without the key, also where a server shows just the ends of it.</summary>
    public string Clean(string text)
    {
        if (value == "") return text;
        text = text.Replace(value, "[key]", StringComparison.Ordinal);
        if (value.Length < 12) return text;
        bool ShowsAnEnd(string word) => word.Contains(value[..6], StringComparison.Ordinal)
            || word.Contains(value[^6..], StringComparison.Ordinal);
        return string.Join(' ', text.Split(' ').Select(word => ShowsAnEnd(word) ? "[key]" : word));
    }

    public override string ToString() => value == "" ? "no key" : "[key]";

    private static bool OnlyOwnerReads(string file) =>
        OperatingSystem.IsWindows() || (File.GetUnixFileMode(file) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)) == 0;

    [GeneratedRegex("^([A-Za-z_][A-Za-z0-9_]*)?$")]
    private static partial Regex VariableName();

    [GeneratedRegex(@"^(sk|pk|rk|hf|gsk|nvapi|xai|key|tok|pplx|fw|r8|ghp|glpat)[-_][\w\-]{8,}$")]
    private static partial Regex KeyBeginning();

    [GeneratedRegex(@"^(?=[^/\\]*\d)(?=[^/\\]*[A-Za-z])[A-Za-z0-9+=\-]{20,}$")]
    private static partial Regex LongMixture();
}
