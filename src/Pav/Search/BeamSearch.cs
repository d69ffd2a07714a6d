using System.Diagnostics;

namespace Pav;

/// <summary>Options of beam search.</summary>
/// <param name="N">Beam size.</param>
/// <param name="Candidates">Next steps sampled from each prefix of the beam (3 in the paper).</param>
/// <param name="Alpha">Weight of A^μ in the effective reward; 0 ranks by Q^π alone.</param>
/// <param name="Prover">Whose A^μ; null with α = 0.</param>
/// <param name="Method">Its name in the results; null for <c>beam-q</c> without and <c>beam-pav</c> with a prover.</param>
public sealed record BeamOptions(
    int N, int Candidates = 3, double Alpha = 0, Prover? Prover = null, ulong Seed = 1, Sampling? Sampling = null, string? Method = null)
{
    /// <summary>Throws a <see cref="UserError"/> that names the first option out of its range.</summary>
    public void Check()
    {
        if (N < 1) throw new UserError($"the beam size is {N}; it must be at least 1");
        if (Candidates < 1) throw new UserError($"candidates per state is {Candidates}; it must be at least 1");
        if (!(Alpha is >= 0 and < double.PositiveInfinity)) throw new UserError($"alpha is {Alpha}; it must be a number of at least 0");
        if (Alpha > 0 && Prover is null) throw new UserError($"alpha is {Alpha}, but no prover is named; name one or set alpha to 0");
    }

    internal string MethodName => Method ?? (Prover is null ? "beam-q" : "beam-pav");
}

/// <summary>A search's row and, if it was asked for, its tree.</summary>
public sealed record BeamResult(SearchRow Row, SearchTree? Tree);

/// <summary>
/// Beam search over steps by the effective reward Q^π + α·A^μ (Sec. 4.1). From each prefix of the beam some next steps are sampled (at the root N times as many), equal ones are
/// merged, and the N best of these and the finished traces are kept, until all are finished. The answer is the finished trace with the best Q^π.
/// </summary>
public static class BeamSearch
{
    /// <summary>
    /// Searches all problems in lock-step: one call of the policy and one of each verifier per step. A problem's result does not depend on the others.
    /// </summary>
    public static async Task<IReadOnlyList<BeamResult>> Run(
        IReadOnlyList<Problem> problems, IPolicy policy, IVerifier verifier, Grader grader, BeamOptions options, bool trees = false, CancellationToken cancel = default)
    {
        options.Check();
        var clock = Stopwatch.StartNew();
        var beams = problems.Select(p => new Beam(p, options)).ToList();
        var sampling = options.Sampling ?? new Sampling();
        for (var depth = 0; depth < sampling.MaxTokens; depth++) // a step has a token at least
        {
            var open = beams.Where(b => !b.Done).ToList();
            if (open.Count == 0) break;
            var draws = open.Select(b => b.Draws()).ToList();
            var drawn = await policy.Extend([.. draws.SelectMany(d => d)], Until.StepEnd, sampling, cancel);
            var from = 0;
            foreach (var (beam, mine) in open.Zip(draws))
            {
                beam.Take([.. drawn.Skip(from).Take(mine.Count)]);
                from += mine.Count;
            }

            var fresh = open.SelectMany(b => b.Unscored).ToList();
            var prefixes = fresh.Select(n => n.Prefix).ToList();
            var q = await verifier.Score(prefixes, cancel);
            var qMu = options.Prover?.Verifier is { } prover ? await prover.Score(prefixes, cancel) : null;
            for (var i = 0; i < fresh.Count; i++) fresh[i].Score(q[i], qMu?[i], options);
            foreach (var beam in open) beam.Prune();
        }

        verifier.Reset();
        options.Prover?.Verifier?.Reset();
        var seconds = clock.Elapsed.TotalSeconds / problems.Count;
        return [.. beams.Select(b => b.Result(grader, seconds, trees))];
    }

    /// <summary>A step in the tree of a search. Everything but its place is learned later.</summary>
    private sealed class Node(int id, Node? parent, Prefix prefix)
    {
        public int Id => id;
        public Node? Parent => parent;
        public Prefix Prefix => prefix;
        public double Q, QMu, A, Reward;
        public int ScoredTokens;
        public Fate Fate;

        public void Score(Scored policy, Scored? prover, BeamOptions options)
        {
            var qMu = prover?.Q ?? (options.Prover is { } bestOf ? [.. policy.Q.Select(bestOf.FromPolicy)] : policy.Q);
            (Q, QMu, A) = (policy.Q[^1], qMu[^1], Advantage.OfLastStep(qMu));
            Reward = EffectiveReward.Of(Q, A, options.Alpha);
            ScoredTokens = policy.Tokens + (prover?.Tokens ?? 0);
            if (parent is { Parent: null }) (parent.Q, parent.QMu, parent.Reward) = (policy.Q[0], qMu[0], policy.Q[0]);
        }
    }

    /// <summary>One problem's search.</summary>
    private sealed class Beam
    {
        private readonly Problem problem;
        private readonly BeamOptions options;
        private readonly List<Node> nodes;
        private List<Node> kept;
        private long drawn, generatedTokens;

        public Beam(Problem problem, BeamOptions options)
        {
            (this.problem, this.options) = (problem, options);
            nodes = [new(0, null, Prefix.Root(problem)) { Fate = Fate.Root }];
            kept = [nodes[0]];
        }

        public bool Done => kept.All(n => n.Prefix.Ended);

        /// <summary>Steps drawn in this round that need a score.</summary>
        public IReadOnlyList<Node> Unscored { get; private set; } = [];

        private IEnumerable<Node> Expanding => kept.Where(n => !n.Prefix.Ended).SelectMany(n => Enumerable.Repeat(n, n.Parent is null ? options.N * options.Candidates : options.Candidates));

        public IReadOnlyList<Draw> Draws() => [.. Expanding.Select(n => new Draw(n.Prefix, Seeds.Of(options.Seed, problem.Id, "beam", drawn++)))];

        /// <summary>Takes the answers to <see cref="Draws"/>; an equal step of the same prefix becomes a duplicate and is paid for all the same.</summary>
        public void Take(IReadOnlyList<Prefix> children)
        {
            var seen = new Dictionary<Prefix, Node>();
            foreach (var (parent, child) in Expanding.Zip(children))
            {
                var node = new Node(nodes.Count, parent, child);
                nodes.Add(node);
                generatedTokens += Cost.Tokens(child, parent.Prefix);
                if (!seen.TryAdd(child, node)) node.Fate = Fate.Duplicate;
            }

            Unscored = [.. seen.Values];
        }

        /// <summary>Keeps the N best of the finished traces and the new steps; of equals, the one drawn first.</summary>
        public void Prune()
        {
            var ranked = kept.Where(n => n.Prefix.Ended).Concat(Unscored).OrderByDescending(n => n.Reward).ThenBy(n => n.Id).ToList();
            foreach (var node in ranked) node.Fate = Fate.Pruned;
            kept = [.. ranked.Take(options.N)];
            foreach (var node in kept) node.Fate = node.Prefix.Ended ? Fate.Finished : Fate.Kept;
            Unscored = [];
        }

        public BeamResult Result(Grader grader, double seconds, bool withTree)
        {
            var finished = kept.Where(n => n.Prefix.Ended).ToList();
            var chosen = (finished.Count > 0 ? finished : kept).MaxBy(n => n.Q)!;
            chosen.Fate = Fate.Chosen;
            var correct = grader.Rex(chosen.Prefix);
            double? alpha = options.Prover is null ? null : options.Alpha;
            var row = new SearchRow(
                problem.Id, problem.Level, options.MethodName, options.N, alpha, options.Prover?.Name, options.Seed,
                correct, kept.Max(n => grader.Rex(n.Prefix)), kept.Count, kept.Count, grader.Extract(chosen.Prefix.Text),
                generatedTokens, nodes.Sum(n => (long)n.ScoredTokens), seconds, Math.Round(chosen.Q, 4));
            return new(row, withTree ? new(problem.Id, problem.Text, problem.Answer, row.Method, row.N, alpha, row.Prover, correct, Tree(grader)) : null);
        }

        /// <summary>The tree's nodes; a duplicate shows what its twin scored.</summary>
        private List<TreeNode> Tree(Grader grader)
        {
            var twins = nodes.Where(n => n.Fate != Fate.Duplicate).ToDictionary(n => n.Prefix);
            return [.. nodes.Select(n =>
            {
                var s = twins[n.Prefix];
                return new TreeNode(n.Id, n.Parent?.Id ?? -1, n.Prefix.Step, s.Q, s.QMu, s.A, s.Reward, n.Fate, n.Prefix.Ended ? grader.Rex(n.Prefix) : null);
            })];
        }
    }
}
