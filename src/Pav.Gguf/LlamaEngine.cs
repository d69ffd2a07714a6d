using Pav.Models.Engine;
using Pav.Models.Inference;

namespace Pav.Gguf;

/// <summary>
/// Continuous batching in llama.cpp. Contexts lie in sequences of their own, computed once; a draw begins with a copy of its context's
/// sequence and gives its place to a waiting one when it is over.
/// </summary>
internal sealed class LlamaEngine(string name, LlamaModel model, EngineOptions options, Func<int, bool> endsTrace) : IDrawingEngine
{
    /// <summary>A common past that is shorter than this is computed again rather than copied.</summary>
    private const int WorthCopying = 16;

    private readonly TokenSampler sampler = new(name);
    private LlamaSequences? sequences;

    private sealed class Row(int draw, int[] context, int held)
    {
        public int Draw { get; } = draw;

        /// <summary>Ids in its sequence.</summary>
        public int Held { get; set; } = held;

        public List<int> Tokens { get; } = [];

        /// <summary>What it reads next: the context's last id, which is not in the sequence that it was copied from, then its
        /// own.</summary>
        public int Next => Held < context.Length ? context[Held] : Tokens[Held - context.Length];

        /// <summary>It has read all that there is, so the next token can be drawn.</summary>
        public bool IsReady => Held == context.Length + Tokens.Count;
    }

    public int MaxPositions { get; } = (int)model.Header.Required("context_length");

    public int Outputs { get; } = model.Handle.Vocab.Count;

    public long Prefilled { get; private set; }

    public long Generated { get; private set; }

    public long CacheBytes => sequences?.Bytes ?? 0;

    public (TokenLogprobs[] Tokens, int Read) Logprobs(int[][] context, int[] ids, int top, CancellationToken cancel) =>
        throw new UserError($"{name}: log-probabilities are not told for GGUF models; serve a Hugging Face checkpoint, or leave out logprobs");

    public int[][] Run(IReadOnlyList<IdDraw> draws, Until until, Sampling sampling, Action<int>? drawn, CancellationToken cancel)
    {
        var results = new int[draws.Count][];
        if (draws.Count == 0) return results;
        var contexts = Contexts(draws);
        MakeSequences(draws, contexts);
        // Draws from one context follow one another.
        var waiting = new Queue<int>(Enumerable.Range(0, draws.Count).GroupBy(i => contexts[i]).SelectMany(group => group));
        List<Row> rows = [];
        try
        {
            while (rows.Count > 0 || waiting.Count > 0)
            {
                cancel.ThrowIfCancellationRequested();
                while (rows.Count < sequences!.Rows && waiting.TryDequeue(out var draw)) rows.Add(Entering(draw, rows.Count));
                sequences.Read([.. rows.Select(row => (row.Next, row.Held++))]);
                for (var i = 0; i < rows.Count; i++)
                    if (rows[i].IsReady) Step(rows[i], sequences.Logits(i));
                var done = rows.Count(row => results[row.Draw] is not null);
                // Rows are sequences that follow one another: what is over gives its place to a waiting draw, or to the last row.
                for (var i = rows.Count - 1; i >= 0; i--)
                {
                    if (results[rows[i].Draw] is null) continue;
                    if (waiting.TryDequeue(out var next)) rows[i] = Entering(next, i);
                    else
                    {
                        sequences.Copy(rows.Count - 1, i);
                        rows[i] = rows[^1];
                        rows.RemoveAt(rows.Count - 1);
                    }
                }

                if (done > 0) drawn?.Invoke(done);
            }

            return results;
        }
        catch
        {
            Forget();
            throw;
        }

        Row Entering(int draw, int place) => new(draw, contexts[draw], Begin(contexts[draw], place));

        void Step(Row row, ReadOnlySpan<float> logits)
        {
            var draw = draws[row.Draw];
            var token = sampler.Draw(logits, sampling, draw.Uniform(row.Tokens.Count));
            row.Tokens.Add(token);
            Generated++;
            var (over, _) = draw.Read(row.Tokens, endsTrace(token), until, sampling);
            if (over) results[row.Draw] = [.. row.Tokens];
        }
    }

    /// <summary>The whole context of each draw; the same array for the same stretches.</summary>
    private static int[][] Contexts(IReadOnlyList<IdDraw> draws)
    {
        var known = new Dictionary<int[][], int[]>(ReferenceEqualityComparer.Instance);
        return [.. draws.Select(draw => known.TryGetValue(draw.Context, out var ids) ? ids
            : known[draw.Context] = [.. draw.Context.SelectMany(stretch => stretch)])];
    }

    /// <summary>Fills a row's sequence with a context, its last id excepted (of two ids both); answers how many ids are there.</summary>
    private int Begin(int[] context, int row)
    {
        // With two ids or fewer nothing is worth computing beforehand.
        var length = context.Length - 1;
        if (length < 2) return sequences!.Clear(row);
        var (from, common) = sequences!.Longest(context.AsSpan(0, length));
        if (common < length)
        {
            var to = sequences.Oldest();
            var kept = common < WorthCopying ? 0 : Math.Min(common, length - 2);
            if (kept == 0) sequences.Clear(to);
            else if (to != from) sequences.Copy(from, to);
            sequences.Shorten(to, kept);
            sequences.Append(to, context.AsSpan(kept, length - kept));
            Prefilled += length - kept;
            from = to;
        }

        sequences.Touch(from);
        sequences.Copy(from, row);
        return sequences.Shorten(row, length);
    }

    private void MakeSequences(IReadOnlyList<IdDraw> draws, int[][] contexts)
    {
        var need = contexts.Zip(draws, (context, draw) => context.Length + draw.Limit).Max();
        if (sequences is not null && sequences.Length >= need) return;
        Forget();
        sequences = LlamaSequences.Create(model, need, options);
    }

    private void Forget()
    {
        sequences?.Dispose();
        sequences = null;
    }

    public void Dispose()
    {
        Forget();
        model.Dispose();
    }
}
