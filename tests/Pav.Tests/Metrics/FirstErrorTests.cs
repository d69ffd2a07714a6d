namespace Pav.Tests.Metrics;

public class FirstErrorTests
{
    private static readonly MarkedScores[] Traces =
    [
        new(1, [0.9, 0.2, 0.1]),    // found
        new(2, [0.4, 0.3, 0.2]),    // an earlier step is called wrong
        new(-1, [0.9, 0.8]),        // none found, rightly
        new(-1, [0.9, 0.6]),
        new(-1, [0.7]),
        new(-1, [0.9, 0.45]),       // one found, wrongly
    ];

    [Fact]
    public void Accuracies_and_their_harmonic_mean()
    {
        var result = FirstError.From(Traces, 0.5);
        Assert.Equal((2, 4, 0.5, 0.75), (result.TracesWithError, result.CorrectTraces, result.ErrorAccuracy, result.CorrectAccuracy));
        Assert.Equal(0.6, result.F1!.Value, 12);
    }

    [Fact]
    public void A_score_at_the_threshold_is_right() =>
        Assert.Equal((-1, 0), (FirstError.Predicted([0.5], 0.5), FirstError.Predicted([0.5], 0.500001)));

    [Fact]
    public void The_tuned_threshold_is_the_best_there_is()
    {
        // At most 0.3 finds both wrong steps of the first two traces, above 0.2, and calls none of the others wrong.
        var best = FirstError.BestThreshold(Traces);
        Assert.Equal(0.3, best);
        Assert.Equal(1, FirstError.From(Traces, best).F1);
        Assert.Equal(0.5, FirstError.BestThreshold([new(-1, [0.9]), new(0, [0.1])]));
    }

    [Fact]
    public void What_cannot_be_measured_is_null_and_no_hit_is_zero()
    {
        Assert.Null(FirstError.From([new(-1, [0.9])], 0.5).F1);
        Assert.Equal(0, FirstError.From([new(-1, [0.1]), new(0, [0.9])], 0.5).F1);
    }
}
