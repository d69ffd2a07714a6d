using Pav.Models.Decoders;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Inference;

/// <summary>
/// A decoder in libtorch, on a GPU or on the CPU. All products run over the tokens of a call without padding; attention runs over two
/// padded batches, rows that go on by
/// one token and longer stretches, on keys and values gathered from their blocks. Equal draws may differ between calls where libtorch's
/// products depend on the batch in
/// their last bits and a draw falls between two tokens by as little.
/// </summary>
internal sealed class TorchRunner : IRunner
{
    private readonly DecoderModel model;
    private readonly Tensor[] keys, values;
    private readonly PendingTokens pending;
    private Tensor? output;

    /// <param name="model">Owned by the runner from now on; it runs where its weights are, in their type.</param>
    /// <param name="cacheBytes">Budget of the key-value memory, taken at once.</param>
    public TorchRunner(DecoderModel model, long cacheBytes)
    {
        this.model = model;
        pending = new(Config);
        var slotValues = (long)Config.KvHeads * Config.HeadSize;
        Pool = new(2 * Config.Layers * slotValues * Kernels.Block * model.ComputeType.Size(), cacheBytes, inMemory: false);
        using var off = no_grad();
        keys = [.. Enumerable.Range(0, Config.Layers).Select(_ => Memory())];
        values = [.. Enumerable.Range(0, Config.Layers).Select(_ => Memory())];
        Outputs = (int)DecoderModel.Shapes(Config)[DecoderModel.HeadNames(Config)[^1] + ".weight"][0];

        Tensor Memory() => zeros([(long)Pool.Capacity * Kernels.Block, Config.KvHeads, Config.HeadSize], model.ComputeType, model.Device)
            .DetachFromDisposeScope();
    }

    public DecoderConfig Config => model.Config;

    public KvPool Pool { get; }

    public int Outputs { get; }

    public int Pending => pending.Tokens.Count;

    public int Add(KvSegment segment, ReadOnlySpan<int> ids, bool each = false) => pending.Add(segment, ids, each);

    public void Clear() => pending.Clear();

    public ReadOnlySpan<float> Output(int row) => output!.data<float>().Slice(row * Outputs, Outputs);

    public void Run()
    {
        if (Pending == 0) return;
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var rows = Enumerable.Range(0, Pending);
        var slots = Placed(rows.Select(row => Slot(row)));
        Batch[] batches = [.. pending.Runs.Select((run, i) => i).ToLookup(i => TokensOf(i) == 1)
            .Select(runs => new Batch(this, [.. runs]))];
        var back = new long[Pending];
        var start = 0L;
        foreach (var batch in batches) start = batch.Number(back, start);
        var order = Placed(back);
        var hidden = model.forward(Placed(pending.Tokens.Select(t => (long)t)), Placed(rows.Select(row => (long)pending.PositionOf(row))),
            pending.Runs.Max(run => run.Segment.End), Attend);
        var read = hidden.index_select(0, Placed(pending.Read.Select(row => (long)row)));
        var made = Config.Head == DecoderHead.CausalLM ? model.logits(read) : model.scores(read);
        output?.Dispose();
        output = made.to(CPU, float32).contiguous().DetachFromDisposeScope();
        Clear();

        Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
        {
            keys[layer].index_copy_(0, slots, k);
            values[layer].index_copy_(0, slots, v);
            return cat([.. batches.Select(batch => batch.Attend(layer, q))]).index_select(0, order);
        }
    }

    public void Dispose()
    {
        foreach (var memory in keys.Concat(values)) memory.Dispose();
        output?.Dispose();
        Pool.Dispose();
        model.Dispose();
    }

    private int TokensOf(int run) => (run + 1 < pending.Runs.Count ? pending.Runs[run + 1].FirstRow : Pending) - pending.Runs[run].FirstRow;

    /// <summary>Where a row's keys and values are kept.</summary>
    private long Slot(int row)
    {
        var (segment, first, firstRow) = pending.Runs[pending.RunOf[row]];
        var index = first + row - firstRow;
        return (long)segment.BlockOf(index) * Kernels.Block + index % Kernels.Block;
    }

    private Tensor Placed(IEnumerable<long> numbers) => tensor(numbers.ToArray()).to(model.Device);

    /// <summary>Runs side by side: R of them, T tokens the longest, S positions the longest context.</summary>
    private sealed class Batch
    {
        private readonly TorchRunner runner;
        private readonly int[] runs;
        private readonly int longest, context;
        private readonly Tensor rows, slots;
        private readonly Tensor mask;
        private readonly Tensor? windowed;

        public Batch(TorchRunner runner, int[] runs)
        {
            (this.runner, this.runs) = (runner, runs);
            var pending = runner.pending;
            (longest, context) = (runs.Max(runner.TokensOf), runs.Max(run => pending.Runs[run].Segment.End));
            var (rowOf, slotOf, position) = (new long[runs.Length * longest], new long[runs.Length * context],
                new long[runs.Length * longest]);
            List<(int Block, int Count)> filled = [];
            for (var r = 0; r < runs.Length; r++)
            {
                var (segment, _, firstRow) = pending.Runs[runs[r]];
                for (var t = 0; t < runner.TokensOf(runs[r]); t++)
                    (rowOf[r * longest + t], position[r * longest + t]) = (firstRow + t, pending.PositionOf(firstRow + t));
                filled.Clear();
                segment.Context(filled);
                var s = (long)r * context;
                foreach (var (block, count) in filled)
                    for (var i = 0; i < count; i++) slotOf[s++] = (long)block * Kernels.Block + i;
            }

            (rows, slots) = (runner.Placed(rowOf), runner.Placed(slotOf));
            var (query, key) = (runner.Placed(position).reshape(runs.Length, longest, 1), arange(context, device: runner.model.Device)
                .reshape(1, 1, context));
            mask = Forbidding(key.gt(query));
            if (runner.Config.SlidingWindow is { } window && context > window)
                windowed = Forbidding(key.gt(query).logical_or(key.le(query - window)));

            Tensor Forbidding(Tensor hidden) => zeros([runs.Length, longest, context], runner.model.ComputeType, runner.model.Device)
                .masked_fill(hidden, double.NegativeInfinity);
        }

        /// <summary>Tells each row of the call its place in the results of all batches, of which this one's begin at <paramref
        /// name="place"/>; answers where they end.</summary>
        public long Number(long[] places, long place)
        {
            for (var r = 0; r < runs.Length; r++)
                for (var t = 0; t < runner.TokensOf(runs[r]); t++)
                    places[runner.pending.Runs[runs[r]].FirstRow + t] = place + r * longest + t;
            return place + runs.Length * longest;
        }

        /// <summary>[R·T, heads, size].</summary>
        public Tensor Attend(int layer, Tensor q)
        {
            var config = runner.Config;
            var queries = Gathered(q, rows, longest, config.Heads);
            var seen = functional.attention(
                queries, Gathered(runner.keys[layer], slots, context, config.KvHeads),
                    Gathered(runner.values[layer], slots, context, config.KvHeads),
                config.WindowOf(layer) is null ? mask : windowed ?? mask, config.AttentionScale, config.AttentionCap);
            return seen.transpose(1, 2).reshape((long)runs.Length * longest, config.Heads, config.HeadSize);

            Tensor Gathered(Tensor from, Tensor rows, int length, int heads) =>
                from.index_select(0, rows).reshape(runs.Length, length, heads, config.HeadSize).transpose(1, 2);
        }
    }
}
