namespace Pav.Tests.Theory;

public class ProgressMapTests
{
    // The example of docs/theory.md: the first step leads to S, where all that follows is right with 0.6; the second to W, from where
    // right, right is right.
    private static readonly TokenTree Tree = new(2, 3, [0.6, 0.6, 0.6, 0.6, 1, 0, 0, 0]);
    private static readonly GuidedWorld Example = GuidedWorld.From(Tree, [.. Enumerable.Repeat(0.5, 14)]);
    private const int S = 1, W = 2, R = 5, AllSteps = 64;

    private static double Beam(int n, double[] mu, double alpha, bool subtract = true) =>
        new GuidedBeam(n, AllSteps).Answer(Example, Example.Values, mu, new(alpha, subtract), 1);

    private static double[] BestOf(int k) => [.. Example.Values.Select(v => BestOfK.FromQ(v, k))];

    [Fact]
    public void The_example_worked_by_hand()
    {
        Assert.Equal([0.425, 0.6, 0.25, 0.6, 0.6, 0.5, 0], Example.Values[..7]);
        Assert.Equal(0.6, Beam(2, Example.Values, 0), 12);
        Assert.Equal((0.6, 1), (Math.Round(Beam(2, Example.Values, 0.39), 12), Beam(2, Example.Values, 0.41)));
        Assert.Equal(0.2539, BestOf(4)[R] - BestOf(4)[W], 4);
        Assert.Equal((0.6, 1), (Math.Round(Beam(2, BestOf(4), 0.39), 12), Beam(2, BestOf(4), 0.40)));
        Assert.All([0.25, 1, 8], alpha => Assert.Equal(0.6, Beam(1, BestOf(4), alpha), 12));
        Assert.All([0.25, 1, 8], alpha => Assert.Equal(0.6, Beam(2, BestOf(4), alpha, subtract: false), 12));
    }

    [Fact]
    public void The_guided_search_as_the_prover_of_the_example()
    {
        var guided = Tree.Values(Example.Guided(AllSteps));
        Assert.Equal([0.6, 0.6, 1], guided[..3].Select(v => Math.Round(v, 9)));
        Assert.All([true, false], subtract =>
        {
            Assert.Equal(0.6, Beam(1, guided, 0.87, subtract), 9);
            Assert.Equal(1, Beam(1, guided, 0.88, subtract), 9);
        });
        Assert.Equal(S, Tree.Child(0, 0));
    }

    [Fact]
    public void A_stalled_state_leaves_all_other_values_as_they_are()
    {
        var chance = new Chance(4);
        var tree = TokenTree.Random(chance, 3, 4, 0.3);
        var policy = tree.RandomPolicy(chance);
        var stall = tree.Stall(policy, [.. Enumerable.Range(0, tree.States).Select(s => s is 2 or 5)]);
        var (before, after) = (tree.Values(policy), stall.Values(policy));
        for (var node = 0; node < before.Length; node++)
        {
            int Above(int n) => n is 2 or 5 ? n : n == 0 ? -1 : Above((n - 1) / 3);
            var stalled = Above(node);
            Assert.Equal(stalled >= 0 ? before[stalled == 5 ? 5 : stalled] : before[node], after[node], 12);
        }
    }

    [Fact]
    public void Values_of_guesses()
    {
        var world = GuidedWorld.Guesses(2, 0.5, 0.2, 0.25);
        // v = 0.5 after one right step + 0.2 · 0.25; at the start 0.5 · 0.55 + 0.2 · 0.25.
        Assert.Equal([0.325, 0.55, 0.25, 0, 0], world.Values[..5].Select(v => Math.Round(v, 12)));
        Assert.False(world.IsOver(2));
        Assert.True(GuidedWorld.Guesses(2, 0.5, 0.2, 0.25, ends: true).IsOver(2));
    }

    [Fact]
    public void A_beam_of_one_answers_as_well_as_the_exact_guided_policy()
    {
        var world = GuidedWorld.Random(new(3), 3, 4, 0.3, 0.3);
        var exact = world.Tree.Values(world.Guided(3))[0];
        var found = Enumerable.Range(0, 20_000).Average(i =>
            new GuidedBeam(1, 3).Answer(world, world.Values, world.Values, new(0), Seeds.Derive(1, "", "draws", i)));
        Assert.Equal(exact, found, 0.015);
        Assert.True(exact > world.Values[0] + 0.05);
    }

    [Fact]
    public void Best_of_K_by_the_same_verifier_never_changes_a_beam_of_one()
    {
        for (var i = 0; i < 200; i++)
        {
            var world = GuidedWorld.Random(new((ulong)i), 4, 4, 0.2, 0.2);
            var q = new VerifierNoise(NoiseKind.Independent, 1).Read(world.Tree, world.Values, (ulong)i);
            double Answer(double alpha) =>
                new GuidedBeam(1, 3).Answer(world, q, [.. q.Select(v => BestOfK.FromQ(v, 4))], new(alpha), (ulong)i);
            Assert.Equal(Answer(0), Answer(2));
        }
    }

    [Theory]
    [InlineData(NoiseKind.Independent, 0, 0)]
    [InlineData(NoiseKind.State, 1, 0)]
    [InlineData(NoiseKind.Path, 0.81, 0.9)]
    public void Errors_have_the_stated_size_and_correlations(object kind, double ofSiblings, double ofParentAndChild)
    {
        const double size = 0.7;
        var tree = new TokenTree(3, 3, new double[27]);
        var half = Enumerable.Repeat(0.5, 40).ToArray();
        var noise = new VerifierNoise((NoiseKind)kind, size);
        var errors = Enumerable.Range(0, 2000)
            .Select(seed => noise.Read(tree, half, (ulong)seed).Select(q => Math.Log(q / (1 - q))).ToArray()).ToList();
        double Moment(int a, int b) => errors.Average(e => e[a] * e[b]) / (size * size);
        const int leaf = 13, sibling = 14, parent = 4;
        Assert.Equal(0, errors.Average(e => e[leaf]), 0.06);
        Assert.Equal(1, Moment(leaf, leaf), 0.15);
        Assert.Equal(ofSiblings, Moment(leaf, sibling), 0.1);
        Assert.Equal(ofParentAndChild, Moment(leaf, parent), 0.1);
    }

    [Fact]
    public void Undetected_mistakes_look_like_the_best_step_and_what_would_follow_it()
    {
        var world = GuidedWorld.Guesses(3, 0.5, 0.2, 0.25);
        Assert.Equal(world.Values, new VerifierNoise(NoiseKind.Undetected, 0).Read(world.Tree, world.Values, 1));
        var blind = new VerifierNoise(NoiseKind.Undetected, 1).Read(world.Tree, world.Values, 1);
        Assert.All(Enumerable.Range(1, 4), node => Assert.Equal(world.Values[1], blind[node]));
        Assert.All(Enumerable.Range(world.Tree.States, 64), leaf => Assert.Equal(1, blind[leaf]));
        var some = new VerifierNoise(NoiseKind.Undetected, 0.3).Read(world.Tree, world.Values, 2);
        Assert.InRange(Enumerable.Range(world.Tree.States, 64).Count(leaf => some[leaf] == 1), 2, 63);
    }

    [Fact]
    public void Alpha_chosen_on_other_trees_gains_nothing_where_there_is_nothing_to_gain()
    {
        var chance = new Chance(9);
        var (chosen, naive) = (0.0, 0.0);
        const int replicates = 400;
        for (var r = 0; r < replicates; r++)
        {
            double[] Coins() => [.. Enumerable.Range(0, 40).Select(_ => chance.Uniform() < 0.5 ? 1.0 : 0)];
            var accuracy = ProgressMap.Alphas.Select(_ => Coins()).ToArray();
            chosen += ProgressMap.Chosen(accuracy).Gain.Average() / replicates;
            naive += (accuracy.Max(a => a.Average()) - accuracy[0].Average()) / replicates;
        }

        // 40 coins differ by 0.11: so does the mean of a replicate, and 400 of them by 0.006.
        Assert.Equal(0, chosen, 0.025);
        Assert.True(naive > 0.06);
    }

    [Fact]
    public void The_map_has_a_region_and_places_without_gain()
    {
        var map = new ProgressMap(200, 1);
        MapCell At(MapWorld world, VerifierNoise noise, int beam = 4) => map.At(new(world, 0.2, 0.25, noise, MapProver.Bo4, beam));
        Assert.True(At(MapWorld.Padded, VerifierNoise.None).Gain.Low > 0.2);
        Assert.True(At(MapWorld.Padded, new(NoiseKind.Undetected, 0.1)).Gain.Low > 0.1);
        Assert.True(At(MapWorld.Padded, new(NoiseKind.State, 1)).AtHalf.High < 0);
        Assert.Equal(0, At(MapWorld.Padded, VerifierNoise.None, 1).Gain.Value);
        Assert.InRange(At(MapWorld.Ended, VerifierNoise.None).Gain.Value, -0.02, 0.02);
        Assert.InRange(At(MapWorld.Random, VerifierNoise.None).Gain.Value, -0.04, 0.04);
    }
}
