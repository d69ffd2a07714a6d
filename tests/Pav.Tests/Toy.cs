namespace Pav.Tests;

/// <summary>
/// A policy with exactly known Q. Four lines, then the answer: while all is well a line is <c>ok</c>, <c>idle</c> or the fatal <c>slip</c>;
/// after a slip it is
/// <c>on</c> or, rarely, <c>fix</c>. The answer is 1 (right) or 0. Every line has two tokens, the answer three.
/// </summary>
internal static class Toy
{
    private const int Lines = 4;

    public static Problem Problem(int i) => new($"toy-{i}", $"Toy {i}", "1", i % 3);

    public static IReadOnlyList<Problem> Problems(int count) => [.. Enumerable.Range(0, count).Select(Problem)];

    public static Prefix Step(Prefix prefix, double u)
    {
        if (prefix.Depth == Lines) return prefix.Then($"Answer: {(Broken(prefix) ? 0 : 1)}", [7, 8, 9], ended: true);
        var (step, _) = Choices(Broken(prefix), prefix.Problem.Level).First(c => (u -= c.Probability) < 0 || c.Step is "on\n" or "idle\n");
        return prefix.Then(step, [step.Length, step[0]]);
    }

    public static double Q(Prefix prefix) =>
        prefix.Half ? Q(prefix.Parent!)
        : prefix.Ended ? Grader.Numeric.Rex(prefix)
        : Q(Lines - prefix.Depth, Broken(prefix), prefix.Problem.Level);

    /// <summary>The first of a step's tokens, which is its first letter.</summary>
    public static Prefix Half(Prefix step) => step.Parent!.ThenHalf(step.Step[..1], [step.Tokens[0]]);

    private static double Q(int left, bool broken, int level) =>
        left == 0 ? (broken ? 0 : 1) : Choices(broken, level)
            .Sum(c => c.Probability * Q(left - 1, c.Step == "slip\n" || (broken && c.Step != "fix\n"), level));

    private static (string Step, double Probability)[] Choices(bool broken, int level) =>
        broken ? [("fix\n", 0.2), ("on\n", 0.8)] : [("ok\n", 0.65 - 0.1 * level), ("slip\n", 0.15 + 0.1 * level), ("idle\n", 0.2)];

    private static bool Broken(Prefix prefix) => prefix.Steps.LastOrDefault(s => s is "slip\n" or "fix\n") == "slip\n";
}

internal sealed class ToyPolicy(string name = "toy") : IPolicy
{
    public string Name => name;

    public List<int> Calls { get; } = [];

    public List<Draw> Draws { get; } = [];

    public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        Calls.Add(draws.Count);
        Draws.AddRange(draws);
        return Task.FromResult<IReadOnlyList<Prefix>>([.. draws.Select(d =>
        {
            var current = d.Prefix.Half ? d.Prefix.Parent! : d.Prefix;
            for (var k = 0; !current.Ended && (k == 0 || until == Until.TraceEnd); k++)
                current = Toy.Step(current, Seeds.Uniform(d.Seed, k));
            if (d.Prefix.Half) Assert.StartsWith(d.Prefix.Step, current.Path()[d.Prefix.Depth].Step);
            var stops = until == Until.StepEnd && sampling.StepTokens == 1 && !d.Prefix.Half && !d.Prefix.Ended;
            return stops ? Toy.Half(current) : current;
        })]);
    }
}

/// <summary>Exact Q of the toy.</summary>
internal sealed class ToyExact : IVerifier
{
    public string Name => "exact";

    public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
        Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p => new Scored([.. p.Path().Select(Toy.Q)], p.Tokens.Count))]);
}

/// <summary>Q with an error that depends on the prefix's text, so that ranks differ from the exact ones.</summary>
internal sealed class ToyNoisy(ulong seed, double error = 0.4) : IVerifier
{
    public string Name => $"noisy-{seed}";

    public int Calls { get; private set; }

    public double Q(Prefix p) => (1 - error) * Toy.Q(p) + error * Seeds.Uniform(Seeds.Derive(seed, p.Problem.Id, p.Text, 0), 0);

    public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        Calls++;
        return Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p => new Scored([.. p.Path().Select(Q)], p.Tokens.Count))]);
    }
}
