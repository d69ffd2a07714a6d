using Pav.Models.Cpu;
using Pav.Models.Decoders;

namespace Pav.Models.Inference;

/// <summary>Mixtures of experts.</summary>
internal sealed unsafe partial class CpuRunner
{
    /// <summary>
    /// Adds to the stream of rows [from, to) what their experts make of them, expert by expert, so that a row's sum does not depend on
    /// the rows beside it.
    /// </summary>
    private void Blend(Layer layer, Workspace work, int from, int to)
    {
        var (experts, weights, space) = (Config.Experts!, layer.Experts!, work.Experts!);
        var (rows, k) = (to - from, experts.PerToken);
        for (var r = from; r < to; r++) Before(layer.InnerNorm, r, work.Normed + (r - from) * hiddenStride);
        var stride = weights.Router.Stride;
        weights.Router.Apply(work.Normed, hiddenStride, space.Logits.Grow(rows * stride), stride, rows);
        for (var r = 0; r < rows; r++)
        {
            var logits = space.Logits.Data + r * stride;
            var (_, sum) = RowKernels.Exponentials(logits, experts.Count, 1);
            for (var e = 0; e < experts.Count; e++) logits[e] /= sum;
            experts.Route(new(logits, experts.Count), space.Chosen.AsSpan(r * k, k), space.Weights.AsSpan(r * k, k));
        }

        foreach (var group in Enumerable.Range(0, rows * k).GroupBy(choice => space.Chosen[choice]).OrderBy(g => g.Key))
        {
            var (read, (gate, up, down)) = (0, weights.Parts[group.Key]);
            foreach (var choice in group)
                Copy(work.Normed + choice / k * hiddenStride, space.Read.Data + read++ * hiddenStride, Config.HiddenSize);
            gate.Apply(space.Read.Data, hiddenStride, space.Gates.Data, gate.Stride, read);
            up.Apply(space.Read.Data, hiddenStride, space.Ups.Data, up.Stride, read);
            for (var r = 0; r < read; r++) Kernels.SwiGlu(space.Gates.Data + r * gate.Stride, space.Ups.Data + r * up.Stride, gate.Stride);
            down.Apply(space.Gates.Data, gate.Stride, space.Made.Data, hiddenStride, read);
            read = 0;
            foreach (var choice in group)
                Kernels.Add(space.Made.Data + read++ * hiddenStride, stream.Data + (long)(from + choice / k) * hiddenStride,
                    Config.HiddenSize, space.Weights[choice]);
        }
    }

    /// <summary>A layer's router and experts.</summary>
    private sealed record ExpertWeights(PackedLinear Router, (PackedLinear Gate, PackedLinear Up, PackedLinear Down)[] Parts) : IDisposable
    {
        public static ExpertWeights From(Experts experts, Func<string, PackedLinear> packed) => new(packed(Experts.Router),
            [.. Enumerable.Range(0, experts.Count).Select(Experts.Names).Select(n => (packed(n.Gate), packed(n.Up), packed(n.Down)))]);

        public void Dispose()
        {
            Router.Dispose();
            foreach (var (gate, up, down) in Parts)
                foreach (var packed in (PackedLinear[])[gate, up, down]) packed.Dispose();
        }
    }

    /// <summary>What one thread needs for the rows that one expert reads, and for all rows' choices.</summary>
    private sealed class ExpertSpace(Experts experts, int hidden) : IDisposable
    {
        private readonly int inner = Kernels.RoundUp(experts.Size, PackedLinear.Panel);

        public Floats Logits { get; } = new();
        public Floats Read { get; } = new(MostRows * hidden);
        public Floats Made { get; } = new(MostRows * hidden);
        public Floats Gates => field ??= new(MostRows * inner);
        public Floats Ups => field ??= new(MostRows * inner);
        public int[] Chosen { get; } = new int[MostRows * experts.PerToken];
        public float[] Weights { get; } = new float[MostRows * experts.PerToken];

        public void Dispose()
        {
            foreach (var floats in (Floats[])[Logits, Read, Made, Gates, Ups]) floats.Dispose();
        }
    }
}
