using System.Threading.Channels;
using Pav.Models;
using Pav.Models.Tokenizers;
using Pav.Models.Engine;

namespace Pav.Double;

/// <summary>One sample that a server is to draw.</summary>
internal sealed record Job(int[] Ids, ulong Seed, int MaxTokens, Until Until, Sampling Sampling);

/// <summary>A sample: all its ids, an end-of-sequence included, its text, and what ended it (eos, word, limit).</summary>
internal sealed record Drawn(int[] Ids, string Text, string End, string Word = "")
{
    /// <summary>
    /// As a server stops that looks for the texts, in their order, after each token: the text goes up to the end of the one it finds.
    /// </summary>
    public Drawn StoppedAt(IReadOnlyList<string> stops, Tokenizer tokenizer)
    {
        for (var n = 1; n <= Ids.Length; n++)
        {
            var text = tokenizer.Decode(Ids[..n]);
            if (stops.FirstOrDefault(text.Contains) is { } stop)
                return new(Ids[..n], text[..(text.IndexOf(stop, StringComparison.Ordinal) + stop.Length)], "word", stop);
        }

        return this;
    }
}

/// <summary>A model that draws whatever has been asked for meanwhile in one go, as an inference server does.</summary>
public sealed class Generator : IDisposable
{
    private readonly TransformerPolicy policy;
    private readonly StepChain steps;
    private readonly Channel<(Job Job, TaskCompletionSource<Drawn> Done)> jobs =
        Channel.CreateUnbounded<(Job, TaskCompletionSource<Drawn>)>();
    private readonly Task working;

    /// <param name="policy">With the template {problem}.</param>
    /// <param name="tokenizer">The policy's.</param>
    public Generator(TransformerPolicy policy, Tokenizer tokenizer)
    {
        (this.policy, Tokenizer, steps) = (policy, tokenizer, new(tokenizer, StepEnd.Newline));
        working = Task.Run(Work);
    }

    public Tokenizer Tokenizer { get; }

    internal Task<Drawn> Draw(Job job)
    {
        var done = new TaskCompletionSource<Drawn>(TaskCreationOptions.RunContinuationsAsynchronously);
        return jobs.Writer.TryWrite((job, done)) ? done.Task : throw new ObjectDisposedException(nameof(Generator));
    }

    public void Dispose()
    {
        jobs.Writer.Complete();
        working.Wait();
        policy.Dispose();
    }

    private async Task Work()
    {
        while (await jobs.Reader.WaitToReadAsync())
        {
            var waiting = new List<(Job Job, TaskCompletionSource<Drawn> Done)>();
            while (jobs.Reader.TryRead(out var job)) waiting.Add(job);
            foreach (var like in waiting.GroupBy(w =>
                (w.Job.Until, w.Job.Sampling with { MaxTokens = w.Job.MaxTokens + w.Job.Ids.Length - 1 })))
            {
                var all = like.ToList();
                try
                {
                    var starts = new Dictionary<int[], Prefix>(ReferenceEqualityComparer.Instance);
                    foreach (var (job, _) in all) starts[job.Ids] = Start(job.Ids);
                    var drawn = await policy.Extend([.. all.Select(w => new Draw(starts[w.Job.Ids], w.Job.Seed))], like.Key.Until,
                        like.Key.Item2);
                    for (var i = 0; i < all.Count; i++) all[i].Done.SetResult(Read(starts[all[i].Job.Ids], drawn[i], all[i].Job));
                }
                catch (UserError e)
                {
                    foreach (var (_, done) in all) done.TrySetException(e);
                }
            }
        }
    }

    /// <summary>The first id as a problem's text, the others as one step with its ids: a policy takes these as they are.</summary>
    private Prefix Start(int[] ids)
    {
        var text = Tokenizer.Encode("").AsSpan().SequenceEqual(ids.AsSpan(0, 1)) ? "" : Tokenizer.Decode(ids[..1]);
        var root = Prefix.Root(new("double", text, ""));
        return ids.Length == 1 ? root : root.Then(Tokenizer.Decode(ids[1..], continues: true), ids[1..]);
    }

    private Drawn Read(Prefix start, Prefix drawn, Job job)
    {
        int[] ids = [.. drawn.Path().Skip(start.Depth + 1).SelectMany(p => p.Tokens)];
        var eos = ids.Length > 0 && ids[^1] == Tokenizer.Eos;
        var end = eos ? "eos" : job.Until == Until.StepEnd && ids.Length > 0 && steps.Reader(start).Read(ids[^1]) == StepSign.Step
            ? "word" : "limit";
        return new(ids, Tokenizer.Decode(eos ? ids[..^1] : ids), end, end == "word" ? "\n" : "");
    }
}
