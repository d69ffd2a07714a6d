using Pav.Cli.Options;
using Pav.Models.Training;

namespace Pav.Cli.Shared;

/// <summary>The options that say what verifiers learn and how many judge together (docs/verifiers.md).</summary>
internal sealed record JudgeChoice
{
    [Flag(
        "What is learned: soft: the soft label of each prefix; rank: also that of two prefixes of a trace the better one scores higher "
        + "by a margin; td: also that a prefix is worth what the next one is said to be",
        Choices = "soft|rank|td")]
    public string Loss { get; init; } = "soft";

    [Flag("rank and td: share of the loss, or of the target, that is not the soft label", Min = 0, Max = 1)]
    public double LossShare { get; init; } = 0.5;

    [Flag("rank: by how much Q = 1 is to score above Q = 0, in logits; others in proportion", Min = 0, Max = 100)]
    public double Margin { get; init; } = 4;

    [Flag("Score heads on one trunk, each on a bootstrap of the problems, that judge together", Min = 1, Max = 64)]
    public int Heads { get; init; } = 1;

    [Flag("Verifiers of seeds --seed, --seed + 1, … that judge together", Min = 1, Max = 64)]
    public int Members { get; init; } = 1;

    public PrefixObjective Objective => new(Enum.Parse<PrefixLossKind>(Loss, ignoreCase: true), LossShare, Margin, Heads);
}
