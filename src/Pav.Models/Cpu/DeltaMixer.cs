using Pav.Models.Decoders;

namespace Pav.Models.Cpu;

/// <summary>A layer of <see cref="DeltaNet"/> in training: from the normalised stream to what joins it, and back.</summary>
internal sealed unsafe class DeltaMixer : IDisposable
{
    /// <summary>Tokens between the states that the gradient keeps.</summary>
    public const int Stretch = 16;

    private readonly DeltaNet net;
    private readonly float eps;
    private readonly Projection qkv, z, b, a;
    private readonly Weight convolution, rates, shifts, norm;

    /// <summary>[width, channels].</summary>
    private readonly Floats byToken;

    /// <param name="config">Of the model.</param>
    /// <param name="projection">By its name after the layer's.</param>
    /// <param name="weight">The same of other weights.</param>
    public DeltaMixer(DecoderConfig config, Func<string, Projection> projection, Func<string, Weight> weight)
    {
        (net, eps) = (config.DeltaNet!, (float)config.NormEps);
        (qkv, z, b, a) = (At("in_proj_qkv"), At("in_proj_z"), At("in_proj_b"), At("in_proj_a"));
        (convolution, rates, shifts, norm) = (weight(DeltaNet.Prefix + "conv1d.weight"), weight(DeltaNet.Prefix + "A_log"),
            weight(DeltaNet.Prefix + "dt_bias"), weight(DeltaNet.Prefix + "norm.weight"));
        byToken = new((long)DeltaNet.Width * net.Channels);

        Projection At(string name) => projection(DeltaNet.Prefix + name);
    }

    public Projection[] Projections => [qkv, z, b, a];

    /// <summary>Takes up the convolution's weights as they are now.</summary>
    public void Pack()
    {
        for (var c = 0; c < net.Channels; c++)
            for (var j = 0; j < DeltaNet.Width; j++) byToken.Data[(long)j * net.Channels + c] = convolution.Data[c * DeltaNet.Width + j];
    }

    /// <summary>Leaves what the output's product reads in <see cref="DeltaState.Blended"/>.</summary>
    public void Forward(Sequences tokens, Rows normed, DeltaState s, Scratch scratch)
    {
        var (n, own) = (tokens.Tokens, scratch.Delta!);
        foreach (var (p, y) in Products(s)) p.Forward(normed.Data, normed.Stride, n, y.Data, y.Stride, false, scratch.Adapter);
        Convolve(tokens, s, own);
        var (dk, dv) = (net.KeySize, net.ValueSize);
        var state = own.State.Grow(dk * dv + dv);
        for (var head = 0; head < net.ValueHeads; head++)
        {
            var row = 0;
            foreach (var ids in tokens.Ids)
            {
                new Span<float>(state, dk * dv).Clear();
                for (var t = 0; t < ids.Length; t++, row++)
                {
                    var (q, k, v) = Places(row, head);
                    float* x = own.Convolved.Data, made = s.Made.Data + (long)row * s.Made.Stride + head * dv;
                    DeltaRule.Step(state, dk, dv, x + q, x + k, x + v, Keep(s, row, head), Write(s, row, head), state + dk * dv, made);
                    DeltaRule.GatedNorm(made, s.Z.Data + (long)row * s.Z.Stride + head * dv, norm.Data, eps, dv,
                        s.Blended.Data + (long)row * s.Blended.Stride + head * dv);
                }
            }
        }
    }

    /// <summary>
    /// From the gradient of what the output's product read that of the normalised stream, written to <see cref="Scratch.Hidden"/>; adds to
    /// the weights' gradients. The state is used up.
    /// </summary>
    public void Backward(Sequences tokens, Rows normed, DeltaState s, Scratch scratch, float* gradients)
    {
        var (n, own, dv) = (tokens.Tokens, scratch.Delta!, net.ValueSize);
        for (var r = 0; r < n; r++)
            for (var head = 0; head < net.ValueHeads; head++)
                DeltaRule.GatedNormGradient(s.Made.Data + (long)r * s.Made.Stride + head * dv, s.Z.Data + (long)r * s.Z.Stride + head * dv,
                    norm.Data, eps, dv, own.Blended.Data + (long)r * own.Blended.Stride + head * dv, Gradient(norm, gradients));
        Convolve(tokens, s, own);
        own.Back.Clear(n);
        for (var head = 0; head < net.ValueHeads; head++)
        {
            var row = 0;
            foreach (var ids in tokens.Ids)
            {
                BackThroughTime(row, ids.Length, head, s, own, gradients);
                row += ids.Length;
            }
        }

        ConvolveGradient(tokens, s, own, gradients);
        var first = true;
        foreach (var (p, dy) in Products(s))
        {
            p.WeightGradient(normed.Data, normed.Stride, dy.Data, dy.Stride, n, gradients, scratch.Adapter);
            p.InputGradient(dy.Data, dy.Stride, n, scratch.Hidden.Data, scratch.Hidden.Stride, !first, scratch.Adapter);
            first = false;
        }
    }

    private (Projection, Rows)[] Products(DeltaState s) => [(qkv, s.Raw), (z, s.Z), (b, s.B), (a, s.A)];

    private static float* Gradient(Weight weight, float* gradients) => weight.Trained ? gradients + weight.Offset : null;

    private float Keep(DeltaState s, int row, int head) =>
        DeltaRule.Keep(MathF.Exp(rates.Data[head]), s.A.Data[(long)row * s.A.Stride + head] + shifts.Data[head]);

    private static float Write(DeltaState s, int row, int head) => DeltaRule.Sigmoid(s.B.Data[(long)row * s.B.Stride + head]);

    /// <summary>Where a token's query, key and value of a value head are among rows of them.</summary>
    private (long Q, long K, long V) Places(int row, int head)
    {
        var first = (long)row * Floats.Stride(net.Channels);
        var key = first + head / net.Group * net.KeySize;
        return (key, key + net.KeyHeads * net.KeySize, first + 2 * net.KeyHeads * net.KeySize + head * net.ValueSize);
    }

    /// <summary>Queries, keys and values of all tokens, and what they were before their last steps.</summary>
    private void Convolve(Sequences tokens, DeltaState s, DeltaScratch own)
    {
        var (row, size) = (0, net.KeySize);
        foreach (var ids in tokens.Ids)
            for (var t = 0; t < ids.Length; t++, row++)
            {
                float* before = own.Before.Data + (long)row * own.Before.Stride, y = own.Convolved.Data + (long)row * own.Convolved.Stride;
                DeltaRule.Convolve(Raw(t - 3), Raw(t - 2), Raw(t - 1), Raw(t), byToken.Data, net.Channels, before);
                DeltaRule.Silu(before, net.Channels, y);
                for (var h = 0; h < 2 * net.KeyHeads; h++) DeltaRule.Unit(y + h * size, size, Factor(h));

                float* Raw(int at) => at < 0 ? own.Zeros.Data : s.Raw.Data + (long)(row + at - t) * s.Raw.Stride;
            }
    }

    /// <summary>Length of a head of queries, or of keys, which follow them.</summary>
    private float Factor(int head) => head < net.KeyHeads ? 1 / MathF.Sqrt(net.KeySize) : 1;

    /// <summary>From the gradients of queries, keys and values those of what is convolved, which go where that was.</summary>
    private void ConvolveGradient(Sequences tokens, DeltaState s, DeltaScratch own, float* gradients)
    {
        var (row, size, channels) = (0, net.KeySize, net.Channels);
        var sums = own.Sums.Grow((long)DeltaNet.Width * channels);
        own.Sums.Clear();
        foreach (var ids in tokens.Ids)
        {
            for (var t = 0; t < ids.Length; t++)
            {
                var place = (long)(row + t) * own.Before.Stride;
                float* before = own.Before.Data + place, d = own.Back.Data + place;
                var raw = own.State.Grow(size);
                for (var h = 0; h < 2 * net.KeyHeads; h++)
                {
                    DeltaRule.Silu(before + h * size, size, raw);
                    DeltaRule.UnitGradient(raw, size, Factor(h), d + h * size);
                }

                DeltaRule.SiluGradient(before, channels, d);
                for (var j = Math.Max(0, 3 - t); j < DeltaNet.Width; j++)
                {
                    var x = s.Raw.Data + (long)(row + t - 3 + j) * s.Raw.Stride;
                    for (var c = 0; c < channels; c++) sums[(long)j * channels + c] += d[c] * x[c];
                }
            }

            for (var t = 0; t < ids.Length; t++)
            {
                var dx = s.Raw.Data + (long)(row + t) * s.Raw.Stride;
                new Span<float>(dx, channels).Clear();
                for (var j = Math.Max(0, 4 - ids.Length + t); j < DeltaNet.Width; j++)
                {
                    float* d = own.Back.Data + (long)(row + t + 3 - j) * own.Back.Stride, w = byToken.Data + (long)j * channels;
                    for (var c = 0; c < channels; c++) dx[c] += w[c] * d[c];
                }
            }

            row += ids.Length;
        }

        if (!convolution.Trained) return;
        for (var c = 0; c < channels; c++)
            for (var j = 0; j < DeltaNet.Width; j++)
                gradients[convolution.Offset + c * DeltaNet.Width + j] += sums[(long)j * channels + c];
    }

    /// <summary>
    /// One head of one sequence. Every so many tokens its state is kept on the way there; on the way back the states between are computed
    /// again.
    /// </summary>
    private void BackThroughTime(int first, int length, int head, DeltaState s, DeltaScratch own, float* gradients)
    {
        var (dk, dv, stretches) = (net.KeySize, net.ValueSize, (length + Stretch - 1) / Stretch);
        var size = dk * dv;
        float* kept = own.Kept.Grow((long)stretches * size), states = own.States.Grow((long)(Stretch + 1) * size);
        float* ds = own.State.Grow(size + 4 * dv), spare = ds + size, unused = spare + 3 * dv;
        new Span<float>(kept, size).Clear();
        for (var stretch = 0; stretch < stretches - 1; stretch++)
        {
            RowKernels.Copy(kept + (long)stretch * size, 0, kept + (long)(stretch + 1) * size, 0, 1, size);
            for (var t = stretch * Stretch; t < (stretch + 1) * Stretch; t++) Step(kept + (long)(stretch + 1) * size, first + t);
        }

        new Span<float>(ds, size).Clear();
        for (var stretch = stretches - 1; stretch >= 0; stretch--)
        {
            var (from, to) = (stretch * Stretch, Math.Min(length, (stretch + 1) * Stretch));
            RowKernels.Copy(kept + (long)stretch * size, 0, states, 0, 1, size);
            for (var t = from; t < to - 1; t++)
            {
                var next = states + (long)(t + 1 - from) * size;
                RowKernels.Copy(next - size, 0, next, 0, 1, size);
                Step(next, first + t);
            }

            for (var t = to - 1; t >= from; t--) Back(states + (long)(t - from) * size, first + t);
        }

        void Step(float* state, int row)
        {
            var (q, k, v) = Places(row, head);
            var x = own.Convolved.Data;
            DeltaRule.Step(state, dk, dv, x + q, x + k, x + v, Keep(s, row, head), Write(s, row, head), spare, unused);
        }

        void Back(float* before, int row)
        {
            var (q, k, v) = Places(row, head);
            float* x = own.Convolved.Data, d = own.Back.Data, fade = s.A.Data + (long)row * s.A.Stride + head;
            var (keep, write) = (Keep(s, row, head), Write(s, row, head));
            var (dKeep, dWrite) = DeltaRule.Gradient(before, dk, dv, x + q, x + k, x + v, keep, write, ds,
                own.Blended.Data + (long)row * own.Blended.Stride + head * dv, d + q, d + k, d + v, spare);
            var (rate, shifted) = (MathF.Exp(rates.Data[head]), *fade + shifts.Data[head]);
            var dLog = dKeep * keep;
            *fade = -dLog * rate * DeltaRule.Sigmoid(shifted);
            s.B.Data[(long)row * s.B.Stride + head] = dWrite * write * (1 - write);
            if (rates.Trained) gradients[rates.Offset + head] -= dLog * rate * (float)DeltaRule.Softplus(shifted);
            if (shifts.Trained) gradients[shifts.Offset + head] += *fade;
        }
    }

    public void Dispose()
    {
        foreach (var projection in Projections) projection.Dispose();
        byToken.Dispose();
    }
}

/// <summary>Of each token: what the products make, what the heads read, and that as the output's product reads it.</summary>
internal sealed class DeltaState(DeltaNet net)
{
    public readonly Rows Raw = new(net.Channels), Z = new(net.Values), B = new(net.ValueHeads), A = new(net.ValueHeads),
        Made = new(net.Values), Blended = new(net.Values);

    public IEnumerable<Rows> All => [Raw, Z, B, A, Made, Blended];
}

/// <summary>
/// What one thread needs: before the activation, after all, and gradients of that; the gradient of what the heads read; states.
/// </summary>
internal sealed class DeltaScratch(DeltaNet net) : IDisposable
{
    public readonly Rows Before = new(net.Channels), Convolved = new(net.Channels), Back = new(net.Channels), Blended = new(net.Values);
    public readonly Floats Zeros = new(net.Channels), Sums = new(), State = new(), Kept = new(), States = new();

    public IEnumerable<Rows> All => [Before, Convolved, Back, Blended];

    /// <summary>Floats of a head's states, for rows of at most so many tokens.</summary>
    public static long StateFloats(DeltaNet net, int longest) =>
        (longest / DeltaMixer.Stretch + DeltaMixer.Stretch + 3L) * net.KeySize * net.ValueSize;

    public void Dispose()
    {
        foreach (var floats in (Floats[])[Zeros, Sums, State, Kept, States]) floats.Dispose();
    }
}
