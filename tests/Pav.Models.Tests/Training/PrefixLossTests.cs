using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Models.Tests.Training;

/// <summary>Objectives of verifiers: worked numbers, and gradients against finite differences and libtorch.</summary>
public class PrefixLossTests
{
    private static readonly ReadRow[] Rows = [new([1, 2, 3], [0, 1, 2]), new([4], [0]), new([1, 2, 3, 4], [0, 1, 2, 3])];

    private static PrefixTargets[] Targets(int heads) =>
    [
        new([0.25, 0.5, 1], [1, 0.5, 2], [.. Enumerable.Range(0, heads).Select(k => 1.0 + k)], [true, true, false]),
        new([0.4], [1], [.. Enumerable.Range(0, heads).Select(k => 2.0 - k)], [false]),
        new([0.5, 0, 0, 1], [1, 1, 1, 3], [.. Enumerable.Range(0, heads).Select(_ => 1.0)], [true, false, true, false]),
    ];

    /// <summary>The loss at all places together, and its gradient.</summary>
    private static (double Loss, float[] Gradient) At(PrefixLoss loss, float[] values, int heads)
    {
        loss.Before!(0, values);
        var gradient = new float[values.Length];
        var sum = Enumerable.Range(0, values.Length / heads).Sum(place =>
            loss.At(place, values.AsSpan(place * heads, heads), gradient.AsSpan(place * heads, heads)));
        return (sum, gradient);
    }

    [Theory]
    [InlineData(PrefixLossKind.Soft, 1)]
    [InlineData(PrefixLossKind.Soft, 2)]
    [InlineData(PrefixLossKind.Rank, 1)]
    [InlineData(PrefixLossKind.Rank, 2)]
    [InlineData(PrefixLossKind.Td, 1)]
    [InlineData(PrefixLossKind.Td, 2)]
    public void Gradients_are_those_of_finite_differences_and_of_libtorch(PrefixLossKind kind, int heads)
    {
        var loss = new PrefixLoss(Rows, Targets(heads), new(kind, 0.4, 2, heads), 0.25);
        float[] values = [.. Enumerable.Range(0, 8 * heads).Select(i => (float)Math.Sin(3 * i + 1))];
        var (sum, gradient) = At(loss, values, heads);
        const float step = 1 / 64f;
        for (var i = 0; i < values.Length; i++)
        {
            // A target that is read off the next prefix is held fixed: its place is moved where nothing reads it.
            double Moved(float by)
            {
                float[] moved = [.. values.Select((v, j) => j == i ? v + by : v)];
                var place = i / heads;
                var all = At(loss, moved, heads).Loss;
                if (kind != PrefixLossKind.Td || place is 0 or 3 or 4 or 6) return all;
                return all - Before(moved, place) + Before(values, place);
            }

            double Before(float[] at, int place)
            {
                var other = new float[heads];
                At(loss, at, heads);
                return loss.At(place - 1, at.AsSpan((place - 1) * heads, heads), other);
            }

            Assert.Equal((Moved(step) - Moved(-step)) / (2 * step), gradient[i], 1e-4);
        }

        using var scope = torch.NewDisposeScope();
        using var z = torch.tensor(values, 8, heads);
        z.requires_grad = true;
        var expected = loss.Sum(z);
        Assert.Equal(sum, expected.item<double>(), 1e-5);
        expected.backward();
        Assert.All(z.grad!.to_array<float>().Zip(gradient), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public void The_rank_loss_has_a_worked_number()
    {
        // Labels 1 and 0, scores 3 and 1, margin 4: softplus(4 - 2) = 2.126928, once for each of two labels, by the factor 0.5.
        PrefixTargets[] one = [new([1, 0], [1, 1], [1], [true, false])];
        var loss = new PrefixLoss([new([1, 2], [0, 1])], one, new(PrefixLossKind.Rank, 1, 4), 0.5);
        var (sum, gradient) = At(loss, [3, 1], 1);
        Assert.Equal(2.126928, sum, 5);
        Assert.Equal(-0.880797, gradient[0], 5); // -sigma(2)
        Assert.Equal(0.880797, gradient[1], 5);
        Assert.Equal(0, At(new PrefixLoss([new([1, 2], [0, 1])], [new([0.5, 0.5], [1, 1], [1], [true, false])],
            new(PrefixLossKind.Rank, 1), 0.5), [3, 1], 1).Loss);
    }

    [Fact]
    public void A_TD_target_is_worked_and_held_fixed()
    {
        // 0.5·0.25 + 0.5·σ(2) = 0.565399; at z = 0 the gradient is 0.5 − that; the last one has its label.
        var loss = new PrefixLoss([new([1, 2], [0, 1])], [new([0.25, 1], [1, 1], [1], [true, false])], new(PrefixLossKind.Td, 0.5), 1);
        var gradient = At(loss, [0, 2], 1).Gradient;
        Assert.Equal(-0.065399, gradient[0], 5);
        Assert.Equal(0.880797 - 1, gradient[1], 5);
    }

    /// <summary>At z = 0 the gradient is (0.5 − target) / 2: of σ(2) = 0.880797, read off the next prefix, or of the label 0.25.</summary>
    [Theory]
    [InlineData(1, false, -0.190399)]
    [InlineData(1, true, 0.125)]
    [InlineData(2, false, 0.125)]
    public void Only_the_very_next_prefix_of_a_trace_by_the_policy_is_a_TD_target(int second, bool visited, double expected)
    {
        var trace = new LabelledTrace("p", "π", "random", 0, ["a\n", "b"], [[], []], 1, "2", "exact", [4, 4, 1], [1, 4, 1],
            Visited: visited ? [] : null);
        var row = new VerifierRow(trace, [1, 2, 3], [0, 1, 2], [0, second], [0.25, 1]);
        var batch = VerifierScores.Batch([(row, [1, 1])], new(PrefixLossKind.Td, 1), new());
        Assert.Equal(expected, At((PrefixLoss)batch.Parts.Single(), [0, 2], 1).Gradient[0], 5);
    }

    [Fact]
    public void Heads_draw_problems_as_a_bootstrap_does()
    {
        var objective = new PrefixObjective(Heads: 4);
        var counts = Enumerable.Range(0, 5000).Select(i => objective.Weight($"p{i}", i % 4)).ToList();
        Assert.Equal(1, counts.Average(), 0.05);
        Assert.Equal(1, counts.Average(c => (c - 1) * (c - 1)), 0.07);
        Assert.Equal(Math.Exp(-1), counts.Count(c => c == 0) / 5000.0, 0.02);
        Assert.NotEqual(Enumerable.Range(0, 20).Select(i => objective.Weight($"p{i}", 0)), Enumerable.Range(0, 20)
            .Select(i => objective.Weight($"p{i}", 1)));
        Assert.Equal(1, new PrefixObjective().Weight("p", 0));
    }
}
