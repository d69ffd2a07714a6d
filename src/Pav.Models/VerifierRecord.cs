using Pav.Models.Files;

namespace Pav.Models;

/// <summary>What a verifier's score is a probability of.</summary>
public enum VerifierKind
{
    /// <summary>That this complete trace is right.</summary>
    Outcome,

    /// <summary>That the policy, continuing from this prefix, ends right.</summary>
    Value,
}

/// <summary>How many labels a verifier was trained on.</summary>
public sealed record VerifierLabels(long Problems, long Traces, long Prefixes, long Rollouts);

/// <summary>A score z becomes a probability: σ(scale·z + bias).</summary>
public sealed record ScoreCalibration(double Scale, double Bias)
{
    public double Probability(double score) => 1 / (1 + Math.Exp(-(Scale * score + Bias)));
}

/// <summary><c>verifier.json</c>, beside a verifier's config.json.</summary>
/// <param name="Kind">Outcome or value.</param>
/// <param name="Policy">Whose Q it predicts.</param>
/// <param name="Grader">What called an answer right.</param>
/// <param name="PromptTemplate">How a problem is put to it.</param>
/// <param name="Labels">What it learned from.</param>
/// <param name="Calibration">From its raw scores to probabilities; none: σ of the score.</param>
/// <param name="Measures">On held-out problems, once measured.</param>
public sealed record VerifierRecord(
    VerifierKind Kind, string Policy, string Grader, string PromptTemplate, VerifierLabels Labels, ScoreCalibration? Calibration = null, VerifierMeasures? Measures = null)
{
    private const string FileName = "verifier.json";

    public static VerifierRecord Load(string folder) => Json.Read<VerifierRecord>(Path.Combine(folder, FileName));

    public void Save(string folder) => AtomicFile.WriteJson(Path.Combine(folder, FileName), this);
}
