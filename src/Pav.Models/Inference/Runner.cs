using Pav.Models.Decoders;
using static Pav.Torch.torch;

namespace Pav.Models.Inference;

/// <summary>The runner that the options ask for.</summary>
internal static class Runner
{
    /// <summary>Of a model, whose weights are copied.</summary>
    public static IRunner Create(DecoderModel model, EngineOptions options)
    {
        if (options.Torch is { } device) return new TorchRunner(model.Clone(device), options.CacheBudgetBytes);
        using var weights = WeightSource.From(model);
        return new CpuRunner(weights, options.CacheBudgetBytes, options.Threads, options.Cache, options.Weights);
    }

    /// <summary>Of a checkpoint's folder; its weights stay in the type in which they are stored.</summary>
    /// <param name="folder">Of the checkpoint.</param>
    /// <param name="options">Memory, threads, device.</param>
    /// <param name="answers">Of a language model that scores by two tokens.</param>
    public static IRunner Open(string folder, EngineOptions options, AnswerTokens? answers = null)
    {
        if (options.Torch is { } device)
        {
            var model = Merged(DecoderCheckpoint.Load(folder, device.IsCuda ? null : float32, device));
            return new TorchRunner(answers is null ? model : model.BecomeScorer(answers), options.CacheBudgetBytes);
        }

        using var weights = WeightSource.From(folder);
        return new CpuRunner(answers is null ? weights : weights.Asking(answers), options.CacheBudgetBytes, options.Threads, options.Cache,
            options.Weights);
    }

    private static DecoderModel Merged(DecoderModel model)
    {
        if (model.Lora is null) return model;
        using var adapted = model;
        return adapted.Clone();
    }
}
