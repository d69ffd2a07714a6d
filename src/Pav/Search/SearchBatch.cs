using System.Diagnostics;

namespace Pav;

/// <summary>A method under the options with which its rows are told apart.</summary>
public sealed record SearchCase(SearchMethod Method, SearchOptions Options)
{
    /// <summary>What names a row among those of its problem.</summary>
    public RowKey Key(string problem, int n) => new(
        problem, Method.Id, n, Method.HasProver ? Options.Alpha : null, Method.HasProver ? Options.Prover?.Name : null, Options.Seed);
}

/// <summary>What makes a row of a search's file the only one of its kind.</summary>
public readonly record struct RowKey(string Problem, string Method, int N, double? Alpha, string? Prover, ulong Seed)
{
    public static RowKey From(SearchRow row) => new(row.Problem, row.Method, row.N, row.Alpha, row.Prover, row.Seed);
}

/// <summary>
/// A search's row, its tree (none where the search has none or it was not asked for), and the trace that it answers with.
/// </summary>
public sealed record SearchResult(SearchRow Row, SearchTree? Tree, Candidate Chosen);

/// <summary>Runs one search on many problems together and answers by every choice that is asked for.</summary>
public static class SearchBatch
{
    /// <summary>One method at one size; results in the order of the problems.</summary>
    public static Task<IReadOnlyList<SearchResult>> Run(
        IReadOnlyList<Problem> problems, SearchMethod method, int n, SearchTools tools, SearchOptions options, bool trees = false,
            CancellationToken cancel = default) =>
        Run(problems, [new(method, options)], [n], tools, trees, cancel);

    /// <summary>
    /// Methods that share a search (<see cref="SearchMethod.Search"/>) and, where that reads them, α and prover: it is run once. Results by
    /// problem, size and method.
    /// </summary>
    public static async Task<IReadOnlyList<SearchResult>> Run(
        IReadOnlyList<Problem> problems, IReadOnlyList<SearchCase> cases, IReadOnlyList<int> sizes, SearchTools tools, bool trees = false,
            CancellationToken cancel = default)
    {
        var (search, options) = (cases[0].Method.Search, cases[0].Options);
        foreach (var c in cases) c.Options.Check();
        foreach (var n in sizes)
            if (n < 1 || !search.Fits(n)) throw new UserError($"{cases[0].Method.Id} cannot have the size {n}");
        var clock = Stopwatch.StartNew();
        var lockstep = new Lockstep(tools.Policy, cancel);
        var found = await lockstep.Run(problems.Select(problem => (Func<Task<Judgement>>)(async () =>
        {
            var found = await search.Run(new(problem, tools, options, lockstep), sizes);
            foreach (var tree in found[^1].Trees) tree.TellFates(atEnd: true);
            return await Judge(problem, found, cases, tools, lockstep);
        })));
        tools.Verifier?.Reset();
        tools.Outcome?.Reset();
        foreach (var verifier in cases.Select(c => c.Options.Prover?.Verifier)) verifier?.Reset();
        var seconds = clock.Elapsed.TotalSeconds / problems.Count;
        return [.. from judged in found from size in judged.Found from c in cases select judged.Row(size, c, tools.Grader, seconds, trees)];
    }

    /// <summary>Scores that the choices need and the search did not have: those of the largest size, once for all sizes.</summary>
    private static async Task<Judgement> Judge(
        Problem problem, IReadOnlyList<Found> found, IReadOnlyList<SearchCase> cases, SearchTools tools, Lockstep lockstep)
    {
        var values = new Dictionary<Candidate, CandidateValues>(ReferenceEqualityComparer.Instance);
        var unscored = found.SelectMany(f => f.Candidates).Distinct(ReferenceEqualityComparer.Instance).Cast<Candidate>().ToList();
        var traces = unscored.Select(c => c.Trace).ToList();
        foreach (var candidate in unscored) values[candidate] = new();
        var needs = cases.Aggregate(Needs.Nothing, (all, c) => all | c.Method.Choice.Needs);
        if (needs.HasFlag(Needs.Outcome))
        {
            var site = new SearchSite(problem, tools, cases[0].Options, lockstep);
            foreach (var (candidate, scored) in unscored.Zip(await site.Outcomes(traces)))
                (values[candidate].Outcome, values[candidate].OutcomeTokens) = (scored.Q[^1], scored.Tokens);
        }

        if (!needs.HasFlag(Needs.Verifier)) return new(problem, found, values);
        foreach (var prover in cases.Select(c => c.Method.Choice.Needs.HasFlag(Needs.Prover)
            ? c.Options : c.Options with { Prover = null, Alpha = 0 }).DistinctBy(o => o.Prover?.Name))
        {
            var missing = unscored.Where(c => c.Node is null || prover.Prover is not null).ToList();
            var site = new SearchSite(problem, tools, prover, lockstep);
            foreach (var (candidate, scores) in missing.Zip(await site.Score([.. missing.Select(c => c.Trace)], prover.Prover is not null)))
                values[candidate].Scores[prover.Prover?.Name ?? ""] = scores;
        }

        return new(problem, found, values);
    }

    /// <summary>What was read of a candidate for the choices, by prover, and what that cost.</summary>
    private sealed class CandidateValues
    {
        public Dictionary<string, StepScores> Scores { get; } = [];

        public double Outcome { get; set; }

        public int OutcomeTokens { get; set; }
    }

    private sealed record Judgement(Problem Problem, IReadOnlyList<Found> Found, IReadOnlyDictionary<Candidate, CandidateValues> Values)
    {
        public SearchResult Row(Found found, SearchCase c, Grader grader, double seconds, bool trees)
        {
            var (method, options) = (c.Method, c.Options);
            var ended = found.Candidates.Where(x => x.Trace is { Ended: true, Lost: false }).ToList();
            var choosable = ended.Count > 0 ? ended : found.Candidates;
            var judged = choosable.Select(x => Judged(x, method.Choice, options, grader)).ToList();
            var chosen = choosable[method.Choice.Pick(judged)];
            var scored = found.ScoredTokens + found.Candidates.Sum(x => ChoiceTokens(x, method.Choice, options));
            var (most, share) = (Found[^1], (double)found.GeneratedTokens / Math.Max(1, Found[^1].GeneratedTokens));
            var key = c.Key(Problem.Id, found.N);
            var q = method.Needs.HasFlag(Needs.Outcome) ? Values[chosen].Outcome : judged[method.Choice.Pick(judged)].Q;
            var row = new SearchRow
            {
                Problem = Problem.Id, Level = Problem.Level, Method = key.Method, N = key.N,
                Alpha = key.Alpha, Prover = key.Prover, Seed = key.Seed,
                Correct = grader.Rex(chosen.Trace), Pass = found.Candidates.Max(x => grader.Rex(x.Trace)),
                Candidates = found.Candidates.Count, Distinct = found.Candidates.Select(x => x.Trace).Distinct().Count(),
                Answer = grader.Extract(chosen.Trace.Text), GeneratedTokens = found.GeneratedTokens, ScoredTokens = scored,
                Seconds = most == found ? seconds : share * seconds,
                Q = method.Choice.Needs == Needs.Nothing && chosen.Node is null ? null : Math.Round(q, 4),
            };
            var tree = trees && found.Trees.Count > 0 ? SearchTree.Draw(Problem, row, found.Trees, chosen.Node, grader) : null;
            return new(row, tree, chosen);
        }

        private JudgedTrace Judged(Candidate candidate, FinalChoice choice, SearchOptions options, Grader grader)
        {
            var answer = choice.Needs.HasFlag(Needs.Outcome) ? null : grader.Extract(candidate.Trace.Text);
            var values = Values[candidate];
            if (choice.Needs.HasFlag(Needs.Prover))
            {
                var scores = values.Scores[options.Prover!.Name];
                return new(answer, scores.Q[^1], EffectiveReward.Compute(scores.Q[^1], Advantage.OfLastStep(scores.QMu), options.Alpha),
                    values.Outcome);
            }

            var q = candidate.Node?.Q ?? (values.Scores.TryGetValue("", out var plain) ? plain.Q[^1] : 0);
            var evidence = choice.Needs.HasFlag(Needs.Validation)
                ? options.Evidence ?? throw new InvalidOperationException("this choice needs evidence from validation problems") : null;
            return new(answer, q, q, values.Outcome, evidence?.Weight(q) ?? 0, candidate.Node?.Share ?? 1);
        }

        private int ChoiceTokens(Candidate candidate, FinalChoice choice, SearchOptions options)
        {
            var values = Values[candidate];
            if (choice.Needs.HasFlag(Needs.Outcome)) return values.OutcomeTokens;
            if (!choice.Needs.HasFlag(Needs.Verifier)) return 0;
            return values.Scores.TryGetValue(choice.Needs.HasFlag(Needs.Prover) ? options.Prover!.Name : "", out var scores)
                ? scores.Tokens : 0;
        }
    }
}
