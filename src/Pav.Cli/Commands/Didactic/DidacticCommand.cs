using System.Collections.Concurrent;
using System.Text.Json;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Terminal;
using Pav.Didactic;
using Pav.Models.Didactic;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Didactic;

internal sealed record DidacticSettings : RunSettings
{
    [Flag("First seed: planted sequence, network and samples of the first run; the others count on from it")]
    public ulong Seed { get; init; } = 1;

    [Flag("The whole sweep: more seeds, every gamma and length, outcome reward for longer")]
    public bool Full { get; init; }

    [Flag("Tokens of the planted sequence where only one length is shown", Min = 1, Max = 10)]
    public int Length { get; init; } = 6;

    [Flag("Strength of the prover where only one is shown", Min = 0, AboveMin = true)]
    public double Gamma { get; init; } = 10;

    [Flag("Tokens of planted sequences over which speed is compared (default: 3,4,5,6,7)", Min = 1, Max = 10)]
    public int[] Lengths { get; init; } = [];

    [Flag("Strengths of the prover that are compared (default: 1,2,5,10,20,100; full: 1,2,5,8,10,12,15,20,50,100,1000)", Min = 0,
        AboveMin = true)]
    public double[] Gammas { get; init; } = [];

    [Flag("Process rewards that are compared besides A^mu over all actions", Choices = "a_mu|q_mu|a_pi|a_mu_to_go|q_mu_to_go|none")]
    public string[] Rewards { get; init; } = ["a_mu", "q_mu", "a_pi", "a_mu_to_go", "q_mu_to_go"];

    [Flag("Optimizers with which gamma is swept", Choices = "adam|sgd")]
    public string[] Optimizers { get; init; } = ["adam", "sgd"];

    [Flag("Runs of each setting (default: 5; full: 15)", Min = 1, Max = 1000)]
    public int? Seeds { get; init; }

    [Flag("Planted sequences over which Pass@N is averaged (default: 16; full: 64)", Min = 2, Max = 10000)]
    public int? Planted { get; init; }

    [Flag("Iterations of runs with process rewards", Min = 10, Max = 1000000)]
    public int Iterations { get; init; } = 350;

    [Flag("Most iterations of runs with outcome reward only (default: 3500; full: 10000)", Min = 10, Max = 1000000)]
    public int? OutcomeIterations { get; init; }

    [Flag("Rollouts per value where Monte Carlo values stand beside exact ones; 0 leaves them out", Min = 0, Max = 100000)]
    public int Rollouts { get; init; } = 100;

    [Flag("Weight of the process reward", Min = 0, Max = 100)]
    public double Alpha { get; init; } = 1;

    [Flag("Sequences of an iteration", Min = 1, Max = 65536)]
    public int Batch { get; init; } = 64;

    [Flag("Learning rate of Adam", Min = 0, AboveMin = true, Max = 10)]
    public double Rate { get; init; } = 1e-3;

    [Flag("Learning rate of plain gradient descent", Min = 0, AboveMin = true, Max = 1000)]
    public double SgdRate { get; init; } = 0.5;

    [Flag("Runs at the same time; 0: one for each core", Min = 0, Max = 1024, Local = true)]
    public int Threads { get; init; }

    public PlantedSettings ToSettings() => new(Alpha, Batch, Rate, SgdRate);

    public DidacticPlan ToPlan()
    {
        int[] lengths = Lengths.Length > 0 ? Lengths : [3, 4, 5, 6, 7];
        var seeds = Seeds ?? (Full ? 15 : 5);
        return new()
        {
            Length = Length, Gamma = Gamma, Lengths = lengths,
            OutcomeLengths = Full ? lengths : [.. lengths.Where(l => l <= 4).Append(Length)],
            Gammas = Gammas.Length > 0 ? Gammas : Full ? [1, 2, 5, 8, 10, 12, 15, 20, 50, 100, 1000] : [1, 2, 5, 10, 20, 100],
            Methods = [.. Optimizers.Distinct().Select(Named<GradientMethod>)],
            Rewards = [.. Rewards.Where(r => r != "none").Distinct().Select(Named<StepReward>)],
            RewardLengths = [.. lengths.Take(1).Append(Length).Distinct()],
            PassLengths = [.. new[] { Math.Min(4, Length), Length }.Distinct()],
            Seeds = seeds, SweepSeeds = Math.Min(seeds, Full ? 5 : 2), RewardSeeds = Math.Min(seeds, Full ? 5 : 3),
            Planted = Planted ?? (Full ? 64 : 16),
            Iterations = Iterations, OutcomeIterations = OutcomeIterations ?? (Full ? 10000 : 3500), Rollouts = Rollouts, First = Seed,
        };
    }

    private static T Named<T>(string word) where T : struct, Enum =>
        Enum.GetValues<T>().First(value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()) == word);
}

/// <summary>The paper's didactic task as an experiment: which step rewards find a planted sequence, how fast, and under which
/// provers.</summary>
internal static class DidacticCommand
{
    private const string Rows = "trainings.jsonl";
    private const int TabularCap = 1500;
    private static readonly double[] TabularGammas = [1, 2, 5, 10, 15, 20, 30, 50, 100, 1000];

    public static CommandSpec Spec { get; } = CommandSpec.Create<DidacticSettings, DidacticSummary>(
        "didactic", "Run the paper's didactic task: find a planted sequence with outcome reward, with progress under provers of many "
            + "strengths, and with what might stand in its place.",
        """
        pav didactic
        pav didactic --full --out runs/didactic
        """, Output.Folder, Run);

    private static async Task<DidacticSummary> Run(DidacticSettings settings, CommandContext context)
    {
        var (plan, reporter) = (settings.ToPlan(), context.Reporter);
        var (runs, file) = (plan.Runs(), context.Run.At(Rows));
        var known = JsonLines.Read<PlantedRow>(file).Select(r => r.Run).ToHashSet();
        var missing = runs.Where(r => !known.Contains(r)).ToList();
        if (known.Count > 0) reporter.Say($"{known.Count} of {runs.Count} training runs are there already.");
        var total = runs.Sum(r => (long)r.Iterations);
        var done = total - missing.Sum(r => (long)r.Iterations);
        await reporter.Track("Training", total, "iterations", async tracker =>
        {
            var training = new PlantedTraining(settings.ToSettings());
            using var lines = JsonLines.Append(file);
            var (iterations, finished) = (done, runs.Count - missing.Count);
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = settings.Threads > 0
                ? settings.Threads : Environment.ProcessorCount, CancellationToken = context.Cancel };
            await Task.Run(() => Parallel.ForEach(Partitioner.Create(missing, EnumerablePartitionerOptions.NoBuffering), parallel, run =>
            {
                void Progress() => tracker.At(Interlocked.Increment(ref iterations), $"{Volatile.Read(ref finished)} of {runs.Count} runs");
                lines.Write(training.Run(run, Progress, context.Cancel));
                Interlocked.Increment(ref finished);
            }), context.Cancel);
            return 0;
        }, done);

        var tabular = TabularAscent.Sweep([3, 4, 5], TabularGammas, GradientMethod.Sgd, 1, TabularCap)
            .Concat(TabularAscent.Sweep([5], TabularGammas, GradientMethod.Adam, 0.03, TabularCap)).ToList();
        var summary = DidacticSummary.From(plan, settings.ToSettings(), [.. JsonLines.Read<PlantedRow>(file)], tabular);
        AtomicFile.WriteJson(context.Run.At("didactic.json"), summary);
        foreach (var line in DidacticTables.FromSummary(summary, reporter.Width)) reporter.Say(line);
        return summary with { Curves = [] };
    }
}
