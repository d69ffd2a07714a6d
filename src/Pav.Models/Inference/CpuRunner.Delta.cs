using Pav.Models.Cpu;
using Pav.Models.Decoders;

namespace Pav.Models.Inference;

/// <summary>Layers of <see cref="DeltaNet"/>: each segment of a context keeps their states after its last token, a cell for each layer and
/// key head.</summary>
internal sealed unsafe partial class CpuRunner
{
    /// <summary>Of a call's rows: what the layer's products make (queries, keys and values, z, b, a), and what becomes of it.</summary>
    private readonly Floats mixed = new(), blended = new();

    /// <summary>Layers that have keys and values.</summary>
    private int AttentionLayers => Enumerable.Range(0, Config.Layers).Count(l => !Config.IsRecurrent(l));

    private int Cells => Config.DeltaNet is { } net ? (Config.Layers - AttentionLayers) * net.KeyHeads : 0;

    /// <summary>The states [value size of each head…], then the last tokens' queries, keys and values before their convolution.</summary>
    private int CellSize => Config.DeltaNet is not { } net ? 0
        : net.Group * net.KeySize * net.ValueSize + (DeltaNet.Width - 1) * CellWidth(net);

    private static int CellWidth(DeltaNet net) => 2 * net.KeySize + net.Group * net.ValueSize;

    /// <summary>A block holds some positions' keys and values, or some cells. Logits, which are held beside a state, count as blocks,
    /// too.</summary>
    private KvPool NewPool(long cacheBytes)
    {
        var value = halves ? sizeof(Half) : sizeof(float);
        var bytes = Math.Max(2L * AttentionLayers * kvSize * Kernels.Block * value, sizeof(float) * CellSize);
        var together = CellSize == 0 ? 1 : (int)(bytes / (sizeof(float) * CellSize));
        var logits = Config.Head == DecoderHead.CausalLM ? (int)((sizeof(float) * (long)Outputs + bytes - 1) / bytes) : 0;
        return new(bytes, cacheBytes, inMemory: true, Cells == 0 ? 0 : (Cells + together - 1) / together + logits);
    }

    private float* Cell(KvSegment segment, int layer, int keyHead)
    {
        var index = layers[layer].Index * Config.DeltaNet!.KeyHeads + keyHead;
        var together = (int)(Pool.BlockBytes / sizeof(float) / CellSize);
        return (float*)Pool.Data(segment.StateBlock(index / together)) + (long)(index % together) * CellSize;
    }

    /// <summary>Values [first, end) of what a layer's products make of rows [from, to).</summary>
    private void ProjectDelta(int l, Workspace work, int from, int to, int first, int end)
    {
        var layer = layers[l];
        for (var r = from; r < to; r++) Before(layer.InputNorm, r, work.Normed + (r - from) * hiddenStride);
        layer.Qkv.Apply(work.Normed, hiddenStride, mixed.Data + (long)from * layer.Qkv.Stride, layer.Qkv.Stride, to - from, from: first,
            to: end);
    }

    /// <summary>All rows of one key head, run by run in their order: a run may go on from where one before it ended.</summary>
    private void Mix(int l, int keyHead)
    {
        var (net, weights, stride) = (Config.DeltaNet!, layers[l].Delta!, layers[l].Qkv.Stride);
        var (dk, dv, width) = (net.KeySize, net.ValueSize, CellWidth(net));
        var work = Take();
        float* ring = work.Scores(5 * width + dv), y = ring + 4 * width, written = y + width;
        fixed (float* convolution = &weights.Convolution[keyHead * DeltaNet.Width * width], norm = weights.Norm)
            for (var run = 0; run < pending.Runs.Count; run++)
            {
                var (segment, first, row) = pending.Runs[run];
                var count = (run + 1 < pending.Runs.Count ? pending.Runs[run + 1].FirstRow : pending.Tokens.Count) - row;
                var cell = Cell(segment, l, keyHead);
                if (first == 0) Begin(cell, segment, l, keyHead);
                var tail = cell + net.Group * dk * dv;
                Copy(tail, ring, 3 * width);
                for (var n = 0; n < count; n++, row++)
                {
                    var made = mixed.Data + (long)row * stride;
                    Gather(made, ring + (n + 3) % 4 * width);
                    DeltaRule.Convolve(ring + n % 4 * width, ring + (n + 1) % 4 * width, ring + (n + 2) % 4 * width,
                        ring + (n + 3) % 4 * width, convolution, width, y);
                    DeltaRule.Silu(y, width, y);
                    DeltaRule.Unit(y, dk, 1 / MathF.Sqrt(dk));
                    DeltaRule.Unit(y + dk, dk, 1);
                    for (var g = 0; g < net.Group; g++)
                    {
                        var head = keyHead * net.Group + g;
                        var gates = made + net.Channels + net.Values;
                        var result = blended.Data + (long)row * net.Values + head * dv;
                        DeltaRule.Step(cell + g * dk * dv, dk, dv, y, y + dk, y + 2 * dk + g * dv,
                            DeltaRule.Keep(weights.Rates[head], gates[net.ValueHeads + head] + weights.Shifts[head]),
                            DeltaRule.Sigmoid(gates[head]), written, result);
                        DeltaRule.GatedNorm(result, made + net.Channels + head * dv, norm, eps, dv, result);
                    }
                }

                for (var i = 0; i < 3; i++) Copy(ring + (count + i) % 4 * width, tail + i * width, width);
            }

        workspaces.Add(work);

        void Gather(float* from, float* to)
        {
            Copy(from + keyHead * dk, to, dk);
            Copy(from + (net.KeyHeads + keyHead) * dk, to + dk, dk);
            Copy(from + 2 * net.KeyHeads * dk + keyHead * net.Group * dv, to + 2 * dk, net.Group * dv);
        }
    }

    /// <summary>A segment's cell begins as that of the segment before it ended, and at the first token with zeros.</summary>
    private void Begin(float* cell, KvSegment segment, int l, int keyHead)
    {
        if (segment.Before is { } before) Copy(Cell(before, l, keyHead), cell, CellSize);
        else new Span<float>(cell, CellSize).Clear();
    }

    /// <summary>Each head's query in q_proj, or each head's gate after it, and further matrices below.</summary>
    private PackedLinear HeadsOf(WeightSource weights, WeightType kept, string prefix, bool gates, params string[] names)
    {
        using var both = weights.Open(prefix + "self_attn.q_proj.weight");
        var size = Config.HeadSize;
        var stored = Enumerable.Range(0, Config.Heads).Select(h => both.Part((2 * h + (gates ? 1 : 0)) * size, size))
            .Concat(names.Select(n => weights.Open($"{prefix}{n}.weight"))).ToList();
        try
        {
            return new(stored, null, kept);
        }
        finally
        {
            foreach (var matrix in stored) matrix.Dispose();
        }
    }

    /// <summary>Convolution: [key heads, 4, queries, keys and values of the head]. Rates: e^A_log.</summary>
    private sealed record DeltaWeights(float[] Convolution, float[] Rates, float[] Shifts, float[] Norm)
    {
        public static DeltaWeights From(WeightSource source, string prefix, DeltaNet net)
        {
            var (stored, width, dk) = (source.Values(prefix + "conv1d.weight"), CellWidth(net), net.KeySize);
            var convolution = new float[net.KeyHeads * DeltaNet.Width * width];
            for (var h = 0; h < net.KeyHeads; h++)
                for (var i = 0; i < width; i++)
                    for (var j = 0; j < DeltaNet.Width; j++)
                        convolution[(h * DeltaNet.Width + j) * width + i] = stored[Channel(h, i) * DeltaNet.Width + j];
            return new(convolution, [.. source.Values(prefix + "A_log").Select(MathF.Exp)], source.Values(prefix + "dt_bias"),
                source.Values(prefix + "norm.weight"));

            int Channel(int head, int i) => i < dk ? head * dk + i : i < 2 * dk ? (net.KeyHeads + head) * dk + i - dk
                : 2 * net.KeyHeads * dk + head * net.Group * net.ValueSize + i - 2 * dk;
        }
    }
}
