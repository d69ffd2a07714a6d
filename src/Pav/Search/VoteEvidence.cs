namespace Pav;

/// <summary>
/// What the Q of a finished trace says of its answer, learned on validation problems: the trace is right with probability p = σ(scale·logit
/// Q + bias), and two wrong traces of a problem give the same answer with probability c. If traces err independently, an answer's posterior
/// is proportional to the product of p / ((1 − p)·c) over its traces; an answer that nobody gave has 1, and there are 1/c + 1 answers in
/// all. Worked: p = 0.5 and 0.5 for 7 and 0.8 for 8, c = 0.1: 7 has 10·10 = 100, 8 has 4·10 = 40, the 9 others 9, so 7 is right with
/// 100/149 = 0.67, though 8 has the highest p.
/// </summary>
public sealed record VoteEvidence(double Scale, double Bias, double Collision)
{
    /// <summary>The probability that a trace of this Q is right.</summary>
    public double Right(double q) => Platt.Sigmoid(Scale * Platt.Logit(q) + Bias);

    /// <summary>ln(p / ((1 − p)·c)): what a trace adds to the logarithm of its answer's posterior.</summary>
    public double Weight(double q) => Scale * Platt.Logit(q) + Bias - Math.Log(Collision);

    /// <summary>The answer with the highest posterior and its probability; (null, 0) where no trace has an answer.</summary>
    public (string? Answer, double Probability) Leading(IEnumerable<Ballot> ballots)
    {
        var sums = ballots.Where(b => b.Answer is not null).GroupBy(b => b.Answer)
            .Select(g => (g.Key, Sum: g.Sum(b => Weight(b.Q)))).ToList();
        if (sums.Count == 0) return (null, 0);
        var best = sums.MaxBy(s => s.Sum);
        var others = Math.Max(0, 1 / Collision + 1 - sums.Count);
        return (best.Key, 1 / (sums.Sum(s => Math.Exp(s.Sum - best.Sum)) + others * Math.Exp(-best.Sum)));
    }

    /// <summary>
    /// Learned from the traces of validation problems: scale and bias by Platt's method, c as the share of pairs of wrong traces of one
    /// problem that agree, one agreement in ten pairs added, so that few pairs do not give 0.
    /// </summary>
    /// <param name="problems">The finished traces of each problem; those without an answer say nothing.</param>
    public static VoteEvidence From(IEnumerable<IReadOnlyList<Ballot>> problems)
    {
        var (logits, labels) = (new List<double>(), new List<double>());
        var (alike, pairs) = (1.0, 10.0);
        foreach (var ballots in problems)
        {
            foreach (var ballot in ballots.Where(b => b.Answer is not null))
            {
                logits.Add(Platt.Logit(ballot.Q));
                labels.Add(ballot.Correct);
            }

            var wrong = ballots.Where(b => b.Answer is not null && b.Correct == 0).ToList();
            pairs += wrong.Count * (wrong.Count - 1.0);
            alike += wrong.GroupBy(b => b.Answer).Sum(g => g.Count() * (g.Count() - 1.0));
        }

        if (logits.Count == 0)
            throw new UserError("no trace of the validation problems has an answer, so nothing can be learned of votes from them");
        var fit = Platt.Fit(logits, labels);
        return new(fit.Scale, fit.Bias, alike / pairs);
    }
}

/// <summary>A finished trace in a vote.</summary>
/// <param name="Answer">Null where it has none.</param>
/// <param name="Q">Q^π at its end.</param>
/// <param name="Correct">1 if the answer is right, else 0; a vote does not read it.</param>
public readonly record struct Ballot(string? Answer, double Q, int Correct = 0);
