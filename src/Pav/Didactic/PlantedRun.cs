namespace Pav.Didactic;

internal enum GradientMethod
{
    Adam,

    /// <summary>Plain gradient descent.</summary>
    Sgd,
}

/// <summary>What all training runs of an experiment share.</summary>
/// <param name="Batch">Sequences of one iteration.</param>
/// <param name="Evaluations">Sequences by which an accuracy is measured.</param>
internal sealed record PlantedSettings(double Alpha = 1, int Batch = 64, double AdamRate = 1e-3, double SgdRate = 0.5,
    int Evaluations = 512)
{
    public double RateOf(GradientMethod method) => method == GradientMethod.Adam ? AdamRate : SgdRate;
}

/// <summary>
/// One training run on the planted task: fine-tuning on sequences of the prover of strength 5, then policy gradient. The seed stands for
/// the planted sequence, the network's first weights and all samples.
/// </summary>
/// <param name="Length">|y*|.</param>
/// <param name="Gamma">Strength of the prover; null for rewards without one.</param>
/// <param name="Rollouts">Monte Carlo rollouts of each value; 0: exact values.</param>
/// <param name="Iterations">Of policy gradient.</param>
internal sealed record PlantedRun(int Length, StepReward Reward, double? Gamma, GradientMethod Method, int Rollouts, ulong Seed,
    int Iterations)
{
    /// <summary>The run itself, however long it goes on.</summary>
    public PlantedRun Kind() => this with { Iterations = 0 };

    /// <summary>Does the reward need a prover?</summary>
    public static bool HasProver(StepReward reward) => reward is not (StepReward.Outcome or StepReward.APi);
}

/// <summary>What came of a run.</summary>
/// <param name="Target">y*.</param>
/// <param name="Start">Accuracy after fine-tuning, in [0, 1], of full precision however small.</param>
/// <param name="AfterHundred">The same after 100 iterations; null if there were fewer.</param>
/// <param name="Curve">Accuracy after 0, 10, 20 … iterations, from samples.</param>
/// <param name="Seconds">Spent in iterations, evaluations not counted.</param>
internal sealed record PlantedRow(PlantedRun Run, IReadOnlyList<int> Target, double Start, double? AfterHundred,
    IReadOnlyList<double> Curve, double Seconds)
{
    /// <summary>Iterations between points of <see cref="Curve"/>.</summary>
    public const int Every = 10;

    /// <summary>The iteration for <see cref="AfterHundred"/>.</summary>
    public const int Hundred = 100;

    /// <summary>Iterations until the accuracy was measured at a level or above; null if it never was.</summary>
    public int? Reached(double level)
    {
        for (var i = 0; i < Curve.Count; i++)
            if (Curve[i] >= level) return i * Every;
        return null;
    }

    /// <summary>Mean accuracy over the first iterations.</summary>
    public double MeanOver(int iterations) => Curve.Take(iterations / Every + 1).Average();
}
