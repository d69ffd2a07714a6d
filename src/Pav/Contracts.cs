namespace Pav;

/// <summary>One draw: extend <paramref name="Prefix"/> with the randomness of <paramref name="Seed"/> (see <see cref="Seeds"/>) and of
/// nothing else.</summary>
public readonly record struct Draw(Prefix Prefix, ulong Seed);

/// <summary>Where a draw stops.</summary>
public enum Until
{
    /// <summary>After one more step (or the trace's end, whichever comes first).</summary>
    StepEnd,

    /// <summary>When the trace is over.</summary>
    TraceEnd,
}

/// <summary>
/// How tokens are drawn. Temperature 0 is greedy. TopK 0 and TopP 1 are off. MaxTokens bounds the tokens of a whole trace
/// (all its steps, the problem not counted): a trace that reaches it ends there.
/// </summary>
[Section("Sampling")]
public sealed record Sampling(
    [property: Flag("Temperature", Min = 0, AboveMin = true, Max = 10)] double Temperature = 1.0,
    [property: Flag("Draw from the K likeliest tokens only; 0 is off", Min = 0)] int TopK = 0,
    [property: Flag("Draw from the likeliest tokens with this much probability; 1 is off", Min = 0, AboveMin = true,
        Max = 1)] double TopP = 1.0,
    [property: Flag("Most tokens of a trace", Min = 1, Max = 1048576)] int MaxTokens = 256)
{
    /// <summary>
    /// A draw of one step stops after so many tokens of it, half written (<see cref="Prefix.Half"/>), where the step is not over by then;
    /// 0 is off. Finished with the same seed it is the step that would have been drawn at once. Servers cannot do it.
    /// </summary>
    public int StepTokens { get; init; }

    /// <summary>Throws where a value is out of range.</summary>
    public void Check()
    {
        if (Temperature < 0 || TopK < 0 || TopP is <= 0 or > 1 || MaxTokens < 1 || StepTokens < 0)
            throw new UserError($"{this} is out of range: temperature ≥ 0, top-k ≥ 0, 0 < top-p ≤ 1, at least one token, step tokens ≥ 0");
    }
}

/// <summary>Everything that generates: π and μ.</summary>
public interface IPolicy
{
    string Name { get; }

    /// <summary>
    /// Extends each draw's prefix; answer i belongs to draw i and is a descendant of its prefix with one node per new step.
    /// Equal draws give equal answers, whatever else is in the call. Many draws at once is the fast way.
    /// A draw whose prefix has ended comes back as it is; one whose prefix ends in a half-written step goes on with that step and has it
    /// whole.
    /// </summary>
    Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default);
}

/// <summary>What a verifier says of one prefix: <c>Q[0] = V(x)</c>, <c>Q[h] = Q(s_h, a_h)</c> for each of its H steps, in [0, 1]; and what
/// that cost.</summary>
/// <param name="Q">H + 1 values.</param>
/// <param name="Tokens">Tokens read for this answer, those already in a cache not counted.</param>
public sealed record Scored(double[] Q, int Tokens);

/// <summary>Everything that scores: outcome, value and advantage verifiers, Monte Carlo oracles, exact tables.</summary>
public interface IVerifier
{
    string Name { get; }

    /// <summary>Scores every step of every prefix.</summary>
    Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default);

    /// <summary>Forgets caches that follow a search.</summary>
    void Reset() { }
}
