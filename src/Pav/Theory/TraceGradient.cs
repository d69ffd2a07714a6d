namespace Pav;

/// <summary>
/// The policy gradient Σ_h ∇log π(a_h|s_h)·g_h of a tabular softmax policy over all traces: its exact mean (States × b logits) and its
/// variance, the sum over logits. What rewards a trace and credits its steps is g.
/// </summary>
internal sealed record TraceGradient(double[] Mean, double Variance)
{
    /// <summary>A trace by its states, steps and leaf; the answer is g of each step.</summary>
    public delegate double[] Credit(int[] states, int[] steps, int leaf);

    public static TraceGradient From(TokenTree tree, double[] policy, Credit credit)
    {
        var mean = new double[policy.Length];
        var square = 0.0;
        foreach (var (states, steps, leaf) in tree.Traces())
        {
            var g = credit(states, steps, leaf);
            var chance = 1.0;
            for (var h = 0; h < tree.Depth; h++) chance *= policy[states[h] * tree.Steps + steps[h]];
            for (var h = 0; h < tree.Depth; h++)
            {
                for (var a = 0; a < tree.Steps; a++)
                {
                    var index = states[h] * tree.Steps + a;
                    var part = ((a == steps[h] ? 1 : 0) - policy[index]) * g[h];
                    mean[index] += chance * part;
                    square += chance * part * part;
                }
            }
        }

        return new(mean, square - mean.Sum(m => m * m));
    }

    /// <summary>Each step is credited with its own entry of a States × b table.</summary>
    public static Credit Own(TokenTree tree, double[] table) => (states, steps, _) =>
        [.. states.Zip(steps, (s, a) => table[s * tree.Steps + a])];

    /// <summary>Each step is credited with the sum of the entries from it on.</summary>
    public static Credit ToGo(TokenTree tree, double[] table) => (states, steps, _) =>
    {
        var g = new double[states.Length];
        for (var h = g.Length - 1; h >= 0; h--) g[h] = table[states[h] * tree.Steps + steps[h]] + (h + 1 < g.Length ? g[h + 1] : 0);
        return g;
    };
}
