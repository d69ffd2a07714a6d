using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Cli.Commands.Train;

internal sealed record MergeSettings
{
    [Flag("LoRA adapter: the folder of its adapter_config.json, or the run that trained it", Required = true, Input = true)]
    public string Model { get; init; } = "";

    [Flag("Folder to write: a whole checkpoint, with the files beside the adapter that are not weights", Required = true, Local = true)]
    public string Out { get; init; } = "";

    [Flag("Type of the weights: as the base has them, or another", Choices = "stored|float32|bfloat16|float16")]
    public string Type { get; init; } = "stored";
}

/// <summary>The folder that was written.</summary>
internal sealed record MergedModel(string Out, long Parameters);

/// <summary>Makes a whole checkpoint of a LoRA adapter and its base.</summary>
internal static class MergeCommand
{
    private static readonly string[] Beside = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "generation_config.json", "verifier.json", "policy.json"];

    public static CommandSpec Spec { get; } = CommandSpec.Create<MergeSettings, MergedModel>(
        "merge", "Make a whole checkpoint of a LoRA adapter and its base.", "pav merge --model runs/verifier --out models/verifier",
            Output.None, Run);

    private static Task<MergedModel> Run(MergeSettings settings, CommandContext context)
    {
        var folder = Home.Model("--model", settings.Model);
        ScalarType? type = settings.Type switch { "float32" => torch.float32, "bfloat16" => torch.bfloat16, "float16" =>
            torch.float16, _ => null };
        using var adapted = DecoderCheckpoint.Load(folder, type);
        if (adapted.Lora is null) throw new UserError($"{folder}: has no adapter_config.json; there is nothing to merge");
        if (Directory.Exists(settings.Out) && Directory.EnumerateFileSystemEntries(settings.Out).Any())
            throw new UserError($"{settings.Out}: is not empty; choose a new folder");
        using var whole = adapted.Clone();
        whole.Save(settings.Out);
        foreach (var name in Beside)
            if (File.Exists(Path.Combine(folder, name))) File.Copy(Path.Combine(folder, name), Path.Combine(settings.Out, name));
        context.Reporter.Say($"{whole.Config.Parameters:N0} parameters in {settings.Out}");
        return Task.FromResult(new MergedModel(settings.Out, whole.Config.Parameters));
    }
}
