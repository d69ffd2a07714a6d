namespace Pav.Didactic;

/// <summary>Q, V and A of a tabular policy by dynamic programming from the last position back, exact up to rounding (App. B calls them
/// oracle values).</summary>
internal sealed class ExactValues
{
    private readonly double[] q, v;

    private ExactValues(PlantedTask task, double[] q, double[] v) => (Task, this.q, this.v) = (task, q, v);

    public PlantedTask Task { get; }

    /// <summary>Q(t, k, a) of live k, laid out [L, |y*|, vocabulary]; in [0, 1].</summary>
    public IReadOnlyList<double> Table => q;

    public static ExactValues From(TabularPolicy policy)
    {
        var task = policy.Task;
        var q = new double[task.TableSize];
        var v = new double[(task.Length + 1) * (task.Lost + 1)];
        for (var t = 0; t <= task.Length; t++) v[t * (task.Lost + 1) + task.Found] = 1;
        for (var t = task.Length - 1; t >= 0; t--)
            for (var k = 0; k < task.LiveStates; k++)
            {
                var (row, value) = (task.Row(t, k), 0.0);
                for (var a = 0; a < task.Vocabulary; a++)
                {
                    q[row + a] = v[(t + 1) * (task.Lost + 1) + task.Next(k, a)];
                    value += policy.Probabilities[row + a] * q[row + a];
                }

                v[t * (task.Lost + 1) + k] = value;
            }

        return new(task, q, v);
    }

    /// <summary>V(t, k), absorbing states and t = L included.</summary>
    public double V(int t, int k) => v[t * (Task.Lost + 1) + k];

    /// <summary>Q(t, k, a) of a live state.</summary>
    public double Q(int t, int k, int a) => q[Task.Row(t, k) + a];

    /// <summary>A(t, k, a) = Q(t, k, a) − V(t, k) of a live state.</summary>
    public double A(int t, int k, int a) => Q(t, k, a) - V(t, k);

    /// <summary>The chance of finding y* from the start.</summary>
    public double Accuracy => V(0, 0);

    /// <summary>H + 1 values of an episode from the start: <c>q[0] = V(x)</c>, <c>q[h] = Q(s_h, a_h)</c>.</summary>
    public double[] Along(Episode episode) => [.. episode.States.Select((k, t) => V(t, k))];

    /// <summary>
    /// The number right of n rollouts from (t, k). Each is right with probability V(t, k), independently, so the binomial count is drawn
    /// without playing them.
    /// </summary>
    public QEstimate Rollouts(int t, int k, int n, ulong seed) => new(n, Binomial.Draw(n, V(t, k), Seeds.Uniform(seed, 0)));
}
