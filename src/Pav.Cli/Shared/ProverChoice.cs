namespace Pav.Cli.Shared;

/// <summary>Provers as the command line names them: boK, or a verifier's folder.</summary>
internal static class ProverChoice
{
    /// <summary>The K of boK; null for anything else.</summary>
    public static int? BestOf(string name) =>
        ProverName.Strength(name) is { } k
            ? k is >= 1 and <= 4096 ? k : throw new UserError($"--provers names '{name}', but K must be from 1 to 4096.")
            : null;
}
