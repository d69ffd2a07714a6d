using Pav.Models.Files;
using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>A model as a folder in the Hugging Face layout: <c>config.json</c> and <c>model.safetensors</c> (or shards with an
/// index).</summary>
public static class DecoderCheckpoint
{
    /// <summary>Reads config and weights, one tensor at a time.</summary>
    /// <param name="folder">Of the checkpoint.</param>
    /// <param name="type">What the weights become; null: they stay as stored. bfloat16 and float16 widen to float32 exactly.</param>
    /// <param name="device">Where they go; null: the CPU.</param>
    public static DecoderModel Load(string folder, ScalarType? type = torch.float32, Device? device = null)
    {
        try
        {
            if (Lora.IsIn(folder)) return LoadAdapter(folder, type, device ?? torch.CPU);
            var (config, weights) = Read(folder, DecoderConfig.Load(folder), type, device ?? torch.CPU);
            return new(config, weights);
        }
        catch (SafetensorsException e)
        {
            throw new UserError(e.Message, e);
        }
    }

    /// <summary>End-of-sequence ids of a checkpoint or of an adapter's base.</summary>
    internal static IReadOnlyList<int> Ends(string folder) =>
        DecoderConfig.Load(Lora.IsIn(folder) && !File.Exists(Path.Combine(folder, "config.json")) ? Lora.Load(folder).Base : folder).Eos;

    /// <summary>Writes config and weights, or an adapter alone, into a folder, each file whole or not at all; other files there
    /// stay.</summary>
    public static void Save(this DecoderModel model, string folder)
    {
        Directory.CreateDirectory(folder);
        if (model.Lora is { } lora) lora.Save(folder, model);
        else SafetensorsFile.Write(Path.Combine(folder, "model.safetensors"), Stored(model));
        var json = model.Config.ToJson();
        json["torch_dtype"] = model.Parameters["model.embed_tokens.weight"].dtype.Name();
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), json.ToJsonString(Json.Indented) + "\n");
    }

    /// <summary>The weights as the family's files hold them.</summary>
    private static IEnumerable<(string, Tensor)> Stored(DecoderModel model)
    {
        if (model.Config.Family != Family.Phi3) return model.Parameters.Select(p => (p.Key, p.Value));
        var fused = CheckpointTensors.Fused(model.Config).ToDictionary(f => f.Name, f => f.Parts);
        var apart = fused.Values.SelectMany(parts => parts).ToHashSet();
        return model.Parameters.Where(p => !apart.Contains(p.Key)).Select(p => (p.Key, p.Value))
            .Concat(fused.Select(f => (f.Key, Joined([.. f.Value.Select(name => model.Parameters[name])]))));
    }

    /// <summary>Rows of matrices, one below another.</summary>
    private static Tensor Joined(Tensor[] parts)
    {
        using var off = torch.no_grad();
        return parts.All(p => p.dtype == torch.float32 && p.device.IsCpu)
            ? torch.tensor([.. parts.SelectMany(p => p.to_array<float>())], parts.Sum(p => p.size(0)), parts[0].size(1)) : torch.cat(parts);
    }

    /// <summary>The base's weights under an adapter; its own config.json, where it has one, tells the head.</summary>
    private static DecoderModel LoadAdapter(string folder, ScalarType? type, Device device)
    {
        var (lora, from) = Lora.Load(folder);
        var (found, weights) = Read(from, DecoderConfig.Load(from), type, device);
        var labels = Lora.LabelsIn(folder);
        var config = File.Exists(Path.Combine(folder, "config.json"))
            ? DecoderConfig.Load(folder) with { TiedEmbeddings = found.TiedEmbeddings }
            : labels > 0 ? found with { Head = DecoderHead.SequenceClassification, Labels = labels } : found;
        var shapes = new Dictionary<string, long[]>(lora.Shapes(config));
        foreach (var (name, shape) in DecoderModel.Shapes(config))
            if (name.StartsWith("score.", StringComparison.Ordinal)) shapes[name] = shape;
        var trained = Lora.Read(folder, shapes, device);
        foreach (var name in weights.Keys.Where(name => !DecoderModel.Shapes(config).ContainsKey(name)).ToList())
        {
            weights[name].Dispose();
            weights.Remove(name);
        }

        foreach (var name in trained.Keys.Where(name => name.StartsWith("score.", StringComparison.Ordinal)).ToList())
        {
            weights[name] = trained[name];
            trained.Remove(name);
        }

        return new(config, weights, lora, trained) { BaseFolder = from };
    }

    /// <summary>A checkpoint's weights, and its config as the files say.</summary>
    private static (DecoderConfig Config, Dictionary<string, Tensor> Weights) Read(string folder, DecoderConfig config, ScalarType? type,
        Device device)
    {
        using var files = new CheckpointTensors(folder, config);
        return (files.Config, DecoderModel.Shapes(files.Config).Keys.ToDictionary(name => name, name =>
        {
            using var scope = torch.NewDisposeScope();
            var stored = files.Read(name);
            return stored.to(device, type ?? stored.dtype).DetachFromDisposeScope();
        }));
    }
}
