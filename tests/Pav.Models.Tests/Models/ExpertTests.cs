using Pav.Models.Decoders;

namespace Pav.Models.Tests.Models;

public class ExpertTests
{
    [Theory]
    [InlineData(false, 0.5f, 0.3f)]
    [InlineData(true, 0.625f, 0.375f)]
    public void TheMostProbableAreChosen(bool normalised, float first, float second)
    {
        var (chosen, weights) = (new int[2], new float[2]);
        new Experts(4, 2, 8, normalised, 1, []).Route([0.1f, 0.5f, 0.1f, 0.3f], chosen, weights);
        Assert.Equal([1, 3], chosen);
        Assert.Equal(first, weights[0], 6);
        Assert.Equal(second, weights[1], 6);
    }

    [Fact]
    public void OfEqualsTheFirstAreChosen()
    {
        var chosen = new int[2];
        new Experts(3, 2, 8, true, 1, []).Route([0.3f, 0.4f, 0.3f], chosen, new float[2]);
        Assert.Equal([0, 1], chosen);
    }

    /// <summary>Every second layer, less those that are named.</summary>
    [Fact]
    public void SomeLayersHaveNone()
    {
        var experts = new Experts(4, 2, 8, true, 2, [3]);
        Assert.Equal([1, 5], Enumerable.Range(0, 7).Where(experts.IsIn));
    }
}
