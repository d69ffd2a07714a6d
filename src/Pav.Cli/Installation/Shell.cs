namespace Pav.Cli.Installation;

/// <summary>Words as a shell reads them.</summary>
internal static class Shell
{
    public static string Quote(string text) =>
        text.Length > 0 && text.All(c => char.IsLetterOrDigit(c) || "-_./,:+@=".Contains(c)) ? text : $"'{text.Replace("'", "'\\''")}'";
}
