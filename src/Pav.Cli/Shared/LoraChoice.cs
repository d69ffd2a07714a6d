using Pav.Models.Decoders;

namespace Pav.Cli.Shared;

/// <summary>The options of LoRA, in training and in RL.</summary>
[Section("Adapters")]
internal sealed record LoraChoice
{
    [Flag("Trains a LoRA adapter of this rank instead of all weights; 0 is off. Saved as PEFT does; 'merge' makes a whole checkpoint of it", Min = 0, Max = 4096)]
    public int LoraRank { get; init; }

    [Flag("LoRA's alpha: what it adds is scaled by alpha / rank", Min = 0, AboveMin = true)]
    public double LoraAlpha { get; init; } = 32;

    [Flag("Projections that LoRA is on")]
    public string LoraTargets { get; init; } = new Lora().Targets;

    /// <summary>The adapter; null where none is trained.</summary>
    public Lora? Chosen => LoraRank == 0 ? null : new(LoraRank, LoraAlpha, LoraTargets);
}
