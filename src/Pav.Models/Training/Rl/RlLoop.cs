using System.Diagnostics;
using Pav.Models.Files;
using Pav.Models.Files.TensorBoard;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Models.Inference;

namespace Pav.Models.Training;

/// <summary>The verifier by whose values an iteration's steps are rewarded.</summary>
/// <param name="OracleRollouts">Completions that it draws for each prefix; 0 for one that is learned.</param>
/// <param name="LabelRollouts">Traces and completions that labelling for it took at this iteration.</param>
/// <param name="LabelTokens">Their tokens.</param>
public sealed record RlProver(IVerifier Verifier, int OracleRollouts = 0, long LabelRollouts = 0, long LabelTokens = 0);

/// <summary>What RL trains, on what, and by whose values.</summary>
/// <param name="Name">The policy's, in labels.</param>
/// <param name="Start">The policy to start from, as a rule after rejection fine-tuning; it stays the reference of the KL penalty.</param>
/// <param name="Problems">At least as many as a batch holds; a pass over them takes each once.</param>
/// <param name="Prover">For an iteration and the policy at its start, whose progress is rewarded; null with outcome rewards only.</param>
/// <param name="HeldOut">Problems of the measures at intervals; may be empty.</param>
/// <param name="HeldOutSamples">Samples of each of them.</param>
/// <param name="Engine">Memory and threads of sampling.</param>
/// <param name="SaveBeside">Writes what belongs into a policy's folder besides the weights.</param>
public sealed record RlTask(
    string Name, Func<DecoderModel> Start, Tokenizer Tokenizer, PromptTemplate Template, Grader Grader, IReadOnlyList<Problem> Problems,
    Func<int, IPolicy, CancellationToken, Task<RlProver>>? Prover, IReadOnlyList<Problem> HeldOut, int HeldOutSamples, EngineOptions Engine, Action<string> SaveBeside);

/// <summary>
/// Online RL: sample a batch with the present weights, score its steps, update, again. In its folder it keeps <c>metrics.jsonl</c>, <c>timing.jsonl</c>, TensorBoard's events and
/// <c>checkpoints/</c>. Started on a folder with a checkpoint it goes on from there: metrics and weights come out as if it had never stopped.
/// </summary>
public static class RlLoop
{
    public const string MetricsName = "metrics.jsonl", TimingName = "timing.jsonl";

    /// <summary>Blocks until RL is over, so that libtorch stays on one thread.</summary>
    public static RlResult Run(RlTask task, RlOptions options, string folder, Action<RlProgress>? progress = null, CancellationToken cancel = default)
    {
        options.Check();
        if (task.Problems.Count < options.Problems) throw new UserError($"a batch of {options.Problems} problems needs at least as many to draw from, there are {task.Problems.Count}");
        if (options.Reward != DenseReward.None && task.Prover is null) throw new UserError("step rewards need a prover; name a verifier or oracle rollouts, or choose outcome rewards");
        var checkpoints = new RlCheckpoints(folder, options, task.SaveBeside);
        var (learner, at) = checkpoints.Resume(task.Start);
        using var _ = learner;
        var (metrics, timing) = (Path.Combine(folder, MetricsName), Path.Combine(folder, TimingName));
        JsonLines.Keep<RlRow>(metrics, row => row.Iteration < at.At.Iteration);
        JsonLines.Keep<RlTiming>(timing, row => row.Iteration < at.At.Iteration);
        var history = JsonLines.Read<RlRow>(metrics).Select(Guarded).ToList();
        if (history.Count < at.At.Iteration)
            throw new UserError($"{metrics}: holds {history.Count} of the {at.At.Iteration} iterations that the checkpoint is after; put the file back or choose a new folder");
        using var rows = JsonLines.Append(metrics);
        using var clocks = JsonLines.Append(timing);
        using var events = EventFile.Create(Path.Combine(folder, "tensorboard"), at.At.Iteration);
        var schedule = new WarmupCosine(1, options.Warmup, options.Iterations);
        var batches = new ProblemBatches(task.Problems, options.Problems, options.Seed);
        var sampling = new Sampling(MaxTokens: options.MaxTokens);

        while (at.At.Iteration < options.Iterations && !at.Stopped)
        {
            if (cancel.IsCancellationRequested) return Interrupted();
            try
            {
                Iterate();
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return Interrupted();
            }
        }

        using (var policy = new TransformerPolicy(task.Name, learner.Policy, task.Tokenizer, task.Template, task.Engine))
        {
            var final = HeldOut(policy, at.At);
            if (task.HeldOut.Count == 0) checkpoints.SaveBest(learner);
            rows.Write(final);
            events.Write(final.Iteration, Scalars(final));
            progress?.Invoke(new(final, 0, null));
            return Result(finished: true, final.ValidAccuracy);
        }

        void Iterate()
        {
            var (row, clock) = (at.At, new Clock());
            HackingSigns? signs = null;
            UpdateStats stats;
            using (var policy = new TransformerPolicy(task.Name, learner.Policy, task.Tokenizer, task.Template, task.Engine))
            {
                row = HeldOut(policy, row);
                clock.Lap("evaluation");
                var prover = task.Prover is null ? null : Wait(task.Prover(row.Iteration, policy, cancel));
                clock.Lap("refresh");
                var groups = Sample(policy, batches.At(row.Iteration), row.Iteration);
                clock.Lap("sampling");
                var scored = prover is null ? null : Score(prover.Verifier, groups);
                var qMu = scored?.Select(g => g.Select(s => s.Q).ToList()).ToList();
                row = (prover is null ? row : Charged(row, prover, groups, scored!)).Of(groups, qMu, task.Grader, options);
                clock.Lap("scoring");
                var now = options with { Alpha = options.AlphaAt(row.Iteration) };
                Episode[] episodes = [.. groups.SelectMany((g, i) => Episode.OfGroup(g, qMu?[i], task.Grader, now, task.Tokenizer, task.Template))];
                var share = schedule.At(row.Iteration);
                stats = learner.Update(episodes, share, row.Iteration);
                clock.Lap("update");
                row = row with
                {
                    Entropy = stats.Entropy, Kl = stats.Kl, GradNorm = stats.Norm, Rate = options.Rate * share,
                    ValueLoss = learner.Value is null ? null : stats.ValueLoss, Clipped = options.Epochs * options.Minibatches > 1 ? stats.Clipped : null,
                };
            }

            if (!double.IsFinite(stats.Norm)) throw new UserError($"the gradient became {stats.Norm} at iteration {row.Iteration}; choose a learning rate below {options.Rate}");
            rows.Write(row);
            var speed = (row.GeneratedTokens - at.At.GeneratedTokens) / clock.Total;
            clocks.Write(new RlTiming(row.Iteration, clock["sampling"], clock["scoring"], clock["update"], clock["evaluation"], clock["refresh"], Math.Round(speed, 1)));
            events.Write(row.Iteration, Scalars(row));
            history.Add(Guarded(row));
            if (options.GuardWindow > 0) signs = RewardHacking.Of(history, options.GuardWindow);
            progress?.Invoke(new(row, speed, signs));
            at = at with
            {
                At = new RlRow(row.Iteration + 1, Traces: row.Traces, GeneratedTokens: row.GeneratedTokens, ProverTokens: row.ProverTokens, ProverRollouts: row.ProverRollouts),
                Stopped = options.StopOnHacking && signs is { Suspicious: true },
            };
            if (at.At.Iteration % options.CheckpointEvery == 0 || at.At.Iteration == options.Iterations || at.Stopped) Checkpoint();
        }

        // Until its update an iteration changes neither weights nor optimizers: cancelled before, it leaves them as it found them.
        RlResult Interrupted()
        {
            Checkpoint();
            return Result(finished: false);
        }

        RlRow HeldOut(IPolicy policy, RlRow row)
        {
            if (task.HeldOut.Count == 0 || !(row.Iteration % options.EvaluateEvery == 0 || row.Iteration == options.Iterations || at.Stopped)) return row;
            var right = Wait(RepeatedSampling.Draw(task.HeldOut, policy, task.HeldOutSamples, Seeds.Derive(options.Seed, "", "held-out", 0), sampling, cancel))
                .Select(set => set.Traces.Select(task.Grader.Rex).ToList()).ToList();
            row = row with { ValidAccuracy = right.Average(r => r.Average()), ValidPass = right.Average(r => r.Max()) };
            if (at.BestAccuracy is null || row.ValidAccuracy > at.BestAccuracy)
            {
                at = at with { BestAccuracy = row.ValidAccuracy, BestIteration = row.Iteration };
                checkpoints.SaveBest(learner);
            }

            return row;
        }

        List<List<Prefix>> Sample(IPolicy policy, Problem[] problems, int iteration)
        {
            Draw[] draws = [.. problems.SelectMany(p => Enumerable.Range(0, options.Samples).Select(k => new Draw(Prefix.Root(p), Seeds.Derive(options.Seed, p.Id, $"rl {iteration}", k))))];
            return [.. Wait(policy.Extend(draws, Until.TraceEnd, sampling, cancel)).Chunk(options.Samples).Select(g => g.ToList())];
        }

        List<List<Scored>> Score(IVerifier verifier, List<List<Prefix>> groups)
        {
            var scored = Wait(verifier.Score([.. groups.SelectMany(g => g)], cancel));
            verifier.Reset();
            return [.. scored.Chunk(options.Samples).Select(g => g.ToList())];
        }

        RlRow Charged(RlRow row, RlProver prover, List<List<Prefix>> groups, List<List<Scored>> scored)
        {
            var oracle = prover.OracleRollouts > 0;
            var prefixes = oracle ? groups.SelectMany(g => g).SelectMany(t => t.Path()).Where(p => !p.Ended).Distinct().LongCount() : 0;
            return row with
            {
                ProverRollouts = row.ProverRollouts + prover.LabelRollouts + prover.OracleRollouts * prefixes,
                ProverTokens = row.ProverTokens + prover.LabelTokens + (oracle ? scored.Sum(g => g.Sum(s => (long)s.Tokens)) : 0),
            };
        }

        void Checkpoint()
        {
            rows.Sync();
            checkpoints.SaveLast(learner, at);
        }

        RlResult Result(bool finished, double? accuracy = null) =>
            new(finished, at.Stopped, at.At.Iteration, accuracy, at.BestAccuracy, at.BestIteration, at.At.GeneratedTokens, at.At.ProverTokens, checkpoints.Last, checkpoints.Best);
    }

    private static (double Rex, double Progress) Guarded(RlRow row) => (row.Reward ?? 0, row.Progress ?? 0);

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private static IEnumerable<(string Name, double Value)> Scalars(RlRow row)
    {
        (string Name, double? Value)[] all =
        [
            ("train/reward", row.Reward), ("train/solved", row.Solved), ("train/progress", row.Progress), ("train/no_progress", row.NoProgress), ("train/repeated", row.Repeated), ("train/steps", row.Steps),
            ("train/length", row.Length), ("train/truncated", row.Truncated), ("policy/entropy", row.Entropy), ("policy/kl", row.Kl), ("policy/grad_norm", row.GradNorm), ("policy/clipped", row.Clipped),
            ("policy/rate", row.Rate), ("value/loss", row.ValueLoss), ("cost/generated_tokens", row.GeneratedTokens), ("cost/prover_tokens", row.ProverTokens), ("cost/traces", row.Traces), ("cost/prover_rollouts", row.ProverRollouts),
            ("valid/accuracy", row.ValidAccuracy), ("valid/pass", row.ValidPass),
        ];
        return all.Where(s => s.Value is not null).Select(s => (s.Name, s.Value!.Value));
    }

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

/// <summary>Which problems an iteration is about: endless passes over all, each in an order of its own; a pass leaves out those that do not fill a last batch.</summary>
internal sealed class ProblemBatches(IReadOnlyList<Problem> problems, int size, ulong seed)
{
    private int pass = -1;
    private Problem[] order = [];

    public Problem[] At(int iteration)
    {
        var perPass = problems.Count / size;
        if (iteration / perPass != pass)
        {
            pass = iteration / perPass;
            order = [.. problems];
            LengthBuckets.Shuffle(order, Seeds.Derive(seed, "", "problems", pass));
        }

        return order[(iteration % perPass * size)..((iteration % perPass + 1) * size)];
    }
}
