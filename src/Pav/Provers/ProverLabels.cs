namespace Pav;

/// <summary>Labels by one policy: whose completions they count, and where they come from (told in messages).</summary>
public sealed record LabelSource(string From, IReadOnlyList<LabelledState> States)
{
    public string Policy => States[0].Policy;

    /// <summary>Fewest completions after a step that does not end its trace.</summary>
    public int NMc => States.SelectMany(s => s.Next).Where(n => !n.Ended).Select(n => n.N).DefaultIfEmpty(int.MaxValue).Min();

    public long Rollouts => States.Sum(s => s.N + s.Next.Where(n => !n.Ended).Sum(n => (long)n.N));
}

/// <summary>A prover μ to be judged: best-of-K of the base policy, or of another policy that labelled the same steps.</summary>
/// <param name="Other">Index of that policy's labels; null for the base policy's own.</param>
public sealed record ProverCandidate(string Name, int K, int? Other);

/// <summary>The labels of the base policy π and of other policies on the same states and steps, problem by problem.</summary>
public sealed class ProverLabels
{
    private readonly IReadOnlyList<LabelledState>[] others;

    /// <summary>Throws a <see cref="UserError"/> where the labels do not fit together or say nothing of differences between
    /// steps.</summary>
    public ProverLabels(LabelSource policy, IReadOnlyList<LabelSource> others)
    {
        (Policy, Others) = (policy, others);
        States = [.. policy.States.Where(s => s.Next.Sum(n => n.Drawn) > 1)];
        if (States.Count == 0)
            throw new UserError($"{policy.From}: every state has a single step, and one step shows no difference between steps; label "
                + "with --steps-per-state 4 (or more seed traces, for states that they share).");
        this.others = [.. others.Select(Aligned)];
        var index = States.Select(s => s.Problem).Distinct().Select((p, i) => (p, i)).ToDictionary(x => x.p, x => x.i);
        Problems = [.. index.Keys];
        ProblemOf = [.. States.Select(s => index[s.Problem])];
        if (Problems.Count < 2) throw new UserError($"{policy.From} has states of one problem only; intervals need at least 2 problems, "
            + "and many more to be narrow.");
    }

    public LabelSource Policy { get; }

    public IReadOnlyList<LabelSource> Others { get; }

    /// <summary>π's states with two draws or more.</summary>
    public IReadOnlyList<LabelledState> States { get; }

    public IReadOnlyList<string> Problems { get; }

    /// <summary>Index of each state's problem.</summary>
    public IReadOnlyList<int> ProblemOf { get; }

    public long Rollouts => Policy.Rollouts + Others.Sum(o => o.Rollouts);

    /// <summary>Labels of μ's policy at a state: π's own for BoK(π).</summary>
    public LabelledState Find(ProverCandidate candidate, int state) => candidate.Other is { } other ? others[other][state] : States[state];

    /// <summary>Unbiased estimates for the steps of a state.</summary>
    public IReadOnlyList<StepEstimate> Estimates(ProverCandidate candidate, int state)
    {
        var policy = States[state].Next;
        return candidate.Other is null
            ? [.. policy.Select(p => StepEstimate.FromBestOf(candidate.K, p.Q, p.Drawn, p.Ended))]
            : [.. Find(candidate, state).Next.Zip(policy, (m, p) => StepEstimate.FromOther(m.Q, p.Q, candidate.K, p.Drawn, p.Ended))];
    }

    /// <summary>
    /// BoK(π) for each K, then each other policy and its BoK. K asked for must leave something to estimate: n ≥ K + 1 completions for π's
    /// own, K for another's. Without any, those of 1, 2, 4 … 32 for which that holds.
    /// </summary>
    public IReadOnlyList<ProverCandidate> Candidates(IReadOnlyList<int> ks)
    {
        int[] wanted = ks.Count > 0 ? [.. ks.Distinct()] : [1, 2, 4, 8, 16, 32];
        bool Allowed(LabelSource source, int k, int needs) => source.NMc >= needs || (ks.Count > 0
            ? throw new UserError($"bo{k} cannot be judged from {source.From}: its steps have {source.NMc} completions, and unbiased "
                + $"estimates for K = {k} need {needs} for alignment and {2 * k} for distinguishability; label with more --n-mc, or "
                + $"leave {k} out of --k.")
            : false);
        return
        [
            .. wanted.Where(k => Allowed(Policy, k, k + 1)).Select(k => new ProverCandidate(ProverName.From(k), k, null)),
            .. Others.SelectMany((o, i) => wanted.Append(1).Distinct().Order().Where(k => Allowed(o, k, k))
                .Select(k => new ProverCandidate(k == 1 ? o.Policy : $"{ProverName.From(k)} of {o.Policy}", k, i))),
        ];
    }

    private LabelledState[] Aligned(LabelSource other)
    {
        if (other.States.Count > 0 && !other.States.Select(s => s.Problem).Intersect(States.Select(s => s.Problem)).Any())
            throw new UserError($"{other.From} labels other problems than {Policy.From}: they share none (problem "
                + $"{other.States[0].Problem} against {States[0].Problem}).");
        var known = new Dictionary<(string, string), LabelledState>();
        foreach (var state in other.States)
            if (!known.TryAdd(state.Key, state)) throw new UserError($"{other.From} has a state of problem {state.Problem} twice, its "
                + "text cut into other steps; label it with one --step-end.");
        var hint = $"label those very steps: pav label --policy OTHER --states {Policy.From}";
        var aligned = States.Select(s =>
        {
            if (!known.TryGetValue(s.Key, out var o))
                throw new UserError($"{other.From} lacks a state of problem {s.Problem} that {Policy.From} has; {hint}.");
            if (o.Grader != s.Grader)
                throw new UserError($"{other.From} was graded by {o.Grader} and {Policy.From} by {s.Grader}; "
                + "use the same grader for both, and the same version of its rules (the number at the end).");
            var steps = o.Next.ToDictionary(n => (n.Step, n.Ended));
            return o with
            {
                Next = [.. s.Next.Select(n => steps.TryGetValue((n.Step, n.Ended), out var m)
                    ? m : throw new UserError(
                    $"{other.From} lacks the step \"{n.Step.TrimEnd()}\" of problem {s.Problem} that {Policy.From} has; {hint}."))],
            };
        }).ToArray();
        if (aligned.Zip(States).All(x => x.First.Next.Zip(x.Second.Next).All(n => n.First.Q == n.Second.Q)))
            throw new UserError($"{other.From} and {Policy.From} hold the same completions, whose shared noise would pass for agreement; "
                + "label with another --policy or another --seed.");
        return aligned;
    }
}
