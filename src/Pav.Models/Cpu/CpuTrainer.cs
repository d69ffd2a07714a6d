using Pav.Models.Decoders;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Models.Cpu;

/// <summary>
/// Learning on the CPU: <see cref="CpuDecoder"/> and AdamW with PyTorch's semantics, clipping, decay, moments and weights in one pass.
/// </summary>
internal sealed unsafe class CpuTrainer : ITrainer
{
    private const double Beta1 = 0.9, Epsilon = 1e-8;
    private const string StepName = "step", FirstSuffix = ".exp_avg", SecondSuffix = ".exp_avg_sq";

    /// <summary>Values of a weight that one task of a step takes.</summary>
    private const int Stretch = 1 << 15;

    private readonly TrainerOptions options;
    private readonly CpuDecoder decoder;
    private readonly (string Name, Tensor Tensor, long Offset)[] trained;
    private readonly (nint Values, long Offset, int Count)[] stretches;
    private readonly int threads;
    private readonly Lazy<Floats> first, second;
    private bool packed;
    private long steps;

    public CpuTrainer(DecoderModel model, TrainerOptions options, int threads = 0)
    {
        (this.options, this.threads) = (options, threads > 0 ? threads : Threads.Count);
        decoder = CpuDecoder.From(model, this.threads, model.Recompute);
        var offset = 0L;
        trained = [.. model.Trained.Select(w => (w.Key, w.Value, (offset += w.Value.numel) - w.Value.numel))];
        stretches = [.. trained.SelectMany(w => Stretches((nint)w.Tensor.data_ptr, w.Offset, w.Tensor.numel))];
        (first, second) = (new(() => new(offset)), new(() => new(offset)));

        static IEnumerable<(nint, long, int)> Stretches(nint values, long offset, long count)
        {
            for (var from = 0L; from < count; from += Stretch) yield return (values + (nint)from * sizeof(float), offset + from,
                (int)Math.Min(Stretch, count - from));
        }
    }

    public double Accumulate(RowLoss loss)
    {
        Pack();
        return decoder.Accumulate(loss.Rows, loss.At, loss.Before);
    }

    public float[] Values(IReadOnlyList<ReadRow> rows)
    {
        Pack();
        return decoder.Values(rows);
    }

    public double Step(double rate, double clip)
    {
        steps++;
        packed = false;
        var squares = new double[stretches.Length];
        Each(i => squares[i] = Squares(decoder.Gradients.Data + stretches[i].Offset, stretches[i].Count));
        var norm = Math.Sqrt(squares.Sum());
        var factor = norm > clip ? (float)(clip / (norm + 1e-6)) : 1;
        var (root, size) = ((float)(1 / Math.Sqrt(1 - Math.Pow(options.Beta2, steps))), (float)(rate / (1 - Math.Pow(Beta1, steps))));
        var keep = (float)(1 - rate * options.WeightDecay);
        var step = new AdamWStep(factor, keep, (float)Beta1, (float)options.Beta2, root, (float)Epsilon, size);
        Each(i =>
        {
            var (values, offset, count) = stretches[i];
            float* g = decoder.Gradients.Data + offset, m = first.Value.Data + offset, v = second.Value.Data + offset;
            AdamWKernel.Step((float*)values, g, m, v, count, step);
        });
        return norm;
    }

    public IReadOnlyDictionary<string, float[]> Gradients() =>
        trained.ToDictionary(w => w.Name, w => new ReadOnlySpan<float>(decoder.Gradients.Data + w.Offset, (int)w.Tensor.numel).ToArray());

    public void Save(string file)
    {
        using var scope = torch.NewDisposeScope();
        List<(string, Tensor)> state = [(StepName, torch.tensor([steps]))];
        foreach (var (name, weight, offset) in trained)
            foreach (var (suffix, moments) in new[] { (FirstSuffix, first), (SecondSuffix, second) })
                state.Add((name + suffix,
                    torch.tensor(new ReadOnlySpan<float>(moments.Value.Data + offset, (int)weight.numel), weight.shape)));
        SafetensorsFile.Write(file, state);
    }

    public void Load(string file)
    {
        using var state = new SafetensorsFile(file);
        steps = *(long*)state.Map(StepName).Data;
        foreach (var (name, weight, offset) in trained)
            foreach (var (suffix, moments) in new[] { (FirstSuffix, first), (SecondSuffix, second) })
            {
                var saved = state.Map(name + suffix);
                if (!saved.Entry.Shape.SequenceEqual(weight.shape))
                    throw new UserError(
                        $"{file}: {name + suffix} has not the shape of the weight; the files belong to different models");
                new ReadOnlySpan<float>(saved.Data, (int)weight.numel).CopyTo(new(moments.Value.Data + offset, (int)weight.numel));
            }
    }

    public void Dispose()
    {
        decoder.Dispose();
        if (first.IsValueCreated) first.Value.Dispose();
        if (second.IsValueCreated) second.Value.Dispose();
    }

    private void Pack()
    {
        if (packed) return;
        decoder.Pack();
        packed = true;
    }

    private void Each(Action<int> work)
    {
        if (threads == 1 || stretches.Length < 2 * threads) for (var i = 0; i < stretches.Length; i++) work(i);
        else Parallel.For(0, stretches.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, work);
    }

    /// <summary>Sums of some hundred squares in float32, these in double precision.</summary>
    private static double Squares(float* x, int n)
    {
        const int some = 256;
        var sum = 0.0;
        for (var i = 0; i < n; i += some) sum += RowKernels.Dot(x + i, x + i, Math.Min(some, n - i));
        return sum;
    }
}
