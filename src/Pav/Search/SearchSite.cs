namespace Pav;

/// <summary>What a search runs with: the policy that draws, the verifiers that score, the grader that reads answers.</summary>
/// <param name="Verifier">Of Q^π; null where no method needs it.</param>
/// <param name="Outcome">Outcome verifier; null where no method needs it.</param>
public sealed record SearchTools(IPolicy Policy, Grader Grader, IVerifier? Verifier = null, IVerifier? Outcome = null)
{
    /// <summary>Is told what a search does while it does it; null: nobody watches.</summary>
    public Action<StepNews>? Watch { get; init; }
}

/// <summary>Options that all searches share.</summary>
public sealed record SearchOptions
{
    /// <summary>Next steps sampled from each state (3 in the paper), at least 1.</summary>
    public int Candidates { get; init; } = 3;

    /// <summary>Weight of A^μ in the effective reward, at least 0; searches that rank by Q alone do not read it.</summary>
    public double Alpha { get; init; }

    /// <summary>Whose A^μ; null where no method reads it.</summary>
    public Prover? Prover { get; init; }

    public ulong Seed { get; init; } = 1;

    public Sampling Sampling { get; init; } = new();

    /// <summary>A sequential forest stops when the leading answer is ahead by so much Q; at least 0.</summary>
    public double Settle { get; init; } = 1;

    /// <summary>Tokens of a half-written step where searches reject early; at least 1.</summary>
    public int HalfTokens { get; init; } = 4;

    /// <summary>The share of half-written steps that they finish, above 0 and up to 1.</summary>
    public double HalfKeep { get; init; } = 0.5;

    /// <summary>A forest that grows until it is sure stops when its leading answer is right with this probability; from 0 to 1.</summary>
    public double Sure { get; init; } = 0.95;

    /// <summary>What votes by log-odds weigh by; null where no method reads it.</summary>
    public VoteEvidence? Evidence { get; init; }

    /// <summary>Throws a <see cref="UserError"/> that names the first option out of its range.</summary>
    public void Check()
    {
        if (Candidates < 1) throw new UserError($"candidates per state is {Candidates}; it must be at least 1");
        if (!(Alpha is >= 0 and < double.PositiveInfinity)) throw new UserError($"alpha is {Alpha}; it must be a number of at least 0");
        if (Alpha > 0 && Prover is null) throw new UserError($"alpha is {Alpha}, but no prover is named; name one or set alpha to 0");
        if (!(Settle is >= 0 and < double.PositiveInfinity)) throw new UserError($"settle is {Settle}; it must be a number of at least 0");
        if (HalfTokens < 1) throw new UserError($"half tokens is {HalfTokens}; it must be at least 1");
        if (HalfKeep is not (> 0 and <= 1)) throw new UserError($"half keep is {HalfKeep}; it must be above 0 and at most 1");
        if (Sure is not (>= 0 and <= 1)) throw new UserError($"sure is {Sure}; it must be a number from 0 to 1");
    }
}

/// <summary>One problem under search: draws and scores for it, in step with the other searches of a <see cref="Lockstep"/>.</summary>
public sealed class SearchSite(Problem problem, SearchTools tools, SearchOptions options, Lockstep lockstep)
{
    public Problem Problem => problem;

    public SearchOptions Options => options;

    public Grader Grader => tools.Grader;

    public int Candidates => options.Candidates;

    internal Action<StepNews>? Watch => tools.Watch;

    /// <summary>A tree of steps for this problem.</summary>
    /// <param name="stream">Names the tree's randomness: trees of one problem under different names share nothing.</param>
    public StepTree Tree(string stream) => new(this, stream);

    /// <summary>Traces that share nothing, drawn to their ends: numbers 0 to <paramref name="count"/> − 1 of one sequence.</summary>
    public Task<IReadOnlyList<Prefix>> Samples(int count, Sampling? sampling = null) =>
        lockstep.Extend([.. RepeatedSampling.Draws(problem, options.Seed, 0, count)], Until.TraceEnd, sampling ?? options.Sampling);

    /// <summary>One more step of every draw.</summary>
    public Task<IReadOnlyList<Prefix>> Steps(IReadOnlyList<Draw> draws, Sampling? sampling = null) =>
        lockstep.Extend(draws, Until.StepEnd, sampling ?? options.Sampling);

    /// <summary>Q^π of every step of every prefix, and the prover's values where <paramref name="byProgress"/>.</summary>
    public async Task<IReadOnlyList<StepScores>> Score(IReadOnlyList<Prefix> prefixes, bool byProgress)
    {
        var verifier = tools.Verifier ?? throw new InvalidOperationException("this search needs a verifier");
        var prover = byProgress ? options.Prover : null;
        var asked = lockstep.Score(verifier, prefixes);
        var askedProver = prover?.Verifier is { } other ? lockstep.Score(other, prefixes) : null;
        var policy = await asked;
        var values = askedProver is null ? null : await askedProver;
        return [.. policy.Select((scored, i) => StepScores.From(scored, prover, values?[i]))];
    }

    /// <summary>What the outcome verifier says of whole traces.</summary>
    public Task<IReadOnlyList<Scored>> Outcomes(IReadOnlyList<Prefix> traces) =>
        lockstep.Score(tools.Outcome ?? throw new InvalidOperationException("this choice needs an outcome verifier"), traces);
}

/// <summary>Values of a prefix's states: <c>Q[0] = V(x)</c>, <c>Q[h] = Q(s_h, a_h)</c>; <c>QMu</c> are the prover's, or the policy's where
/// there is none.</summary>
public readonly record struct StepScores(double[] Q, double[] QMu, int Tokens)
{
    internal static StepScores From(Scored policy, Prover? prover, Scored? asked) => new(
        policy.Q, asked?.Q ?? (prover is null ? policy.Q : [.. policy.Q.Select(prover.FromPolicy)]), policy.Tokens + (asked?.Tokens ?? 0));
}
