using System.Runtime.InteropServices;
using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Inference;

/// <summary>
/// A Llama for generation and scoring on the CPU. A call takes any number of token runs of any lengths, each after its own context,
/// without padding; contexts share their past through <see cref="KvSegment"/>. A row's result does not depend, to the last bit, on what else
/// is in the call, on how its context is cut into segments, or on the number of threads.
/// </summary>
internal sealed unsafe class CpuRunner : IDisposable
{
    private const int MostRows = 96;

    private readonly DecoderConfig config;
    private readonly float[] embedding;
    private readonly Layer[] layers;
    private readonly float[] finalNorm;
    private readonly PackedLinear head;
    private readonly Buffer cos, sin;
    private readonly int hiddenStride, querySize, kvSize, innerStride;
    private readonly ParallelOptions threads;
    private readonly System.Collections.Concurrent.ConcurrentBag<Workspace> workspaces = [];

    private readonly List<int> tokens = [];
    private readonly List<int> runOfRow = [];
    private readonly List<(KvSegment Segment, int First, int FirstRow)> runs = [];
    private readonly List<KvRun> contexts = [];
    private readonly List<int> contextStarts = [];
    private readonly List<int> readRows = [];
    private Buffer stream, queries, output;

    /// <param name="model">Its weights are copied and packed.</param>
    /// <param name="cacheBytes">Budget of the key-value memory.</param>
    /// <param name="threadCount">0: as many as libtorch uses.</param>
    public CpuRunner(DecoderModel model, long cacheBytes, int threadCount = 0)
    {
        config = model.Config;
        threads = new() { MaxDegreeOfParallelism = threadCount > 0 ? threadCount : torch.get_num_threads() };
        hiddenStride = Kernels.RoundUp(config.HiddenSize, PackedLinear.Panel);
        querySize = config.Heads * config.HeadSize;
        kvSize = config.KvHeads * config.HeadSize;
        innerStride = Kernels.RoundUp(config.IntermediateSize, PackedLinear.Panel);
        embedding = Values("model.embed_tokens.weight");
        finalNorm = Values("model.norm.weight");
        using (torch.no_grad())
        using (var flat = model.HeadWeight.to(torch.float32)) head = new([flat.to_array<float>()], config.HiddenSize);
        layers = [.. Enumerable.Range(0, config.Layers).Select(i => new Layer(
            Values($"model.layers.{i}.input_layernorm.weight"),
            Joined(i, config.HiddenSize, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            Joined(i, querySize, "self_attn.o_proj"),
            Values($"model.layers.{i}.post_attention_layernorm.weight"),
            Joined(i, config.HiddenSize, "mlp.gate_proj"),
            Joined(i, config.HiddenSize, "mlp.up_proj"),
            Joined(i, config.IntermediateSize, "mlp.down_proj")))];
        var (c, s) = functional.rotary_tables(Rotary.Frequencies(config), config.MaxPositions);
        using (c)
        using (s) (cos, sin) = (Buffer.Of(c.to_array<float>()), Buffer.Of(s.to_array<float>()));
        Pool = new(2L * config.Layers * kvSize * Kernels.Block, cacheBytes);

        float[] Values(string name)
        {
            using var off = torch.no_grad();
            using var wide = model.Parameters[name].to(torch.float32);
            return wide.to_array<float>();
        }

        PackedLinear Joined(int layer, int inputs, params string[] names) =>
            new(
                [.. names.Select(n => Values($"model.layers.{layer}.{n}.weight"))], inputs,
                model.Parameters.ContainsKey($"model.layers.{layer}.{names[0]}.bias") ? [.. names.Select(n => Values($"model.layers.{layer}.{n}.bias"))] : null);
    }

    public KvPool Pool { get; }

    /// <summary>Values per output row: the vocabulary, or the labels.</summary>
    public int Outputs => head.Outputs;

    public int MaxPositions => config.MaxPositions;

    /// <summary>Tokens waiting for <see cref="Run"/>.</summary>
    public int Pending => tokens.Count;

    /// <summary>Forgets what was added and not run.</summary>
    public void Clear()
    {
        tokens.Clear();
        runOfRow.Clear();
        runs.Clear();
        contexts.Clear();
        contextStarts.Clear();
        readRows.Clear();
    }

    /// <summary>
    /// Appends tokens to a segment in the next <see cref="Run"/>. A segment may be added to once in a call; its parent may be extended in the same
    /// call if that is added first. Answers the output row that will hold the head's values at the last of these tokens.
    /// </summary>
    public int Add(KvSegment segment, ReadOnlySpan<int> ids)
    {
        var first = segment.Count;
        segment.Grow(ids.Length);
        if (segment.End > config.MaxPositions)
            throw new UserError($"a trace of {segment.End} tokens is longer than the model's max_position_embeddings = {config.MaxPositions}; lower the token limit or use another model");
        runs.Add((segment, first, tokens.Count));
        foreach (var id in ids)
        {
            if ((uint)id >= (uint)config.VocabSize) throw new UserError($"token id {id} is outside the model's vocabulary of {config.VocabSize}; tokenizer and model do not belong together");
            tokens.Add(id);
            runOfRow.Add(runs.Count - 1);
        }

        readRows.Add(tokens.Count - 1);
        return readRows.Count - 1;
    }

    /// <summary>The head's values of one row of the last <see cref="Run"/>.</summary>
    public ReadOnlySpan<float> Output(int row) => new(output.Data + (long)row * head.Stride, head.Outputs);

    /// <summary>Computes all that was added.</summary>
    public void Run()
    {
        var rows = tokens.Count;
        Buffer.Grow(ref stream, (long)rows * hiddenStride);
        Buffer.Grow(ref queries, (long)rows * Kernels.RoundUp(querySize, PackedLinear.Panel));
        Buffer.Grow(ref output, (long)readRows.Count * head.Stride);
        foreach (var (segment, _, _) in runs)
        {
            contextStarts.Add(contexts.Count);
            segment.Context(contexts);
        }

        contextStarts.Add(contexts.Count);
        InBlocks(rows, (work, from, to) =>
        {
            for (var r = from; r < to; r++) embedding.AsSpan(tokens[r] * config.HiddenSize, config.HiddenSize).CopyTo(new(stream.Data + (long)r * hiddenStride, config.HiddenSize));
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

        InBlocks(readRows.Count, (work, from, to) =>
        {
            for (var r = from; r < to; r++) Kernels.RmsNorm(stream.Data + (long)readRows[r] * hiddenStride, finalNorm, (float)config.NormEps, work.Normed + (r - from) * hiddenStride, config.HiddenSize);
            head.Apply(work.Normed, hiddenStride, output.Data + (long)from * head.Stride, head.Stride, to - from);
        });
        Clear();
    }

    /// <summary>Queries of rows [from, to) into <see cref="queries"/>, keys and values into their segments' blocks.</summary>
    private void KeysAndValues(int l, Workspace work, int from, int to)
    {
        var (layer, size, kv) = (layers[l], config.HeadSize, config.KvHeads);
        var stride = layer.Qkv.Stride;
        for (var r = from; r < to; r++)
            Kernels.RmsNorm(stream.Data + (long)r * hiddenStride, layer.InputNorm, (float)config.NormEps, work.Normed + (r - from) * hiddenStride, config.HiddenSize);
        layer.Qkv.Apply(work.Normed, hiddenStride, work.Wide, stride, to - from);
        for (var r = from; r < to; r++)
        {
            var q = work.Wide + (r - from) * stride;
            float* k = q + querySize, v = k + kvSize;
            var (segment, first, firstRow) = runs[runOfRow[r]];
            var index = first + r - firstRow;
            var angles = (long)(segment.Start + index) * size;
            float* c = cos.Data + angles, s = sin.Data + angles + size / 2;
            Kernels.Rotate(q, config.Heads, size, c, s);
            Kernels.Rotate(k, kv, size, c, s);
            System.Buffer.MemoryCopy(q, queries.Data + (long)r * querySize, querySize * sizeof(float), querySize * sizeof(float));
            var block = segment.BlockOf(index) + Keys(l);
            var column = block + index % Kernels.Block;
            for (var i = 0; i < kvSize; i++) column[i * Kernels.Block] = k[i];
            var values = block + kvSize * Kernels.Block + index % Kernels.Block * size;
            for (var h = 0; h < kv; h++) System.Buffer.MemoryCopy(v + h * size, values + h * size * Kernels.Block, size * sizeof(float), size * sizeof(float));
        }
    }

    private void Attention(int l, Workspace work, int from, int to)
    {
        var (size, group) = (config.HeadSize, config.Heads / config.KvHeads);
        var blocks = CollectionsMarshal.AsSpan(contexts);
        for (var r = from; r < to; r++)
        {
            var run = runOfRow[r];
            var (segment, first, firstRow) = runs[run];
            var length = segment.Start + first + r - firstRow + 1;
            var scores = work.Scores(length + Kernels.Block);
            for (var h = 0; h < config.Heads; h++)
            {
                var keys = Keys(l) + h / group * size * Kernels.Block;
                Kernels.Attend(
                    queries.Data + (long)r * querySize + h * size, blocks[contextStarts[run]..contextStarts[run + 1]], length, keys, keys + kvSize * Kernels.Block, size, scores,
                    work.Attended + (r - from) * querySize + h * size);
            }
        }

        layers[l].O.Apply(work.Attended, querySize, stream.Data + (long)from * hiddenStride, hiddenStride, to - from, accumulate: true);
    }

    private void FeedForward(Layer layer, Workspace work, int from, int to)
    {
        var rows = to - from;
        for (var r = from; r < to; r++)
            Kernels.RmsNorm(stream.Data + (long)r * hiddenStride, layer.PostNorm, (float)config.NormEps, work.Normed + (r - from) * hiddenStride, config.HiddenSize);
        layer.Gate.Apply(work.Normed, hiddenStride, work.Wide, innerStride, rows);
        layer.Up.Apply(work.Normed, hiddenStride, work.Upper, innerStride, rows);
        Kernels.SwiGlu(work.Wide, work.Upper, rows * innerStride);
        layer.Down.Apply(work.Wide, innerStride, stream.Data + (long)from * hiddenStride, hiddenStride, rows, accumulate: true);
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
            if (!workspaces.TryTake(out var space)) space = new(hiddenStride, Math.Max(layers[0].Qkv.Stride, innerStride), innerStride, querySize);
            work(space, b * size, Math.Min(rows, (b + 1) * size));
            workspaces.Add(space);
        }
    }

    public void Dispose()
    {
        foreach (var layer in layers)
        {
            layer.Qkv.Dispose();
            layer.O.Dispose();
            layer.Gate.Dispose();
            layer.Up.Dispose();
            layer.Down.Dispose();
        }

        head.Dispose();
        Pool.Dispose();
        while (workspaces.TryTake(out var work)) work.Dispose();
        foreach (var buffer in (Span<Buffer>)[cos, sin, stream, queries, output]) buffer.Free();
    }

    private sealed record Layer(float[] InputNorm, PackedLinear Qkv, PackedLinear O, float[] PostNorm, PackedLinear Gate, PackedLinear Up, PackedLinear Down);

    /// <summary>What one thread needs for up to <see cref="MostRows"/> rows.</summary>
    private sealed class Workspace(int hidden, int wide, int inner, int query) : IDisposable
    {
        private Buffer normed = Buffer.Of(MostRows * hidden), broad = Buffer.Of(MostRows * wide), upper = Buffer.Of(MostRows * inner), attended = Buffer.Of(MostRows * query), scores;

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

        public static Buffer Of(long floats)
        {
            var made = default(Buffer);
            Grow(ref made, floats);
            return made;
        }

        public static Buffer Of(float[] values)
        {
            var made = Of(values.Length);
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
