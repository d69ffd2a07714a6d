using Pav.Models.Cpu;

namespace Pav.Models.Inference;

/// <summary>How the work of a call is cut among threads, and the memory that each needs.</summary>
internal sealed unsafe partial class CpuRunner
{
    private void ByRows(int rows)
    {
        InBlocks(rows, (work, from, to) =>
        {
            Embed(from, to);
            KeysAndValues(0, work, from, to, 0, Heads);
        });
        for (var l = 0; l < layers.Length; l++)
        {
            var layer = l;
            InBlocks(rows, (work, from, to) =>
            {
                Attend(layer, work, work.Attended, from, to, 0, Config.KvHeads);
                Join(layers[layer].O, work.Attended, querySize, layers[layer].AttentionNorm, work, from, to, 0, hiddenStride);
                Settle(layers[layer].AttentionNorm, work, from, to);
                Gate(layers[layer], work, work, from, to, 0, innerStride);
                Join(layers[layer].Down, work.Wide, innerStride, layers[layer].OuterNorm, work, from, to, 0, hiddenStride);
                Settle(layers[layer].OuterNorm, work, from, to);
                if (layer + 1 < layers.Length) KeysAndValues(layer + 1, work, from, to, 0, Heads);
            });
        }

        InBlocks(pending.Read.Count, (work, from, to) => Head(work, from, to, 0, head[^1].Stride));
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
            InParts(Heads, unit, (work, from, to) => KeysAndValues(at, work, 0, rows, from, to));
            InParts(Config.KvHeads, 1, (work, from, to) => Attend(at, work, joint.Attended, 0, rows, from, to));
            InParts(hiddenStride, 16, (_, from, to) =>
                Join(layer.O, joint.Attended, querySize, layer.AttentionNorm, joint, 0, rows, from, to));
            Settle(layer.AttentionNorm, joint, 0, rows);
            InParts(innerStride, 16, (work, from, to) => Gate(layer, work, joint, 0, rows, from, to));
            InParts(hiddenStride, 16, (_, from, to) =>
                Join(layer.Down, joint.Wide, innerStride, layer.OuterNorm, joint, 0, rows, from, to));
            Settle(layer.OuterNorm, joint, 0, rows);
        }

        workspaces.Add(joint);
        if (head.Length == 1) InParts(head[0].Stride, 16, (work, from, to) => Head(work, 0, pending.Read.Count, from, to));
        else InBlocks(pending.Read.Count, (work, from, to) => Head(work, from, to, 0, head[^1].Stride));
    }

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

    private Workspace Take() => workspaces.TryTake(out var space) ? space
        : new(hiddenStride, Math.Max(Math.Max(layers[0].Qkv.Stride, innerStride), hiddenStride), innerStride, querySize);

    /// <summary>What one thread needs for up to <see cref="MostRows"/> rows.</summary>
    private sealed class Workspace(int hidden, int wide, int inner, int query) : IDisposable
    {
        private readonly Floats normed = new(MostRows * hidden), broad = new(MostRows * wide), upper = new(MostRows * inner),
            attended = new(MostRows * query), scores = new();

        public float* Normed => normed.Data;
        public float* Wide => broad.Data;
        public float* Upper => upper.Data;
        public float* Attended => attended.Data;

        public float* Scores(int count) => scores.Grow(count);

        public void Dispose()
        {
            foreach (var floats in (Floats[])[normed, broad, upper, attended, scores]) floats.Dispose();
        }
    }
}
