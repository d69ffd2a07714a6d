using Pav.Torch;
using static Pav.Models.Tests.Torch.GradientCheck;

namespace Pav.Models.Tests.Torch;

public sealed class FunctionalTests : IDisposable
{
    private readonly DisposeScope scope = torch.NewDisposeScope();

    public FunctionalTests() => torch.manual_seed(1);

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Gradient_of_rms_norm() => Check(x => functional.rms_norm(x[0], x[1], 1e-5), Random(3, 4), Random(4));

    [Fact]
    public void Gradient_of_rotary()
    {
        var (cos, sin) = Tables(3, 4);
        Check(x => functional.rotary(x[0], cos, sin), Random(2, 2, 3, 4));
    }

    [Theory]
    [InlineData(2, 2, true)]
    [InlineData(4, 2, true)]
    [InlineData(4, 1, false)]
    public void Gradient_of_attention(int heads, int kvHeads, bool masked)
    {
        var mask = masked ? torch.full([3, 5], double.NegativeInfinity, torch.float64).triu(3) : null;
        Check(x => functional.attention(x[0], x[1], x[2], mask), Random(2, heads, 3, 4), Random(2, kvHeads, 5, 4),
            Random(2, kvHeads, 5, 4));
    }

    [Fact]
    public void Gradient_of_cross_entropy()
    {
        var targets = torch.tensor(new long[] { 2, -100, 0 });
        Check(x => functional.cross_entropy(x[0], targets), Random(3, 4));
    }

    [Fact]
    public void Gradient_of_soft_binary_cross_entropy()
    {
        var targets = torch.tensor([0.0, 0.25, 1.0, 0.5]);
        var weight = torch.tensor([1.0, 2.0, 0.0, 1.0]);
        Check(x => functional.binary_cross_entropy_with_logits(x[0], targets, weight), Random(4));
    }

    [Fact]
    public void Gradient_of_linear_and_embedding()
    {
        var indices = torch.tensor(new long[] { 1, 0, 1 });
        Check(x => functional.linear(functional.embedding(indices, x[0]), x[1], x[2]), Random(3, 4), Random(2, 4), Random(2));
    }

    [Theory]
    [InlineData("shared")]
    [InlineData("per row")]
    [InlineData("none")]
    public void Attention_with_grouped_heads_is_attention_on_repeated_heads(string kind)
    {
        var (q, k, v) = (Random(2, 4, 3, 8), Random(2, 2, 5, 8), Random(2, 2, 5, 8));
        var mask = kind switch { "shared" => Random(3, 5), "per row" => Random(2, 1, 3, 5), _ => null };
        var scores = q.matmul(k.repeat_interleave(2, 1).transpose(2, 3)) * 0.3;
        if (mask is not null) scores = scores + mask;
        var expected = scores.softmax(-1).matmul(v.repeat_interleave(2, 1));
        Assert.True(functional.attention(q, k, v, mask, 0.3).allclose(expected, 1e-10, 1e-12));
    }

    [Fact]
    public void Rms_norm_by_hand()
    {
        // mean(9, 16) = 12.5
        var result = functional.rms_norm(torch.tensor([3.0, 4.0], 1, 2), torch.tensor([1.0, 2.0]), 0).to_array<double>();
        Assert.Equal(3 / Math.Sqrt(12.5), result[0], 12);
        Assert.Equal(8 / Math.Sqrt(12.5), result[1], 12);
    }

    [Fact]
    public void Rotary_rotates_the_pair_of_halves()
    {
        var (cos, sin) = Tables(3, 2);
        var turned = functional.rotary(torch.tensor([1.0, 0.0], 1, 2), cos.narrow(0, 2, 1), sin.narrow(0, 2, 1)).to_array<double>();
        Assert.Equal(Math.Cos(2), turned[0], 6);
        Assert.Equal(Math.Sin(2), turned[1], 6);
    }

    [Fact]
    public void Rotary_frequencies_by_hand() => Assert.Equal([1, 0.01], functional.rotary_frequencies(4, 10000));

    [Fact]
    public void Soft_binary_cross_entropy_by_hand()
    {
        var loss = functional.binary_cross_entropy_with_logits(torch.tensor([0.0, 2.0]), torch.tensor([0.5, 0.25])).item<double>();
        var sigma = 1 / (1 + Math.Exp(-2));
        Assert.Equal((Math.Log(2) - 0.25 * Math.Log(sigma) - 0.75 * Math.Log(1 - sigma)) / 2, loss, 12);
    }

    [Fact]
    public void Cross_entropy_leaves_out_targets_of_minus_100()
    {
        var logits = torch.tensor([0.0, Math.Log(3), 5.0, 5.0], 2, 2);
        Assert.Equal(Math.Log(4.0 / 3), functional.cross_entropy(logits, torch.tensor(new long[] { 1, -100 })).item<double>(), 12);
    }

    private static (Tensor, Tensor) Tables(int length, int head)
    {
        var (cos, sin) = functional.rotary_tables(functional.rotary_frequencies(head, 10000), length);
        return (cos.to(torch.float64), sin.to(torch.float64));
    }
}
