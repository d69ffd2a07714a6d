using System.Text.Json;
using Pav.Cli.Runs;
using Pav.Didactic;

namespace Pav.Cli.Report;

/// <summary>Everything the page shows, gathered from run folders. The names, in snake_case, are those of docs/run-folder.md and web/src/data.ts.</summary>
internal sealed record ReportData(
    string Title,
    DateTimeOffset Made,
    IReadOnlyList<RunRow> Runs,
    IReadOnlyList<ResultRow> Results,
    IReadOnlyList<VerifierRow> Verifiers,
    IReadOnlyList<LabelStatistics> Labels,
    IReadOnlyList<TrainingCurve> Curves,
    TreeSet? Trees,
    IReadOnlyList<DidacticRow> Didactic,
    IReadOnlyList<ProverReport> Provers,
    IReadOnlyList<TheoryResult> Theory,
    RlData? Rl,
    IReadOnlyList<JsonElement> Figures);

/// <summary>One run.json, with the folder that holds it.</summary>
internal sealed record RunRow(
    string Command,
    string Path = "",
    JsonElement? Options = null,
    ulong? Seed = null,
    string? Started = null,
    string? Finished = null,
    Dictionary<string, string?>? Versions = null,
    IReadOnlyList<InputRow>? Inputs = null,
    double? Seconds = null,
    double? PeakMemoryMb = null);

internal sealed record InputRow(string Path, string? Sha256 = null);

/// <summary>One summary.json, with the folder that holds it.</summary>
internal sealed record ResultRow
{
    public string Path { get; init; } = "";
    public IReadOnlyList<MethodRow> Methods { get; init; } = [];
    public IReadOnlyList<ComparisonRow> Comparisons { get; init; } = [];
    public IReadOnlyList<VerifierRow> Verifiers { get; init; } = [];
    public BaseRow? Base { get; init; }
    public JsonElement? Settings { get; init; }
    public double? Seconds { get; init; }
    public double? PeakMemoryMb { get; init; }
}

internal sealed record BaseRow(double? Sample = null, double? Greedy = null, [property: System.Text.Json.Serialization.JsonPropertyName("pass_64")] double? Pass64 = null);

/// <summary>Accuracy, its 95% interval and Pass@N of one method at one N; tokens are means per problem.</summary>
internal sealed record MethodRow(
    string Method,
    int N,
    double Accuracy,
    double GeneratedTokens,
    double ScoredTokens = 0,
    double? Alpha = null,
    string? Prover = null,
    int? Problems = null,
    int? Seeds = null,
    double? Low = null,
    double? High = null,
    double? Pass = null,
    double? Seconds = null);

internal sealed record ComparisonRow(
    string A,
    string B,
    string Claim = "",
    double? Difference = null,
    double? Low = null,
    double? High = null,
    double? TokensA = null,
    double? TokensB = null);

internal sealed record VerifierRow
{
    public string Name { get; init; } = "";
    public string? Kind { get; init; }
    public double? AucWithin { get; init; }
    public double? AucWithinLow { get; init; }
    public double? AucWithinHigh { get; init; }
    public double? AucPooled { get; init; }
    public double? Brier { get; init; }
    public double? Ece { get; init; }
    public double? RankWithinState { get; init; }
    public double? Correlation { get; init; }
    public IReadOnlyList<ReliabilityBin> Reliability { get; init; } = [];
}

/// <summary>What a page shows of a verifier.json.</summary>
internal sealed record VerifierFile(VerifierRow? Measures);

internal sealed record ReliabilityBin(double Predicted, double Observed, double Count);

/// <summary>The trees that are shown, of <c>Total</c> in the run folders.</summary>
internal sealed record TreeSet(int Total, IReadOnlyList<TreeRow> Trees);

internal sealed record TreeRow(
    string Problem,
    string Method,
    int N,
    IReadOnlyList<TreeNode> Nodes,
    string Text = "",
    string Answer = "",
    double? Alpha = null,
    string? Prover = null,
    int Correct = 0);

internal sealed record TreeNode(int Id, int Parent, string Fate, string Step = "", double? Q = null, double? QMu = null, double? A = null, double? Score = null, int? Rex = null);

/// <summary>One theory.json.</summary>
internal sealed record TheoryFile(IReadOnlyList<TheoryResult> Results);

/// <summary>One didactic.json, with the folder that holds it.</summary>
internal sealed record DidacticRow(string Path, DidacticSummary Summary);
