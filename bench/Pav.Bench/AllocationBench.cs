using Pav.Models.Files;

namespace Pav.Bench;

/// <summary>
/// What adaptive allocation saves. Labels with many completions per prefix give the distribution of Q; for it the error and the number of
/// completions of each plan are summed up
/// over all orders in which right and wrong ones can come: no simulation. Beside it, the fixed n with the same mean squared error, E[Q(1 −
/// Q)] / MSE.
/// </summary>
internal static class AllocationBench
{
    private const int Least = 20;

    private static readonly SequentialPlan[] Plans =
    [
        new(4, 64, 0.3), new(4, 64, 0.25), new(4, 64, 0.2), new(4, 64, 0.15), new(8, 64, 0.15), new(8, 128, 0.12), new(8, 256, 0.1),
            new(8, 256, 0.08), new(4, 64, 0.15, 3), new(8, 256, 0.1, 3),
    ];

    public static void Run(string labels)
    {
        double[] measured = [.. Labels.Read(labels).SelectMany(t => t.N.Zip(t.C)).Where(x => x.First >= Least)
            .Select(x => (double)x.Second / x.First)];
        Table($"{measured.Length:N0} prefixes of {labels}, mean Q {measured.Average():F3}, "
            + $"{measured.Count(q => q is 0 or 1) / (double)measured.Length:P0} of them 0 or 1", measured);
        Table("uniform Q", [.. Enumerable.Range(0, 200).Select(i => (i + 0.5) / 200)]);
    }

    private static void Table(string title, double[] q)
    {
        var noise = q.Average(p => p * (1 - p));
        var ideal = Math.Pow(q.Average(p => Math.Sqrt(p * (1 - p))), 2) / noise;
        Console.WriteLine($"{title}; if Q were known, completions in proportion to its standard deviation would save {1 - ideal:P0}");
        Console.WriteLine($"{"plan",16} {"completions",12} {"fixed n alike",14} {"saved",7} {"by c/n: saved",14} {"mean bias of c/n",17}");
        foreach (var plan in Plans)
        {
            var stops = plan.AtStops().ToList();
            double count = 0, error = 0, plain = 0, bias = 0;
            foreach (var truth in q)
            {
                var (right, wrong, mean) = (Math.Log(Math.Max(truth, 1e-12)), Math.Log(Math.Max(1 - truth, 1e-12)), 0.0);
                foreach (var (n, c, estimate, orders) in stops)
                {
                    var p = Math.Exp(orders * Math.Log(2) + c * right + (n - c) * wrong) / q.Length;
                    count += p * n;
                    error += p * Math.Pow(estimate - truth, 2);
                    plain += p * Math.Pow((double)c / n - truth, 2);
                    mean += p * ((double)c / n - truth);
                }

                bias += Math.Abs(mean);
            }

            Console.WriteLine($"{plan,16} {count,12:F1} {noise / error,14:F1} {1 - count * error / noise,7:P0} "
                + $"{1 - count * plain / noise,14:P0} {bias,17:F4}");
        }
    }
}
