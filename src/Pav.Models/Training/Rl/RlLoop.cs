using System.Diagnostics;
using System.Text.Json.Serialization;
using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Files.TensorBoard;
using Pav.Models.Inference;
using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>
/// What a resumption needs besides weights and optimizers. Everything random depends on the iteration alone, so the sampler has no other
/// state.
/// </summary>
/// <param name="AlphaShare">What the guard has left of alpha.</param>
/// <param name="GuardFrom">The guard looks at iterations from this one on: those after it last lowered alpha.</param>
/// <param name="Match">What alpha is chosen by, where it is matched to the scale of the step rewards.</param>
/// <param name="Next">The line of the iteration to come: its number, and the counts so far.</param>
internal sealed record RlPosition(
    RlOptions Options, [property: JsonPropertyName("at")] RlRow Next, double? BestAccuracy = null, int BestIteration = 0,
    bool Stopped = false, double AlphaShare = 1, int GuardFrom = 0, AlphaMatch? Match = null);

/// <summary>
/// Online RL: sample a batch with the present weights, score its steps, credit them, update, record, again. In its folder it keeps
/// <c>metrics.jsonl</c>, <c>timing.jsonl</c>, TensorBoard's events and <c>checkpoints/</c>. Started on a folder with a checkpoint it goes
/// on from there: metrics and weights come out as if it had never stopped.
/// </summary>
public sealed class RlLoop : IDisposable
{
    public const string MetricsName = "metrics.jsonl", TimingName = "timing.jsonl", ValidName = "valid.jsonl";

    private const int DrawsPerCall = 4096;

    private readonly RlTask task;
    private readonly RlOptions options;
    private readonly Action<RlProgress>? progress;
    private readonly CancellationToken cancel;
    private readonly Checkpoints checkpoints;
    private readonly RlLearner learner;
    private readonly WarmupCosine schedule;
    private readonly ProblemBatches batches;
    private readonly Sampling sampling;
    private readonly List<(double Rex, double Progress)> history;
    private readonly JsonLines metrics, timing, valid;
    private readonly EventFile events;

    /// <summary>After the last iteration that is done.</summary>
    private RlPosition position;

    /// <summary>The line of <c>metrics.jsonl</c> that the present iteration fills.</summary>
    private RlRow row;

    /// <summary>As of the present iteration, once its steps are scored.</summary>
    private AlphaMatch match = new();

    private Clock clock = new();

    private RlLoop(RlTask task, RlOptions options, string folder, Action<RlProgress>? progress, CancellationToken cancel)
    {
        (this.task, this.options, this.progress, this.cancel) = (task, options, progress, cancel);
        checkpoints = new(folder, task.SaveBeside);
        position = checkpoints.Resume(new RlPosition(options, new(0)), found => found.Options.Learned, "RL");
        learner = RlLearner.Resume(task, options, checkpoints);
        row = position.Next;
        schedule = new(1, options.Warmup, options.Iterations);
        batches = new(task.Problems, options.Batch, options.Seed);
        sampling = new(MaxTokens: options.MaxTokens);
        var (metricsFile, timingFile) = (Path.Combine(folder, MetricsName), Path.Combine(folder, TimingName));
        var validFile = Path.Combine(folder, ValidName);
        JsonLines.Keep<RlRow>(metricsFile, line => line.Iteration < row.Iteration);
        JsonLines.Keep<RlTiming>(timingFile, line => line.Iteration < row.Iteration);
        JsonLines.Keep<RlValidRow>(validFile, line => line.Iteration < row.Iteration);
        history = [.. JsonLines.Read<RlRow>(metricsFile).Select(Guarded)];
        if (history.Count < row.Iteration)
        {
            learner.Dispose();
            throw new UserError($"{metricsFile}: holds {history.Count} of the {row.Iteration} iterations that the checkpoint is after; "
                + "put the file back or choose a new folder");
        }

        metrics = JsonLines.Append(metricsFile);
        timing = JsonLines.Append(timingFile);
        valid = JsonLines.Append(validFile);
        events = EventFile.Create(Path.Combine(folder, "tensorboard"), row.Iteration);
    }

    /// <summary>Blocks until RL is over, so that libtorch stays on one thread.</summary>
    public static RlResult Run(
        RlTask task, RlOptions options, string folder, Action<RlProgress>? progress = null, CancellationToken cancel = default)
    {
        Check(task, options);
        using var loop = new RlLoop(task, options, folder, progress, cancel);
        return loop.Run();
    }

    private static void Check(RlTask task, RlOptions options)
    {
        options.Check();
        if (task.Problems.Count < options.Batch)
            throw new UserError(
                $"a batch of {options.Batch} problems needs at least as many to draw from, there are {task.Problems.Count}");
        if (options.Reward != DenseReward.None && task.Prover is null)
            throw new UserError("step rewards need a prover; name a verifier or oracle rollouts, or choose outcome rewards");
    }

    /// <summary>Does iterations as long as <paramref name="goesOn"/> says of each, and saves no weights.</summary>
    internal static void Try(RlTask task, RlOptions options, string folder, Func<RlTry, bool> goesOn, CancellationToken cancel)
    {
        Check(task, options);
        using var loop = new RlLoop(task, options with { CheckpointEvery = int.MaxValue, KeepEvery = 0, Iterations = int.MaxValue },
            folder, null, cancel);
        for (var more = true; more;)
        {
            cancel.ThrowIfCancellationRequested();
            var before = loop.position.Next;
            loop.Iterate();
            more = goesOn(new(loop.row.GeneratedTokens - before.GeneratedTokens, loop.row.ProverTokens - before.ProverTokens, 0,
                loop.clock.Total, loop.clock["sampling"]));
        }
    }

    private RlResult Run()
    {
        try
        {
            while (position.Next.Iteration < options.Iterations && !position.Stopped)
            {
                cancel.ThrowIfCancellationRequested();
                Iterate();
            }

            return Finish();
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Until its update an iteration changes neither weights nor optimizers: cancelled before, it leaves them as it found them.
            Checkpoint();
            return Result(finished: false);
        }
    }

    private void Iterate()
    {
        (row, clock, match) = (position.Next, new(), position.Match ?? new());
        using (var policy = Policy())
        {
            Measure(policy);
            var prover = Prover(policy);
            var groups = Sample(policy);
            var values = Score(groups, prover);
            if (prover is { IsNew: true }) match = match.Anew();
            Update(Credit(groups, values, Segments(groups, policy)));
        }

        Record();
        var done = position.Next.Iteration;
        if (options.KeepEvery > 0 && done % options.KeepEvery == 0) checkpoints.Keep(done, learner.Policy);
        if (done % options.CheckpointEvery == 0 || done == options.Iterations || position.Stopped) Checkpoint();
    }

    private RlResult Finish()
    {
        row = position.Next;
        using var policy = Policy();
        Measure(policy);
        if (task.HeldOut.Count == 0) checkpoints.SaveBest(learner.Policy);
        metrics.Write(row);
        events.Write(row.Iteration, row.Scalars());
        progress?.Invoke(new(row, 0, null));
        return Result(finished: true, row.ValidAccuracy);
    }

    private TransformerPolicy Policy() => new(task.Name, learner.Policy, task.Tokenizer, task.Template, task.Engine);

    /// <summary>Where due, measures the policy on held-out problems and keeps the best.</summary>
    private void Measure(IPolicy policy)
    {
        var due = row.Iteration % options.EvaluateEvery == 0 || row.Iteration == options.Iterations || position.Stopped;
        if (due && task.HeldOut.Count > 0)
        {
            var seed = Seeds.Derive(options.Seed, "", "held-out", 0);
            var sets = Wait(RepeatedSampling.Draw(task.HeldOut, policy, task.HeldOutSamples, seed, sampling, cancel));
            var right = sets.Select(set => set.Traces.Select(task.Grader.Rex).ToList()).ToList();
            row = row with { ValidAccuracy = right.Average(r => r.Average()), ValidPass = right.Average(r => r.Max()) };
            valid.Write(new RlValidRow(row.Iteration, task.HeldOutSamples, [.. right.Select(r => r.Count(x => x == 1))]));
            if (position.BestAccuracy is null || row.ValidAccuracy > position.BestAccuracy)
            {
                position = position with { BestAccuracy = row.ValidAccuracy, BestIteration = row.Iteration };
                checkpoints.SaveBest(learner.Policy);
            }
        }

        clock.Lap("evaluation");
    }

    /// <summary>The prover of this iteration, which may be refreshed for it.</summary>
    private RlProver? Prover(IPolicy policy)
    {
        var prover = task.Prover is null ? null : Wait(task.Prover(row.Iteration, policy, cancel));
        clock.Lap("refresh");
        return prover;
    }

    /// <summary>The batch: traces of each of its problems.</summary>
    private IReadOnlyList<Prefix[]> Sample(IPolicy policy)
    {
        Draw[] draws =
        [
            .. from problem in batches.At(row.Iteration)
               from k in Enumerable.Range(0, options.Samples)
               select new Draw(Prefix.Root(problem), Seeds.Derive(options.Seed, problem.Id, $"rl {row.Iteration}", k)),
        ];
        Prefix[][] groups = [.. Wait(policy.Extend(draws, Until.TraceEnd, sampling, cancel)).Chunk(options.Samples)];
        task.Sampled?.Invoke(row.Iteration, groups);
        clock.Lap("sampling");
        return groups;
    }

    /// <summary>The prover's H + 1 values of each trace, and their cost; null without a prover.</summary>
    private IReadOnlyList<double[][]>? Score(IReadOnlyList<Prefix[]> groups, RlProver? prover)
    {
        IReadOnlyList<double[][]>? values = null;
        if (prover is not null)
        {
            Prefix[] traces = [.. groups.SelectMany(g => g)];
            var scored = Wait(prover.Verifier.Score(traces, cancel));
            prover.Verifier.Reset();
            var oracle = prover.OracleRollouts > 0;
            var prefixes = oracle ? traces.SelectMany(t => t.Path()).Where(p => !p.Ended).Distinct().LongCount() : 0;
            row = row with
            {
                ProverRollouts = row.ProverRollouts + prover.LabelRollouts + prover.OracleRollouts * prefixes,
                ProverTokens = row.ProverTokens + prover.LabelTokens + (oracle ? scored.Sum(s => (long)s.Tokens) : 0),
                ScoredTokens = row.ScoredTokens + (oracle ? 0 : scored.Sum(s => (long)s.Tokens)),
                VerifierTokens = row.VerifierTokens + prover.TrainedTokens,
            };
            values = [.. scored.Select(s => s.Q).Chunk(options.Samples)];
        }

        row = row.WithBatch(groups, values, task.Grader, options);
        clock.Lap("scoring");
        return values;
    }

    /// <summary>
    /// The policy's own values at each trace's cuts, by completions of each distinct prefix; null where outcomes are not credited by them.
    /// </summary>
    private IReadOnlyList<double[][]>? Segments(IReadOnlyList<Prefix[]> groups, IPolicy policy)
    {
        if (options.Outcome != OutcomeCredit.Segments) return null;
        var rollouts = new Rollouts(policy, task.Grader, sampling, Seeds.Derive(options.Seed, "", "segments", row.Iteration), DrawsPerCall);
        var values = Wait(SegmentValues.Count(groups, options.SegmentSteps, options.ValueRollouts, rollouts, cancel));
        row = row with
        {
            ProverRollouts = row.ProverRollouts + values.Rollouts, ProverTokens = row.ProverTokens + values.Tokens,
        };
        clock.Lap("values");
        return values.Values;
    }

    /// <summary>What each step of each trace has earned.</summary>
    private Episode[] Credit(IReadOnlyList<Prefix[]> groups, IReadOnlyList<double[][]>? values, IReadOnlyList<double[][]>? segments)
    {
        var earned = Episode.Earned(groups, values, task.Grader, options);
        var now = options.Reward == DenseReward.None ? options : Weighed([.. earned.SelectMany(g => g).SelectMany(t => t.Dense)]);
        return Episode.FromBatch(groups, earned, segments, now, task.Tokenizer, task.Template);
    }

    /// <summary>With the alpha of this iteration, which may depend on what its steps earned before it.</summary>
    private RlOptions Weighed(double[] rewards)
    {
        match = match.With(rewards);
        var now = options.MatchAlpha ? options with { Alpha = match.Alpha(options.OutcomeSpread) } : options;
        now = now with { Alpha = position.AlphaShare * now.AlphaAt(row.Iteration) };
        row = row with { Alpha = now.Alpha, StepScale = new AlphaMatch().With(rewards).Scale };
        return now;
    }

    private void Update(IReadOnlyList<Episode> episodes)
    {
        var share = schedule.At(row.Iteration);
        var stats = learner.Update(episodes, share, row.Iteration);
        if (!double.IsFinite(stats.Norm))
            throw new UserError(
                $"the gradient became {stats.Norm} at iteration {row.Iteration}; choose a learning rate below {options.Rate}");
        row = row with
        {
            Entropy = stats.Entropy, Kl = stats.Kl, GradNorm = stats.Norm, Rate = options.Rate * share,
            ValueLoss = learner.Value is null ? null : stats.ValueLoss,
            Clipped = options.Epochs * options.Minibatches > 1 ? stats.Clipped : null,
            TrainedTokens = row.TrainedTokens + options.Epochs * episodes.Sum(e => (long)e.Ids.Length),
        };
        clock.Lap("update");
    }

    /// <summary>Writes the iteration's lines and looks for reward hacking; the iteration is then done.</summary>
    private void Record()
    {
        metrics.Write(row);
        var speed = (row.GeneratedTokens - position.Next.GeneratedTokens) / clock.Total;
        timing.Write(new RlTiming(
            row.Iteration, clock["sampling"], clock["scoring"] + clock["values"], clock["update"], clock["evaluation"],
            clock["refresh"], Math.Round(speed, 1)));
        events.Write(row.Iteration, row.Scalars());
        history.Add(Guarded(row));
        // Progress is 0 before there is a verifier; that it is more afterwards is not the policy's doing.
        if (row.Progress == 0) position = position with { GuardFrom = history.Count };
        HackingSigns? signs = options.GuardWindow > 0 ? RewardHacking.Find(history[position.GuardFrom..], options.GuardWindow) : null;
        var settled = options.MatchAlpha && match.Settled && match != position.Match ? match : null;
        progress?.Invoke(new(row, speed, signs, settled));
        var hacking = signs is { Suspicious: true };
        position = position with
        {
            Next = row.Following(), Stopped = options.StopOnHacking && hacking, Match = options.MatchAlpha ? match : null,
        };
        if (hacking && options.GuardAlpha < 1)
            position = position with { AlphaShare = position.AlphaShare * options.GuardAlpha, GuardFrom = history.Count };
    }

    private void Checkpoint()
    {
        metrics.Sync();
        learner.Save(checkpoints, position);
    }

    private RlResult Result(bool finished, double? accuracy = null) => new(
        finished, position.Stopped, position.Next.Iteration, accuracy, position.BestAccuracy, position.BestIteration,
        position.Next.GeneratedTokens, position.Next.ProverTokens, checkpoints.Last, checkpoints.Best,
        position.Match is { Scale: > 0 } found ? found.Alpha(options.OutcomeSpread) : null);

    public void Dispose()
    {
        events.Dispose();
        timing.Dispose();
        valid.Dispose();
        metrics.Dispose();
        learner.Dispose();
    }

    private static (double Rex, double Progress) Guarded(RlRow row) => (row.Reward ?? 0, row.Progress ?? 0);

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private sealed class Clock
    {
        private readonly Stopwatch watch = Stopwatch.StartNew();
        private readonly Dictionary<string, double> laps = [];
        private double before;

        public double this[string name] => Math.Round(laps.GetValueOrDefault(name), 4);

        public double Total => watch.Elapsed.TotalSeconds;

        public void Lap(string name)
        {
            laps[name] = Total - before;
            before = Total;
        }
    }
}
