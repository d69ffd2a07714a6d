using Pav.Models.Files;
using Pav.Models.Decoders;
using Pav.Models.Inference;

namespace Pav.Models.Training;

/// <summary>How a verifier keeps up with the policy that it judges.</summary>
/// <param name="Every">Iterations between refreshes; 0 keeps the first verifier.</param>
/// <param name="Problems">Training problems that are labelled anew each time; a quarter of them calibrate.</param>
/// <param name="Labels">Seed traces, completions, sampling; its seed is mixed with the iteration.</param>
/// <param name="Training">Of the fine-tuning.</param>
public sealed record RefreshOptions(int Every, int Problems, LabelOptions Labels, TrainOptions Training);

/// <summary>
/// The prover BoK of a verifier's policy. With refreshes, every so many iterations a small fresh set is labelled under the present policy and the verifier fine-tuned on it, in
/// <c>refresh/ITERATION/</c> of the run folder, so that a resumed run finds it there.
/// </summary>
public sealed class ProverRefresh(string folder, string verifier, int bestOf, IReadOnlyList<Problem> problems, Grader grader, RefreshOptions options, EngineOptions engine) : IDisposable
{
    private readonly ProblemBatches batches = new(problems, Math.Min(problems.Count, Math.Max(1, options.Problems)), Seeds.Derive(options.Labels.Seed, "", "refresh", 0));
    private ILoadedVerifier? loaded;
    private int loadedAt = -1;

    private sealed record LabelCost(long Rollouts, long Tokens);

    public async Task<RlProver> At(int iteration, IPolicy policy, CancellationToken cancel)
    {
        var due = options.Every == 0 ? 0 : iteration / options.Every * options.Every;
        var cost = due == 0 || due != iteration ? new(0, 0) : await Refresh(due, policy, cancel);
        if (loadedAt != due)
        {
            loaded?.Dispose();
            loaded = LoadedVerifier.Open("prover", Checkpoint(due), engine);
            loadedAt = due;
        }

        return new(bestOf == 1 ? loaded! : new BestOfKVerifier(loaded!, bestOf), 0, cost.Rollouts, cost.Tokens);
    }

    private async Task<LabelCost> Refresh(int iteration, IPolicy policy, CancellationToken cancel)
    {
        var (place, fresh) = (Place(iteration), batches.At(iteration / options.Every));
        var (labels, cost) = (Path.Combine(place, "labels.jsonl"), Path.Combine(place, "cost.json"));
        if (!File.Exists(cost))
        {
            var (lines, tokens) = (new List<LabelledTrace>(), 0L);
            var seeded = options.Labels with { Seed = Seeds.Derive(options.Labels.Seed, "", "refresh", iteration) };
            await foreach (var line in Labelling.Run(policy, grader, fresh, seeded, progress: p => tokens = p.GeneratedTokens, cancel: cancel)) lines.Add(line);
            AtomicFile.Write(labels, stream => lines.ForEach(line =>
            {
                System.Text.Json.JsonSerializer.Serialize(stream, line, Json.Line);
                stream.WriteByte((byte)'\n');
            }));
            AtomicFile.WriteJson(cost, new LabelCost(RolloutCount.From(lines, options.Labels.NMc), tokens));
        }

        var before = Checkpoint(iteration - options.Every);
        var calibrates = fresh.Take(Math.Max(1, fresh.Length / 4)).Select(p => p.Id).ToHashSet();
        var parts = JsonLines.Read<LabelledTrace>(labels).ToLookup(line => calibrates.Contains(line.Problem));
        var inputs = new VerifierInputs(VerifierKind.Value, before, VerifierRecord.Load(before).Template, problems.DistinctBy(p => p.Id)
            .ToDictionary(p => p.Id), [.. parts[false]], [.. parts[true]],
            Objective: new(Heads: VerifierRecord.Load(before).Heads ?? 1));
        if (!VerifierTraining.Run(inputs, options.Training, place, cancel: cancel).Result.Finished) throw new OperationCanceledException(cancel);
        return Json.Read<LabelCost>(cost);
    }

    private string Place(int iteration) => Path.Combine(folder, "refresh", $"{iteration:00000}");

    private string Checkpoint(int iteration) => iteration == 0 ? LoadedVerifier.Checkpoint(verifier)
        : Path.Combine(Place(iteration), "checkpoints", "best");

    public void Dispose() => loaded?.Dispose();
}
