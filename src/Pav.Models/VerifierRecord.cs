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

/// <summary><c>verifier.json</c>, beside a verifier's config.json.</summary>
/// <param name="Kind">Outcome or value.</param>
/// <param name="Policy">Whose Q it predicts.</param>
/// <param name="Grader">What called an answer right.</param>
/// <param name="PromptTemplate">How a problem is put to it.</param>
/// <param name="Labels">What it learned from.</param>
/// <param name="Calibration">From its raw scores to probabilities; none: σ of the score.</param>
/// <param name="Measures">On held-out problems, once measured.</param>
/// <param name="Mark">Text of the token that ends each step and at which it is scored, in place of the step's own newline; none: the step's
/// last token.</param>
/// <param name="StepEnd">Where the steps of its labels end; null: at newlines.</param>
/// <param name="Chat">The chat model's way to be asked, around PromptTemplate; null: that is the prompt.</param>
/// <param name="AfterMark">Text between a step's mark and the next step.</param>
/// <param name="Answers">Of a language model that judges by two tokens; none: it has a score head.</param>
/// <param name="Heads">Score heads that judge together; null: one.</param>
/// <param name="Members">Folders, from this one, of the verifiers that judge together; null: the checkpoint here.</param>
/// <param name="Caution">How the disagreement of judges lowers a value; null: it does not.</param>
public sealed record VerifierRecord(
    VerifierKind Kind, string Policy, string Grader, string PromptTemplate, VerifierLabels Labels, ScoreCalibration? Calibration = null,
    VerifierMeasures? Measures = null, string? Mark = null, string? StepEnd = null, ChatFrame? Chat = null, string? AfterMark = null,
    AnswerTokens? Answers = null, int? Heads = null, IReadOnlyList<string>? Members = null, Caution? Caution = null)
{
    private const string FileName = "verifier.json";

    /// <summary>What Qwen2.5-Math-PRM was trained with; its checkpoint does not say.</summary>
    private static readonly VerifierRecord QwenProcessReward = new(
        VerifierKind.Value, "", "", "<|im_start|>system\nPlease reason step by step, and put your final answer within "
            + "\\boxed{}.<|im_end|>\n<|im_start|>user\n{problem}<|im_end|>\n<|im_start|>assistant\n",
        new(0, 0, 0, 0), Mark: "<extra_0>");

    internal const string Instead = "train one with `pav train verifier`, or, for a process reward model that answers with two tokens, "
        + "write verifier.json (docs/formats.md)";

    /// <summary>Process reward models that are language models: what <c>{"format": NAME}</c> in verifier.json stands for.</summary>
    private static readonly Dictionary<string, VerifierRecord> Formats = new()
    {
        ["math-shepherd"] = new(VerifierKind.Value, "", "", "{problem} ", new(0, 0, 0, 0), Mark: " ки", AfterMark: "\n",
            Answers: new(648, 387, "+", "-")),
        ["rlhflow-llama3"] = new(
            VerifierKind.Value, "", "",
            "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul "
                + "2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n{problem} ", new(0, 0, 0, 0),
            Mark: "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
                AfterMark: "+<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n", Answers: new(10, 12, "+", "-")),
    };

    /// <summary>Its template and step end, as traces are put to it.</summary>
    [JsonIgnore]
    public PromptTemplate Template => new(PromptTemplate) { Chat = Chat, StepEnd = Pav.StepEnd.Parse(StepEnd) };

    /// <summary>Of a verifier's folder; a process reward model of Qwen2's needs none.</summary>
    public static VerifierRecord Load(string folder)
    {
        var file = Path.Combine(folder, FileName);
        if (File.Exists(file) && StrictJson.Read(file)["format"] is { } format)
            return Formats.GetValueOrDefault(format.ToString())
                ?? throw new UserError($"{file}: the format \"{format}\" is not known; known are {string.Join(", ", Formats.Keys)}; any "
                + "other is written out (docs/formats.md)");
        if (File.Exists(file) || !File.Exists(Path.Combine(folder, "config.json"))) return Json.Read<VerifierRecord>(file);
        return DecoderConfig.Load(folder).Head switch
        {
            DecoderHead.ProcessRewardModel => QwenProcessReward,
            DecoderHead.CausalLM =>
                throw new UserError($"{folder} is a language model's checkpoint, and a verifier needs a score head; {Instead}"),
            _ => throw new UserError($"{file} is missing; it tells how the verifier is to be asked, and another program's checkpoint "
                + "needs one written by hand (docs/formats.md shows it)"),
        };
    }

    public void Save(string folder) => AtomicFile.WriteJson(Path.Combine(folder, FileName), this);
}
