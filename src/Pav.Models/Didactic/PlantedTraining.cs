using System.Collections.Concurrent;
using System.Diagnostics;
using Pav.Didactic;

namespace Pav.Models.Didactic;

/// <summary>
/// Carries out <see cref="PlantedRun"/>s. Equal runs give equal rows, clock excepted, in whatever order and on whatever threads. Runs of
/// one length and seed start from the
/// same fine-tuned policy, which is kept.
/// </summary>
internal sealed class PlantedTraining(PlantedSettings settings)
{
    private const int StartSamples = 400;

    private readonly ConcurrentDictionary<(int Length, ulong Seed), Lazy<MadePolicy>> starts = new();

    /// <param name="progress">Told after every iteration.</param>
    public PlantedRow Run(PlantedRun run, Action? progress = null, CancellationToken cancel = default)
    {
        var policy = starts.GetOrAdd((run.Length, run.Seed), start => new(() => FineTuned(start.Length, start.Seed))).Value.Clone();
        var task = policy.Task;
        var sampler = new MadeSampler(policy);
        ulong Own(int iteration) => Seeds.Derive(run.Seed, "planted", "evaluation", iteration);

        var start = sampler.Accuracy(StartSamples, Own(-1));
        var curve = new List<double> { Measure(0) };
        double? afterHundred = null;
        using var gradient = new MadePolicyGradient(policy, new()
        {
            Reward = run.Reward, Gamma = run.Gamma ?? 1, Alpha = settings.Alpha, Adam = run.Method == GradientMethod.Adam,
            Rate = settings.RateOf(run.Method), Batch = settings.Batch, Rollouts = run.Rollouts, Seed = run.Seed,
        });
        var clock = new Stopwatch();
        for (var iteration = 1; iteration <= run.Iterations; iteration++)
        {
            cancel.ThrowIfCancellationRequested();
            clock.Start();
            gradient.Step();
            clock.Stop();
            if (iteration % PlantedRow.Every == 0) curve.Add(Measure(iteration));
            if (iteration == PlantedRow.Hundred) afterHundred = sampler.Accuracy(StartSamples, Own(-2));
            progress?.Invoke();
        }

        return new(run, task.Target, start, afterHundred, curve, Math.Round(clock.Elapsed.TotalSeconds, 3));

        double Measure(int iteration)
        {
            sampler.Read();
            var right = 0;
            for (var i = 0; i < settings.Evaluations; i++) right += sampler.Play(Seeds.Mix(Own(iteration) + (ulong)i)).Rex(task);
            return Math.Round((double)right / settings.Evaluations, 5);
        }
    }

    private static MadePolicy FineTuned(int length, ulong seed) =>
        MadeSft.Run(PlantedTask.Random(length, Seeds.Derive(seed, "planted", "target", length)), seed);
}
