using Pav.Models.Files;
using Pav.Models.Decoders;
using Pav.Models.Inference;

namespace Pav.Models.Training;

/// <summary>How a verifier keeps up with the policy that it judges.</summary>
/// <param name="Every">Iterations between refreshes; 0 keeps the first verifier.</param>
/// <param name="Problems">Training problems that are labelled anew each time; a quarter of them calibrate.</param>
/// <param name="Labels">Seed traces, completions, sampling; its seed is mixed with the iteration.</param>
/// <param name="Training">Of the fine-tuning.</param>
/// <param name="Sampled">Labels are the traces that RL drew since the last refresh, and NMc (0: no) completions of each step of a right
/// trace of at most <paramref name="Problems"/> problems; null: drawn anew.</param>
public sealed record RefreshOptions(int Every, int Problems, LabelOptions Labels, TrainOptions Training, SampledStart? Sampled = null);

/// <summary>What a verifier that learns from RL's own traces begins as, where there is none at first.</summary>
/// <param name="Trunk">Folder of the language model whose trunk it takes over.</param>
/// <param name="Template">How problems are put to it.</param>
public sealed record SampledStart(string Trunk, PromptTemplate Template);

/// <summary>
/// The prover BoK of a verifier's policy, or the mean of several. With refreshes, every so many iterations a small fresh set is labelled
/// under the present policy and the verifier fine-tuned on it, in <c>refresh/ITERATION/</c> of the run folder, so that a resumed run
/// finds it there. One that judges worse than the one in use is refused (<see cref="RefreshVerdict"/>).
/// </summary>
/// <param name="judged">Told the iteration and verdict of each refresh, once it is known.</param>
public sealed class ProverRefresh(string folder, string verifier, int[] bestOf, IReadOnlyList<Problem> problems, Grader grader,
    RefreshOptions options, EngineOptions engine, Action<int, RefreshVerdict>? judged = null) : IDisposable
{
    /// <summary>Problems with a right trace that a refresh by sampled traces needs; with fewer it waits for the next.</summary>
    private const int FewestRight = 4;

    /// <summary>Refreshes whose labels it learns from, the last included.</summary>
    private const int Replayed = 8;

    /// <summary>Problems of sampled traces: do they calibrate and judge, or teach? Decided where a problem is first seen, so that no
    /// verifier is judged by what an earlier one learned from.</summary>
    private readonly Dictionary<string, bool> heldOut = [];
    private int decided;

    private readonly ProblemBatches batches = new(problems, Math.Min(problems.Count, Math.Max(1, options.Problems)),
        Seeds.Derive(options.Labels.Seed, "", "refresh", 0));
    private ILoadedVerifier? loaded;
    private string loadedFrom = "";

    /// <summary>What a refresh's labels took; kept beside them.</summary>
    private sealed record LabelCost(long Rollouts, long Tokens);

    /// <summary>What a refresh took.</summary>
    private sealed record Cost(LabelCost Labels, long Trained);

    public async Task<RlProver> At(int iteration, IPolicy policy, CancellationToken cancel)
    {
        var due = options.Every == 0 ? 0 : iteration / options.Every * options.Every;
        var cost = due == 0 || due != iteration ? new(new(0, 0), 0) : await Refresh(due, policy, cancel);
        var inUse = InUse(due);
        if (inUse == "") return new(new Unknowing(), 0, cost.Labels.Rollouts, cost.Labels.Tokens, cost.Trained);
        if (loadedFrom != inUse)
        {
            loaded?.Dispose();
            loaded = LoadedVerifier.Open("prover", inUse, engine);
            loadedFrom = inUse;
        }

        return new(
            bestOf is [1] ? loaded! : new BestOfKVerifier(loaded!, bestOf), 0, cost.Labels.Rollouts, cost.Labels.Tokens, cost.Trained,
            due > 0 && due == iteration && inUse == Refreshed(due));
    }

    /// <summary>Keeps an iteration's traces, from which the next refresh takes its labels; a resumed run writes the same again.</summary>
    public void Keep(int iteration, IReadOnlyList<Prefix[]> groups)
    {
        if (options.Sampled is null) return;
        var lines = groups.SelectMany(group => SampledLabels.From(group, "sampled", grader, options.Labels.StepEnd));
        AtomicFile.Write(Samples(iteration), stream => JsonLines.WriteAll(stream, lines, Json.Line));
    }

    private string Samples(int iteration) => Path.Combine(folder, "refresh", "sampled", $"{iteration:00000}.jsonl");

    private async Task<Cost> Refresh(int iteration, IPolicy policy, CancellationToken cancel)
    {
        if (options.Sampled is null) return await Draw(iteration, policy, cancel);
        var earlier = Earlier(iteration).LastOrDefault();
        var lines = Sampled(earlier, iteration);
        var right = lines.Where(l => l.Rex == 1 && !l.Unfinished).DistinctBy(l => l.Problem).ToList();
        if (right.Count < FewestRight) return new(new(0, 0), 0);
        int[] ends = [.. Earlier(iteration), iteration];
        var windows = ends.Select((end, i) => (From: i == 0 ? 0 : ends[i - 1], To: end)).ToList();
        foreach (var (from, to) in windows.Where(w => w.To > decided))
        {
            Decide(Sampled(from, to));
            decided = to;
        }

        // Completions of right traces' steps are not what RL meets: the verifier learns from them, but is calibrated and judged without.
        var cost = await Branch(iteration, policy, [.. right.Where(l => !heldOut[l.Problem])], cancel);
        var labels = windows.TakeLast(Replayed).SelectMany(w => JsonLines.Read<LabelledTrace>(Labels(w.To)).Concat(Sampled(w.From, w.To)));
        return new(cost, Train(iteration, labels, [.. heldOut.Where(p => p.Value).Select(p => p.Key)], cancel));
    }

    /// <summary>The refreshes before an iteration that had enough to learn from.</summary>
    private IEnumerable<int> Earlier(int iteration) =>
        Enumerable.Range(1, Math.Max(0, (iteration - 1) / options.Every)).Select(k => k * options.Every).Where(i => File.Exists(CostOf(i)));

    private LabelledTrace[] Sampled(int from, int to) =>
        [.. Enumerable.Range(from, to - from).SelectMany(i => JsonLines.Read<LabelledTrace>(Samples(i)))];

    /// <summary>Of problems that are new, holds out a quarter of those that have right traces, and of the others.</summary>
    private void Decide(IReadOnlyList<LabelledTrace> lines)
    {
        foreach (var part in lines.Where(l => !heldOut.ContainsKey(l.Problem)).GroupBy(l => l.Problem)
            .GroupBy(problem => problem.Any(l => l.Rex == 1)).ToList())
            foreach (var (i, problem) in part.Index()) heldOut[problem.Key] = i % 4 == 0;
    }

    /// <summary>Completions from the steps of right traces: there steps decide, while most others end wrong whatever they do.</summary>
    private async Task<LabelCost> Branch(int iteration, IPolicy policy, IReadOnlyList<LabelledTrace> right, CancellationToken cancel)
    {
        if (File.Exists(CostOf(iteration))) return Json.Read<LabelCost>(CostOf(iteration));
        var named = problems.DistinctBy(p => p.Id).ToDictionary(p => p.Id);
        var (seed, each) = (Seeds.Derive(options.Labels.Seed, "", "refresh", iteration), options.Labels.NMc);
        Prefix[] starts = each == 0 ? [] : [.. right.TakeLast(options.Problems).SelectMany(l => l.ToPrefix(named[l.Problem]).Path())
            .Where(p => !p.Ended)];
        var draws = starts.SelectMany(p => Enumerable.Range(0, each)
            .Select(k => new Draw(p, Seeds.Derive(seed, p.Problem.Id, $"branch\n{p.Text}", k)))).ToList();
        var drawn = await policy.Extend(draws, Until.TraceEnd, options.Labels.Sampling, cancel);
        var groups = starts.Zip(drawn.Chunk(Math.Max(1, each)), (start, traces) => (start, Traces: traces.Where(t => !t.Lost).ToArray()))
            .ToList();
        var lines = groups.SelectMany(g => SampledLabels.FromBranches(g.start, g.Traces, "sampled", grader, options.Labels.StepEnd));
        AtomicFile.Write(Labels(iteration), stream => JsonLines.WriteAll(stream, lines, Json.Line));
        var cost = new LabelCost(groups.Sum(g => (long)g.Traces.Length),
            groups.Sum(g => g.Traces.Sum(t => (long)t.TokensSince(g.start))));
        AtomicFile.WriteJson(CostOf(iteration), cost);
        return cost;
    }

    private async Task<Cost> Draw(int iteration, IPolicy policy, CancellationToken cancel)
    {
        var fresh = batches.At(iteration / options.Every);
        var (labels, cost) = (Labels(iteration), CostOf(iteration));
        if (!File.Exists(cost))
        {
            var (lines, tokens) = (new List<LabelledTrace>(), 0L);
            var seeded = options.Labels with { Seed = Seeds.Derive(options.Labels.Seed, "", "refresh", iteration) };
            await foreach (var line in Labelling.Run(policy, grader, fresh, seeded, progress: p =>
                tokens = p.GeneratedTokens, cancel: cancel)) lines.Add(line);
            AtomicFile.Write(labels, stream => lines.ForEach(line =>
            {
                System.Text.Json.JsonSerializer.Serialize(stream, line, Json.Line);
                stream.WriteByte((byte)'\n');
            }));
            AtomicFile.WriteJson(cost, new LabelCost(RolloutCount.From(lines, options.Labels.NMc), tokens));
        }

        var trained = Train(iteration, JsonLines.Read<LabelledTrace>(labels),
            [.. fresh.Take(Math.Max(1, fresh.Length / 4)).Select(p => p.Id)], cancel);
        return new(Json.Read<LabelCost>(cost), trained);
    }

    /// <summary>Goes on from the verifier in use, or where RL began without one from the last that it taught; labels of some problems
    /// calibrate it, and judge whether it is used. Returns the tokens that it learned from.</summary>
    private long Train(int iteration, IEnumerable<LabelledTrace> labels, HashSet<string> calibrates, CancellationToken cancel)
    {
        var last = Begins ? Taught(iteration - options.Every) : 0;
        var first = Begins && last == 0;
        var before = first ? options.Sampled!.Trunk : Begins ? Refreshed(last) : InUse(iteration - options.Every);
        var record = first ? null : VerifierRecord.Load(before);
        var parts = labels.ToLookup(line => calibrates.Contains(line.Problem));
        var inputs = new VerifierInputs(
            VerifierKind.Value, before, record?.Template ?? options.Sampled!.Template,
            problems.DistinctBy(p => p.Id).ToDictionary(p => p.Id),
            [.. parts[false]], [.. parts[true]], Objective: new(Heads: record?.Heads ?? 1));
        var training = first ? Longer(options.Training) : options.Training;
        var result = VerifierTraining.Run(inputs, training, Place(iteration), cancel: cancel).Result;
        if (!result.Finished) throw new OperationCanceledException(cancel);
        if (File.Exists(Verdict(iteration))) return result.Tokens;
        var refreshed = VerifierTraining.Judge(inputs, Refreshed(iteration), options.Training);
        var verdict = Begins ? RefreshVerdict.FromScratch(refreshed)
            : RefreshVerdict.From(VerifierTraining.Judge(inputs, before, options.Training), refreshed);
        AtomicFile.WriteJson(Verdict(iteration), verdict);
        judged?.Invoke(iteration, verdict);
        return result.Tokens;
    }

    /// <summary>The first, whose head begins at zero, takes twice the steps.</summary>
    private static TrainOptions Longer(TrainOptions training) => training with
    {
        Steps = 2 * training.Steps, Warmup = 2 * training.Warmup, EvaluateEvery = 2 * training.EvaluateEvery,
        CheckpointEvery = 2 * training.CheckpointEvery,
    };

    /// <summary>Before anything is learned: no step is progress.</summary>
    private sealed class Unknowing : IVerifier
    {
        public string Name => "none yet";

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
            Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p => new Scored(new double[p.Depth + 1], 0))]);
    }

    private string Place(int iteration) => Path.Combine(folder, "refresh", $"{iteration:00000}");

    private string Refreshed(int iteration) => Path.Combine(Place(iteration), "checkpoints", "best");

    private string Labels(int iteration) => Path.Combine(Place(iteration), "labels.jsonl");

    private string CostOf(int iteration) => Path.Combine(Place(iteration), "cost.json");

    private string Verdict(int iteration) => Path.Combine(Place(iteration), "verdict.json");

    /// <summary>RL began without a verifier.</summary>
    private bool Begins => verifier == "";

    /// <summary>The last refresh up to an iteration that taught a verifier, used or not; 0 if there is none.</summary>
    private int Taught(int iteration)
    {
        while (iteration > 0 && !File.Exists(Verdict(iteration))) iteration -= options.Every;
        return iteration;
    }

    /// <summary>The checkpoint in use from the refresh of an iteration on: the last that was not refused; where RL began without a verifier
    /// the last alone, and none if it was refused.</summary>
    private string InUse(int iteration)
    {
        if (Begins)
            return Taught(iteration) is > 0 and var last && !Json.Read<RefreshVerdict>(Verdict(last)).Refused ? Refreshed(last) : "";
        while (iteration > 0 && (options.Sampled is not null && !File.Exists(Verdict(iteration))
            || File.Exists(Verdict(iteration)) && Json.Read<RefreshVerdict>(Verdict(iteration)).Refused))
            iteration -= options.Every;
        return iteration > 0 ? Refreshed(iteration) : LoadedVerifier.Checkpoint(verifier);
    }

    public void Dispose() => loaded?.Dispose();
}
