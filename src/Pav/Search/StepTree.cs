namespace Pav;

/// <summary>A step in the tree of a search. What is learned of it comes later than its place.</summary>
public sealed class StepNode
{
    internal StepNode(int id, StepNode? parent, Prefix prefix, StepNode? twin) => (Id, Parent, Prefix, Twin) = (id, parent, prefix, twin);

    /// <summary>Order of drawing; 0 is the problem itself.</summary>
    public int Id { get; }

    public StepNode? Parent { get; }

    public Prefix Prefix { get; }

    /// <summary>The equal step that was drawn before; null for the first of its kind.</summary>
    public StepNode? Twin { get; }

    /// <summary>Q^π(s, a); NaN while unscored.</summary>
    public double Q { get; internal set; } = double.NaN;

    /// <summary>Q^μ(s, a).</summary>
    public double QMu { get; internal set; } = double.NaN;

    /// <summary>Progress A^μ(s, a); 0 for the problem itself.</summary>
    public double A { get; internal set; }

    /// <summary>Q^π + α·A^μ, or Q^π where a search ranks by Q alone.</summary>
    public double Reward { get; internal set; } = double.NaN;

    public Fate Fate { get; set; }

    /// <summary>Times it was drawn from its parent, equal draws included; 0 for the problem itself.</summary>
    public int Drawn { get; internal set; }

    /// <summary>Steps drawn from here, equal ones included.</summary>
    public int Draws { get; internal set; }

    /// <summary>
    /// The share of draws that led here, step by step: an estimate of π(a_1 … a_h | x), the product of <see cref="Drawn"/> over the
    /// parent's <see cref="Draws"/>. 1 for the problem itself.
    /// </summary>
    public double Share => Parent is null ? 1 : Parent.Share * Drawn / Parent.Draws;

    /// <summary>Times a search passed through here, and the sum of what it found below; 0 where a search does not count.</summary>
    public int Visits { get; set; }

    public double Total { get; set; }

    public bool Ended => Prefix.Ended;
}

/// <summary>What has become known of a step.</summary>
public enum StepChange
{
    /// <summary>It was drawn.</summary>
    Drawn,

    /// <summary>It has its Q, A and reward.</summary>
    Scored,

    /// <summary>It was kept, pruned, or kept as the end of a trace; each may be told again where a search changes its mind.</summary>
    Settled,
}

/// <summary>One change of one step, for whoever watches a search.</summary>
public readonly record struct StepNews(StepTree Tree, StepNode Node, StepChange Change);

/// <summary>
/// The steps of one problem that a search has drawn: their scores, fates, duplicates and what they cost. Every draw is paid for; equal
/// steps of a state are one node for the search, and the later ones are kept as duplicates.
/// </summary>
public sealed class StepTree
{
    private readonly SearchSite site;
    private readonly string stream;
    private readonly List<StepNode> nodes;
    private readonly Dictionary<Prefix, StepNode> known;
    private readonly List<Fate> told = [Fate.Root];
    private long drawn;

    internal StepTree(SearchSite site, string stream)
    {
        (this.site, this.stream) = (site, stream);
        nodes = [new(0, null, Prefix.Root(site.Problem), null) { Fate = Fate.Root }];
        known = new() { [Root.Prefix] = Root };
    }

    public StepNode Root => nodes[0];

    /// <summary>In order of drawing, duplicates included.</summary>
    public IReadOnlyList<StepNode> Nodes => nodes;

    /// <summary>Tokens drawn, duplicates included.</summary>
    public long GeneratedTokens { get; private set; }

    /// <summary>Tokens that verifiers read.</summary>
    public long ScoredTokens { get; private set; }

    /// <summary>May this step be followed by another? No trace has more steps than it may have tokens.</summary>
    public bool IsOpen(StepNode node) => !node.Ended && node.Prefix.Depth < site.Options.Sampling.MaxTokens;

    /// <summary>
    /// Draws so many next steps of each state and scores those that are new; answer i belongs to draw i, and equal draws have the same
    /// node.
    /// </summary>
    /// <param name="byProgress">Rank by the effective reward instead of Q alone.</param>
    public async Task<IReadOnlyList<StepNode>> Grow(IEnumerable<(StepNode Node, int Count)> asked, bool byProgress)
    {
        var answers = await Draw(asked);
        await Score(answers, byProgress);
        return answers;
    }

    /// <summary>Draws so many next steps of each state, without scores.</summary>
    public async Task<IReadOnlyList<StepNode>> Draw(IEnumerable<(StepNode Node, int Count)> asked)
    {
        TellFates();
        var parents = asked.SelectMany(a => Enumerable.Repeat(a.Node, a.Count)).ToList();
        var draws = parents.Select(p => new Draw(p.Prefix, Seeds.Derive(site.Options.Seed, site.Problem.Id, stream, drawn++))).ToList();
        var steps = await site.Steps(draws);
        return [.. parents.Zip(steps, Add)];
    }

    /// <summary>
    /// Draws so many next steps of each state, but only halves at first (arXiv 2508.01969): they are scored as they are, the best share of
    /// all of them is finished, of equals those drawn first, and the others stay half written and pruned. Steps that are over by then count
    /// as finished.
    /// </summary>
    /// <returns>The finished steps, without scores.</returns>
    public async Task<IReadOnlyList<StepNode>> DrawEarly(IEnumerable<(StepNode Node, int Count)> asked, bool byProgress)
    {
        var (options, sampling) = (site.Options, site.Options.Sampling with { StepTokens = site.Options.HalfTokens });
        var parents = asked.SelectMany(a => Enumerable.Repeat(a.Node, a.Count)).ToList();
        var seeds = parents.Select(_ => Seeds.Derive(options.Seed, site.Problem.Id, stream, drawn++)).ToList();
        var steps = (await site.Steps([.. parents.Zip(seeds, (p, seed) => new Draw(p.Prefix, seed))], sampling)).ToArray();
        int[] halves = [.. Enumerable.Range(0, steps.Length).Where(i => steps[i].Half)];
        var scores = new Dictionary<Prefix, (double Q, double QMu, double A, double Reward)>();
        Prefix[] distinct = [.. halves.Select(i => steps[i]).Distinct()];
        foreach (var (half, score) in distinct.Zip(await site.Score(distinct, byProgress)))
        {
            var a = score.QMu[^1] - score.QMu[^2];
            var reward = byProgress ? EffectiveReward.Compute(score.Q[^1], a, options.Alpha) : score.Q[^1];
            scores[half] = (score.Q[^1], score.QMu[^1], a, reward);
            ScoredTokens += score.Tokens;
        }

        var count = (int)Math.Ceiling(options.HalfKeep * halves.Length - 1e-9);
        int[] kept = [.. halves.OrderByDescending(i => scores[steps[i]].Reward).Take(count).Order()];
        foreach (var (i, whole) in kept.Zip(await site.Steps([.. kept.Select(i => new Draw(steps[i], seeds[i]))]))) steps[i] = whole;
        var finished = new List<StepNode>();
        foreach (var (parent, step) in parents.Zip(steps))
        {
            var node = Add(parent, step);
            if (!step.Half) finished.Add(node);
            else (node.Q, node.QMu, node.A, node.Reward) = scores[step];
        }

        return finished;
    }

    /// <summary>Scores nodes that have no score yet.</summary>
    /// <param name="ahead">The prefix at which to read Q of each node, if not the node's own (a look ahead).</param>
    public async Task Score(IEnumerable<StepNode> asked, bool byProgress, IReadOnlyDictionary<StepNode, Prefix>? ahead = null)
    {
        var unscored = asked.Distinct().Where(n => double.IsNaN(n.Reward)).ToList();
        var scores = await site.Score([.. unscored.Select(n => ahead?.GetValueOrDefault(n) ?? n.Prefix)], byProgress);
        foreach (var (node, score) in unscored.Zip(scores))
        {
            var depth = node.Prefix.Depth;
            (node.Q, node.QMu) = (score.Q[^1], score.QMu[depth]);
            node.A = depth == 0 ? 0 : node.QMu - score.QMu[depth - 1];
            node.Reward = byProgress ? EffectiveReward.Compute(node.Q, node.A, site.Options.Alpha) : node.Q;
            ScoredTokens += score.Tokens;
            if (double.IsNaN(Root.Reward)) (Root.Q, Root.QMu, Root.Reward) = (score.Q[0], score.QMu[0], score.Q[0]);
            site.Watch?.Invoke(new(this, node, StepChange.Scored));
        }
    }

    /// <summary>Looks ahead from states that are open: greedy steps that are paid for and not part of the tree.</summary>
    public async Task<IReadOnlyDictionary<StepNode, Prefix>> Ahead(IEnumerable<StepNode> nodes, int steps)
    {
        var greedy = RepeatedSampling.Greedy(site.Options.Sampling);
        var ahead = nodes.Distinct().Where(n => double.IsNaN(n.Reward)).ToDictionary(n => n, n => n.Prefix);
        for (var k = 0; k < steps; k++)
        {
            var open = ahead.Where(p => !p.Value.Ended).ToList();
            var next = await site.Steps([.. open.Select(p => new Draw(p.Value, 0))], greedy);
            foreach (var ((node, prefix), step) in open.Zip(next))
            {
                GeneratedTokens += step.TokensSince(prefix);
                ahead[node] = step;
            }
        }

        return ahead;
    }

    /// <summary>Keeps the n best of the nodes; of equals, the one drawn first. The others are pruned.</summary>
    public IReadOnlyList<StepNode> Prune(IEnumerable<StepNode> candidates, int n)
    {
        var ranked = candidates.Distinct().OrderByDescending(c => c.Reward).ThenBy(c => c.Id).ToList();
        foreach (var node in ranked) node.Fate = Fate.Pruned;
        foreach (var node in ranked.Take(n)) Keep(node);
        return [.. ranked.Take(n)];
    }

    /// <summary>Keeps a node, and the steps before it that were passed without a score.</summary>
    public void Keep(StepNode node)
    {
        node.Fate = node.Ended ? Fate.Finished : Fate.Kept;
        for (var before = node.Parent; before?.Parent is not null && double.IsNaN(before.Reward); before = before.Parent)
            before.Fate = Fate.Kept;
    }

    /// <summary>Tells who watches which steps have been kept or pruned since the last draw: a search decides between draws.</summary>
    internal void TellFates(bool atEnd = false)
    {
        if (site.Watch is not { } watch) return;
        for (var i = 0; i < nodes.Count; i++)
        {
            var node = nodes[i];
            var undecided = node.Fate == Fate.Pruned && double.IsNaN(node.Reward) && !atEnd;
            if (told[i] == node.Fate || undecided) continue;
            told[i] = node.Fate;
            watch(new(this, node, StepChange.Settled));
        }
    }

    private StepNode Add(StepNode parent, Prefix step)
    {
        var twin = known.GetValueOrDefault(step);
        var node = new StepNode(nodes.Count, parent, step, twin) { Fate = Fate.Pruned };
        nodes.Add(node);
        GeneratedTokens += step.TokensSince(parent.Prefix);
        if (twin is not null) node.Fate = Fate.Duplicate;
        told.Add(twin is null ? Fate.Root : Fate.Duplicate);
        site.Watch?.Invoke(new(this, node, StepChange.Drawn));
        var first = twin ?? (known[step] = node);
        first.Drawn++;
        parent.Draws++;
        return first;
    }
}
