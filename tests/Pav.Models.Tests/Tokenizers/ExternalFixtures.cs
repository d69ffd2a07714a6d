namespace Pav.Models.Tests.Tokenizers;

/// <summary>Recorded cases whose licences keep them out of this repository: a folder named by the environment variable PAV_FIXTURES holds
/// tokenizers/&lt;name&gt;.</summary>
internal static class ExternalFixtures
{
    private static readonly string? Root = Environment.GetEnvironmentVariable("PAV_FIXTURES");

    public static string? WhyNot =>
        Root is not { Length: > 0 } ? "PAV_FIXTURES names no folder with recorded cases of tokenizers that are not in this repository"
        : Directory.Exists(Path.Combine(Root, "tokenizers")) ? null : $"{Root} (PAV_FIXTURES) has no folder tokenizers";

    public static string Tokenizer(string name) => Path.Combine(Root!, "tokenizers", name);
}

/// <summary>A theory that is skipped, with the reason, where the external fixtures are not at hand.</summary>
internal sealed class ExternalTheoryAttribute : TheoryAttribute
{
    public ExternalTheoryAttribute() => Skip = ExternalFixtures.WhyNot;
}
