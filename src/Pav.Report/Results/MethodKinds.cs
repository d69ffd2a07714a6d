namespace Pav.Report;

/// <summary>Kinds of methods in words, and their order where the strongest is told first.</summary>
internal static class MethodKinds
{
    /// <summary>Kinds that a verifier guides.</summary>
    public static IReadOnlyList<MethodKind> Guided { get; } = [MethodKind.Forest, MethodKind.Beam, MethodKind.Tree, MethodKind.Particles];

    public static string Title(MethodKind kind) => kind switch
    {
        MethodKind.Sampling => "Samples",
        MethodKind.Ranking => "Ranked samples",
        MethodKind.Beam => "Beams",
        MethodKind.Tree => "Searches of one tree",
        MethodKind.Particles => "Particle filters",
        MethodKind.Forest => "Forests",
        _ => "Oracle searches",
    };
}
