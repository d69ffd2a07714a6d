using Pav.Models.Training;

namespace Pav.Models.Tests.Training;

public class CostTests
{
    [Fact]
    public void ATrainingCostsItsStepsAndItsMeasures()
    {
        var options = new TrainOptions { Steps = 250, Batch = 4, Rate = 1e-3, EvaluateEvery = 100 };
        var cost = TrainCost.From(options, tokensPerStep: 100, secondsPerStep: 0.1, secondsPerEvaluation: 2, memory: 7);
        Assert.Equal((25000.0, 3, 31.0, 7L), (cost.Tokens, cost.Evaluations, cost.Seconds, cost.MemoryBytes));
        Assert.Equal((500, 50000.0, 6, 62.0), (cost.Times(2).Steps, cost.Times(2).Tokens, cost.Times(2).Evaluations,
            cost.Times(2).Seconds));
        var unmeasured = TrainCost.From(options, 100, 0.1, null, 7);
        Assert.Equal((0, 25.0), (unmeasured.Evaluations, unmeasured.Seconds));
    }

    /// <summary>The first iteration counts for tokens, but not for time.</summary>
    [Fact]
    public void RlCostsItsIterationsAndItsMeasures()
    {
        var options = new RlOptions { Batch = 4, Samples = 2 };
        var cost = RlCost.From([new(500, 30, 40, 9, 8), new(300, 10, 60, 2, 1)], options, iterations: 10, measured: 40);
        Assert.Equal((80.0, 4000.0, 200.0, 500.0), (cost.Traces, cost.GeneratedTokens, cost.ProverTokens, cost.ScoredTokens));
        Assert.Equal((2000.0, 2.0, 25.0), (cost.MeasuredTokens, cost.SecondsPerIteration, cost.Seconds));
    }
}
