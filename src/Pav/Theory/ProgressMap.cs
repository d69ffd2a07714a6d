using System.Text.Json.Serialization;

namespace Pav;

/// <summary>Whose progress it is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MapProver>))]
internal enum MapProver
{
    /// <summary>π itself, by the verifier that gives Q.</summary>
    [JsonStringEnumMemberName("bo1")] Bo1,

    /// <summary>Best of 4 or 16 of π, by the verifier that gives Q.</summary>
    [JsonStringEnumMemberName("bo4")] Bo4,
    [JsonStringEnumMemberName("bo16")] Bo16,

    /// <summary>Best of 4 of π, by a second verifier with errors of its own.</summary>
    [JsonStringEnumMemberName("bo4-second")] Bo4Second,

    /// <summary>A policy that takes π's bad steps more often, by a verifier of its own; so are the next two.</summary>
    [JsonStringEnumMemberName("weaker")] Weaker,

    /// <summary>The search itself: the best of the drawn steps by Q^π, in every state.</summary>
    [JsonStringEnumMemberName("guided")] Guided,

    /// <summary>A random policy that has nothing to do with π.</summary>
    [JsonStringEnumMemberName("other")] Other,
}

/// <summary>The kinds of worlds in the map.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MapWorld>))]
internal enum MapWorld
{
    /// <summary>Random trees of 5 steps, a tenth of whose leaves are right, with a share of stalled states.</summary>
    [JsonStringEnumMemberName("random")] Random,

    /// <summary>
    /// Chains of 6 steps, each right with probability 0.5 or a guess with the chance <c>Share</c>; a guess is padded to full length.
    /// </summary>
    [JsonStringEnumMemberName("padded")] Padded,

    /// <summary>The same, but a guess is said at once and ends the trace.</summary>
    [JsonStringEnumMemberName("ended")] Ended,
}

/// <summary>One place of the map.</summary>
/// <param name="Share">How much stalls: the share of stalled states, or π's chance of a guess.</param>
/// <param name="Luck">Chance that a guess is right; of no meaning in random trees.</param>
internal sealed record MapPlace(MapWorld World, double Share, double Luck, VerifierNoise Noise, MapProver Prover, int Beam)
{
    internal GuidedWorld Draw(Chance chance) => World == MapWorld.Random
        ? GuidedWorld.Random(chance, 4, 5, 0.1, Share)
        : GuidedWorld.Guesses(6, 0.5, Share, Luck, World == MapWorld.Ended);
}

/// <summary>What was found there; accuracies and gains are shares of problems.</summary>
/// <param name="OnQ">Accuracy of the beam on Q.</param>
/// <param name="Alphas">The two α that did best, each on one half of the trees and used on the other.</param>
/// <param name="Gain">What progress with that α adds.</param>
/// <param name="AtHalf">What it adds at α = 0.5, untuned.</param>
/// <param name="Level">What Q^μ itself, not its change, adds, with α chosen likewise.</param>
internal sealed record MapCell(MapPlace Place, double OnQ, double[] Alphas, Interval Gain, Interval AtHalf, Interval Level);

/// <summary>Where a beam on Q + αA beats the same beam on Q: exact values, modelled errors, the code's beam.</summary>
/// <param name="trees">Worlds drawn, each with errors and draws of its own; the same ones for every α.</param>
internal sealed class ProgressMap(int trees, ulong seed)
{
    public const int Candidates = 3;

    public static readonly double[] Alphas = [0, 0.25, 0.5, 1, 2, 4, 8];

    public MapCell At(MapPlace place)
    {
        var (progress, level) = (Table(), Table());
        var beam = new GuidedBeam(place.Beam, Candidates);
        for (var i = 0; i < trees; i++)
        {
            ulong Seed(string purpose) => Seeds.Derive(seed, "", purpose, i);
            var world = place.Draw(new(Seed("world")));
            var q = place.Noise.Read(world.Tree, world.Values, Seed("verifier"));
            var mu = Heard(world, q, place, Seed);
            for (var a = 0; a < Alphas.Length; a++)
            {
                progress[a][i] = beam.Answer(world, q, mu, new(Alphas[a]), Seed("draws"));
                level[a][i] = a == 0 ? progress[0][i] : beam.Answer(world, q, mu, new(Alphas[a], Subtract: false), Seed("draws"));
            }
        }

        var (gain, chosen) = Chosen(progress);
        var half = progress[Array.IndexOf(Alphas, 0.5)].Zip(progress[0], (x, y) => x - y).ToList();
        return new(place, progress[0].Average(), chosen, Bootstrap.Mean(gain), Bootstrap.Mean(half), Bootstrap.Mean(Chosen(level).Gain));
    }

    /// <summary>Per tree, the gain over α = 0 of the α that does best on the trees of the other half; of equals, the smallest.</summary>
    internal static (double[] Gain, double[] Alphas) Chosen(double[][] accuracy)
    {
        var gain = new double[accuracy[0].Length];
        var chosen = new double[2];
        for (var half = 0; half < 2; half++)
        {
            var best = Enumerable.Range(0, accuracy.Length).MaxBy(a => accuracy[a].Where((_, i) => i % 2 != half).Average());
            chosen[half] = Alphas[best];
            for (var i = half; i < gain.Length; i += 2) gain[i] = accuracy[best][i] - accuracy[0][i];
        }

        return (gain, chosen);
    }

    private static double[] Heard(GuidedWorld world, double[] q, MapPlace place, Func<string, ulong> seed)
    {
        double[] BestOf(double[] values, int k) => [.. values.Select(v => BestOfK.FromQ(v, k))];
        double[] By(double[] prover) => place.Noise.Read(world.Tree, world.Tree.Values(prover), seed("prover"));
        return place.Prover switch
        {
            MapProver.Bo1 => q,
            MapProver.Bo4 => BestOf(q, 4),
            MapProver.Bo16 => BestOf(q, 16),
            MapProver.Bo4Second => BestOf(place.Noise.Read(world.Tree, world.Values, seed("prover")), 4),
            MapProver.Weaker => By(world.Tree.NaturalGradientStep(world.Policy, [.. world.Tree.Q(world.Values).Select(v => -v)], 2)),
            MapProver.Guided => By(world.Guided(Candidates)),
            _ => By(world.Tree.RandomPolicy(new(seed("policy")))),
        };
    }

    private double[][] Table() => [.. Alphas.Select(_ => new double[trees])];
}
