namespace Pav;

/// <summary>
/// The smallest world in which the theory (Sec. 3.4, App. F) can be checked exactly: every trace takes H of b tokens, steps are
/// deterministic, each leaf has an outcome. Nodes are numbered by level: the problem is 0, the step a from state s leads to <c>b·s + 1 +
/// a</c>; states (inner nodes) come before leaves. A policy is a table of States × b probabilities, row by row; values are one number per
/// node.
/// </summary>
internal sealed class TokenTree
{
    private readonly double[] outcomes;

    /// <param name="steps">Steps to choose from in each state, b ≥ 2.</param>
    /// <param name="depth">Steps of a trace, H ≥ 1.</param>
    /// <param name="outcomes">Rex of the bᴴ leaves.</param>
    public TokenTree(int steps, int depth, double[] outcomes)
    {
        (Steps, Depth, this.outcomes) = (steps, depth, outcomes);
        for (var (level, size) = (0, 1); level < depth; level++, size *= steps) States += size;
        if (outcomes.Length != States * (steps - 1) + 1)
            throw new ArgumentException($"{steps} steps at depth {depth} lead to {States * (steps - 1) + 1} leaves, not {outcomes.Length}");
    }

    public int Steps { get; }

    public int Depth { get; }

    public int States { get; }

    public int Child(int state, int step) => Steps * state + 1 + step;

    /// <summary>V^π of every node; of a leaf, its outcome.</summary>
    public double[] Values(double[] policy)
    {
        var v = new double[States + outcomes.Length];
        outcomes.CopyTo(v, States);
        for (var s = States - 1; s >= 0; s--)
            for (var a = 0; a < Steps; a++) v[s] += policy[s * Steps + a] * v[Child(s, a)];
        return v;
    }

    /// <summary>A(s, a) = V(s·a) − V(s) as a table of States × b.</summary>
    public double[] Advantages(double[] values) => Table((s, a) => values[Child(s, a)] - values[s]);

    /// <summary>Q(s, a) = V(s·a) as a table of States × b.</summary>
    public double[] Q(double[] values) => Table((s, a) => values[Child(s, a)]);

    /// <summary>d^π(s): the chance that a trace passes through each state. Sums to H.</summary>
    public double[] Occupancy(double[] policy)
    {
        var d = new double[States + outcomes.Length];
        d[0] = 1;
        for (var s = 0; s < States; s++)
            for (var a = 0; a < Steps; a++) d[Child(s, a)] = d[s] * policy[s * Steps + a];
        return d[..States];
    }

    /// <summary>One step of natural policy gradient (App. F): <c>π⁺(a|s) ∝ π(a|s)·exp(η·signal(s, a))</c>, η ≥ 0.</summary>
    public double[] NaturalGradientStep(double[] policy, double[] signal, double rate)
    {
        var next = Table((s, a) => policy[s * Steps + a] * Math.Exp(rate * signal[s * Steps + a]));
        for (var s = 0; s < States; s++)
        {
            var row = next.AsSpan(s * Steps, Steps);
            var total = 0.0;
            foreach (var p in row) total += p;
            foreach (ref var p in row) p /= total;
        }

        return next;
    }

    /// <summary>Every trace: its H states, its H steps, its leaf.</summary>
    public IEnumerable<(int[] States, int[] Steps, int Leaf)> Traces()
    {
        for (var leaf = States; leaf < States + outcomes.Length; leaf++)
        {
            var (states, steps) = (new int[Depth], new int[Depth]);
            for (var (h, node) = (Depth - 1, leaf); h >= 0; h--, node = states[h + 1])
            {
                states[h] = (node - 1) / Steps;
                steps[h] = (node - 1) % Steps;
            }

            yield return (states, steps, leaf);
        }
    }

    /// <summary>
    /// The same tree, but below the given states every leaf is right with the state's own V^π: values of all other states stay what
    /// they are.
    /// </summary>
    public TokenTree Stall(double[] policy, bool[] stalled)
    {
        var values = Values(policy);
        var below = (bool[])stalled.Clone();
        for (var node = 1; node < values.Length; node++)
        {
            var parent = (node - 1) / Steps;
            if (below[parent]) values[node] = values[parent];
            if (node < States) below[node] |= below[parent];
        }

        return new(Steps, Depth, values[States..]);
    }

    /// <summary>A tree whose leaves are right with the given chance, at least one of them and not all.</summary>
    public static TokenTree Random(Chance chance, int steps, int depth, double right)
    {
        while (true)
        {
            var outcomes = new double[(int)Math.Round(Math.Pow(steps, depth))];
            for (var i = 0; i < outcomes.Length; i++) outcomes[i] = chance.Uniform() < right ? 1 : 0;
            if (outcomes.Distinct().Count() == 2) return new(steps, depth, outcomes);
        }
    }

    /// <summary>A policy whose logits are standard normal.</summary>
    public double[] RandomPolicy(Chance chance) => NaturalGradientStep(Table((_, _) => 1), Table((_, _) => chance.Normal()), 1);

    private double[] Table(Func<int, int, double> entry)
    {
        var table = new double[States * Steps];
        for (var i = 0; i < table.Length; i++) table[i] = entry(i / Steps, i % Steps);
        return table;
    }
}

/// <summary>A stream of random numbers from a seed.</summary>
internal sealed class Chance(ulong seed)
{
    private long drawn;

    /// <summary>In [0, 1).</summary>
    public double Uniform() => Seeds.Uniform(seed, drawn++);

    /// <summary>Standard normal (Box–Muller).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Uniform())) * Math.Cos(2 * Math.PI * Uniform());
}
