using System.Text.Json;
using System.Text.Json.Serialization;
using Pav.Didactic;
using Pav.Report.Reproduction;

namespace Pav.Report.Folders;

/// <summary>
/// Everything the page shows, gathered from run folders. The names, in snake_case, are those of docs/run-folder.md. The page's types,
/// web/src/data.ts, are written from these records by a test (PageTypesTests).
/// </summary>
/// <param name="Methods">The search methods that occur, in the order of tables.</param>
internal sealed record ReportData(
    string Title,
    DateTimeOffset Made,
    IReadOnlyList<MethodEntry> Methods,
    IReadOnlyList<RunRow> Runs,
    IReadOnlyList<ResultRow> Results,
    IReadOnlyList<VerifierMeasures> Verifiers,
    IReadOnlyList<LabelStatistics> Labels,
    IReadOnlyList<TrainingCurve> Curves,
    TreeSet? Trees,
    IReadOnlyList<DidacticRow> Didactic,
    IReadOnlyList<ProverReport> Provers,
    IReadOnlyList<TheoryResult> Theory,
    RlData? Rl,
    IReadOnlyList<FigureSummary> Figures);

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
internal sealed record ResultRow : Summary
{
    public ResultRow(string path, Summary summary) : base(summary) => Path = path;

    public string Path { get; }
}

/// <summary>What a page shows of a verifier.json.</summary>
internal sealed record VerifierFile(VerifierMeasures? Measures);

/// <summary>The trees that are shown, of <c>Total</c> in the run folders.</summary>
internal sealed record TreeSet(int Total, IReadOnlyList<SearchTree> Trees);

/// <summary>One theory.json.</summary>
/// <param name="Results">Checks of the paper's results; empty where the map was asked for.</param>
internal sealed record TheoryFile(IReadOnlyList<TheoryResult> Results)
{
    /// <summary>Where a beam on Q + αA beats a beam on Q; null where it was not asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<MapCell>? Progress { get; init; }
}

/// <summary>One didactic.json, with the folder that holds it.</summary>
internal sealed record DidacticRow(string Path, DidacticSummary Summary);
