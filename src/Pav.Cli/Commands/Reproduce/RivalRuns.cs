using System.Text.Json.Nodes;
using Pav.Cli.Commands.Evaluate;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Installation;
using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Training;
using Pav.Report;
using Pav.Report.Folders;
using Pav.Report.Reproduction;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>The comparison of ways of RL at equal total cost: its parts, and what is read of them.</summary>
internal static class RivalRuns
{
    private sealed record Run(int Seed, string Folder, string Verifier);

    private sealed record Arm(Rival Rival, IReadOnlyList<Run> Runs, IReadOnlyList<RivalTries> Choices);

    public static Func<RunSize, FigureSummary> Prepare(ReproducePlan plan)
    {
        var model = plan.Models[0];
        var tasks = plan.RivalTraps.Select(traps => (Traps: traps, Arms: plan.Rivals.Select(rival => new Arm(rival,
            [.. plan.Seeds(plan.Scale.RivalSeeds).Select(seed => new Run(
                seed, plan.Rival(model, rival, traps, seed), plan.RivalVerifier(model, rival, seed)))],
            plan.Choices(model, rival))).ToList())).ToList();
        return size =>
        {
            var read = tasks.Select(t => Read(plan, t.Traps, t.Arms)).ToList();
            return RivalsFigure.From(read, size with
            {
                Seeds = plan.Scale.RivalSeeds, Problems = read[0].Arms[0].Tests[0].Count, Models = [model],
            });
        };
    }

    private static RivalTask Read(ReproducePlan plan, int traps, IReadOnlyList<Arm> arms)
    {
        var read = arms.Select(a => Read(plan, a)).ToList();
        var start = read[0].Runs.Average(r => r.Curve.Points[0].Accuracy);
        var name = traps == 0 ? "Problems as given" : $"{traps} traps or more";
        return new(FormattableString.Invariant($"{name} (start {100 * start:0.0}%)"), read);
    }

    private static RivalArm Read(ReproducePlan plan, Arm arm)
    {
        var settled = (RlSettings)plan.Parts.First(p => p.Folder == arm.Runs[0].Folder).Settled();
        var weights = new TokenWeights(
            settled.RefreshModel != "" ? Size("--refresh-model", settled.RefreshModel, settled.Policy)
            : arm.Runs[0].Verifier != "" ? Size("--verifier", arm.Runs[0].Verifier, settled.Policy) : 1);
        var taken = RivalChoice.Taken(arm.Choices);
        var alpha = arm.Rival.Reward == "pav" ? $", α {settled.Alpha}" : "";
        var rate = FormattableString.Invariant($"rate {settled.Rl.Rate}{alpha}{taken.Words}");
        return new(arm.Rival.Id, arm.Rival.Name, arm.Rival.Counted, rate,
            [.. arm.Runs.Select(r => Curve(r, weights, arm.Rival.Oracle))],
            [.. arm.Runs.Select(r => Figures.Tallies(r.Folder))], taken.Own ? RivalChoice.Gained(taken.Tried) : 0);
    }

    /// <summary>What a verifier took before RL; nothing where a given one does not tell.</summary>
    private static (double Labels, double Learned) Before(string verifier)
    {
        if (verifier == "") return (0, 0);
        var file = Path.Combine(verifier, "run.json");
        var learned = File.Exists(file) ? (double?)Json.Read<JsonObject>(file)["result"]?["tokens"] ?? 0 : 0;
        return (LabelTokens.Read(verifier) ?? 0, learned);
    }

    /// <summary>A verifier's parameters over the policy's.</summary>
    private static double Size(string option, string verifier, string policy)
    {
        return Parameters(Home.Model(option, verifier)) / Parameters(Home.Model("--policy", policy));
        static double Parameters(string folder) => DecoderConfig.Load(folder).Parameters;
    }

    private static RivalCurve Curve(Run run, TokenWeights weights, bool free)
    {
        var (folder, (labels, learned)) = (run.Folder, Before(run.Verifier));
        var rows = RlRow.Measured([.. JsonLines.Read<RlRow>(Path.Combine(folder, RlLoop.MetricsName))]).ToList();
        var right = JsonLines.Read<RlValidRow>(Path.Combine(folder, RlLoop.ValidName)).ToDictionary(v => v.Iteration);
        return new(
            new((ulong)run.Seed, [.. rows.Select(m => new RlPoint(
                m.Row.Iteration, m.Spent.GeneratedTokens, weights.Total(Spent(m.Spent)), m.Row.ValidAccuracy!.Value))]),
            [.. rows.Select(m => right[m.Row.Iteration]).Select(v => v.Right.Select(r => (double)r / v.Samples).ToArray())]);

        RlTokens Spent(RlRow to) => new(
            to.GeneratedTokens, free ? 0 : to.ProverTokens, labels, to.ScoredTokens, to.TrainedTokens, learned + to.VerifierTokens);
    }
}
