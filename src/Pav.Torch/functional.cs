using static Pav.Torch.Operator;

namespace Pav.Torch;

/// <summary>
/// The composites of a decoder, in as few operator calls as possible: small models spend their time in calls. Differentiable.
/// B rows, T queries, S keys, H heads, D head size, E hidden size, V vocabulary.
/// </summary>
internal static class functional
{
    /// <summary>x [.., in] times weight [out, in], plus bias [out].</summary>
    public static Tensor linear(Tensor x, Tensor weight, Tensor? bias = null) => call("linear", x, weight, bias);

    /// <summary>Rows of weight [V, E] at the int64 indices [..]: [.., E].</summary>
    public static Tensor embedding(Tensor indices, Tensor weight) => call("embedding", weight, indices);

    public static Tensor dropout(Tensor x, double p, bool training) => training && p > 0 ? call("dropout", x, p, true) : x;

    /// <summary>
    /// x / sqrt(mean(x²) + eps) · weight over the last dimension; half types are normalised in float32. <paramref name="plus_one"/>: times
    /// 1 + weight, in
    /// float32 too, as Gemma does.
    /// </summary>
    public static Tensor rms_norm(Tensor x, Tensor weight, double eps, bool plus_one = false)
    {
        var type = x.dtype;
        var wide = x.cast(type is ScalarType.BFloat16 or ScalarType.Float16 ? ScalarType.Float32 : type);
        var normed = wide * (wide * wide).mean(-1, keepdim: true).add_(eps).rsqrt();
        return plus_one ? (normed * (weight.cast(wide.dtype) + 1)).cast(type) : normed.cast(type) * weight.cast(type);
    }

    /// <summary>
    /// Rotary tables (cos, sin), each [length, D], for the D/2 inverse frequencies. Both halves of a row repeat the angles; the
    /// sines' first half carries the minus sign of the rotation, so that <see cref="rotary"/> needs no negation.
    /// </summary>
    public static (Tensor cos, Tensor sin) rotary_tables(ReadOnlySpan<double> inverse_frequencies, int length)
    {
        var half = inverse_frequencies.Length;
        var cos = new float[length * 2 * half];
        var sin = new float[length * 2 * half];
        for (var position = 0; position < length; position++)
            for (var i = 0; i < half; i++)
            {
                // Angles are float32 products, as in the Hugging Face model.
                var (s, c) = Math.SinCos((float)position * (float)inverse_frequencies[i]);
                var row = position * 2 * half;
                cos[row + i] = cos[row + half + i] = (float)c;
                (sin[row + i], sin[row + half + i]) = (-(float)s, (float)s);
            }
        return (torch.tensor(cos, length, 2 * half), torch.tensor(sin, length, 2 * half));
    }

    /// <summary>1 / theta^(2i/D) for i &lt; D/2.</summary>
    public static double[] rotary_frequencies(int head_dim, double theta)
    {
        var frequencies = new double[head_dim / 2];
        for (var i = 0; i < frequencies.Length; i++) frequencies[i] = 1 / Math.Pow(theta, 2.0 * i / head_dim);
        return frequencies;
    }

    /// <summary>
    /// Rotates pairs (i, i + D/2) of the last dimension, the Hugging Face layout. cos and sin are rows of
    /// <see cref="rotary_tables"/>, of x's dtype, that broadcast against x.
    /// </summary>
    public static Tensor rotary(Tensor x, Tensor cos, Tensor sin) =>
        call("addcmul", x * cos, call("roll", x, new[] { x.size(-1) / 2 }, new[] { -1L }), sin);

    /// <summary>
    /// softmax(q·kᵀ·scale + mask)·v, where a cap c turns q·kᵀ·scale = x into c·tanh(x/c). q [B, H, T, D]; k and v [B, Hkv, S, D] with H a
    /// multiple of Hkv
    /// (each key head serves H/Hkv neighbouring query heads, without copies of it); mask additive, of q's dtype, broadcasts to [B, 1, T,
    /// S]; result [B, H, T, D].
    /// On a GPU without a cap it is the fused kernel.
    /// </summary>
    public static Tensor attention(Tensor q, Tensor k, Tensor v, Tensor? mask, double? scale = null, double? cap = null)
    {
        if (cap is null && q.device.IsCuda) return scaled_dot_product_attention(q, k, v, mask, scale);
        var (b, h, t, d) = (q.size(0), q.size(1), q.size(2), q.size(3));
        var (kv_heads, s) = (k.size(1), k.size(2));
        var group = h / kv_heads;
        var queries = q.reshape(b * kv_heads, group * t, d);
        var keys = k.reshape(b * kv_heads, s, d).transpose(1, 2);
        var values = v.reshape(b * kv_heads, s, v.size(3));
        var factor = scale ?? 1 / Math.Sqrt(d);
        Tensor scores;
        if (mask is null)
        {
            scores = queries.bmm(keys) * factor;
            if (cap is { } limit) scores = (scores / limit).tanh() * limit;
        }
        else
        {
            // [.., T, S] → [B·Hkv, (H/Hkv)·T, S]; a mask that all rows share needs no copy here.
            var shared = mask.dim == 2 || mask.size(0) == 1;
            var bias = shared && group == 1 ? mask.reshape(mask.size(-2), s)
                : mask.reshape(shared ? 1 : b, 1, 1, mask.size(-2), s).expand(b, kv_heads, group, t, s).reshape(b * kv_heads, group * t, s);
            scores = cap is { } limit
                ? (queries.bmm(keys) * (factor / limit)).tanh() * limit + bias : bias.baddbmm(queries, keys, 1, factor);
        }
        return scores.softmax(-1).bmm(values).view(b, h, t, v.size(3));
    }

    /// <summary>The same without a cap, by libtorch's own operator: a fused kernel where it has one for the device.</summary>
    public static Tensor scaled_dot_product_attention(Tensor q, Tensor k, Tensor v, Tensor? mask, double? scale = null)
    {
        var (b, h, kv_heads, s, d) = (q.size(0), q.size(1), k.size(1), k.size(2), q.size(3));
        // libtorch 2.0 and before divide by √D whatever the scale.
        if (scale is { } wanted && Math.Abs(wanted * Math.Sqrt(d) - 1) > 1e-12) q = q * (wanted * Math.Sqrt(d));
        (k, v) = (Repeated(k), Repeated(v));
        if (mask is { dim: 3 }) mask = mask.unsqueeze(1);
        return exists("scaled_dot_product_attention")
            ? call("scaled_dot_product_attention", q, k, v, mask, 0.0, false)
            : call2("_scaled_dot_product_attention", q, k, v, mask, 0.0, false, false).Item1;

        Tensor Repeated(Tensor x) => kv_heads == h ? x : x.unsqueeze(2).expand(b, kv_heads, h / kv_heads, s, x.size(3))
            .reshape(b, h, s, x.size(3));
    }

    /// <summary>
    /// The gated delta rule, token by token: S ← keep·S, S ← S + k·(write·(v − Sᵀk))ᵀ, o = Sᵀq, with S zero before the first token.
    /// q and k [B, T, H, K], v [B, T, H, V], keep and write [B, T, H]; result [B, T, H, V].
    /// </summary>
    public static Tensor gated_delta_rule(Tensor q, Tensor k, Tensor v, Tensor keep, Tensor write)
    {
        var (b, length, heads, keys, values) = (q.size(0), q.size(1), q.size(2), q.size(3), v.size(3));
        var state = torch.zeros([b * heads, keys, values], v.dtype, v.device);
        var outputs = new Tensor[length];
        for (var t = 0L; t < length; t++)
        {
            var (key, query) = (At(k, t), At(q, t));
            state = state * At(keep.unsqueeze(-1), t);
            var written = (At(v, t) - key.bmm(state)) * At(write.unsqueeze(-1), t);
            state = state + key.transpose(1, 2).bmm(written);
            outputs[t] = query.bmm(state).reshape(b, 1, heads, values);
        }

        return torch.cat(outputs, 1);

        Tensor At(Tensor x, long t) => x.narrow(1, t, 1).reshape(b * heads, 1, x.size(3));
    }

    /// <summary>Mean cross-entropy of logits [N, V] against int64 targets [N]; targets of -100 do not count. All -100 gives NaN.</summary>
    public static Tensor cross_entropy(Tensor logits, Tensor targets, string reduction = "mean") =>
        call("cross_entropy_loss", logits, targets, Arg.None, Reduction(reduction), -100);

    /// <summary>−y·log σ(x) − (1 − y)·log(1 − σ(x)) for soft labels y in [0, 1], each term times its weight if given; mean over all
    /// terms.</summary>
    public static Tensor binary_cross_entropy_with_logits(Tensor logits, Tensor targets, Tensor? weight = null,
        string reduction = "mean") =>
        call("binary_cross_entropy_with_logits", logits, targets, weight, Arg.None, Reduction(reduction));

    private static long Reduction(string name) => name switch
    {
        "none" => 0,
        "mean" => 1,
        "sum" => 2,
        _ => throw new TorchException($"reduction '{name}' is not none, mean or sum"),
    };
}
