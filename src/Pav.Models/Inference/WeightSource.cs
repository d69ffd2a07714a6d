using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Inference;

/// <summary>A decoder's weights by their names in the checkpoint: in the files of a folder, or in a model.</summary>
internal sealed class WeightSource : IDisposable
{
    private readonly Func<string, StoredMatrix> open;
    private readonly IDisposable? owner;

    private WeightSource(DecoderConfig config, Func<string, StoredMatrix> open, IDisposable? owner) =>
        (Config, this.open, this.owner) = (config, open, owner);

    public DecoderConfig Config { get; }

    /// <summary>A checkpoint's files, memory-mapped: only what is being read is in memory.</summary>
    public static unsafe WeightSource From(string folder)
    {
        if (Lora.IsIn(folder))
        {
            var model = DecoderCheckpoint.Load(folder, null);
            return new(model.Config, From(model).open, model);
        }

        var files = new CheckpointTensors(folder, DecoderConfig.Load(folder));
        return new(files.Config, name =>
        {
            var mapped = files.Map(name);
            return new(Known(mapped.Entry.Dtype, name), mapped.Entry.Shape, mapped.Data, mapped.Forget, null);
        }, files);
    }

    public static unsafe WeightSource From(DecoderModel model) => new(model.Config, name =>
    {
        using var merged = model.Effective(name);
        using var here = merged.cpu();
        var flat = here.contiguous();
        return new(Known(flat.dtype, name), flat.shape, flat.data_ptr, null, flat);
    }, null);

    /// <summary>
    /// The same weights as a verifier that answers with two tokens: its two labels are the logits of the wrong one and of the right one.
    /// </summary>
    public WeightSource Asking(AnswerTokens answers)
    {
        answers.Check(Config);
        return new(Config with { Head = DecoderHead.SequenceClassification, Labels = 2 },
            name => name == "score.weight" ? Rows() : open(name), null);

        unsafe StoredMatrix Rows()
        {
            using var all = open(DecoderModel.HeadNames(Config)[0] + ".weight");
            var rows = new float[2 * all.Columns];
            for (var c = 0; c < all.Columns; c++) (rows[c], rows[all.Columns + c]) = (all[answers.Wrong, c], all[answers.Right, c]);
            var kept = torch.tensor(rows, 2, all.Columns);
            return new(torch.float32, kept.shape, kept.data_ptr, null, kept);
        }
    }

    public StoredMatrix Open(string name) => open(name);

    public float[] Values(string name)
    {
        using var stored = open(name);
        return stored.ToArray();
    }

    public void Dispose() => owner?.Dispose();

    private static ScalarType Known(ScalarType type, string name) =>
        type is ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16
            ? type : throw new UserError($"the tensor {name} is of type {type.Name()}; weights are float32, bfloat16 or float16");
}
