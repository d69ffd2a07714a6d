using System.Numerics.Tensors;
using Pav.Models.Inference;

namespace Pav.Models.Engine;

/// <summary>Tells how likely a model finds the tokens of a trace, by one pass over them.</summary>
/// <param name="model">Named where its logits are unusable.</param>
/// <param name="runner">Computes.</param>
/// <param name="tree">Holds the contexts that draws have left.</param>
internal sealed class LogprobReader(string model, IRunner runner, KvTree tree)
{
    /// <summary>Tokens of one call: each takes a row of logits as long as the vocabulary.</summary>
    private const int AtOnce = 32;

    /// <summary>Log-probabilities of ids after their context, and how many tokens had to be read for them.</summary>
    /// <param name="context">Stretches of ids.</param>
    /// <param name="ids">What follows them, at least one.</param>
    /// <param name="top">Most likely tokens to tell in each place.</param>
    /// <param name="cancel">Stops it between calls.</param>
    public (TokenLogprobs[] Tokens, int Read) Read(int[][] context, int[] ids, int top, CancellationToken cancel)
    {
        var (node, before, tokens) = (tree.Find(context), tree.Computed, new TokenLogprobs[ids.Length]);
        KvTree.Pin(node, 1);
        KvSegment? segment = null;
        try
        {
            if (!tree.MakeRoom(KvSegment.BlocksFor(ids.Length) + KvTree.BlocksMissing(node)))
                throw new UserError($"reading the log-probabilities of {node.End} + {ids.Length} tokens needs more key-value cache than "
                    + $"the budget of {runner.Pool.Capacity * runner.Pool.BlockBytes:N0} bytes; raise the cache budget");
            var last = tree.Compute(node);
            segment = new(runner.Pool, node.Segment);
            for (var fed = 0; fed < ids.Length; fed += AtOnce)
            {
                cancel.ThrowIfCancellationRequested();
                // The last id is looked at and never read: nothing follows it.
                var more = Math.Min(AtOnce, ids.Length - 1 - fed);
                var first = more > 0 ? runner.Add(segment, ids.AsSpan(fed, more), each: true) : 0;
                if (runner.Pending > 0) runner.Run();
                if (fed == 0) tokens[0] = From(runner.Output(last), ids[0], top);
                for (var i = 0; i < more; i++) tokens[fed + i + 1] = From(runner.Output(first + i), ids[fed + i + 1], top);
            }

            return (tokens, (int)(tree.Computed - before) + ids.Length - 1);
        }
        catch
        {
            // What was added and not run must not pass for computed.
            segment?.Dispose();
            runner.Clear();
            tree.Clear();
            throw;
        }
        finally
        {
            segment?.Dispose();
            KvTree.Pin(node, -1);
            tree.Trim();
        }
    }

    /// <summary>Worked: logits (0, ln 2, ln 5) give ln 1/8, ln 2/8, ln 5/8; the two most likely are the ids 2 and 1.</summary>
    /// <param name="logits">One for each id of the vocabulary.</param>
    /// <param name="id">The token that stands there.</param>
    /// <param name="top">So many of the most likely, the lowest id first among equals.</param>
    internal TokenLogprobs From(ReadOnlySpan<float> logits, int id, int top)
    {
        var best = TensorPrimitives.IndexOfMax(logits); // of a NaN, if there is one
        if (!float.IsFinite(logits[best]))
            throw new UserError(
                $"{model}: the logit of token {best} is {logits[best]}; the checkpoint is damaged or its training diverged");
        double max = logits[best], sum = 0;
        foreach (var logit in logits) sum += Math.Exp(logit - max);
        var whole = max + Math.Log(sum);
        var likely = new List<int>(top + 1);
        for (var i = 0; i < logits.Length && top > 0; i++)
        {
            if (likely.Count == top && !(logits[i] > logits[likely[^1]])) continue;
            var place = likely.Count;
            while (place > 0 && logits[i] > logits[likely[place - 1]]) place--;
            likely.Insert(place, i);
            if (likely.Count > top) likely.RemoveAt(top);
        }

        var values = new Logprob[likely.Count];
        for (var i = 0; i < values.Length; i++) values[i] = new(likely[i], logits[likely[i]] - whole);
        return new(new(id, logits[id] - whole), values);
    }
}
