using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Cpu;

/// <summary>A row of ids, and the positions at which the head is read.</summary>
internal readonly record struct ReadRow(int[] Ids, int[] ReadAt);

/// <summary>
/// The loss at one place, of the head's values there, with its gradient. Places are numbered through all rows in their order; different
/// places may be asked for at the same time.
/// </summary>
internal delegate double LossAt(int place, ReadOnlySpan<float> values, Span<float> gradient);

/// <summary>
/// Tells a loss that joins the places of a row all values of some whole rows, from their first place on, before it is asked for any.
/// </summary>
internal delegate void RowValues(int firstPlace, ReadOnlySpan<float> values);

/// <summary>
/// A decoder that learns on the CPU. Rows lie end to end, without padding. A call's rows are cut into parts by their lengths alone; threads
/// take parts, and the parts' gradients are added in their order: the same bits for any number of threads. A part's rows are taken a piece
/// at a time, all of forward and backward, so that activations stay in the cache; its gradients go on from piece to piece.
/// </summary>
internal sealed unsafe class CpuDecoder : IDisposable
{
    /// <summary>A part's least and most tokens, where rows are not longer, and how many parts a call has between these.</summary>
    private const int LeastTokens = 256, MostTokens = 1024, Parts = 8;

    /// <summary>What the activations of a piece take: two threads' fit into a cache of 16 MB.</summary>
    private const int PieceBytes = 6 << 20;

    private readonly DecoderConfig config;
    private readonly Weight embedding;
    private readonly Layer[] layers;
    private readonly DecoderHeadPass head;
    private readonly int threads, pieceTokens;
    private readonly bool recompute;
    private readonly Lazy<Floats> gradients;
    private readonly Lazy<OrderedSum> ordered;
    private readonly Stack<Worker> idle = [];
    private readonly Floats cos = new(), sin = new();
    private int angles;

    /// <param name="config">The architecture.</param>
    /// <param name="weights">By their names in the checkpoint; read as they are at each <see cref="Pack"/>.</param>
    /// <param name="adapter">The adapter on a projection of that name, or null.</param>
    /// <param name="scale">Of what adapters add.</param>
    /// <param name="trained">How many values all trained weights have.</param>
    /// <param name="threads">At most so many at once.</param>
    /// <param name="recompute">Keep each layer's input only, and compute the rest anew for the gradient.</param>
    public CpuDecoder(DecoderConfig config, IReadOnlyDictionary<string, Weight> weights, Func<string, (Weight A, Weight B)?> adapter,
        float scale, long trained, int threads, bool recompute = false)
    {
        (this.config, this.threads, this.recompute, gradients) = (config, threads, recompute, new(() => new(trained)));
        ordered = new(() => new(Gradients, threads));
        pieceTokens = PieceTokens(config, recompute);
        embedding = weights["model.embed_tokens.weight"];
        layers = [.. Enumerable.Range(0, config.Layers).Select(i =>
            new Layer(config, i, name => Normed($"model.layers.{i}.{name}"), name => Projected($"model.layers.{i}.{name}"),
                name => weights[$"model.layers.{i}.{name}"]))];
        head = new(config, Normed("model.norm"), [.. DecoderModel.HeadNames(config).Select(Projected)]);

        Norm Normed(string name) => new(weights[name + ".weight"], (float)config.NormEps, config.NormPlusOne);
        Projection Projected(string name) =>
            new(weights[name + ".weight"], weights.GetValueOrDefault(name + ".bias"), adapter(name), scale);
    }

    /// <summary>On the float32 weights of a model in this machine's memory, its trained ones in the order of their names.</summary>
    public static CpuDecoder From(DecoderModel model, int threads, bool recompute = false)
    {
        var (offsets, trained) = (new Dictionary<string, long>(), 0L);
        foreach (var (name, weight) in model.Trained)
        {
            offsets[name] = trained;
            trained += weight.numel;
        }

        var adapters = model.Trained.Where(w => !model.Parameters.ContainsKey(w.Key)).ToDictionary(w => w.Key, w => Placed(w.Key, w.Value));
        return new(model.Config, model.Parameters.ToDictionary(w => w.Key, w => Placed(w.Key, w.Value)),
            name => Lora.PairOn(adapters, name), (float)(model.Lora?.Scale ?? 1), trained, threads, recompute);

        Weight Placed(string name, Tensor weight) => weight is { dtype: ScalarType.Float32, is_contiguous: true } && weight.device.IsCpu
            ? new((float*)weight.data_ptr, weight.dim == 1 ? 1 : (int)weight.size(0), (int)weight.size(-1),
                offsets.GetValueOrDefault(name, -1))
            : throw new ArgumentException($"{name} is {weight.dtype.Name()} on {weight.device}; training on the CPU takes float32 there");
    }

    /// <summary>Bytes of activations that one thread holds at most for rows of so many tokens together.</summary>
    public static long BytesOfThread(DecoderConfig config, int tokens, int longest, bool recompute)
    {
        var part = Math.Min(Math.Clamp(tokens / Parts, LeastTokens, MostTokens), PieceTokens(config, recompute));
        return Math.Min(tokens, Math.Max(longest, part + longest / 2)) * BytesOfToken(config, recompute)
            + sizeof(float) * (DecoderHeadPass.Columns(config) + (config.DeltaNet is { } net ? DeltaScratch.StateFloats(net, longest) : 0));
    }

    /// <summary>
    /// A piece's tokens, where rows are not longer; all of a part's where so few would stay in the cache that the weights, read anew for
    /// each piece, cost more.
    /// </summary>
    private static int PieceTokens(DecoderConfig config, bool recompute) =>
        PieceBytes / BytesOfToken(config, recompute) is >= 64 and var tokens ? (int)Math.Max(128, tokens) : int.MaxValue;

    private static long BytesOfToken(DecoderConfig config, bool recompute)
    {
        using var state = new LayerState(config);
        using var scratch = new Scratch(config);
        var kinds = Enumerable.Range(0, config.Layers).Select(config.IsRecurrent);
        return sizeof(float) * ((recompute ? kinds.Distinct() : kinds).Sum(state.Columns)
            + (config.Layers + 2) * Floats.Stride(config.HiddenSize) + scratch.Columns);
    }

    /// <summary>Of all trained weights, each at its offset.</summary>
    public Floats Gradients => gradients.Value;

    /// <summary>Takes up the weights as they are now.</summary>
    public void Pack()
    {
        var work = layers.SelectMany(l => l.Packing).Concat(head.Packing).ToArray();
        if (threads == 1) foreach (var one in work) one();
        else Parallel.ForEach(work, new ParallelOptions { MaxDegreeOfParallelism = threads }, one => one());
    }

    /// <summary>Adds the gradient of the sum of the losses at all places; answers that sum.</summary>
    public double Accumulate(IReadOnlyList<ReadRow> rows, LossAt loss, RowValues? before = null)
    {
        var (parts, sum) = (Cut(rows), ordered.Value);
        sum.Begin();
        InLanes(parts.Count, (worker, next) =>
        {
            while (sum.Rent() is { } buffer)
            {
                var part = next();
                if (part >= parts.Count)
                {
                    sum.Return(buffer);
                    return;
                }

                try
                {
                    sum.Add(part, buffer, worker.Accumulate(parts[part], loss, before, buffer));
                }
                catch
                {
                    sum.Fail(buffer);
                    throw;
                }
            }
        });
        return sum.Loss;
    }

    /// <summary>The head's values at all places, place by place.</summary>
    public float[] Values(IReadOnlyList<ReadRow> rows)
    {
        var values = new float[rows.Sum(row => row.ReadAt.Length) * head.Outputs];
        var parts = Cut(rows);
        InLanes(parts.Count, (worker, next) =>
        {
            for (int part; (part = next()) < parts.Count;)
            {
                foreach (var piece in parts[part])
                {
                    worker.Forward(piece, keep: false);
                    head.Values(piece, worker, values);
                }
            }
        });
        return values;
    }

    /// <summary>On as many threads as there may be, each with a worker and a function that gives the number of a part nobody has.</summary>
    private void InLanes(int parts, Action<Worker, Func<int>> lane)
    {
        var (taken, count) = (-1, Math.Min(threads, parts));
        if (count <= 1) Run(0);
        else Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = count }, Run);

        void Run(int _)
        {
            Worker? worker;
            lock (idle) idle.TryPop(out worker);
            worker ??= new(this);
            try
            {
                lane(worker, () => Interlocked.Increment(ref taken));
            }
            finally
            {
                lock (idle) idle.Push(worker);
            }
        }
    }

    private List<List<Piece>> Cut(IReadOnlyList<ReadRow> rows)
    {
        // Nothing that follows a row's last place has a part in its values.
        var needed = rows.Select(row => (Row: row, Length: row.ReadAt.Length == 0 ? 0 : row.ReadAt.Max() + 1)).ToArray();
        var longest = needed.Max(row => row.Length);
        if (longest > config.MaxPositions)
            throw new UserError(
                $"a sequence of {longest} tokens is longer than the model's max_position_embeddings = "
                + $"{config.MaxPositions}; shorten it or use another model");
        Angles(longest);
        var size = Math.Clamp(needed.Sum(row => row.Length) / Parts, LeastTokens, MostTokens);
        List<List<Piece>> parts = [];
        List<int[]> ids = [];
        List<int> read = [];
        var (whole, tokens, place) = (0, 0, 0);
        foreach (var (row, length) in needed)
        {
            if (length == 0) continue;
            var full = whole > 0 && whole + length / 2 > size;
            if (full || tokens > 0 && tokens + length / 2 > pieceTokens) Close();
            if (full || whole == 0) parts.Add([]);
            if (full) whole = 0;
            foreach (var id in row.Ids.AsSpan(0, length))
                if ((uint)id >= (uint)config.VocabSize)
                    throw new UserError(
                        $"token id {id} is outside the model's vocabulary of {config.VocabSize}; tokenizer and model do not "
                        + "belong together");
            ids.Add(row.Ids[..length]);
            read.AddRange(row.ReadAt.Select(t => tokens + t));
            tokens += length;
            whole += length;
        }

        if (tokens > 0) Close();
        return parts;

        void Close()
        {
            parts[^1].Add(new(new([.. ids], cos, sin, angles), [.. read], place));
            place += read.Count;
            ids.Clear();
            read.Clear();
            tokens = 0;
        }
    }

    /// <summary>Makes the tables of rotary angles hold so many positions.</summary>
    private void Angles(int positions)
    {
        if (positions <= angles) return;
        angles = Math.Min(config.MaxPositions, Math.Max(512, 2 * positions));
        var (half, kinds) = (config.Rotated / 2, Rotary.Kinds(config));
        float* c = cos.Grow((long)kinds.Count * angles * half), s = sin.Grow((long)kinds.Count * angles * half);
        foreach (var (frequencies, factor) in kinds)
            for (var position = 0; position < angles; position++)
                for (var i = 0; i < half; i++)
                {
                    // Angles are float32 products, as in the Hugging Face model.
                    var (sine, cosine) = Math.SinCos((float)position * (float)frequencies[i]);
                    (*c++, *s++) = ((float)cosine * (float)factor, (float)sine * (float)factor);
                }
    }

    public void Dispose()
    {
        foreach (var layer in layers) layer.Dispose();
        while (idle.TryPop(out var worker)) worker.Dispose();
        head.Dispose();
        if (ordered.IsValueCreated) ordered.Value.Dispose();
        if (gradients.IsValueCreated) gradients.Value.Dispose();
        cos.Dispose();
        sin.Dispose();
    }

    /// <summary>
    /// Some rows: their tokens, the tokens at which the head is read, and the number of the first of these places among the call's.
    /// </summary>
    internal sealed record Piece(Sequences Tokens, int[] Read, int FirstPlace);

    /// <summary>What one thread works in.</summary>
    internal sealed class Worker : IDisposable
    {
        private readonly CpuDecoder decoder;
        private readonly Rows[] streams;
        private readonly LayerState?[] states;

        public Worker(CpuDecoder decoder)
        {
            this.decoder = decoder;
            streams = [.. Enumerable.Range(0, decoder.layers.Length + 1).Select(_ => new Rows(decoder.config.HiddenSize))];
            states = new LayerState?[decoder.layers.Length];
            (Scratch, Gradient) = (new(decoder.config), new(decoder.config.HiddenSize));
        }

        public Scratch Scratch { get; }

        /// <summary>The gradient of the stream.</summary>
        public Rows Gradient { get; }

        /// <summary>Of the weights, of the part at work.</summary>
        public Floats Gradients { get; private set; } = null!;

        /// <summary>The stream after the last layer.</summary>
        public Rows Last { get; private set; } = null!;

        /// <summary>The part's loss; its gradients are written into <paramref name="gradients"/>.</summary>
        public double Accumulate(IEnumerable<Piece> part, LossAt loss, RowValues? before, Floats gradients)
        {
            Gradients = gradients;
            Gradients.Clear();
            return part.Aggregate(0.0, (sum, piece) => Accumulate(piece, loss, before, sum));
        }

        private double Accumulate(Piece piece, LossAt loss, RowValues? before, double sum)
        {
            Forward(piece, keep: true);
            Gradient.Grow(piece.Tokens.Tokens);
            Gradient.Clear(piece.Tokens.Tokens);
            sum = decoder.head.Accumulate(piece, this, loss, before, sum);
            for (var l = decoder.layers.Length - 1; l >= 0; l--)
            {
                if (decoder.recompute) decoder.layers[l].Forward(piece.Tokens, streams[l], State(0, l, piece), Scratch, Scratch.Again);
                decoder.layers[l].Backward(piece.Tokens, streams[l], State(decoder.recompute ? 0 : l, l, piece), Scratch, Gradient,
                    Gradients.Data);
            }

            Embed(piece, back: true);
            return sum;
        }

        /// <param name="piece">Rows.</param>
        /// <param name="keep">Whether a gradient is wanted.</param>
        public void Forward(Piece piece, bool keep)
        {
            Scratch.Grow(piece.Tokens.Tokens);
            streams[0].Grow(piece.Tokens.Tokens);
            Embed(piece, back: false);
            Last = streams[0];
            for (var l = 0; l < decoder.layers.Length; l++)
            {
                var next = streams[keep ? l + 1 : (l + 1) % 2];
                next.Grow(piece.Tokens.Tokens);
                decoder.layers[l].Forward(piece.Tokens, Last, State(keep && !decoder.recompute ? l : 0, l, piece), Scratch, next);
                Last = next;
            }
        }

        private LayerState State(int index, int layer, Piece piece)
        {
            var state = states[index] ??= new(decoder.config);
            state.Grow(piece.Tokens.Tokens, decoder.config.IsRecurrent(layer));
            return state;
        }

        /// <summary>The stream's first rows from the embeddings of the ids, or the embeddings' gradients from theirs.</summary>
        private void Embed(Piece piece, bool back)
        {
            var (table, hidden, factor) = (decoder.embedding, decoder.config.HiddenSize, (float)decoder.config.EmbeddingScale);
            if (back && !table.Trained) return;
            var row = back ? Gradient.Data : streams[0].Data;
            foreach (var ids in piece.Tokens.Ids)
                foreach (var id in ids)
                {
                    if (back) RowKernels.Add(row, Gradients.Data + table.Offset + (long)id * hidden, hidden, factor);
                    else
                        for (var i = 0; i < hidden; i++) row[i] = table.Data[(long)id * hidden + i] * factor;
                    row += Gradient.Stride;
                }
        }

        public void Dispose()
        {
            foreach (var stream in streams) stream.Dispose();
            foreach (var state in states) state?.Dispose();
            Scratch.Dispose();
            Gradient.Dispose();
        }
    }
}
