using Pav.Models.Decoders;

namespace Pav.Models.Cpu;

/// <summary>
/// From the stream after the last layer to losses and back: final norm, the head's one or two products, at the places where they are read,
/// some places at a time. Logits of all places are never in memory together.
/// </summary>
internal sealed unsafe class DecoderHeadPass : IDisposable
{
    private const int AtOnce = 64;

    private readonly DecoderConfig config;
    private readonly Norm norm;
    private readonly Projection[] products;

    public DecoderHeadPass(DecoderConfig config, Norm norm, Projection[] products) =>
        (this.config, this.norm, this.products) = (config, norm, products);

    /// <summary>Floats that the places taken at a time need.</summary>
    public static long Columns(DecoderConfig config) =>
        AtOnce * (4L * Floats.Stride(config.HiddenSize)
        + 2 * Floats.Stride(config.Head == DecoderHead.CausalLM ? config.VocabSize : config.Labels));

    private float Cap => config is { Head: DecoderHead.CausalLM, LogitCap: { } cap } ? (float)cap : 0;

    private float Divisor => config.Head == DecoderHead.CausalLM ? (float)config.LogitDivisor : 1;

    /// <summary>Values at a place: the vocabulary, or the labels.</summary>
    public int Outputs => products[^1].Outputs;

    public IEnumerable<Action> Packing => products.Select(p => (Action)p.Pack).Append(norm.Pack);

    /// <summary>Writes the values at a piece's places to where these are among all.</summary>
    public void Values(CpuDecoder.Piece piece, CpuDecoder.Worker worker, float[] all) => Values(piece, worker, all, piece.FirstPlace);

    private void Values(CpuDecoder.Piece piece, CpuDecoder.Worker worker, float[] all, int first)
    {
        using var block = new Block(this);
        for (var from = 0; from < piece.Read.Length; from += AtOnce)
        {
            var count = Math.Min(AtOnce, piece.Read.Length - from);
            block.Forward(piece, worker, from, count);
            for (var i = 0; i < count; i++) block.Values(i).CopyTo(all.AsSpan((first + from + i) * Outputs));
        }
    }

    /// <summary>The sum with the losses at a piece's places; adds to the gradients of the stream and of the weights.</summary>
    public double Accumulate(CpuDecoder.Piece piece, CpuDecoder.Worker worker, LossAt loss, RowValues? before, double sum)
    {
        if (before is not null)
        {
            var all = new float[piece.Read.Length * Outputs];
            Values(piece, worker, all, 0);
            before(piece.FirstPlace, all);
        }

        using var block = new Block(this);
        for (var from = 0; from < piece.Read.Length; from += AtOnce)
        {
            var count = Math.Min(AtOnce, piece.Read.Length - from);
            block.Forward(piece, worker, from, count);
            for (var i = 0; i < count; i++) sum += loss(piece.FirstPlace + from + i, block.Values(i), block.Gradient(i));
            block.Backward(piece, worker, from, count);
        }

        return sum;
    }

    public void Dispose()
    {
        norm.Dispose();
        foreach (var product in products) product.Dispose();
    }

    /// <summary>Some places: their rows of the stream and what becomes of them.</summary>
    private sealed class Block : IDisposable
    {
        private readonly DecoderHeadPass pass;
        private readonly Rows stream, normed, middle, values, gradient, back;
        private readonly Floats scales = new(AtOnce), scratch = new();

        public Block(DecoderHeadPass pass)
        {
            this.pass = pass;
            var (hidden, outputs) = (pass.config.HiddenSize, pass.Outputs);
            (stream, normed, middle, back) = (new(hidden), new(hidden), new(hidden), new(hidden));
            (values, gradient) = (new(outputs), new(outputs));
            foreach (var rows in All) rows.Grow(AtOnce);
        }

        private Rows[] All => [stream, normed, middle, back, values, gradient];

        public ReadOnlySpan<float> Values(int i) => new(values.Data + (long)i * values.Stride, pass.Outputs);

        public Span<float> Gradient(int i) => new(gradient.Data + (long)i * gradient.Stride, pass.Outputs);

        public void Forward(CpuDecoder.Piece piece, CpuDecoder.Worker worker, int from, int count)
        {
            for (var i = 0; i < count; i++)
                RowKernels.Copy(worker.Last.Data + (long)piece.Read[from + i] * stream.Stride, 0, stream.Data + (long)i * stream.Stride, 0,
                    1, stream.Columns);
            pass.norm.Forward(stream.Data, stream.Stride, count, normed.Data, normed.Stride, scales.Data);
            var x = normed;
            if (pass.products.Length == 2)
            {
                pass.products[0].Forward(x.Data, x.Stride, count, middle.Data, middle.Stride, false, scratch);
                x = middle;
                for (var i = 0; i < count * x.Stride; i++) x.Data[i] = MathF.Max(x.Data[i], 0);
            }

            pass.products[^1].Forward(x.Data, x.Stride, count, values.Data, values.Stride, false, scratch);
            if (pass.Divisor != 1) Divide(values, count);
            if (pass.Cap != 0) RowKernels.Cap(values.Data, count * values.Stride, pass.Cap);
        }

        public void Backward(CpuDecoder.Piece piece, CpuDecoder.Worker worker, int from, int count)
        {
            var weights = worker.Gradients.Data;
            if (pass.Cap != 0) RowKernels.CapGradient(values.Data, gradient.Data, count * values.Stride, pass.Cap);
            if (pass.Divisor != 1) Divide(gradient, count);
            Back(pass.products[^1], pass.products.Length == 2 ? middle : normed, gradient);
            if (pass.products.Length == 2)
            {
                for (var i = 0; i < count * middle.Stride; i++) middle.Data[i] = middle.Data[i] > 0 ? back.Data[i] : 0;
                Back(pass.products[0], normed, middle);
            }

            for (var i = 0; i < count; i++)
            {
                var offset = (long)i * stream.Stride;
                var gradients = worker.Gradient.Data + (long)piece.Read[from + i] * stream.Stride;
                pass.norm.Gradient(back.Data + offset, stream.Stride, stream.Data + offset, stream.Stride, 1, scales.Data + i,
                    gradients, stream.Stride, true, weights);
            }

            void Back(Projection product, Rows x, Rows dy)
            {
                product.WeightGradient(x.Data, x.Stride, dy.Data, dy.Stride, count, weights, scratch);
                product.InputGradient(dy.Data, dy.Stride, count, back.Data, back.Stride, false, scratch);
            }
        }

        private void Divide(Rows rows, int count)
        {
            for (var i = 0; i < count * rows.Stride; i++) rows.Data[i] /= pass.Divisor;
        }

        public void Dispose()
        {
            foreach (var rows in All) rows.Dispose();
            scales.Dispose();
            scratch.Dispose();
        }
    }
}
