namespace Pav;

/// <summary>
/// All methods, in the order of tables. A new one is its search's file, an entry here, its test and a line of docs/paper-map.md.
/// </summary>
public static class SearchMethods
{
    private static readonly IndependentSamples Samples = new();

    public static SearchMethod Sample { get; } =
        new("sample", "Single sample", MethodKind.Sampling, Samples, FinalChoice.First) { ByDefault = true, SizeOne = true };

    public static SearchMethod Greedy { get; } =
        new("greedy", "Greedy", MethodKind.Sampling, new IndependentSamples { Greedy = true }, FinalChoice.First)
        {
            ByDefault = true, SizeOne = true,
        };

    public static SearchMethod Majority { get; } =
        new("majority", "Majority", MethodKind.Sampling, Samples, FinalChoice.Majority) { ByDefault = true };

    public static SearchMethod BestByOutcome { get; } =
        new("best-of-n-orm", "Best-of-N by the outcome verifier", MethodKind.Ranking, Samples, FinalChoice.MaxOutcome) { ByDefault = true };

    public static SearchMethod BestByQ { get; } =
        new("best-of-n-q", "Best-of-N by the Q verifier", MethodKind.Ranking, Samples, FinalChoice.MaxQ) { ByDefault = true };

    public static SearchMethod BestByReward { get; } =
        new("best-of-n-pav", "Best-of-N by Q + αA of the last step", MethodKind.Ranking, Samples, FinalChoice.MaxReward, BestByQ.Id);

    public static SearchMethod WeightedVote { get; } =
        new("weighted-vote", "Weighted vote", MethodKind.Ranking, Samples, FinalChoice.Vote) { ByDefault = true };

    private static readonly string[] Baselines = [BestByOutcome.Id, BestByQ.Id];
    private static readonly string[] Strong = [BestByOutcome.Id, WeightedVote.Id];

    public static SearchMethod BeamByQ { get; } =
        new("beam-q", "Beam on Q", MethodKind.Beam, new BeamSearch(), FinalChoice.MaxQ, Baselines) { ByDefault = true };

    public static SearchMethod BeamByProgress { get; } =
        new("beam-pav", "Beam on Q + αA", MethodKind.Beam, new BeamSearch { ByProgress = true }, FinalChoice.MaxQ,
            [.. Baselines, BeamByQ.Id])
        {
            ByDefault = true,
        };

    public static SearchMethod BeamVote { get; } = BeamByQ.With(FinalChoice.Vote) with { Against = [WeightedVote.Id, BeamByQ.Id] };

    public static SearchMethod BeamLikely { get; } =
        BeamByQ.With(FinalChoice.Likely) with { Against = [WeightedVote.Id, BeamByQ.Id], ByDefault = true };

    public static SearchMethod Forest { get; } =
        new("forest", "Guided forest", MethodKind.Forest, new GuidedForest(), FinalChoice.Vote,
            [.. Strong, BeamByQ.Id]) { ByDefault = true };

    public static SearchMethod ForestInTurn { get; } =
        new("forest-seq", "Guided forest until settled", MethodKind.Forest, new SequentialForest(), FinalChoice.Vote,
            [.. Strong, Forest.Id]) { ByDefault = true };

    public static SearchMethod ForestUntilSure { get; } = new(
        "forest-sure", "Guided forest until sure", MethodKind.Forest, new SequentialForest { ByPosterior = true }, FinalChoice.LogOdds,
        [.. Strong, ForestInTurn.Id]);

    public static SearchMethod OracleBeamByQ { get; } =
        new("oracle-beam-q", "Oracle beam on Q", MethodKind.Oracle, new BeamSearch(), FinalChoice.MaxQ, Baselines) { ByOracle = true };

    public static SearchMethod OracleBeamByProgress { get; } = new(
        "oracle-beam-pav", "Oracle beam on Q + αA", MethodKind.Oracle, new BeamSearch { ByProgress = true }, FinalChoice.MaxQ,
        [.. Baselines, OracleBeamByQ.Id]) { ByOracle = true };

    public static IReadOnlyList<SearchMethod> All { get; } =
    [
        Sample, Greedy, Majority, BestByOutcome, BestByQ, BestByReward, WeightedVote,
        BeamByQ, BeamByProgress, BeamVote, BeamLikely, BeamByProgress.With(FinalChoice.Vote) with { Against = [WeightedVote.Id, BeamVote.Id] },
        new("beam-every-2", "Beam on Q, scored every 2 steps", MethodKind.Beam, new BeamSearch { Every = 2 }, FinalChoice.MaxQ, BeamByQ.Id),
        new("beam-early", "Beam on Q, candidates rejected half-way", MethodKind.Beam, new BeamSearch { Early = true },
            FinalChoice.MaxQ, BeamByQ.Id),
        new("lookahead", "Beam on Q one greedy step ahead", MethodKind.Beam, new BeamSearch { Ahead = 1 }, FinalChoice.MaxQ, BeamByQ.Id),
        new("growing-beam", "Beams that grow where Q is low", MethodKind.Beam, new GrowingBeam(), FinalChoice.MaxQ, BeamByQ.Id),
        new("mcts", "Tree search, UCT", MethodKind.Tree, new TreeSearch(), FinalChoice.Vote, Strong),
        new("mcts-pav", "Tree search, PUCT with A as the prior", MethodKind.Tree, new TreeSearch { ByProgress = true }, FinalChoice.Vote,
            [.. Strong, "mcts"]),
        new("rebase", "REBASE on Q", MethodKind.Tree, new BudgetSearch(), FinalChoice.Vote, Strong),
        new("rebase-pav", "REBASE on Q + αA", MethodKind.Tree, new BudgetSearch { ByProgress = true }, FinalChoice.Vote,
            [.. Strong, "rebase"]),
        new("dora", "DORA on Q", MethodKind.Tree, new BudgetSearch { ByDirection = true }, FinalChoice.Vote, [.. Strong, "rebase"]),
        new("particles", "Particles, exp(Q / T)", MethodKind.Particles, new ParticleFilter(), FinalChoice.Vote, Strong),
        new("particles-pav", "Particles, exp((Q + αA) / T)", MethodKind.Particles, new ParticleFilter { ByProgress = true },
            FinalChoice.Vote, [.. Strong, "particles"]),
        new("particles-a", "Particles, exp(A / T)", MethodKind.Particles, new ParticleFilter { Incremental = true }, FinalChoice.Vote,
            [.. Strong, "particles"]),
        new("dvts", "DVTS on Q", MethodKind.Forest, new DiverseTrees(), FinalChoice.Vote, Strong),
        new("dvts-pav", "DVTS on Q + αA", MethodKind.Forest, new DiverseTrees { ByProgress = true }, FinalChoice.Vote, [.. Strong, "dvts"]),
        Forest,
        new("forest-pav", "Guided forest on Q + αA", MethodKind.Forest, new GuidedForest { ByProgress = true }, FinalChoice.Vote,
            [.. Strong, Forest.Id]),
        new("forest-2", "Guided forest, trees of width 2", MethodKind.Forest, new GuidedForest { Width = 2 }, FinalChoice.Vote,
            [.. Strong, Forest.Id]),
        new("forest-early", "Guided forest, candidates rejected half-way", MethodKind.Forest, new GuidedForest { Early = true },
            FinalChoice.Vote, [.. Strong, Forest.Id]),
        ForestInTurn, ForestUntilSure,
        OracleBeamByQ, OracleBeamByProgress,
    ];

    /// <summary>A method by its id; <c>id+choice</c> is its search with another final choice. Null where there is none.</summary>
    public static SearchMethod? Find(string id) =>
        All.FirstOrDefault(m => m.Id == id)
        ?? (id.LastIndexOf('+') is > 0 and var cut && Find(id[..cut]) is { } method
            && FinalChoice.All.FirstOrDefault(c => c.Id == id[(cut + 1)..]) is { } choice
            ? method.With(choice) : null);

    /// <summary>The place of a method in tables; methods that are not known come last.</summary>
    public static int Order(string id) => All.TakeWhile(m => m.Id != id).Count();
}
