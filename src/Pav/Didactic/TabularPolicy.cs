namespace Pav.Didactic;

/// <summary>One sequence: its H tokens up to its end (a match, an end-of-sequence, or the length limit), and the automaton's H + 1 states
/// before and after them.</summary>
internal sealed record Episode(int[] Tokens, int[] States)
{
    /// <summary>H.</summary>
    public int Steps => Tokens.Length;

    public int Rex(PlantedTask task) => States[^1] == task.Found ? 1 : 0;
}

/// <summary>A policy over (t, k): the probabilities π(a | t, k), laid out [L, |y*|, vocabulary].</summary>
internal sealed class TabularPolicy
{
    private TabularPolicy(PlantedTask task, double[] probabilities) => (Task, Probabilities) = (task, probabilities);

    public PlantedTask Task { get; }

    public double[] Probabilities { get; }

    public ReadOnlySpan<double> At(int t, int k) => Probabilities.AsSpan(Task.Row(t, k), Task.Vocabulary);

    /// <summary>
    /// The prover of strength γ > 0 (App. B): where the last k tokens match the first k of y*, the next token of y* has weight γ and every
    /// other one weight 1.
    /// γ = 1 is uniform. Worked: 15 tokens, γ = 10: 10/24 for the next token of y*, 1/24 for each of the others.
    /// </summary>
    public static TabularPolicy Prover(PlantedTask task, double gamma)
    {
        if (!(gamma > 0) || !double.IsFinite(gamma))
            throw new UserError($"the prover's strength gamma must be a positive number, it is {gamma}");
        var probabilities = new double[task.TableSize];
        Array.Fill(probabilities, 1 / (gamma + task.Vocabulary - 1));
        for (var t = 0; t < task.Length; t++)
            for (var k = 0; k < task.LiveStates; k++)
                probabilities[task.Row(t, k) + task.Target[k]] = gamma / (gamma + task.Vocabulary - 1);
        return new(task, probabilities);
    }

    /// <summary>π(a | t, k) ∝ exp(logits[t, k, a]).</summary>
    public static TabularPolicy Softmax(PlantedTask task, ReadOnlySpan<double> logits)
    {
        if (logits.Length != task.TableSize)
            throw new ArgumentException($"{logits.Length} logits for a table of {task.TableSize}", nameof(logits));
        var probabilities = logits.ToArray();
        for (var row = 0; row < probabilities.Length; row += task.Vocabulary)
        {
            var actions = probabilities.AsSpan(row, task.Vocabulary);
            var (largest, sum) = (double.NegativeInfinity, 0.0);
            foreach (var x in actions) largest = Math.Max(largest, x);
            foreach (ref var x in actions) sum += x = Math.Exp(x - largest);
            foreach (ref var x in actions) x /= sum;
        }

        return new(task, probabilities);
    }

    /// <summary>One sequence from (t, k) on, with the randomness of a seed: the start of the task by default.</summary>
    public Episode Play(ulong seed, int t = 0, int k = 0)
    {
        var (tokens, states) = (new List<int>(Task.Length - t), new List<int>(Task.Length - t + 1) { k });
        for (; Task.IsLive(t, k); t++)
        {
            var token = Draw(At(t, k), Seeds.Uniform(seed, t));
            tokens.Add(token);
            states.Add(k = Task.Next(k, token));
        }

        return new([.. tokens], [.. states]);
    }

    private static int Draw(ReadOnlySpan<double> probabilities, double u)
    {
        var a = 0;
        while (a < probabilities.Length - 1 && (u -= probabilities[a]) >= 0) a++;
        return a;
    }
}
