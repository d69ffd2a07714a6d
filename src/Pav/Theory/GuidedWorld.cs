namespace Pav;

/// <summary>
/// A tree of steps for a search whose continuation is not π: exact values, and states in which no step helps any more. Below such a stalled
/// state every leaf is right with the same chance, the state's own V^π: so values of π are what they would be without it, for every state
/// that is left.
/// </summary>
/// <param name="Values">V^π of every node of the tree.</param>
/// <param name="Ended">True of nodes where a trace is over before the tree is: premature answers. Empty: traces end in leaves only.</param>
internal sealed record GuidedWorld(TokenTree Tree, double[] Policy, double[] Values, bool[] Ended)
{
    public bool IsOver(int node) => node >= Tree.States || (Ended.Length > 0 && Ended[node]);

    public static GuidedWorld From(TokenTree tree, double[] policy) => new(tree, policy, tree.Values(policy), []);

    /// <summary>
    /// A random tree with a random policy; each state but the problem is stalled with a chance of <paramref name="share"/>.
    /// </summary>
    /// <param name="right">Chance that a leaf is right before any state is stalled.</param>
    public static GuidedWorld Random(Chance chance, int steps, int depth, double right, double share)
    {
        var tree = TokenTree.Random(chance, steps, depth, right);
        var policy = tree.RandomPolicy(chance);
        var stalled = new bool[tree.States];
        for (var s = 1; s < tree.States; s++) stalled[s] = chance.Uniform() < share;
        return From(tree.Stall(policy, stalled), policy);
    }

    /// <summary>
    /// A chain of <paramref name="depth"/> steps, each of them right (the first of four steps), a guess (the second), or wrong (the
    /// others). A trace of right steps is right, one with a wrong step is wrong; a guess is right with a fixed chance, and what is written
    /// after it is padding.
    /// </summary>
    /// <param name="right">π of the right step.</param>
    /// <param name="guess">π of the guess; the wrong steps share the rest.</param>
    /// <param name="luck">Chance that a guess is right.</param>
    /// <param name="ends">A guess ends the trace at once, in place of padding.</param>
    public static GuidedWorld Guesses(int depth, double right, double guess, double luck, bool ends = false)
    {
        const int steps = 4;
        var wrong = (1 - right - guess) / 2;
        var states = (int)((Math.Pow(steps, depth) - 1) / (steps - 1));
        var fate = new double[states * steps + 1];
        var (ended, policy) = (new bool[fate.Length], new double[states * steps]);
        Array.Fill(fate, double.NaN);
        for (var s = 0; s < states; s++)
        {
            for (var a = 0; a < steps; a++)
            {
                var child = steps * s + 1 + a;
                policy[s * steps + a] = !double.IsNaN(fate[s]) ? 1.0 / steps : a switch { 0 => right, 1 => guess, _ => wrong };
                fate[child] = !double.IsNaN(fate[s]) ? fate[s] : a switch { 0 => double.NaN, 1 => luck, _ => 0 };
                ended[child] = ends && fate[child] == luck;
            }
        }

        var leaves = fate[states..].Select(f => double.IsNaN(f) ? 1 : f).ToArray();
        return From(new(steps, depth, leaves), policy) with { Ended = ends ? ended : [] };
    }

    /// <summary>
    /// The policy of a search that draws c steps of π in each state and takes the one of the highest value (the first of equals): its
    /// values are what a beam of one reaches from a state, which Q^π, the value of going on unguided, is not.
    /// </summary>
    public double[] Guided(int candidates)
    {
        var guided = new double[Policy.Length];
        var b = Tree.Steps;
        for (var s = 0; s < Tree.States; s++)
        {
            for (var a = 0; a < b; a++)
            {
                var (below, upTo, equal) = (0.0, 0.0, 0.0);
                for (var other = 0; other < b; other++)
                {
                    var p = Policy[s * b + other];
                    var difference = Values[Tree.Child(s, other)] - Values[Tree.Child(s, a)];
                    if (difference < 0) below += p;
                    if (difference <= 0) upTo += p;
                    if (difference == 0) equal += p;
                }

                // The chance that the best of c draws has this value, shared among equals as π shares it.
                if (equal > 0) guided[s * b + a] = (Math.Pow(upTo, candidates) - Math.Pow(below, candidates)) * Policy[s * b + a] / equal;
            }

            var total = guided.AsSpan(s * b, b).ToArray().Sum();
            for (var a = 0; a < b; a++) guided[s * b + a] /= total;
        }

        return guided;
    }
}
