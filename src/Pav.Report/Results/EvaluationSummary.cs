using System.Text.Json.Serialization;

namespace Pav.Report;

/// <summary>Shares of problems that a policy answers: one sample with its interval, greedy, majority, and Pass@N by N; null where not
/// known.</summary>
internal record PolicyMeasures(
    double Sample,
    double SampleLow,
    double SampleHigh,
    double Greedy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Majority,
    IReadOnlyDictionary<string, double> Pass);

/// <summary>The same samples by another grader.</summary>
internal sealed record GraderMeasures(
    double Sample,
    double SampleLow,
    double SampleHigh,
    double Greedy,
    double? Majority,
    IReadOnlyDictionary<string, double> Pass,
    [property: JsonPropertyOrder(1)] string Grader) : PolicyMeasures(Sample, SampleLow, SampleHigh, Greedy, Majority, Pass);

/// <summary>Problems of one level.</summary>
internal sealed record LevelMeasures(int Level, int Problems, double Sample, IReadOnlyDictionary<string, double> Pass);

/// <summary>How many problems none of so many samples solved.</summary>
internal sealed record UnsolvedCount(int By, int Problems);

/// <summary>Problems that so many samples of another policy left unsolved: Pass@N, and the share that a beam of N answers.</summary>
internal sealed record HardMeasures(
    int UnsolvedBy, int Problems, IReadOnlyDictionary<string, double> Pass, IReadOnlyDictionary<string, double>? Beam = null);

/// <summary>What <c>evaluation.json</c> holds (docs/run-folder.md).</summary>
/// <param name="Also">By further graders.</param>
/// <param name="Verifier">What a verifier is worth on labels of traces that the policy wrote by itself.</param>
/// <param name="VerifierVisited">The same on labels of traces that searches visited.</param>
/// <param name="Gaps">How far it overrates the steps that these searches chose.</param>
internal sealed record EvaluationSummary(
    int Problems,
    string Grader,
    double Sample,
    double SampleLow,
    double SampleHigh,
    double Greedy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Majority,
    IReadOnlyDictionary<string, double> Pass,
    double TokensPerTrace,
    IReadOnlyList<LevelMeasures> Levels,
    IReadOnlyList<GraderMeasures>? Also = null,
    UnsolvedCount? Unsolved = null,
    HardMeasures? Hard = null,
    VerifierMeasures? Verifier = null,
    VerifierMeasures? VerifierVisited = null,
    IReadOnlyList<ScoreGap>? Gaps = null);
