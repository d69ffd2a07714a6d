using System.Runtime.InteropServices;
using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Inference;

/// <summary>
/// A decoder on the CPU, without padding. A row's result does not depend, to the last bit, on what else is in the call, on how its context is cut into
/// segments, or on the number of threads.
/// </summary>
internal sealed unsafe class CpuRunner : IRunner
{
    private const int MostRows = 96;

    private readonly PackedLinear embedding;
    private readonly Layer[] layers;
    private readonly float[] finalNorm;
    private readonly PackedLinear[] head;
    private readonly int hiddenStride, querySize, kvSize, innerStride;
    private readonly float eps;
    private readonly ParallelOptions threads;
    private readonly System.Collections.Concurrent.ConcurrentBag<Workspace> workspaces = [];

    private readonly PendingTokens pending;
    private readonly List<KvRun> contexts = [];
    private readonly List<int> contextStarts = [];
    private readonly List<(int Block, int Count)> filled = [];
    private Buffer cos, sin, stream, queries, output;
    private int angles;

    /// <param name="weights">Copied and packed.</param>
    /// <param name="cacheBytes">Budget of the key-value memory.</param>
    /// <param name="threadCount">0: <see cref="Threads.Count"/>.</param>
    public CpuRunner(WeightSource weights, long cacheBytes, int threadCount = 0)
    {
        Config = weights.Config;
        pending = new(Config);
        threads = new() { MaxDegreeOfParallelism = threadCount > 0 ? threadCount : Threads.Count };
        hiddenStride = Kernels.RoundUp(Config.HiddenSize, PackedLinear.Panel);
        querySize = Config.Heads * Config.HeadSize;
        kvSize = Config.KvHeads * Config.HeadSize;
        innerStride = Kernels.RoundUp(Config.IntermediateSize, PackedLinear.Panel);
        eps = (float)Config.NormEps;
        embedding = Joined("", false, "model.embed_tokens");
        finalNorm = Norm("model.norm.weight");
        var tied = Config is { Head: DecoderHead.CausalLM, TiedEmbeddings: true };
        head = tied ? [embedding] : [.. DecoderModel.HeadNames(Config).Select(name => Joined("", Config.Head is not (DecoderHead.CausalLM or DecoderHead.SequenceClassification), name))];
        layers = [.. Enumerable.Range(0, Config.Layers).Select(i => $"model.layers.{i}.").Select((prefix, i) => new Layer(
            Config.PreNorms ? Norm(prefix + "input_layernorm.weight") : null,
            Joined(prefix, Config.QkvBias, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            Config.QueryKeyNorm ? Norm(prefix + "self_attn.q_norm.weight") : null,
            Config.QueryKeyNorm ? Norm(prefix + "self_attn.k_norm.weight") : null,
            Config.WindowOf(i) ?? int.MaxValue,
            Config.RotaryOf(i),
            Joined(prefix, Config.OutputBias, "self_attn.o_proj"),
            Config.PostNorms ? Norm(prefix + "post_attention_layernorm.weight") : null,
            !Config.PreNorms ? null
                : Norm(prefix + (Config.PostNorms ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight")),
            Joined(prefix, Config.MlpBias, "mlp.gate_proj"),
            Joined(prefix, Config.MlpBias, "mlp.up_proj"),
            Joined(prefix, Config.MlpBias, "mlp.down_proj"),
            Config.PostNorms ? Norm(prefix + "post_feedforward_layernorm.weight") : null))];
        Pool = new(2L * Config.Layers * kvSize * Kernels.Block * sizeof(float), cacheBytes, inMemory: true);

        float[] Norm(string name)
        {
            var values = weights.Values(name);
            for (var i = 0; Config.NormPlusOne && i < values.Length; i++) values[i] += 1;
            return values;
        }

        PackedLinear Joined(string prefix, bool biased, params string[] names)
        {
            var stored = names.Select(n => weights.Open($"{prefix}{n}.weight")).ToList();
            try
            {
                return new(stored, biased ? [.. names.Select(n => weights.Values($"{prefix}{n}.bias"))] : null);
            }
            finally
            {
                foreach (var matrix in stored) matrix.Dispose();
            }
        }
    }

    public DecoderConfig Config { get; }

    public KvPool Pool { get; }

    public int Outputs => head[^1].Outputs;

    public int Pending => pending.Tokens.Count;

    public int Add(KvSegment segment, ReadOnlySpan<int> ids) => pending.Add(segment, ids);

    public ReadOnlySpan<float> Output(int row) => new(output.Data + (long)row * head[^1].Stride, Outputs);

    public void Clear()
    {
        pending.Clear();
        contexts.Clear();
        contextStarts.Clear();
    }

    public void Run()
    {
        var rows = pending.Tokens.Count;
        Buffer.Grow(ref stream, (long)rows * hiddenStride);
        Buffer.Grow(ref queries, (long)rows * Kernels.RoundUp(querySize, PackedLinear.Panel));
        Buffer.Grow(ref output, (long)pending.Read.Count * head[^1].Stride);
        foreach (var (segment, _, _) in pending.Runs)
        {
            contextStarts.Add(contexts.Count);
            filled.Clear();
            segment.Context(filled);
            foreach (var (block, count) in filled) contexts.Add(new(Pool.Data(block), count));
        }

        contextStarts.Add(contexts.Count);
        Angles(pending.Runs.Select(run => run.Segment.End).DefaultIfEmpty().Max());
        InBlocks(rows, (work, from, to) =>
        {
            for (var r = from; r < to; r++) embedding.Row(pending.Tokens[r], (float)Config.EmbeddingScale, stream.Data + (long)r * hiddenStride);
            KeysAndValues(0, work, from, to);
        });
        for (var l = 0; l < layers.Length; l++)
        {
            var layer = l;
            InBlocks(rows, (work, from, to) =>
            {
                Attention(layer, work, from, to);
                FeedForward(layers[layer], work, from, to);
                if (layer + 1 < layers.Length) KeysAndValues(layer + 1, work, from, to);
            });
        }

        InBlocks(pending.Read.Count, Head);
        Clear();
    }

    /// <summary>Makes the tables of rotary angles hold so many positions.</summary>
    private void Angles(int positions)
    {
        if (positions <= angles) return;
        angles = Math.Min(Config.MaxPositions, Math.Max(512, 2 * positions));
        cos.Free();
        sin.Free();
        var (c, s) = Rotary.Tables(Config, angles);
        using (c)
        using (s) (cos, sin) = (Buffer.Create(c.to_array<float>()), Buffer.Create(s.to_array<float>()));
    }

    /// <summary>Queries of rows [from, to) into <see cref="queries"/>, keys and values into their segments' blocks.</summary>
    private void KeysAndValues(int l, Workspace work, int from, int to)
    {
        var (layer, size, kv) = (layers[l], Config.HeadSize, Config.KvHeads);
        var stride = layer.Qkv.Stride;
        for (var r = from; r < to; r++) Before(layer.InputNorm, r, work.Normed + (r - from) * hiddenStride);
        layer.Qkv.Apply(work.Normed, hiddenStride, work.Wide, stride, to - from);
        for (var r = from; r < to; r++)
        {
            var q = work.Wide + (r - from) * stride;
            float* k = q + querySize, v = k + kvSize;
            if (layer.QueryNorm is { } queryNorm)
            {
                for (var i = 0; i < querySize; i += queryNorm.Length) Kernels.RmsNorm(q + i, queryNorm, eps, q + i, queryNorm.Length);
                var keyNorm = layer.KeyNorm!;
                for (var i = 0; i < kvSize; i += keyNorm.Length) Kernels.RmsNorm(k + i, keyNorm, eps, k + i, keyNorm.Length);
            }

            var (segment, first, firstRow) = pending.Runs[pending.RunOf[r]];
            var index = first + r - firstRow;
            var offset = ((long)layer.Rotary * angles + segment.Start + index) * size;
            float* c = cos.Data + offset, s = sin.Data + offset + size / 2;
            Kernels.Rotate(q, Config.Heads, size, c, s);
            Kernels.Rotate(k, kv, size, c, s);
            System.Buffer.MemoryCopy(q, queries.Data + (long)r * querySize, querySize * sizeof(float), querySize * sizeof(float));
            var block = Pool.Data(segment.BlockOf(index)) + Keys(l);
            var column = block + index % Kernels.Block;
            for (var i = 0; i < kvSize; i++) column[i * Kernels.Block] = k[i];
            var values = block + kvSize * Kernels.Block + index % Kernels.Block * size;
            for (var h = 0; h < kv; h++) System.Buffer.MemoryCopy(v + h * size, values + h * size * Kernels.Block, size * sizeof(float), size * sizeof(float));
        }
    }

    private void Attention(int l, Workspace work, int from, int to)
    {
        var (layer, size, group) = (layers[l], Config.HeadSize, Config.Heads / Config.KvHeads);
        var (scale, cap) = ((float)Config.AttentionScale, (float)(Config.AttentionCap ?? 0));
        var blocks = CollectionsMarshal.AsSpan(contexts);
        for (var r = from; r < to; r++)
        {
            var run = pending.RunOf[r];
            var length = pending.PositionOf(r) + 1;
            var scores = work.Scores(length + Kernels.Block);
            for (var h = 0; h < Config.Heads; h++)
            {
                var keys = Keys(l) + h / group * size * Kernels.Block;
                Kernels.Attend(
                    queries.Data + (long)r * querySize + h * size, blocks[contextStarts[run]..contextStarts[run + 1]], Math.Max(0, length - layer.Window), length, keys,
                    keys + kvSize * Kernels.Block, size, scale, cap, scores, work.Attended + (r - from) * querySize + h * size);
            }
        }

        Join(layer.O, work.Attended, querySize, layer.AttentionNorm, work, from, to);
    }

    private void FeedForward(Layer layer, Workspace work, int from, int to)
    {
        var rows = to - from;
        for (var r = from; r < to; r++) Before(layer.InnerNorm, r, work.Normed + (r - from) * hiddenStride);
        layer.Gate.Apply(work.Normed, hiddenStride, work.Wide, innerStride, rows);
        layer.Up.Apply(work.Normed, hiddenStride, work.Upper, innerStride, rows);
        if (Config.Activation == Activation.Silu) Kernels.SwiGlu(work.Wide, work.Upper, rows * innerStride);
        else Kernels.GeluGlu(work.Wide, work.Upper, rows * innerStride);
        Join(layer.Down, work.Wide, innerStride, layer.OuterNorm, work, from, to);
    }

    /// <summary>A row of the stream as a product reads it: normalised where there is a norm.</summary>
    private void Before(float[]? norm, int row, float* result)
    {
        var x = stream.Data + (long)row * hiddenStride;
        if (norm is not null) Kernels.RmsNorm(x, norm, eps, result, Config.HiddenSize);
        else new ReadOnlySpan<float>(x, Config.HiddenSize).CopyTo(new(result, Config.HiddenSize));
    }

    /// <summary>Adds what a product makes of rows of x to the stream, normalised first where there is a norm.</summary>
    private void Join(PackedLinear product, float* x, int xStride, float[]? norm, Workspace work, int from, int to)
    {
        if (norm is null && Config.ResidualMultiplier == 1)
        {
            product.Apply(x, xStride, stream.Data + (long)from * hiddenStride, hiddenStride, to - from, accumulate: true);
            return;
        }

        product.Apply(x, xStride, work.Normed, hiddenStride, to - from);
        for (var r = 0; r < to - from; r++)
        {
            var made = work.Normed + r * hiddenStride;
            if (norm is not null) Kernels.RmsNorm(made, norm, eps, made, Config.HiddenSize);
            Kernels.Add(made, stream.Data + (long)(from + r) * hiddenStride, Config.HiddenSize, (float)Config.ResidualMultiplier);
        }
    }

    private void Head(Workspace work, int from, int to)
    {
        for (var r = from; r < to; r++) Kernels.RmsNorm(stream.Data + (long)pending.Read[r] * hiddenStride, finalNorm, eps, work.Normed + (r - from) * hiddenStride, Config.HiddenSize);
        var x = work.Normed;
        if (head.Length == 2)
        {
            head[0].Apply(x, hiddenStride, work.Wide, hiddenStride, to - from);
            Kernels.Relu(x = work.Wide, (to - from) * hiddenStride);
        }

        var stride = head[^1].Stride;
        var into = output.Data + (long)from * stride;
        head[^1].Apply(x, hiddenStride, into, stride, to - from);
        if (Config is { Head: DecoderHead.CausalLM, LogitDivisor: not 1 and var divisor })
            for (var i = 0; i < (to - from) * stride; i++) into[i] /= (float)divisor;
        if (Config is { Head: DecoderHead.CausalLM, LogitCap: { } cap })
            for (var r = 0; r < to - from; r++) Kernels.SoftCap(into + r * stride, stride, 1, (float)cap);
    }

    /// <summary>Where a layer's keys [kv heads, size, 16] begin in a block; its values [kv heads, 16, size] follow.</summary>
    private long Keys(int layer) => 2L * layer * kvSize * Kernels.Block;

    private void InBlocks(int rows, Action<Workspace, int, int> work)
    {
        var size = Math.Clamp(Kernels.RoundUp((rows + threads.MaxDegreeOfParallelism - 1) / threads.MaxDegreeOfParallelism, 6), 6, MostRows);
        var blocks = (rows + size - 1) / size;
        if (blocks <= 1 || threads.MaxDegreeOfParallelism == 1)
            for (var b = 0; b < blocks; b++) One(b);
        else Parallel.For(0, blocks, threads, One);

        void One(int b)
        {
            if (!workspaces.TryTake(out var space)) space = new(hiddenStride, Math.Max(Math.Max(layers[0].Qkv.Stride, innerStride), hiddenStride), innerStride, querySize);
            work(space, b * size, Math.Min(rows, (b + 1) * size));
            workspaces.Add(space);
        }
    }

    public void Dispose()
    {
        foreach (var packed in layers.SelectMany(l => (PackedLinear[])[l.Qkv, l.O, l.Gate, l.Up, l.Down]).Concat(head).Append(embedding)) packed.Dispose();
        Pool.Dispose();
        while (workspaces.TryTake(out var work)) work.Dispose();
        foreach (var buffer in (Span<Buffer>)[cos, sin, stream, queries, output]) buffer.Free();
    }

    /// <summary>A layer's weights. Window: positions that it sees, itself included. Rotary: its kind.</summary>
    private sealed record Layer(
        float[]? InputNorm, PackedLinear Qkv, float[]? QueryNorm, float[]? KeyNorm, int Window, int Rotary, PackedLinear O,
        float[]? AttentionNorm, float[]? InnerNorm, PackedLinear Gate, PackedLinear Up, PackedLinear Down,
        float[]? OuterNorm);

    /// <summary>What one thread needs for up to <see cref="MostRows"/> rows.</summary>
    private sealed class Workspace(int hidden, int wide, int inner, int query) : IDisposable
    {
        private Buffer normed = Buffer.Create(MostRows * hidden), broad = Buffer.Create(MostRows * wide), upper = Buffer.Create(MostRows * inner), attended = Buffer.Create(MostRows * query), scores;

        public float* Normed => normed.Data;
        public float* Wide => broad.Data;
        public float* Upper => upper.Data;
        public float* Attended => attended.Data;

        public float* Scores(int positions)
        {
            Buffer.Grow(ref scores, positions);
            return scores.Data;
        }

        public void Dispose()
        {
            foreach (var buffer in (Span<Buffer>)[normed, broad, upper, attended, scores]) buffer.Free();
        }
    }

    /// <summary>Floats outside the managed heap, aligned for vectors.</summary>
    private struct Buffer
    {
        public float* Data;
        private long length;

        public static Buffer Create(long floats)
        {
            var made = default(Buffer);
            Grow(ref made, floats);
            return made;
        }

        public static Buffer Create(float[] values)
        {
            var made = Create(values.Length);
            values.CopyTo(new Span<float>(made.Data, values.Length));
            return made;
        }

        public static void Grow(ref Buffer buffer, long floats)
        {
            if (floats <= buffer.length) return;
            buffer.Free();
            buffer.length = floats + floats / 2;
            buffer.Data = (float*)NativeMemory.AlignedAlloc((nuint)(buffer.length * sizeof(float)), 64);
            NativeMemory.Clear(buffer.Data, (nuint)(buffer.length * sizeof(float)));
        }

        public readonly void Free() => NativeMemory.AlignedFree(Data);
    }
}
