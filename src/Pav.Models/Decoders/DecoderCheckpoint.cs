using Pav.Models.Files;
using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>A model as a folder in the Hugging Face layout: <c>config.json</c> and <c>model.safetensors</c> (or shards with an index).</summary>
public static class DecoderCheckpoint
{
    /// <summary>Reads config and weights; bfloat16 and float16 are widened to float32.</summary>
    public static DecoderModel Load(string folder)
    {
        var config = DecoderConfig.Load(folder);
        try
        {
            using var file = new SafetensorsFolder(folder);
            return new(config, Read(file, folder, DecoderModel.Shapes(config)));
        }
        catch (SafetensorsException e)
        {
            throw new UserError(e.Message, e);
        }
    }

    /// <summary>Writes config and weights into a folder, each file whole or not at all; other files there stay.</summary>
    public static void Save(this DecoderModel model, string folder)
    {
        Directory.CreateDirectory(folder);
        SafetensorsFile.Write(Path.Combine(folder, "model.safetensors"), model.Parameters.Select(p => (p.Key, p.Value)));
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), model.Config.ToJson().ToJsonString(Json.Indented) + "\n");
    }

    private static Dictionary<string, Tensor> Read(SafetensorsFolder file, string folder, IReadOnlyDictionary<string, long[]> shapes)
    {
        foreach (var (name, shape) in shapes)
        {
            if (!file.Contains(name)) throw new UserError($"{folder}: the tensor {name} [{string.Join(", ", shape)}], which config.json asks for, is missing from the checkpoint");
            if (!file.Entry(name).Shape.SequenceEqual(shape))
                throw new UserError($"{folder}: the tensor {name} has the shape [{string.Join(", ", file.Entry(name).Shape)}], and config.json asks for [{string.Join(", ", shape)}]");
        }

        foreach (var name in file.Names)
            if (!shapes.ContainsKey(name) && !name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal))
                throw new UserError($"{folder}: the checkpoint holds a tensor {name} that this architecture, by config.json, does not have");
        using var off = torch.no_grad();
        return shapes.Keys.ToDictionary(name => name, name =>
        {
            using var scope = torch.NewDisposeScope();
            return file.Read(name).to(torch.float32).DetachFromDisposeScope();
        });
    }
}
