using Pav.Models.Engine;

namespace Pav.Models.Tests.Models;

public class TokenSamplerTests
{
    [Theory]
    [InlineData(0.0, 0, float.NaN)]
    [InlineData(0.0, 2, float.NaN)]
    [InlineData(1.0, 2, float.NaN)]
    [InlineData(1.0, 1, float.PositiveInfinity)]
    public void Logits_that_are_no_numbers_are_told_with_the_models_name(double temperature, int index, float bad)
    {
        float[] logits = [1, 2, 3];
        logits[index] = bad;
        var error = Assert.Throws<UserError>(() => new TokenSampler("runs/base").Draw(logits, new(temperature), 0.5));
        Assert.StartsWith($"runs/base: the logit of token {index} is", error.Message);
    }

    [Fact]
    public void Forbidden_tokens_are_never_drawn()
    {
        float[] logits = [float.NegativeInfinity, 2, float.NegativeInfinity, 2];
        var sampler = new TokenSampler("toy");
        Assert.All(Enumerable.Range(0, 100), i => Assert.Contains(sampler.Draw(logits, new(), i / 100.0), new[] { 1, 3 }));
        Assert.Equal(1, sampler.Draw(logits, new(0), 0.9));
    }
}
