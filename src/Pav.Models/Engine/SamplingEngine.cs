using Pav.Models.Inference;

namespace Pav.Models.Engine;

/// <summary>
/// Continuous batching over a <see cref="KvTree"/>: every distinct stretch of the contexts is computed once and shared; a row that finishes
/// leaves and
/// a waiting draw takes its place. The logits of a row do not depend on the batch, so slots, budget and order change the speed and nothing
/// else.
/// </summary>
/// <param name="model">Named where its logits are unusable.</param>
/// <param name="runner">Computes.</param>
/// <param name="slots">Most draws that run at once.</param>
/// <param name="endsTrace">Is an id an end-of-sequence?</param>
internal sealed class SamplingEngine(string model, IRunner runner, int slots, Func<int, bool> endsTrace) : IDrawingEngine
{
    /// <summary>Prompt tokens that may join the rows of one call: more would only delay the rows that are under way.</summary>
    private const int PrefillTokens = 1024;

    private readonly TokenSampler sampler = new(model);
    private readonly KvTree tree = new(runner);

    public int MaxPositions => runner.Config.MaxPositions;

    public int Outputs => runner.Outputs;

    /// <summary>What is shared or still cached counts once.</summary>
    public long Prefilled => tree.Computed;

    public long Generated { get; private set; }

    public long CacheBytes => runner.Pool.Bytes;

    /// <summary>Ids of a context's beginning whose keys and values are held.</summary>
    public int Held(int[][] context) => tree.Held(context);

    public (TokenLogprobs[] Tokens, int Read) Logprobs(int[][] context, int[] ids, int top, CancellationToken cancel) =>
        new LogprobReader(model, runner, tree).Read(context, ids, top, cancel);

    private sealed class Group(KvNode node)
    {
        public KvNode Node { get; } = node;
        public Queue<int> Waiting { get; } = [];

        /// <summary>Output row of the node's values in the call that computes them.</summary>
        public int Row { get; set; }
    }

    private sealed class Row(int draw, KvNode node, int promised, KvSegment segment)
    {
        public int Draw { get; } = draw;
        public KvNode Node { get; } = node;
        public int Promised { get; set; } = promised;
        public KvSegment Segment { get; } = segment;
        public List<int> Tokens { get; } = [];
    }

    public int[][] Run(IReadOnlyList<IdDraw> draws, Until until, Sampling sampling, Action<int>? drawn, CancellationToken cancel)
    {
        var results = new int[draws.Count][];
        IReadOnlyList<int>? all = [.. Enumerable.Range(0, draws.Count)];
        Run(draws, results, () => Interlocked.Exchange(ref all, null), until, sampling, drawn, cancel);
        return results;
    }

    /// <summary>Draws what it is given.</summary>
    /// <param name="draws">Of the call.</param>
    /// <param name="results">A place for each of them.</param>
    /// <param name="next">Asked for further ones, by their index, when there is room and none waits; null: there are none.</param>
    /// <param name="until">Where draws end.</param>
    /// <param name="sampling">How tokens are drawn.</param>
    /// <param name="drawn">Told how many have just finished.</param>
    /// <param name="cancel">Stops it between tokens.</param>
    public void Run(IReadOnlyList<IdDraw> draws, int[][] results, Func<IReadOnlyList<int>?> next, Until until, Sampling sampling,
        Action<int>? drawn, CancellationToken cancel)
    {
        Queue<Group> groups = [];
        List<Row> active = [], entering = [];
        List<Group> computing = [];
        try
        {
            while (active.Count > 0 || Waits())
            {
                cancel.ThrowIfCancellationRequested();
                foreach (var row in active)
                {
                    var before = row.Segment.Blocks;
                    runner.Add(row.Segment, [row.Tokens[^1]]);
                    Settle(row, row.Segment.Blocks - before);
                }

                while (Waits() && Admit(draws, groups, computing, active, entering))
                {
                }

                runner.Run();
                foreach (var group in computing) group.Node.Values ??= runner.Output(group.Row).ToArray();
                for (var i = 0; i < active.Count; i++) Step(active[i], runner.Output(i));
                foreach (var row in entering) Step(row, row.Node.Values);
                active.AddRange(entering);
                entering.Clear();
                // A recurrent layer's state does not go back to where these values come from: they stay as long as it does.
                foreach (var group in computing)
                    if (group.Waiting.Count == 0 && runner.Pool.StateBlocks == 0) group.Node.Values = null;
                computing.RemoveAll(g => g.Waiting.Count == 0);
                if (active.RemoveAll(row => results[row.Draw] is not null) is > 0 and var done) drawn?.Invoke(done);
            }

            tree.Trim();
        }
        catch
        {
            // What was added and not run must not pass for computed.
            foreach (var row in active.Concat(entering)) Release(row).Dispose();
            runner.Clear();
            tree.Clear();
            throw;
        }

        bool Waits()
        {
            if (groups.Count == 0 && active.Count + entering.Count < slots && next() is { } more) Enqueue(draws, more, groups);
            return groups.Count > 0;
        }

        void Step(Row row, ReadOnlySpan<float> logits)
        {
            var draw = draws[row.Draw];
            var token = sampler.Draw(logits, sampling, draw.Uniform(row.Tokens.Count));
            row.Tokens.Add(token);
            Generated++;
            var (over, sign) = draw.Read(row.Tokens, endsTrace(token), until, sampling);
            if (!over) return;
            results[row.Draw] = [.. row.Tokens];
            var segment = Release(row);
            if (until == Until.StepEnd && sign != StepSign.Stop) tree.Adopt(row.Node, results[row.Draw], segment);
            else segment.Dispose();
        }
    }

    /// <summary>Draws from one context follow one another, so that its keys and values stay in the processor's cache.</summary>
    private void Enqueue(IReadOnlyList<IdDraw> draws, IReadOnlyList<int> indices, Queue<Group> waiting)
    {
        var groups = new Dictionary<KvNode, Group>();
        foreach (var i in indices)
        {
            var node = tree.Find(draws[i].Context);
            if (!groups.TryGetValue(node, out var group)) waiting.Enqueue(groups[node] = group = new(node));
            group.Waiting.Enqueue(i);
        }
    }

    /// <summary>Lets waiting draws in while slots and memory last; their contexts join the runner's next call. Answers whether there is
    /// room for more.</summary>
    private bool Admit(IReadOnlyList<IdDraw> draws, Queue<Group> groups, List<Group> computing, List<Row> active, List<Row> entering)
    {
        while (groups.TryPeek(out var group) && active.Count + entering.Count < slots)
        {
            var node = group.Node;
            var blocks = runner.Pool.BlocksFor(draws[group.Waiting.Peek()].Limit);
            KvTree.Pin(node, 1);
            if (!tree.MakeRoom(blocks + tree.BlocksMissing(node)))
            {
                KvTree.Pin(node, -1);
                if (active.Count + entering.Count > 0) return false;
                var bytes = (blocks + node.Path().Sum(n => runner.Pool.BlocksFor(n.Ids.Length))) * runner.Pool.BlockBytes;
                throw new UserError($"one draw of {node.End} + {draws[group.Waiting.Peek()].Limit} tokens needs {bytes:N0} bytes of "
                    + $"key-value cache and the budget is {runner.Pool.Capacity * runner.Pool.BlockBytes:N0}; raise the cache budget or "
                    + "lower the token limit");
            }

            if (node.Values is null && !computing.Contains(group))
            {
                group.Row = tree.Compute(node);
                computing.Add(group);
            }

            entering.Add(new(group.Waiting.Dequeue(), node, blocks, new(runner.Pool, node.Segment)));
            tree.Promised += blocks;
            if (group.Waiting.Count == 0) groups.Dequeue();
            if (runner.Pending - active.Count > PrefillTokens) return false;
        }

        return active.Count + entering.Count < slots;
    }

    /// <summary>Blocks that a row has taken are no longer owed to it.</summary>
    private void Settle(Row row, int taken)
    {
        row.Promised -= taken;
        tree.Promised -= taken;
    }

    private KvSegment Release(Row row)
    {
        Settle(row, row.Promised);
        KvTree.Pin(row.Node, -1);
        return row.Segment;
    }

    public void Dispose()
    {
        tree.Clear();
        runner.Dispose();
    }
}
