namespace Pav;

/// <summary>
/// Labels from traces that were drawn for another reason: of the n traces of a group that go through a prefix, c are right. Each goes on
/// from there by itself, so that c/n is unbiased for the Q of the policy that drew them. The end of a trace has its outcome, n = 1.
/// </summary>
internal static class SampledLabels
{
    /// <summary>
    /// The traces of one problem, each with H + 1 counts. Worked: "a b" right and "a c" wrong give 1/2, 1/2, 1/1 and 1/2, 1/2, 0/1.
    /// </summary>
    /// <param name="steps">Where their steps end; null: at newlines.</param>
    public static IReadOnlyList<LabelledTrace> From(IReadOnlyList<Prefix> group, string policy, Grader grader, StepEnd? steps)
    {
        var right = group.SelectMany(trace => trace.Path().Select(prefix => (prefix, Rex: grader.Rex(trace))))
            .ToLookup(p => p.prefix, p => p.Rex);
        return
        [
            .. group.Select((trace, i) =>
            {
                var path = trace.Path();
                return new LabelledTrace(
                    trace.Problem.Id, policy, Labelling.Name(LabelStrategy.Random), i, trace.Steps, [.. path.Skip(1).Select(p => p.Tokens)],
                    grader.Rex(trace), grader.Extract(trace.Text), grader.Id, [.. path.Select(p => p.Ended ? 1 : right[p].Count())],
                    [.. path.Select(p => p.Ended ? grader.Rex(p) : right[p].Sum())], StepEnd: steps?.Recorded);
            }),
        ];
    }

    /// <summary>
    /// Completions of one prefix that was chosen without a look at them: labels from it on, none before, where the choice would show.
    /// Worked: of "a b" and "a c", drawn from "a", the first right: none, 1/2, 1/1 and none, 1/2, 0/1.
    /// </summary>
    public static IReadOnlyList<LabelledTrace> FromBranches(
        Prefix start, IReadOnlyList<Prefix> completions, string policy, Grader grader, StepEnd? steps)
    {
        IReadOnlyList<int> Kept(IReadOnlyList<int> counts) => [.. counts.Select((n, h) => h < start.Depth ? 0 : n)];
        return [.. From(completions, policy, grader, steps).Select(line => line with { N = Kept(line.N), C = Kept(line.C) })];
    }
}
