using Pav.Models.Decoders;

namespace Pav.Models.Cpu;

/// <summary>One decoder layer, forward and backward, on the tokens of whole sequences.</summary>
internal sealed unsafe class Layer : IDisposable
{
    private readonly DecoderConfig config;
    private readonly AttentionShape shape;
    private readonly int rotary;
    private readonly float residual;
    private readonly Norm? inputNorm, innerNorm, mixedNorm, fedNorm, queryNorm, keyNorm;
    private readonly Projection? q, k, v;
    private readonly Projection o;
    private readonly Projection? gate, up, down;
    private readonly ExpertMixer? experts;
    private readonly DeltaMixer? delta;

    /// <param name="config">Of the model.</param>
    /// <param name="index">Which layer it is.</param>
    /// <param name="norm">A norm by its name after the layer's prefix.</param>
    /// <param name="projection">A projection by its.</param>
    /// <param name="weight">Any other weight, by its whole name there.</param>
    public Layer(DecoderConfig config, int index, Func<string, Norm> norm, Func<string, Projection> projection, Func<string, Weight> weight)
    {
        this.config = config;
        shape = new(config.Heads, config.KvHeads, config.HeadSize, config.WindowOf(index) ?? int.MaxValue,
            (float)(config.AttentionCap ?? 0));
        (rotary, residual) = (config.RotaryOf(index), (float)config.ResidualMultiplier);
        if (config.PreNorms)
            (inputNorm, innerNorm) = (norm("input_layernorm"),
                norm(config.PostNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm"));
        if (config.PostNorms) (mixedNorm, fedNorm) = (norm("post_attention_layernorm"), norm("post_feedforward_layernorm"));
        if (config.IsRecurrent(index)) (delta, o) = (new(config, projection, weight), projection(DeltaNet.Prefix + "out_proj"));
        else
        {
            if (config.QueryKeyNorm) (queryNorm, keyNorm) = (norm("self_attn.q_norm"), norm("self_attn.k_norm"));
            (q, k, v, o) = (projection("self_attn.q_proj"), projection("self_attn.k_proj"), projection("self_attn.v_proj"),
                projection("self_attn.o_proj"));
        }

        if (config.IsSparse(index)) experts = new(config, projection);
        else (gate, up, down) = (projection("mlp.gate_proj"), projection("mlp.up_proj"), projection("mlp.down_proj"));
    }

    private IEnumerable<Norm> Norms => new[] { inputNorm, innerNorm, mixedNorm, fedNorm, queryNorm, keyNorm }.OfType<Norm>();

    private IEnumerable<Projection> Projections => new[] { q, k, v, o, gate, up, down }.OfType<Projection>();

    public IEnumerable<Action> Packing => Norms.Select(n => (Action)n.Pack)
        .Concat(Projections.Concat(delta?.Projections ?? []).Concat(experts?.Projections ?? []).Select(p => (Action)p.Pack))
        .Concat(delta is null ? [] : [delta.Pack]);

    /// <summary>The stream after the layer from the stream before it.</summary>
    public void Forward(Sequences tokens, Rows x, LayerState state, Scratch scratch, Rows result)
    {
        var (n, s) = (tokens.Tokens, state);
        Before(inputNorm, x, s.Normed, n, Column(s.Scales, 0, n));
        if (delta is null) Attend(tokens, s, scratch);
        else delta.Forward(tokens, s.Normed, s.Delta!, scratch);
        Join(o, Seen(s), x, mixedNorm, s.Mixed, Column(s.Scales, 1, n), n, s.Middle, scratch);
        Before(innerNorm, s.Middle, s.InnerNormed, n, Column(s.Scales, 2, n));
        if (experts is not null)
        {
            s.Middle.CopyTo(result, n);
            experts.Forward(n, s.InnerNormed, s.Experts!, scratch.Experts!, scratch.Adapter, result);
            return;
        }

        Project(gate!, s.InnerNormed, n, s.Gates, scratch);
        Project(up!, s.InnerNormed, n, s.Ups, scratch);
        EachRow(n, s.Gates.Stride, offset =>
            RowKernels.Gate(s.Gates.Data + offset, s.Ups.Data + offset, scratch.Inner.Data + offset,
                Products.Padded(config.IntermediateSize), Gelu));
        Join(down!, scratch.Inner, s.Middle, fedNorm, s.Fed, Column(s.Scales, 3, n), n, result, scratch);
    }

    /// <summary>What the mixing of tokens gives to its output's product.</summary>
    private Rows Seen(LayerState s) => delta is not null ? s.Delta!.Blended : config.OutputGate ? s.Gated : s.Attended;

    private void Attend(Sequences tokens, LayerState s, Scratch scratch)
    {
        var n = tokens.Tokens;
        if (config.OutputGate)
        {
            Project(q!, s.Normed, n, s.Doubled, scratch);
            Halves(n, s.Doubled, s.Queries, s.OutputGates, apart: true);
        }
        else Project(q!, s.Normed, n, s.Queries, scratch);
        Project(k!, s.Normed, n, s.Keys, scratch);
        Project(v!, s.Normed, n, s.Values, scratch);
        if (queryNorm is not null)
        {
            s.Queries.CopyTo(s.RawQueries, n);
            s.Keys.CopyTo(s.RawKeys, n);
            HeadNorms(n, s);
        }

        Rotate(tokens, s.Queries, config.Heads, 1, (float)config.AttentionScale);
        Rotate(tokens, s.Keys, config.KvHeads, 1, 1);
        var offset = 0L;
        foreach (var ids in tokens.Ids)
        {
            long qAt = offset * s.Queries.Stride, kvAt = offset * s.Values.Stride;
            scratch.Attention.Forward(shape, ids.Length, s.Queries.Data + qAt, s.Queries.Stride, s.Keys.Data + kvAt, s.Values.Data + kvAt,
                s.Values.Stride, s.Attended.Data + qAt, s.LogSums.Data + offset * config.Heads);
            offset += ids.Length;
        }

        if (config.OutputGate)
            EachRow(n, s.Gated.Stride, at =>
                RowKernels.SigmoidGate(s.OutputGates.Data + at, s.Attended.Data + at, s.Gated.Data + at, s.Gated.Columns));
    }

    /// <summary>
    /// From the gradient of the stream after the layer that of the stream before it, in place; adds to the weights' gradients. The state is
    /// used up.
    /// </summary>
    public void Backward(Sequences tokens, Rows x, LayerState state, Scratch scratch, Rows d, float* gradients)
    {
        var (n, s) = (tokens.Tokens, state);
        if (experts is null) FeedGradient(n, s, scratch, d, gradients);
        else experts.Backward(n, s.InnerNormed, s.Experts!, scratch.Experts!, scratch.Adapter, d, scratch.Hidden, gradients);
        BeforeGradient(innerNorm, s.Middle, Column(s.Scales, 2, n), n, scratch.Hidden, d, gradients);

        var joined = Joined(mixedNorm, s.Mixed, Column(s.Scales, 1, n), n, d, scratch, gradients);
        Back(o, Seen(s), joined, n, delta is null ? scratch.Attended : scratch.Delta!.Blended, false, gradients, scratch);
        if (delta is null) AttendGradient(tokens, s, scratch, gradients);
        else delta.Backward(tokens, s.Normed, s.Delta!, scratch, gradients);
        BeforeGradient(inputNorm, x, Column(s.Scales, 0, n), n, scratch.Hidden, d, gradients);
    }

    private void FeedGradient(int n, LayerState s, Scratch scratch, Rows d, float* gradients)
    {
        var (hidden, inner) = (d.Stride, scratch.Inner);
        var joined = Joined(fedNorm, s.Fed, Column(s.Scales, 3, n), n, d, scratch, gradients);
        down!.InputGradient(joined.Data, hidden, n, inner.Data, inner.Stride, false, scratch.Adapter);
        EachRow(n, inner.Stride, offset =>
            RowKernels.GateGradient(s.Gates.Data + offset, s.Ups.Data + offset, inner.Data + offset,
                Products.Padded(config.IntermediateSize), Gelu));
        down!.WeightGradient(inner.Data, inner.Stride, joined.Data, hidden, n, gradients, scratch.Adapter);
        Back(gate!, s.InnerNormed, s.Gates, n, scratch.Hidden, false, gradients, scratch);
        Back(up!, s.InnerNormed, s.Ups, n, scratch.Hidden, true, gradients, scratch);
    }

    private void AttendGradient(Sequences tokens, LayerState s, Scratch scratch, float* gradients)
    {
        var n = tokens.Tokens;
        if (config.OutputGate)
            EachRow(n, s.Gated.Stride, at => RowKernels.SigmoidGateGradient(s.OutputGates.Data + at, s.Attended.Data + at,
                scratch.Attended.Data + at, s.Gated.Columns));
        var offset = 0L;
        foreach (var ids in tokens.Ids)
        {
            long qAt = offset * s.Queries.Stride, kvAt = offset * s.Values.Stride;
            scratch.Attention.Gradient(shape, ids.Length, s.Queries.Data + qAt, s.Queries.Stride, s.Keys.Data + kvAt, s.Values.Data + kvAt,
                s.Values.Stride, s.Attended.Data + qAt, scratch.Attended.Data + qAt, s.LogSums.Data + offset * config.Heads,
                scratch.Queries.Data + qAt, scratch.Keys.Data + kvAt, scratch.Values.Data + kvAt);
            offset += ids.Length;
        }

        Rotate(tokens, scratch.Queries, config.Heads, -1, (float)config.AttentionScale);
        Rotate(tokens, scratch.Keys, config.KvHeads, -1, 1);
        if (queryNorm is not null) HeadNormGradients(n, s, scratch, gradients);
        if (config.OutputGate)
        {
            Halves(n, scratch.Doubled, scratch.Queries, s.OutputGates, apart: false);
            Back(q!, s.Normed, scratch.Doubled, n, scratch.Hidden, false, gradients, scratch);
        }
        else Back(q!, s.Normed, scratch.Queries, n, scratch.Hidden, false, gradients, scratch);
        Back(k!, s.Normed, scratch.Keys, n, scratch.Hidden, true, gradients, scratch);
        Back(v!, s.Normed, scratch.Values, n, scratch.Hidden, true, gradients, scratch);
    }

    /// <summary>Copies each head's two halves apart, or back together.</summary>
    private void Halves(int n, Rows both, Rows first, Rows second, bool apart)
    {
        var size = config.HeadSize;
        for (var t = 0; t < n; t++)
            for (var h = 0; h < config.Heads; h++)
                foreach (var (half, place) in new[] { (first, 0), (second, size) })
                {
                    float* one = half.Data + (long)t * half.Stride + h * size;
                    var two = both.Data + (long)t * both.Stride + 2 * h * size + place;
                    RowKernels.Copy(apart ? two : one, 0, apart ? one : two, 0, 1, size);
                }
    }

    /// <summary>The stream as products read it.</summary>
    private static void Before(Norm? norm, Rows stream, Rows result, int n, float* scales)
    {
        if (norm is null) stream.CopyTo(result, n);
        else norm.Forward(stream.Data, stream.Stride, n, result.Data, result.Stride, scales);
    }

    /// <summary>Adds to the stream's gradient what comes back from those products.</summary>
    private static void BeforeGradient(Norm? norm, Rows stream, float* scales, int n, Rows back, Rows d, float* gradients)
    {
        if (norm is null) RowKernels.Add(back.Data, d.Data, (long)n * d.Stride);
        else norm.Gradient(back.Data, back.Stride, stream.Data, stream.Stride, n, scales, d.Data, d.Stride, true, gradients);
    }

    private bool Gelu => config.Activation == Activation.GeluTanh;

    private static float* Column(Rows scales, int which, int rows) => scales.Data + (long)which * rows;

    private static void Project(Projection p, Rows x, int n, Rows y, Scratch scratch) =>
        p.Forward(x.Data, x.Stride, n, y.Data, y.Stride, false, scratch.Adapter);

    private static void Back(Projection p, Rows x, Rows dy, int n, Rows dx, bool accumulate, float* gradients, Scratch scratch)
    {
        p.WeightGradient(x.Data, x.Stride, dy.Data, dy.Stride, n, gradients, scratch.Adapter);
        p.InputGradient(dy.Data, dy.Stride, n, dx.Data, dx.Stride, accumulate, scratch.Adapter);
    }

    /// <summary>result = stream + p(x), which a norm may change before it joins.</summary>
    private void Join(Projection p, Rows x, Rows stream, Norm? norm, Rows before, float* scales, int n, Rows result, Scratch scratch)
    {
        if (norm is null && residual == 1)
        {
            stream.CopyTo(result, n);
            p.Forward(x.Data, x.Stride, n, result.Data, result.Stride, true, scratch.Adapter);
            return;
        }

        Project(p, x, n, before, scratch);
        if (norm is null) before.CopyTo(result, n);
        else norm.Forward(before.Data, before.Stride, n, result.Data, result.Stride, scales);
        if (residual != 1) Scale(result, n);
        EachRow(n, result.Stride, offset => RowKernels.Add(stream.Data + offset, result.Data + offset, result.Columns));
    }

    /// <summary>The gradient of what was to join the stream from that of the sum.</summary>
    private Rows Joined(Norm? norm, Rows before, float* scales, int n, Rows d, Scratch scratch, float* gradients)
    {
        if (norm is null && residual == 1) return d;
        d.CopyTo(scratch.Joined, n);
        if (residual != 1) Scale(scratch.Joined, n);
        norm?.Gradient(scratch.Joined.Data, d.Stride, before.Data, before.Stride, n, scales, scratch.Joined.Data, d.Stride, false,
            gradients);
        return scratch.Joined;
    }

    private void Scale(Rows rows, int n)
    {
        for (var i = 0L; i < (long)n * rows.Stride; i++) rows.Data[i] *= residual;
    }

    /// <summary>How many rows of which size the norms of a token's queries and keys have.</summary>
    private ((int Rows, int Size) Queries, (int Rows, int Size) Keys) HeadNormRows => config.WholeQueryKeyNorm
        ? ((1, config.Heads * config.HeadSize), (1, config.KvHeads * config.HeadSize))
        : ((config.Heads, config.HeadSize), (config.KvHeads, config.HeadSize));

    private void HeadNorms(int n, LayerState s)
    {
        for (var t = 0; t < n; t++)
        {
            var scales = s.QueryScales.Data + (long)t * s.QueryScales.Stride;
            float* rawQ = s.RawQueries.Data + (long)t * s.RawQueries.Stride, rawK = s.RawKeys.Data + (long)t * s.RawKeys.Stride;
            float* normedQ = s.Queries.Data + (long)t * s.Queries.Stride, normedK = s.Keys.Data + (long)t * s.Keys.Stride;
            var ((queries, qSize), (keys, kSize)) = HeadNormRows;
            queryNorm!.Forward(rawQ, qSize, queries, normedQ, qSize, scales);
            keyNorm!.Forward(rawK, kSize, keys, normedK, kSize, scales + config.Heads);
        }
    }

    private void HeadNormGradients(int n, LayerState s, Scratch scratch, float* gradients)
    {
        for (var t = 0; t < n; t++)
        {
            var scales = s.QueryScales.Data + (long)t * s.QueryScales.Stride;
            float* dq = scratch.Queries.Data + (long)t * scratch.Queries.Stride, dk = scratch.Keys.Data + (long)t * scratch.Keys.Stride;
            float* rawQ = s.RawQueries.Data + (long)t * s.RawQueries.Stride, rawK = s.RawKeys.Data + (long)t * s.RawKeys.Stride;
            var ((queries, qSize), (keys, kSize)) = HeadNormRows;
            queryNorm!.Gradient(dq, qSize, rawQ, qSize, queries, scales, dq, qSize, false, gradients);
            keyNorm!.Gradient(dk, kSize, rawK, kSize, keys, scales + config.Heads, dk, kSize, false, gradients);
        }
    }

    private void Rotate(Sequences tokens, Rows x, int heads, float direction, float factor)
    {
        var row = x.Data;
        var half = config.Rotated / 2;
        var first = (long)rotary * tokens.Positions * half;
        float* cos = tokens.Cos.Data + first, sin = tokens.Sin.Data + first;
        foreach (var ids in tokens.Ids)
            for (var t = 0; t < ids.Length; t++, row += x.Stride)
                RowKernels.Rotate(row, heads, config.HeadSize, config.Rotated, cos + (long)t * half, sin + (long)t * half,
                    direction, factor);
    }

    private static void EachRow(int rows, int stride, Action<long> work)
    {
        for (var r = 0; r < rows; r++) work((long)r * stride);
    }

    public void Dispose()
    {
        foreach (var norm in Norms) norm.Dispose();
        foreach (var projection in Projections.Concat(experts?.Projections ?? [])) projection.Dispose();
        delta?.Dispose();
    }
}
