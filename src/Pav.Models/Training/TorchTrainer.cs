using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Torch;
using Pav.Torch.Optim;
using static Pav.Torch.torch;

namespace Pav.Models.Training;

/// <summary>Learning in libtorch, on a GPU or on the CPU.</summary>
internal sealed class TorchTrainer(DecoderModel model, TrainerOptions options) : ITrainer
{
    private const int ValueRows = 64;

    private readonly Lazy<AdamW> optimizer = new(() =>
        new(model.Trained.Select(p => (p.Key, p.Value)), beta2: options.Beta2, weight_decay: options.WeightDecay));

    public double Accumulate(RowLoss loss)
    {
        using var scope = NewDisposeScope();
        var sum = loss.Sum(Head(loss.Rows, options.Pack));
        model.backward(sum);
        return sum.item<double>();
    }

    public float[] Values(IReadOnlyList<ReadRow> rows)
    {
        using var off = no_grad();
        var (places, start) = (new int[rows.Count], 0);
        for (var r = 0; r < rows.Count; r++) (places[r], start) = (start, start + rows[r].ReadAt.Length);
        var values = Array.Empty<float>();
        foreach (var batch in Enumerable.Range(0, rows.Count).OrderBy(r => rows[r].Ids.Length).Chunk(ValueRows))
        {
            using var scope = NewDisposeScope();
            var head = Head([.. batch.Select(r => rows[r])], pack: false);
            var (flat, width, from) = (head.to_array<float>(), (int)head.size(1), 0);
            if (values.Length == 0) values = new float[start * width];
            foreach (var r in batch)
            {
                var count = rows[r].ReadAt.Length * width;
                flat.AsSpan(from, count).CopyTo(values.AsSpan(places[r] * width));
                from += count;
            }
        }

        return values;
    }

    public double Step(double rate, double clip)
    {
        FillGradients();
        optimizer.Value.lr = rate;
        var norm = Pav.Torch.Optim.Gradients.clip_grad_norm_(model.Trained.Values, clip);
        optimizer.Value.step();
        optimizer.Value.zero_grad();
        return norm;
    }

    public IReadOnlyDictionary<string, float[]> Gradients()
    {
        FillGradients();
        return model.Trained.ToDictionary(p => p.Key, p => p.Value.grad!.to_array<float>());
    }

    /// <summary>Experts that no token has chosen have a gradient of zeros, as on the CPU.</summary>
    private void FillGradients()
    {
        if (model.Config.Experts is null) return;
        using var off = no_grad();
        foreach (var weight in model.Trained.Values.Where(weight => weight.grad is null))
        {
            using var zeros = zeros_like(weight);
            weight.grad = zeros;
        }
    }

    public void Save(string file) => SafetensorsFile.Write(file, optimizer.Value.state_dict());

    public void Load(string file)
    {
        using var state = new SafetensorsFile(file);
        optimizer.Value.load_state_dict(state.Read);
    }

    public void Dispose()
    {
        if (optimizer.IsValueCreated) optimizer.Value.Dispose();
    }

    /// <summary>
    /// The head's values [places, values], float32; rows lie side by side, padded on the right (causality keeps padding out of what
    /// precedes it), or end to end.
    /// </summary>
    private Tensor Head(IReadOnlyList<ReadRow> rows, bool pack)
    {
        var longest = rows.Max(row => row.Ids.Length);
        List<long> places = [];
        var start = 0L;
        foreach (var row in rows)
        {
            places.AddRange(row.ReadAt.Select(t => start + t));
            start += pack ? row.Ids.Length : longest;
        }

        var hidden = (pack ? model.forward([.. rows.Select(row => row.Ids)])
            : model.forward(Padded(rows, longest)).reshape(-1, model.Config.HiddenSize)).index_select(0, Placed(tensor([.. places])));
        return (model.Config.Head == DecoderHead.CausalLM ? model.logits(hidden) : model.scores(hidden)).cast(float32);
    }

    private Tensor Padded(IReadOnlyList<ReadRow> rows, int length)
    {
        var ids = new long[rows.Count * length];
        for (var r = 0; r < rows.Count; r++)
            for (var t = 0; t < rows[r].Ids.Length; t++) ids[r * length + t] = rows[r].Ids[t];
        return Placed(tensor(ids, rows.Count, length));
    }

    private Tensor Placed(Tensor made) => model.Device.IsCpu ? made : made.to(model.Device);
}
