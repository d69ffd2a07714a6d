namespace Pav;

/// <summary>A score z becomes a probability: σ(scale·z + bias).</summary>
public sealed record ScoreCalibration(double Scale, double Bias)
{
    public double Probability(double score) => Platt.Sigmoid(Scale * score + Bias);
}

/// <summary>
/// Puts a verifier's logits z on the natural distribution of labels, from which balanced buckets shift them: P = σ(scale·z + bias) (Platt
/// 1999), fitted by soft-label cross-entropy on held-out data. Worked: z = 0 everywhere and labels of mean 0.25 give scale 1 and bias
/// ln(1/3) = −1.0986.
/// </summary>
public static class Platt
{
    /// <summary>Pulls the scale to 1, so that separable data has a fit: it weighs less than a hundredth of one label.</summary>
    private const double Ridge = 1e-3;

    private const int Iterations = 50;

    /// <summary>The fit; a scale of 0 or below, where labels fall with the logits, becomes the identity.</summary>
    /// <param name="logits">z, any finite numbers, as many as labels.</param>
    /// <param name="labels">Each in [0, 1].</param>
    public static ScoreCalibration Fit(IReadOnlyList<double> logits, IReadOnlyList<double> labels)
    {
        var (scale, bias) = (1.0, 0.0);
        var loss = Loss(scale, bias);
        for (var iteration = 0; iteration < Iterations; iteration++)
        {
            var (ga, gb, haa, hab, hbb) = (Ridge * (scale - 1), Ridge * bias, Ridge, 0.0, Ridge);
            for (var i = 0; i < logits.Count; i++)
            {
                var (z, p) = (logits[i], Sigmoid(scale * logits[i] + bias));
                var (error, weight) = (p - labels[i], p * (1 - p));
                ga += error * z;
                gb += error;
                haa += weight * z * z;
                hab += weight * z;
                hbb += weight;
            }

            var determinant = haa * hbb - hab * hab;
            var (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
            var length = 1.0;
            while (length > 1e-6 && !(Loss(scale - length * da, bias - length * db) < loss)) length /= 2;
            if (length <= 1e-6) break;
            (scale, bias) = (scale - length * da, bias - length * db);
            var after = Loss(scale, bias);
            if (loss - after < 1e-12 * Math.Abs(loss)) break;
            loss = after;
        }

        return scale > 0 ? new(scale, bias) : new(1, 0);

        double Loss(double a, double b)
        {
            var sum = 0.5 * Ridge * ((a - 1) * (a - 1) + b * b);
            for (var i = 0; i < logits.Count; i++) sum += CrossEntropy(a * logits[i] + b, labels[i]);
            return sum;
        }
    }

    /// <summary>ln(q / (1 − q)) of a score in [0, 1], which is kept 1e-4 from both ends: from −9.21 to 9.21.</summary>
    public static double Logit(double q)
    {
        const double edge = 1e-4;
        var inside = Math.Clamp(q, edge, 1 - edge);
        return Math.Log(inside / (1 - inside));
    }

    public static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));

    /// <summary>−y·ln σ(z) − (1 − y)·ln(1 − σ(z)).</summary>
    public static double CrossEntropy(double z, double y) => Math.Max(z, 0) - y * z + Math.Log(1 + Math.Exp(-Math.Abs(z)));
}
