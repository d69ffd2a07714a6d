namespace Pav;

/// <summary>
/// A state s_h = (x, a_1 … a_{h-1}) of a reasoning trace, linked to its parent so that beams share their past.
/// A trace is a prefix that has ended (<see cref="Ended"/>): one type. Equality is by content: the problem's id, the
/// text of every step and whether it has ended.
/// </summary>
public sealed class Prefix : IEquatable<Prefix>
{
    private readonly int hash;

    private Prefix(Problem problem, Prefix? parent, string step, IReadOnlyList<int> tokens, bool ended, int tokenCount)
    {
        Problem = problem;
        Parent = parent;
        Step = step;
        Tokens = tokens;
        TokenCount = tokenCount;
        Ended = ended;
        Depth = parent is null ? 0 : parent.Depth + 1;
        hash = HashCode.Combine(parent?.hash ?? problem.Id.GetHashCode(), step, ended);
    }

    public Problem Problem { get; }

    /// <summary>The state before the last step; null for the problem itself.</summary>
    public Prefix? Parent { get; }

    /// <summary>Text of the last step, its newline included; empty for the problem itself.</summary>
    public string Step { get; }

    /// <summary>Ids of the last step as the policy that wrote it produced them (an end-of-sequence id included); empty when it is known
    /// only as text.</summary>
    public IReadOnlyList<int> Tokens { get; }

    /// <summary>Tokens that were generated for the last step: those of <see cref="Tokens"/>, or where the ids are unknown what the
    /// generator said they were (0 if nothing).</summary>
    public int TokenCount { get; }

    /// <summary>True when the trace is over: the policy stopped by itself or reached its token limit.</summary>
    public bool Ended { get; }

    /// <summary>The draw got no usable answer from its server: it ends here, is right nowhere, and labels leave it out.</summary>
    public bool Lost { get; private init; }

    /// <summary>The last step is half written: nothing follows it but its own rest.</summary>
    public bool Half { get; private init; }

    /// <summary>Number of steps; 0 for the problem itself.</summary>
    public int Depth { get; }

    public static Prefix Root(Problem problem) => new(problem, null, "", [], false, 0);

    /// <summary>The state after one more step; <paramref name="tokenCount"/> is for steps without ids.</summary>
    public Prefix Then(string step, IReadOnlyList<int>? tokens = null, bool ended = false, int tokenCount = 0) =>
        Ended ? throw new InvalidOperationException($"problem {Problem.Id}: a trace that has ended cannot be extended")
            : Half ? throw new InvalidOperationException($"problem {Problem.Id}: a half-written step must be finished before the next one")
            : new(Problem, this, step, tokens ?? [], ended, tokens is { Count: > 0 } ? tokens.Count : tokenCount);

    /// <summary>The state within the next step, of which so much is written.</summary>
    public Prefix ThenHalf(string written, IReadOnlyList<int> tokens) =>
        new(Problem, this, written, tokens, false, tokens.Count) { Half = true };

    /// <summary>What stands for a draw that got no usable answer.</summary>
    public Prefix Lose() => new(Problem, this, "", [], true, 0) { Lost = true };

    /// <summary>The states from the problem itself to this one: Depth + 1 of them.</summary>
    public IReadOnlyList<Prefix> Path()
    {
        var path = new Prefix[Depth + 1];
        var prefix = this;
        for (var i = Depth; i >= 0; i--, prefix = prefix.Parent!) path[i] = prefix;
        return path;
    }

    /// <summary>Tokens generated to get here from an ancestor, or from the problem itself.</summary>
    public int TokensSince(Prefix? ancestor = null)
    {
        var tokens = 0;
        for (var node = this; node.Depth > (ancestor?.Depth ?? 0); node = node.Parent!) tokens += node.TokenCount;
        return tokens;
    }

    /// <summary>Text of all steps, without the problem.</summary>
    public string Text => string.Concat(Path().Select(p => p.Step));

    /// <summary>Texts of all steps.</summary>
    public IReadOnlyList<string> Steps => [.. Path().Skip(1).Select(p => p.Step)];

    public bool Equals(Prefix? other)
    {
        var (a, b) = (this, other);
        while (true)
        {
            if (ReferenceEquals(a, b)) return true;
            if (a is null || b is null || a.hash != b.hash || a.Depth != b.Depth) return false;
            if (a.Ended != b.Ended || a.Lost != b.Lost || a.Half != b.Half || a.Step != b.Step) return false;
            if (a.Depth == 0) return a.Problem.Id == b.Problem.Id;
            (a, b) = (a.Parent, b.Parent);
        }
    }

    public override bool Equals(object? obj) => Equals(obj as Prefix);

    public override int GetHashCode() => hash;

    public override string ToString() => Text;
}
