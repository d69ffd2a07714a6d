using System.Runtime.ExceptionServices;
using Pav.Models.Inference;

namespace Pav.Models.Engine;

/// <summary>
/// Engines of one thread each on the same weights, which share out the draws of a call: what a problem has held stays with one of them. A
/// draw depends on nothing but its context and seed, so their number changes the speed and nothing else.
/// </summary>
/// <param name="weights">Kept as long as they are.</param>
/// <param name="engines">At least two.</param>
internal sealed class SideBySide(IDisposable weights, IReadOnlyList<SamplingEngine> engines) : IDrawingEngine
{
    /// <summary>An engine for a runner: several side by side where the model is small.</summary>
    /// <param name="model">Named where its logits are unusable.</param>
    /// <param name="runner">Of the model.</param>
    /// <param name="options">Its memory and slots are shared out.</param>
    /// <param name="endsTrace">Is an id an end-of-sequence?</param>
    public static IDrawingEngine Over(string model, IRunner runner, EngineOptions options, Func<int, bool> endsTrace)
    {
        var runners = (runner as CpuRunner)?.Beside(options.CacheBudgetBytes) ?? [];
        if (runners.Count == 0) return new SamplingEngine(model, runner, options.Slots, endsTrace);
        var slots = (options.Slots + runners.Count - 1) / runners.Count;
        return new SideBySide(runner, [.. runners.Select(r => new SamplingEngine(model, r, slots, endsTrace))]);
    }

    public int MaxPositions => engines[0].MaxPositions;

    public int Outputs => engines[0].Outputs;

    public long Prefilled => engines.Sum(e => e.Prefilled);

    public long Generated => engines.Sum(e => e.Generated);

    public long CacheBytes => engines.Sum(e => e.CacheBytes);

    public (TokenLogprobs[] Tokens, int Read) Logprobs(int[][] context, int[] ids, int top, CancellationToken cancel) =>
        engines.MaxBy(e => e.Held(context))!.Logprobs(context, ids, top, cancel);

    public int[][] Run(IReadOnlyList<IdDraw> draws, Until until, Sampling sampling, Action<int>? drawn, CancellationToken cancel)
    {
        var results = new int[draws.Count][];
        var shares = new DrawShares(draws, [.. engines.Select(e => (Func<int[][], int>)e.Held)]);
        var failures = new Exception?[engines.Count];
        var telling = new Lock();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var others = Enumerable.Range(1, engines.Count - 1).Where(shares.Has).Select(i => Task.Run(() => Work(i), CancellationToken.None))
            .ToArray();
        Work(0);
        Task.WaitAll(others, CancellationToken.None);
        // Those that were stopped because another failed say nothing.
        if ((failures.FirstOrDefault(f => f is not (null or OperationCanceledException)) ?? failures.FirstOrDefault(f => f is not null))
            is { } failure)
        {
            cancel.ThrowIfCancellationRequested();
            ExceptionDispatchInfo.Throw(failure);
        }

        return results;

        void Work(int engine)
        {
            try
            {
                engines[engine].Run(draws, results, () => shares.Next(engine), until, sampling, done =>
                {
                    shares.Finish(engine, done);
                    lock (telling) drawn?.Invoke(done);
                }, stop.Token);
            }
            catch (Exception e)
            {
                failures[engine] = e;
                stop.Cancel();
            }
        }
    }

    public void Dispose()
    {
        foreach (var engine in engines) engine.Dispose();
        weights.Dispose();
    }
}
