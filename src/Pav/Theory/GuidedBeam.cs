namespace Pav;

/// <summary>What a beam ranks a step by.</summary>
/// <param name="Alpha">Weight of what the prover says, α ≥ 0.</param>
/// <param name="Subtract">Progress Q^μ(s, a) − V^μ(s); otherwise Q^μ(s, a) itself, which tells whether it is progress that helps or
/// just a second opinion.</param>
internal readonly record struct BeamScore(double Alpha, bool Subtract = true);

/// <summary>
/// The beam of <see cref="BeamSearch"/> in a world with exact values: what it draws, merges, keeps and answers is the same.
/// </summary>
/// <param name="N">Prefixes kept, at least 1.</param>
/// <param name="Candidates">Steps drawn from each prefix, N times as many at the root.</param>
internal sealed record GuidedBeam(int N, int Candidates)
{
    private readonly List<(int Node, double Score)> steps = [];
    private readonly HashSet<int> drawn = [];

    /// <summary>The chance that the answer is right: that of the finished trace with the highest Q.</summary>
    /// <param name="q">What the verifier says of every node.</param>
    /// <param name="mu">What the prover's verifier says of every node.</param>
    /// <param name="seed">Of the draws: beams with equal seeds draw the same steps from the same states.</param>
    public double Answer(GuidedWorld world, double[] q, double[] mu, BeamScore score, ulong seed)
    {
        var (tree, policy) = (world.Tree, world.Policy);
        var beam = new List<(int Node, double Score)> { (0, 0) };
        while (beam.Exists(b => !world.IsOver(b.Node)))
        {
            steps.Clear();
            drawn.Clear();
            steps.AddRange(beam.Where(b => world.IsOver(b.Node)));
            foreach (var (node, _) in beam)
            {
                if (world.IsOver(node)) continue;
                var stream = Seeds.Mix(seed + (ulong)node);
                for (var k = 0; k < (node == 0 ? N * Candidates : Candidates); k++)
                {
                    var child = tree.Child(node, Draw(policy.AsSpan(node * tree.Steps, tree.Steps), Seeds.Uniform(stream, k)));
                    if (drawn.Add(child)) steps.Add((child, q[child] + score.Alpha * (mu[child] - (score.Subtract ? mu[node] : 0))));
                }
            }

            beam = [.. steps.OrderByDescending(s => s.Score).Take(N)];
        }

        return world.Values[beam.MaxBy(b => q[b.Node]).Node];
    }

    private static int Draw(ReadOnlySpan<double> policy, double uniform)
    {
        var last = 0;
        for (var a = 0; a < policy.Length; a++)
        {
            if (policy[a] <= 0) continue;
            last = a;
            uniform -= policy[a];
            if (uniform < 0) return a;
        }

        return last;
    }
}
