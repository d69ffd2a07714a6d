namespace Pav;

/// <summary>
/// Majority vote, argmax_y Σ_i w_i·1[y_i = y]: w_i = 1 counts votes, w_i = Q of trace i weighs them. Ties go to the answer given first;
/// traces without an answer do not vote. Worked: answers (7, 8, 7) give 7; with weights (0.2, 0.9, 0.3) they give 8.
/// </summary>
public static class Vote
{
    /// <summary>The answer with most votes; null if no trace has an answer.</summary>
    public static string? Majority(IEnumerable<string?> answers) => Weighted(answers.Select(a => (a, 1.0)));

    /// <summary>The answer with the largest sum of weights (negative ones count against it); null if no trace has an answer.</summary>
    public static string? Weighted(IEnumerable<(string? Answer, double Weight)> votes) =>
        votes.Where(v => v.Answer is not null).GroupBy(v => v.Answer).MaxBy(g => g.Sum(v => v.Weight))?.Key;
}
