using Pav.Models.Cpu;
using Pav.Models.Decoders;

namespace Pav.Models.Inference;

/// <summary>How the work of a call is cut among threads, and the memory that each needs.</summary>
internal sealed unsafe partial class CpuRunner
{
    private void ByRows(int rows)
    {
        InBlocks(rows, (work, from, to) =>
        {
            Embed(from, to);
            Project(0, work, from, to);
        });
        for (var l = 0; l < layers.Length; l++)
        {
            var layer = l;
            if (layers[l].Delta is not null) crew.Do(Config.DeltaNet!.KeyHeads, keyHead => Mix(layer, keyHead));
            InBlocks(rows, (work, from, to) =>
            {
                if (layers[layer].Delta is null) Attend(layer, work, work.Attended, from, to, 0, Config.KvHeads);
                var o = layers[layer].O;
                Join(o, Seen(layer, work, from), o.Inputs, layers[layer].AttentionNorm, work, from, to, 0, hiddenStride);
                Settle(layers[layer].AttentionNorm, work, from, to);
                if (layers[layer].Experts is not null) Blend(layers[layer], work, from, to);
                else
                {
                    Gate(layers[layer], work, work, from, to, 0, innerStride);
                    Join(layers[layer].Down!, work.Wide, innerStride, layers[layer].OuterNorm, work, from, to, 0, hiddenStride);
                    Settle(layers[layer].OuterNorm, work, from, to);
                }

                if (layer + 1 < layers.Length) Project(layer + 1, work, from, to);
            });
        }

        InBlocks(pending.Read.Count, (work, from, to) => Head(work, from, to, 0, head[^1].Stride));

        void Project(int l, Workspace work, int from, int to)
        {
            if (layers[l].Delta is null) KeysAndValues(l, work, from, to, 0, Heads);
            else ProjectDelta(l, work, from, to, 0, layers[l].Qkv.Stride);
        }
    }

    /// <summary>The same, each product cut among the threads by its outputs, attention by its heads.</summary>
    private void ByOutputs(int rows)
    {
        var joint = Take();
        Embed(0, rows);
        // So many heads fill whole panels.
        var unit = Config.HeadSize % 16 == 0 ? 1 : Config.HeadSize % 8 == 0 ? 2 : 4;
        for (var l = 0; l < layers.Length; l++)
        {
            var (at, layer) = (l, layers[l]);
            if (layer.Delta is null)
            {
                InParts(Heads, unit, (work, from, to) => KeysAndValues(at, work, 0, rows, from, to));
                InParts(Config.KvHeads, 1, (work, from, to) => Attend(at, work, joint.Attended, 0, rows, from, to));
            }
            else
            {
                InParts(layer.Qkv.Stride, 16, (work, from, to) => ProjectDelta(at, work, 0, rows, from, to));
                crew.Do(Config.DeltaNet!.KeyHeads, keyHead => Mix(at, keyHead));
            }

            InParts(hiddenStride, 16, (_, from, to) =>
                Join(layer.O, Seen(at, joint, 0), layer.O.Inputs, layer.AttentionNorm, joint, 0, rows, from, to));
            Settle(layer.AttentionNorm, joint, 0, rows);
            if (layer.Experts is not null)
            {
                InBlocks(rows, (work, from, to) => Blend(layer, work, from, to));
                continue;
            }

            InParts(innerStride, 16, (work, from, to) => Gate(layer, work, joint, 0, rows, from, to));
            InParts(hiddenStride, 16, (_, from, to) =>
                Join(layer.Down!, joint.Wide, innerStride, layer.OuterNorm, joint, 0, rows, from, to));
            Settle(layer.OuterNorm, joint, 0, rows);
        }

        workspaces.Add(joint);
        if (head.Length == 1) InParts(head[0].Stride, 16, (work, from, to) => Head(work, 0, pending.Read.Count, from, to));
        else InBlocks(pending.Read.Count, (work, from, to) => Head(work, from, to, 0, head[^1].Stride));
    }

    /// <summary>What the mixing of tokens gives for the rows from a first on.</summary>
    private float* Seen(int l, Workspace work, int from) =>
        layers[l].Delta is null ? work.Attended : blended.Data + (long)from * Config.DeltaNet!.Values;

    private void InBlocks(int rows, Action<Workspace, int, int> work)
    {
        var size = Math.Clamp(Kernels.RoundUp((rows + crew.Size - 1) / crew.Size, 8), 8, MostRows);
        crew.Do((rows + size - 1) / size, b => With(work, b * size, Math.Min(rows, (b + 1) * size)));
    }

    /// <summary>[0, count) cut into a part for each thread, of whole units.</summary>
    private void InParts(int count, int unit, Action<Workspace, int, int> work)
    {
        var units = (count + unit - 1) / unit;
        crew.Do(crew.Size, p =>
        {
            var (from, to) = (units * p / crew.Size * unit, Math.Min(count, units * (p + 1) / crew.Size * unit));
            if (from < to) With(work, from, to);
        });
    }

    private void With(Action<Workspace, int, int> work, int from, int to)
    {
        var space = Take();
        work(space, from, to);
        workspaces.Add(space);
    }

    private int Widest => layers.Where(layer => layer.Delta is null).Max(layer => layer.Qkv.Stride);

    private Workspace Take() => workspaces.TryTake(out var space) ? space
        : new(hiddenStride, Math.Max(Math.Max(Widest, innerStride), hiddenStride), innerStride, querySize,
            Config.Experts is { } experts ? new(experts, hiddenStride) : null);

    /// <summary>What one thread needs for up to <see cref="MostRows"/> rows.</summary>
    private sealed class Workspace(int hidden, int wide, int inner, int query, ExpertSpace? experts) : IDisposable
    {
        private readonly Floats normed = new(MostRows * hidden), broad = new(MostRows * wide), upper = new(MostRows * inner),
            attended = new(MostRows * query), scores = new();

        public float* Normed => normed.Data;
        public float* Wide => broad.Data;
        public float* Upper => upper.Data;
        public float* Attended => attended.Data;
        public ExpertSpace? Experts => experts;

        public float* Scores(int count) => scores.Grow(count);

        public void Dispose()
        {
            foreach (var floats in (Floats[])[normed, broad, upper, attended, scores]) floats.Dispose();
            experts?.Dispose();
        }
    }

    /// <summary>
    /// A layer's weights. Index: among those with attention, or those without. Qkv and O: what its mixing of tokens begins and ends with.
    /// Window: positions that it sees, itself included. Rotary: its kind.
    /// </summary>
    private sealed record Layer(
        int Index, float[]? InputNorm, PackedLinear Qkv, PackedLinear? OutputGate, DeltaWeights? Delta, float[]? QueryNorm,
        float[]? KeyNorm, int Window, int Rotary, PackedLinear O,
        float[]? AttentionNorm, float[]? InnerNorm, PackedLinear? Gate, PackedLinear? Up, PackedLinear? Down,
        ExpertWeights? Experts,
        float[]? OuterNorm);

    /// <summary>Heads [first, end) of one position into its place in a block: those of keys come first, then those of values.</summary>
    private void Keep<T>(T* x, T* block, int place, int first, int end) where T : unmanaged
    {
        var size = Config.HeadSize;
        for (var h = first; h < end; h++, x += size)
        {
            var into = block + h * size * Kernels.Block;
            if (h >= Config.KvHeads) new ReadOnlySpan<T>(x, size).CopyTo(new(into + place * size, size));
            else
                for (var i = 0; i < size; i++) into[i * Kernels.Block + place] = x[i];
        }
    }

    /// <summary>Of rows [from, to) and key-value heads [first, end).</summary>
    private void Attend(int l, Workspace work, float* attended, int from, int to, int first, int end)
    {
        if (halves) Attend<Half>(l, work, attended, from, to, first, end);
        else Attend<float>(l, work, attended, from, to, first, end);
    }

    /// <summary>Outputs [first, end) of the rows [from, to) of those that are read.</summary>
    private void Head(Workspace work, int from, int to, int first, int end)
    {
        for (var r = from; r < to; r++)
            RowKernels.RmsNorm(stream.Data + (long)pending.Read[r] * hiddenStride, finalNorm, eps, work.Normed + (r - from) * hiddenStride,
                Config.HiddenSize);
        var x = work.Normed;
        if (head.Length == 2)
        {
            head[0].Apply(x, hiddenStride, work.Wide, hiddenStride, to - from);
            Kernels.Relu(x = work.Wide, (to - from) * hiddenStride);
        }

        var stride = head[^1].Stride;
        var into = output.Data + (long)from * stride;
        head[^1].Apply(x, hiddenStride, into, stride, to - from, from: first, to: end);
        if (Config is { Head: DecoderHead.CausalLM, LogitDivisor: not 1 and var divisor })
            for (var r = 0; r < to - from; r++)
                for (var i = first; i < end; i++) into[r * stride + i] /= (float)divisor;
        if (Config is { Head: DecoderHead.CausalLM, LogitCap: { } cap })
            for (var r = 0; r < to - from; r++) RowKernels.Cap(into + r * stride + first, end - first, (float)cap);
    }
}
