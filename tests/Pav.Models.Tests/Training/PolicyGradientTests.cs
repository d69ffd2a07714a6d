using Pav.Models.Decoders;
using Pav.Models.Cpu;
using Pav.Models.Tokenizers;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Models.Tests.Training;

/// <summary>The gradient without an update, on a model small enough that all traces of two tokens can be listed.</summary>
public class PolicyGradientTests
{
    private static readonly Tokenizer Words = Tokenizer.WordLevel(["Q:", "\n", .. Enumerable.Range(0, 6).Select(i => $" {i}")]);

    private static readonly int[] Prompt = [4, 5];

    /// <summary>log π of two tokens after the prompt.</summary>
    private static double Log(DecoderModel model, int a, int b)
    {
        var values = Trainer.Values(model, [new ReadRow([.. Prompt, a], [Prompt.Length - 1, Prompt.Length])]);
        return PolicyLoss.LogProbabilities(values, [a, b]).Sum(l => (double)l);
    }

    /// <summary>Right are the traces whose tokens are alike; the first of them half as right.</summary>
    private static double Reward(int a, int b) => a != b ? 0 : a == 0 ? 0.5 : 1;

    private static IEnumerable<(int A, int B)> All(DecoderModel model) =>
        from a in Enumerable.Range(0, model.Config.VocabSize) from b in Enumerable.Range(0, model.Config.VocabSize) select (a, b);

    private static double Expected(DecoderModel model) => All(model).Sum(t => Math.Exp(Log(model, t.A, t.B)) * Reward(t.A, t.B));

    /// <summary>Σ over all traces of π·g, each trace's credit its reward less a baseline.</summary>
    private static double[] Mean(DecoderModel model, double baseline)
    {
        using var gradient = new PolicyGradient(model, 64);
        double[]? sum = null;
        foreach (var (a, b) in All(model))
        {
            var credit = Reward(a, b) - baseline;
            if (credit == 0) continue;
            var g = gradient.Compute([new Episode([.. Prompt, a, b], Prompt.Length, [0, 1], [credit, credit], [0, 0])]);
            var chance = Math.Exp(Log(model, a, b));
            sum ??= new double[g.Length];
            for (var i = 0; i < g.Length; i++) sum[i] += chance * g[i];
        }

        return sum!;
    }

    /// <summary>
    /// The mean over all traces is minus the gradient of the expected reward: moving the weights along it changes that as its own length
    /// says (central difference), and a baseline does not change it.
    /// </summary>
    [Fact]
    public void The_mean_over_all_traces_is_the_exact_gradient()
    {
        using var model = TrainingTests.Tiny(Words);
        var mean = Mean(model, 0);
        var squares = mean.Sum(g => g * g);
        foreach (var (plain, less) in mean.Zip(Mean(model, 0.3))) Assert.InRange(less - plain, -1e-5, 1e-5);
        var step = 0.02 / Math.Sqrt(squares);
        Move(model, mean, step);
        var up = Expected(model);
        Move(model, mean, -2 * step);
        var down = Expected(model);
        Assert.InRange((up - down) / (2 * step) / -squares, 0.98, 1.02);
    }

    [Fact]
    public void Nothing_is_applied_and_nothing_is_left_over()
    {
        using var model = TrainingTests.Tiny(Words);
        var before = Expected(model);
        using var gradient = new PolicyGradient(model, 64);
        Episode[] batch = [new([.. Prompt, 6, 7], Prompt.Length, [0, 1], [1, -0.5], [0, 0]),
            new([.. Prompt, 8], Prompt.Length, [0], [2], [0])];
        var first = gradient.Compute(batch);
        Assert.Contains(first, g => g != 0);
        Assert.Equal(first, gradient.Compute(batch));
        Assert.Equal(before, Expected(model));
        // Both episodes alone, averaged.
        foreach (var (together, alone) in first.Zip(gradient.Compute([batch[0]]).Zip(gradient.Compute([batch[1]]), (a, b) => (a + b) / 2)))
            Assert.InRange(together - alone, -1e-5, 1e-5);
    }

    /// <summary>Progress with weight α has (1 − α)·g(Rex) + α·g(Rex + A), the baselines of both included.</summary>
    [Fact]
    public void Gradients_are_linear_in_alpha()
    {
        using var model = TrainingTests.Tiny(Words);
        var problem = Prefix.Root(new("p", " 0", "7"));
        Prefix Trace(int digit) => problem.Then(" 1\n", [6, 5]).Then($" {digit}", [6 + digit], ended: true);
        Prefix[] group = [Trace(2), Trace(1), Trace(3)];
        double[][] values = [[0.1, 0.5, 0.9], [0.1, 0.4, 0.2], [0.1, 0.3, 0.1]];
        var grader = new Grader("twos", 1, text => text.EndsWith(" 2", StringComparison.Ordinal) ? "7" : null, s => s, (a, b) => a == b);
        using var gradient = new PolicyGradient(model, 64);
        float[] At(DenseReward reward, double alpha) => gradient.Compute(Episode.FromBatch(
            [group], reward == DenseReward.None ? null : [values], null, grader,
            new() { Reward = reward, Alpha = alpha, Baseline = RlBaseline.LeaveOneOut }, Words, new("Q:{problem}")));
        var (outcome, whole, third) = (At(DenseReward.None, 0), At(DenseReward.Progress, 1), At(DenseReward.Progress, 0.3));
        Assert.Contains(outcome.Zip(whole), p => Math.Abs(p.First - p.Second) > 1e-3);
        for (var i = 0; i < third.Length; i++) Assert.InRange(third[i] - (0.7 * outcome[i] + 0.3 * whole[i]), -1e-5, 1e-5);
    }

    private static unsafe void Move(DecoderModel model, double[] along, double step)
    {
        var offset = 0;
        foreach (var (_, weight) in model.Trained.OrderBy(w => w.Key, StringComparer.Ordinal))
            for (var i = 0; i < weight.numel; i++) ((float*)weight.data_ptr)[i] += (float)(step * along[offset++]);
    }
}
