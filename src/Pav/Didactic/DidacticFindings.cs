namespace Pav.Didactic;
internal static class DidacticFindings { public static IReadOnlyList<string> Of(DidacticSummary s) => []; }
