using System.Runtime.InteropServices;
using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Inference;

/// <summary>
/// A decoder on the CPU, without padding. A row's result does not depend, to the last bit, on what else is in the call, on how its context
/// is cut into
/// segments, or on the number of threads.
/// </summary>
internal sealed unsafe partial class CpuRunner : IRunner
{
    private const int MostRows = 96;

    /// <summary>Rows for each thread up to which a product is cut by its outputs: then each thread reads a part of the weights
    /// alone.</summary>
    private const int FewRows = 16;

    /// <summary>Parameters of a layer above which that pays: the cache that a core has for itself holds fewer.</summary>
    private const int LargeLayer = 250_000;

    /// <summary>Multiplications of a call below which other threads would come too late.</summary>
    private const long TooLittle = 2_000_000;

    private readonly PackedLinear embedding;
    private readonly Layer[] layers;
    private readonly float[] finalNorm;
    private readonly PackedLinear[] head;
    private readonly int hiddenStride, querySize, kvSize, innerStride;
    private readonly float eps;

    /// <summary>Rows whose heads of one key-value head make whole fours.</summary>
    private readonly int together;
    private readonly Crew crew;
    private readonly bool large, halves;
    private readonly System.Collections.Concurrent.ConcurrentBag<Workspace> workspaces = [];

    private readonly PendingTokens pending;
    private readonly List<KvRun> contexts = [];
    private readonly List<int> contextStarts = [];

    /// <summary>The first blocks that a run's context has in common with that of the run before.</summary>
    private readonly List<int> sharedBlocks = [];
    private readonly List<(int Block, int Count)> filled = [];
    private readonly Floats cos = new(), sin = new(), stream = new(), queries = new(), gates = new(), output = new();
    private int angles;

    /// <param name="weights">Copied and packed.</param>
    /// <param name="cacheBytes">Budget of the key-value memory.</param>
    /// <param name="threadCount">0: <see cref="Threads.Count"/>.</param>
    /// <param name="cache">How keys and values are kept.</param>
    /// <param name="kept">How the weights of attention's and the feed-forward part's products are kept.</param>
    public CpuRunner(WeightSource weights, long cacheBytes, int threadCount = 0, KvType cache = KvType.Float32,
        WeightType kept = WeightType.Stored)
    {
        Config = weights.Config;
        parameters = Config.Parameters;
        halves = cache == KvType.Float16;
        pending = new(Config);
        crew = new(threadCount > 0 ? threadCount : Threads.Count);
        // A norm of all heads needs them on one thread.
        large = parameters / Config.Layers > LargeLayer && !Config.WholeQueryKeyNorm;
        hiddenStride = Kernels.RoundUp(Config.HiddenSize, PackedLinear.Panel);
        querySize = Config.Heads * Config.HeadSize;
        kvSize = Config.KvHeads * Config.HeadSize;
        innerStride = Kernels.RoundUp(Config.IntermediateSize, PackedLinear.Panel);
        eps = (float)Config.NormEps;
        together = (Config.Heads / Config.KvHeads % 4) switch { 0 => 1, 2 => 2, _ => 4 };
        embedding = Joined("", false, "model.embed_tokens");
        finalNorm = Norm("model.norm.weight");
        var tied = Config is { Head: DecoderHead.CausalLM, TiedEmbeddings: true };
        head = tied ? [embedding] : [.. DecoderModel.HeadNames(Config)
            .Select(name => Joined("", Config.Head is not (DecoderHead.CausalLM or DecoderHead.SequenceClassification), name))];
        layers = [.. Enumerable.Range(0, Config.Layers).Select(i => $"model.layers.{i}.").Select((prefix, i) => new Layer(
            Enumerable.Range(0, i).Count(before => Config.IsRecurrent(before) == Config.IsRecurrent(i)),
            Config.PreNorms ? Norm(prefix + "input_layernorm.weight") : null,
            Config.IsRecurrent(i) ? Joined(prefix + DeltaNet.Prefix, false, "in_proj_qkv", "in_proj_z", "in_proj_b", "in_proj_a")
                : Config.OutputGate ? HeadsOf(weights, kept, prefix, gates: false, "self_attn.k_proj", "self_attn.v_proj")
                : Joined(prefix, Config.QkvBias, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            Config.OutputGate && !Config.IsRecurrent(i) ? HeadsOf(weights, kept, prefix, gates: true) : null,
            Config.IsRecurrent(i) ? DeltaWeights.From(weights, prefix + DeltaNet.Prefix, Config.DeltaNet!) : null,
            Config.QueryKeyNorm && !Config.IsRecurrent(i) ? Norm(prefix + "self_attn.q_norm.weight") : null,
            Config.QueryKeyNorm && !Config.IsRecurrent(i) ? Norm(prefix + "self_attn.k_norm.weight") : null,
            Config.WindowOf(i) ?? int.MaxValue,
            Config.RotaryOf(i),
            Joined(prefix, Config.OutputBias, Config.IsRecurrent(i) ? DeltaNet.Prefix + "out_proj" : "self_attn.o_proj"),
            Config.PostNorms ? Norm(prefix + "post_attention_layernorm.weight") : null,
            !Config.PreNorms ? null
                : Norm(prefix + (Config.PostNorms ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight")),
            Config.IsSparse(i) ? null : Joined(prefix, Config.MlpBias, "mlp.gate_proj"),
            Config.IsSparse(i) ? null : Joined(prefix, Config.MlpBias, "mlp.up_proj"),
            Config.IsSparse(i) ? null : Joined(prefix, Config.MlpBias, "mlp.down_proj"),
            Config.IsSparse(i) ? ExpertWeights.From(Config.Experts!, name => Joined(prefix, false, name)) : null,
            Config.PostNorms ? Norm(prefix + "post_feedforward_layernorm.weight") : null))];
        Pool = NewPool(cacheBytes);

        float[] Norm(string name)
        {
            var values = weights.Values(name);
            for (var i = 0; Config.NormPlusOne && i < values.Length; i++) values[i] += 1;
            return values;
        }

        PackedLinear Joined(string prefix, bool biased, params string[] names)
        {
            var type = prefix == "" || prefix.EndsWith(DeltaNet.Prefix, StringComparison.Ordinal) || names[0] == Experts.Router
                ? WeightType.Stored : kept;
            var stored = names.Select(n => weights.Open($"{prefix}{n}.weight")).ToList();
            try
            {
                return new(stored, biased ? [.. names.Select(n => weights.Values($"{prefix}{n}.bias"))] : null, type);
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

    public int Add(KvSegment segment, ReadOnlySpan<int> ids, bool each = false) => pending.Add(segment, ids, each);

    public ReadOnlySpan<float> Output(int row) => new(output.Data + (long)row * head[^1].Stride, Outputs);

    public void Clear()
    {
        pending.Clear();
        contexts.Clear();
        contextStarts.Clear();
        sharedBlocks.Clear();
    }

    public void Run()
    {
        var rows = pending.Tokens.Count;
        stream.Grow((long)rows * hiddenStride);
        queries.Grow((long)rows * querySize);
        if (Config.OutputGate) gates.Grow((long)rows * Kernels.RoundUp(querySize, PackedLinear.Panel));
        if (layers.FirstOrDefault(layer => layer.Delta is not null) is { } recurrent)
        {
            mixed.Grow((long)rows * recurrent.Qkv.Stride);
            blended.Grow((long)rows * Config.DeltaNet!.Values);
        }

        output.Grow((long)pending.Read.Count * head[^1].Stride);
        foreach (var (segment, _, _) in pending.Runs)
        {
            contextStarts.Add(contexts.Count);
            filled.Clear();
            segment.Context(filled);
            foreach (var (block, count) in filled) contexts.Add(new(Pool.Data(block), count));
            sharedBlocks.Add(SharedWithLast());
        }

        contextStarts.Add(contexts.Count);
        Angles(pending.Runs.Select(run => run.Segment.End).DefaultIfEmpty().Max());
        if (rows * parameters > TooLittle) crew.Open();
        try
        {
            if (large && crew.Size > 1 && rows <= Math.Min(MostRows, FewRows * crew.Size)) ByOutputs(rows);
            else ByRows(rows);
        }
        finally
        {
            crew.Close();
        }

        Clear();
    }

    /// <summary>Heads of queries, keys and values.</summary>
    private int Heads => Config.Heads + 2 * Config.KvHeads;

    private void Embed(int from, int to)
    {
        for (var r = from; r < to; r++)
            embedding.Row(pending.Tokens[r], (float)Config.EmbeddingScale, stream.Data + (long)r * hiddenStride);
    }

    /// <summary>First blocks that the last two contexts have in common.</summary>
    private int SharedWithLast()
    {
        if (contextStarts.Count < 2) return 0;
        var (before, last, shared) = (contextStarts[^2], contextStarts[^1], 0);
        while (before + shared < last && last + shared < contexts.Count && contexts[before + shared].Data == contexts[last + shared].Data)
            shared++;
        return shared;
    }

    /// <summary>Makes the tables of rotary angles hold so many positions.</summary>
    private void Angles(int positions)
    {
        if (positions <= angles) return;
        angles = Math.Min(Config.MaxPositions, Math.Max(512, 2 * positions));
        var (c, s) = Rotary.Tables(Config, angles);
        using (c)
        using (s)
        {
            cos.Set(c.to_array<float>());
            sin.Set(s.to_array<float>());
        }
    }

    /// <summary>
    /// Of rows [from, to) and heads [first, end): queries into <see cref="queries"/>, keys and values into their segments' blocks.
    /// </summary>
    private void KeysAndValues(int l, Workspace work, int from, int to, int first, int end)
    {
        var (layer, size) = (layers[l], Config.HeadSize);
        var stride = layer.Qkv.Stride;
        for (var r = from; r < to; r++) Before(layer.InputNorm, r, work.Normed + (r - from) * hiddenStride);
        var endColumn = end == Heads ? stride : end * size;
        layer.Qkv.Apply(work.Normed, hiddenStride, work.Wide, stride, to - from, from: first * size, to: endColumn);
        var (endQuery, endKey) = (Math.Min(end, Config.Heads), Math.Min(end, Config.Heads + Config.KvHeads));
        if (first < endQuery && layer.OutputGate is { } gate)
            gate.Apply(work.Normed, hiddenStride, gates.Data + (long)from * gate.Stride, gate.Stride, to - from, from: first * size,
                to: endQuery == Config.Heads ? gate.Stride : endQuery * size);
        for (var r = from; r < to; r++)
        {
            var row = work.Wide + (r - from) * stride;
            var (segment, start, firstRow) = pending.Runs[pending.RunOf[r]];
            var index = start + r - firstRow;
            var offset = ((long)layer.Rotary * angles + segment.Start + index) * Config.Rotated;
            float* c = cos.Data + offset, s = sin.Data + offset + Config.Rotated / 2;
            var h = first;
            Turned(row + h * size, endQuery - h, layer.QueryNorm, c, s);
            Copy(row + h * size, queries.Data + (long)r * querySize + h * size, (endQuery - h) * size);
            h = Math.Max(first, Config.Heads);
            Turned(row + h * size, endKey - h, layer.KeyNorm, c, s);
            if (h >= end) continue;
            var x = row + h * size;
            var block = Pool.Data(segment.BlockOf(index));
            if (halves)
            {
                Halves.Narrow(x, (Half*)x, (end - h) * size);
                Keep((Half*)x, (Half*)block + Keys(l), index % Kernels.Block, h - Config.Heads, end - Config.Heads);
            }
            else Keep(x, (float*)block + Keys(l), index % Kernels.Block, h - Config.Heads, end - Config.Heads);
        }

        void Turned(float* x, int heads, float[]? norm, float* c, float* s)
        {
            for (var i = 0; norm is not null && i < heads * size; i += norm.Length)
                RowKernels.RmsNorm(x + i, norm, eps, x + i, norm.Length);
            RowKernels.Rotate(x, heads, size, Config.Rotated, c, s);
        }
    }

    private static void Copy(float* from, float* to, int count)
    {
        if (count > 0) new ReadOnlySpan<float>(from, count).CopyTo(new(to, count));
    }

    private void Attend<T>(int l, Workspace work, float* attended, int from, int to, int first, int end) where T : unmanaged
    {
        var (layer, size, group) = (layers[l], Config.HeadSize, Config.Heads / Config.KvHeads);
        var blocks = CollectionsMarshal.AsSpan(contexts);
        var four = Attention<T>.Together;
        Span<HeadQuery> queries = stackalloc HeadQuery[together * group * four];
        for (int r = from, rows; r < to; r += rows)
        {
            (rows, var shared, var longest) = Sharing(r, to);
            var scratch = work.Scores(four * Attention<T>.Scratch(longest, size));
            for (int kv = first, heads; kv < end; kv += heads)
            {
                heads = kv + four <= end && size % 32 != 0 ? four : 1;
                var each = rows * group;
                for (var n = 0; n < each * heads; n++)
                {
                    var (row, head) = (r + n % each / group, (kv + n / each) * group + n % group);
                    var length = pending.PositionOf(row) + 1;
                    queries[n] = new()
                    {
                        Query = this.queries.Data + (long)row * querySize + head * size,
                        Output = attended + (row - from) * querySize + head * size,
                        Context = contextStarts[pending.RunOf[row]],
                        From = Math.Max(0, length - layer.Window),
                        Length = length,
                    };
                }

                var keys = Keys(l) + kv * size * Kernels.Block;
                new Attention<T>(blocks, keys, keys + kvSize * Kernels.Block, size, (float)Config.AttentionScale,
                    (float)(Config.AttentionCap ?? 0)).Run(queries[..(each * heads)], heads, shared, longest, scratch);
            }
        }

        if (layer.OutputGate is not { } gate) return;
        for (var r = from; r < to; r++)
            for (var h = first * group; h < end * group; h++)
                Kernels.SigmoidGate(attended + (r - from) * querySize + h * size, gates.Data + (long)r * gate.Stride + h * size, size);
    }

    /// <summary>How many rows from r on attend together, the first blocks that they share, and the longest of their contexts.</summary>
    private (int Rows, int Shared, int Longest) Sharing(int r, int to)
    {
        var length = pending.PositionOf(r) + 1;
        var (run, shared, longest) = (pending.RunOf[r], contextStarts[pending.RunOf[r] + 1] - contextStarts[pending.RunOf[r]], length);
        if (r + together > to) return (1, shared, length);
        for (var next = r + 1; next < r + together; next++)
        {
            for (; run < pending.RunOf[next]; run++) shared = Math.Min(shared, sharedBlocks[run + 1]);
            longest = Math.Max(longest, pending.PositionOf(next) + 1);
        }

        return shared > 0
            ? (together, shared, longest) : (1, contextStarts[pending.RunOf[r] + 1] - contextStarts[pending.RunOf[r]], length);
    }

    /// <summary>Values [first, end) of the feed-forward part's inside, for rows [from, to).</summary>
    private void Gate(Layer layer, Workspace work, Workspace joint, int from, int to, int first, int end)
    {
        var rows = to - from;
        for (var r = from; r < to; r++) Before(layer.InnerNorm, r, work.Normed + (r - from) * hiddenStride);
        layer.Gate!.Apply(work.Normed, hiddenStride, joint.Wide, innerStride, rows, from: first, to: end);
        layer.Up!.Apply(work.Normed, hiddenStride, joint.Upper, innerStride, rows, from: first, to: end);
        for (var r = 0; r < rows; r++)
        {
            float* gate = joint.Wide + r * innerStride + first, up = joint.Upper + r * innerStride + first;
            if (Config.Activation == Activation.Silu) Kernels.SwiGlu(gate, up, end - first);
            else Kernels.GeluGlu(gate, up, end - first);
        }
    }

    /// <summary>A row of the stream as a product reads it: normalised where there is a norm.</summary>
    private void Before(float[]? norm, int row, float* result)
    {
        var x = stream.Data + (long)row * hiddenStride;
        if (norm is not null) RowKernels.RmsNorm(x, norm, eps, result, Config.HiddenSize);
        else Copy(x, result, Config.HiddenSize);
    }

    /// <summary>What a product makes joins the stream as it is.</summary>
    private bool JoinsAsItIs(float[]? norm) => norm is null && Config.ResidualMultiplier == 1;

    /// <summary>
    /// Adds what a product makes of rows of x to the stream, its values [first, end); where a norm or a factor is to come before that, they
    /// are left for <see cref="Settle"/>.
    /// </summary>
    private void Join(PackedLinear product, float* x, int xStride, float[]? norm, Workspace work, int from, int to, int first, int end)
    {
        if (JoinsAsItIs(norm))
            product.Apply(x, xStride, stream.Data + (long)from * hiddenStride, hiddenStride, to - from, true, first, end);
        else product.Apply(x, xStride, work.Normed, hiddenStride, to - from, false, first, end);
    }

    private void Settle(float[]? norm, Workspace work, int from, int to)
    {
        for (var r = 0; !JoinsAsItIs(norm) && r < to - from; r++)
        {
            var made = work.Normed + r * hiddenStride;
            if (norm is not null) RowKernels.RmsNorm(made, norm, eps, made, Config.HiddenSize);
            Kernels.Add(made, stream.Data + (long)(from + r) * hiddenStride, Config.HiddenSize, (float)Config.ResidualMultiplier);
        }
    }

    /// <summary>Kept values from a block's start to a layer's keys [kv heads, size, 16]; its values [kv heads, 16, size] follow.</summary>
    private long Keys(int layer) => 2L * layers[layer].Index * kvSize * Kernels.Block;

    public void Dispose()
    {
        if (ownsWeights)
        {
            foreach (var packed in layers.SelectMany(l => (PackedLinear?[])[l.Qkv, l.OutputGate, l.O, l.Gate, l.Up, l.Down]).Concat(head)
                .Append(embedding)) packed?.Dispose();
            foreach (var layer in layers) layer.Experts?.Dispose();
        }

        Pool.Dispose();
        while (workspaces.TryTake(out var work)) work.Dispose();
        foreach (var floats in (Floats[])[cos, sin, stream, queries, gates, mixed, blended, output]) floats.Dispose();
    }
}
