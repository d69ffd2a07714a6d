using System.Text.Json.Serialization;
using Pav.Models.Chat;
using Pav.Models.Decoders;
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
/// <param name="Mark">Text of the token that ends each step and at which it is scored, in place of the step's own newline; none: the step's last token.</param>
/// <param name="StepEnd">Where the steps of its labels end; null: at newlines.</param>
/// <param name="Chat">The chat model's way to be asked, around PromptTemplate; null: that is the prompt.</param>
public sealed record VerifierRecord(
    VerifierKind Kind, string Policy, string Grader, string PromptTemplate, VerifierLabels Labels, ScoreCalibration? Calibration = null, VerifierMeasures? Measures = null, string? Mark = null, string? StepEnd = null, ChatFrame? Chat = null)
{
    private const string FileName = "verifier.json";

    /// <summary>What Qwen2.5-Math-PRM was trained with; its checkpoint does not say.</summary>
    private static readonly VerifierRecord QwenProcessReward = new(
        VerifierKind.Value, "", "", "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n<|im_start|>user\n{problem}<|im_end|>\n<|im_start|>assistant\n",
        new(0, 0, 0, 0), Mark: "<extra_0>");

    /// <summary>Its template and step end, as traces are put to it.</summary>
    [JsonIgnore]
    public PromptTemplate Template => new(PromptTemplate) { Chat = Chat, StepEnd = Pav.StepEnd.Parse(StepEnd) };

    /// <summary>Of a verifier's folder; a process reward model of Qwen2's needs none.</summary>
    public static VerifierRecord Load(string folder)
    {
        var file = Path.Combine(folder, FileName);
        if (File.Exists(file) || !File.Exists(Path.Combine(folder, "config.json"))) return Json.Read<VerifierRecord>(file);
        return DecoderConfig.Load(folder).Head switch
        {
            DecoderHead.ProcessRewardModel => QwenProcessReward,
            DecoderHead.CausalLM => throw new UserError($"{folder} is a language model's checkpoint, and a verifier needs a score head; train one with `pav train verifier`"),
            _ => throw new UserError($"{file} is missing; it tells how the verifier is to be asked, and another program's checkpoint needs one written by hand (docs/formats.md shows it)"),
        };
    }

    public void Save(string folder) => AtomicFile.WriteJson(Path.Combine(folder, FileName), this);
}
