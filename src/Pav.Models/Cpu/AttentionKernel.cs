namespace Pav.Models.Cpu;

/// <summary>
/// What attention looks like: its heads, how far back a position sees (itself included), and the cap of its scores, 0 for none.
/// </summary>
internal readonly record struct AttentionShape(int Heads, int KvHeads, int Size, int Window, float Cap);

/// <summary>
/// Causal attention of one sequence with its gradient: o = softmax(q·kᵀ)·v, queries scaled before. Weights are not kept: the gradient
/// computes them again from the scores and each row's sum of exponentials. Rows are taken 16 at a time, and the products are those of
/// <see cref="Products"/> over the keys that any of them sees.
/// </summary>
internal sealed unsafe class AttentionKernel : IDisposable
{
    private const int Rows = 16;

    private readonly Floats keysByPosition = new(), keysByColumn = new(), valuesByPosition = new(), valuesByColumn = new(), weights = new(),
        gradients = new();
    private readonly Floats rows = new(), queryRows = new(), keyGradient = new(), valueGradient = new();

    /// <param name="q">[length, heads·size], as k and v [length, kv heads·size] and o.</param>
    /// <param name="logSums">[length, heads].</param>
    public void Forward(in AttentionShape shape, int length, float* q, int qStride, float* k, float* v, int kvStride, float* o,
        float* logSums)
    {
        var (size, wide, padded) = (shape.Size, Products.Padded(shape.Size), Products.Padded(length));
        float* s = weights.Grow((long)Rows * padded), result = rows.Grow((long)Rows * wide);
        for (var h = 0; h < shape.Heads; h++)
        {
            if (h % (shape.Heads / shape.KvHeads) == 0)
            {
                var kv = h / (shape.Heads / shape.KvHeads) * size;
                Products.PackTransposed(k + kv, kvStride, length, size, keysByPosition.Grow((long)padded * size));
                Products.Pack(v + kv, kvStride, length, size, valuesByColumn.Grow((long)wide * length));
            }

            for (var r = 0; r < length; r += Rows)
            {
                var (count, first, end) = Seen(shape, length, r);
                var query = q + (long)r * qStride + h * size;
                Products.Multiply(query, qStride, count, keysByPosition.Data + (long)first * size, size, end - first, s, padded);
                for (var t = 0; t < count; t++)
                {
                    var row = s + (long)t * padded;
                    var (from, to) = (Math.Max(0, r + t + 1 - shape.Window) - first, r + t + 1 - first);
                    if (shape.Cap != 0) RowKernels.Cap(row, to, shape.Cap);
                    // What lies before the window has no part in the sum.
                    new Span<float>(row, from).Fill(float.MinValue);
                    logSums[(long)(r + t) * shape.Heads + h] = RowKernels.Softmax(row, to);
                    new Span<float>(row + to, end - first - to).Clear();
                }

                Products.Multiply(s, padded, count, valuesByColumn.Data + (long)first * Products.Panel, end - first, size, result, wide,
                    panelStride: (long)length * Products.Panel);
                RowKernels.Copy(result, wide, o + (long)r * qStride + h * size, qStride, count, size);
            }
        }
    }

    /// <summary>Gradients of q, k and v, written; <paramref name="o"/> is the result, <paramref name="dO"/> its gradient.</summary>
    public void Gradient(
        in AttentionShape shape, int length, float* q, int qStride, float* k, float* v, int kvStride, float* o, float* dO, float* logSums,
            float* dq, float* dk, float* dv)
    {
        var (size, wide, padded, group) = (shape.Size, Products.Padded(shape.Size), Products.Padded(length), shape.Heads / shape.KvHeads);
        float* p = weights.Grow((long)Rows * padded), ds = gradients.Grow((long)Rows * padded), result = rows.Grow((long)Rows * wide);
        var query = queryRows.Grow((long)Rows * wide);
        for (var kv = 0; kv < shape.KvHeads; kv++)
        {
            Products.PackTransposed(k + kv * size, kvStride, length, size, keysByPosition.Grow((long)padded * size));
            Products.PackTransposed(v + kv * size, kvStride, length, size, valuesByPosition.Grow((long)padded * size));
            Products.Pack(k + kv * size, kvStride, length, size, keysByColumn.Grow((long)wide * length));
            float* sumK = keyGradient.Grow((long)length * wide), sumV = valueGradient.Grow((long)length * wide);
            keyGradient.Clear();
            valueGradient.Clear();
            for (var h = kv * group; h < (kv + 1) * group; h++)
                for (var r = 0; r < length; r += Rows)
                {
                    var (count, first, end) = Seen(shape, length, r);
                    var offset = (long)r * qStride + h * size;
                    Products.Multiply(q + offset, qStride, count, keysByPosition.Data + (long)first * size, size, end - first, p, padded);
                    Products.Multiply(dO + offset, qStride, count, valuesByPosition.Data + (long)first * size, size, end - first, ds,
                        padded);
                    for (var t = 0; t < count; t++)
                    {
                        float* row = p + (long)t * padded, gradient = ds + (long)t * padded;
                        var (from, to) = (Math.Max(0, r + t + 1 - shape.Window) - first, r + t + 1 - first);
                        var shift = RowKernels.Dot(o + offset + (long)t * qStride, dO + offset + (long)t * qStride, size);
                        if (shape.Cap != 0)
                        {
                            RowKernels.Cap(row, to, shape.Cap);
                            RowKernels.CapGradient(row, gradient, to, shape.Cap);
                            // The cap's slope is a factor of all of the softmax's gradient: of the shift, too.
                            Capped(row, gradient, to, logSums[(long)(r + t) * shape.Heads + h], shift, shape.Cap);
                        }
                        else
                        {
                            RowKernels.Weights(row, to, logSums[(long)(r + t) * shape.Heads + h]);
                            RowKernels.SoftmaxGradient(row, gradient, to, shift);
                        }

                        new Span<float>(row, from).Clear();
                        new Span<float>(gradient, from).Clear();
                        new Span<float>(row + to, end - first - to).Clear();
                        new Span<float>(gradient + to, end - first - to).Clear();
                    }

                    Products.Multiply(ds, padded, count, keysByColumn.Data + (long)first * Products.Panel, end - first, size, result, wide,
                        panelStride: (long)length * Products.Panel);
                    RowKernels.Copy(result, wide, dq + offset, qStride, count, size);
                    RowKernels.Copy(q + offset, qStride, query, wide, count, size);
                    Products.AddOuter(ds, padded, end - first, query, wide, wide, count, sumK + (long)first * wide, wide);
                    RowKernels.Copy(dO + offset, qStride, query, wide, count, size);
                    Products.AddOuter(p, padded, end - first, query, wide, wide, count, sumV + (long)first * wide, wide);
                }

            RowKernels.Copy(sumK, wide, dk + kv * size, kvStride, length, size);
            RowKernels.Copy(sumV, wide, dv + kv * size, kvStride, length, size);
        }
    }

    /// <summary>How many rows from r on are taken, and the keys [first, end) that one of them sees, from a whole panel on.</summary>
    private static (int Count, int First, int End) Seen(in AttentionShape shape, int length, int r)
    {
        var count = Math.Min(Rows, length - r);
        return (count, Math.Max(0, r + 1 - shape.Window) / Products.Panel * Products.Panel, r + count);
    }

    /// <summary>
    /// row: capped scores, becomes weights. gradient: that of the weights times the cap's slope, becomes that of the scores.
    /// </summary>
    private static void Capped(float* row, float* gradient, int n, float logSum, float shift, float cap)
    {
        for (var i = 0; i < n; i++)
        {
            var (t, weight) = (row[i] / cap, MathF.Exp(row[i] - logSum));
            gradient[i] = weight * (gradient[i] - shift * (1 - t * t));
            row[i] = weight;
        }
    }

    public void Dispose()
    {
        Floats[] all = [keysByPosition, keysByColumn, valuesByPosition, valuesByColumn, weights, gradients, rows, queryRows, keyGradient,
            valueGradient];
        foreach (var buffer in all) buffer.Dispose();
    }
}
