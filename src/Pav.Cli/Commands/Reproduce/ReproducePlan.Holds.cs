using Pav.Cli.Commands.Evaluate;
using Pav.Cli.Commands.Search;
using Pav.Cli.Commands.Train;
using Pav.Cli.Shared;
using Pav.Report.Reproduction;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>A verifier of the figure 'holds' and how it judges: the first one, or one that differs from it.</summary>
/// <param name="Name">Of the arm, and of its folders.</param>
internal sealed record HoldsWay(string Name)
{
    public const string Control = "independent";

    /// <summary>Arms may share a verifier.</summary>
    public string Verifier { get; init; } = Name;

    /// <summary>Whose labels it learned from beside the first; null: no others.</summary>
    public string? More { get; init; }

    public JudgeChoice Judges { get; init; } = new();

    /// <summary>As in 'pav search --caution'.</summary>
    public string Caution { get; init; } = "";

    /// <summary>Learned from the next larger embedded model.</summary>
    public bool Larger { get; init; }

    /// <summary>Searched with at every size, not at two alone.</summary>
    public bool Whole { get; init; }

    /// <summary>Measured on labels; the arms that share its verifier are not measured again.</summary>
    public bool Measured { get; init; } = true;
}

/// <summary>What one seed of an arm comes to.</summary>
/// <param name="Costs">Runs whose tokens were spent for its labels.</param>
/// <param name="Scores">Its measures on labels; null where they are not asked.</param>
internal sealed record HoldsParts(IReadOnlyList<string> Costs, string Search, string? Scores);

/// <summary>Verifiers that learned otherwise, and the same beams with each.</summary>
internal sealed partial class ReproducePlan
{
    private const string Visited = "visited";

    private const int VisitTraces = 8, Heads = 4;

    /// <summary>λ of mean − λ·std, fixed beforehand.</summary>
    private const string Lambda = "1";

    /// <summary>The first verifier, the control, and those that may hold better than these, as the scale names them.</summary>
    public IReadOnlyList<HoldsWay> HoldsWays =>
    [
        new("first") { Whole = true },
        new(HoldsWay.Control) { More = HoldsWay.Control, Whole = true },
        .. scale.HoldsWays.Select(Way).Where(w => !w.Larger || !Given && Models.Count > 1),
    ];

    private static HoldsWay Way(string name)
    {
        var (way, heads) = (new HoldsWay(name), new JudgeChoice { Heads = Heads });
        return name switch
        {
            Visited => way with { More = Visited, Whole = true },
            "heads" => way with { Judges = heads, Caution = Lambda },
            "worst-head" => way with { Verifier = "heads", Judges = heads, Caution = Pav.Caution.WorstWord, Measured = false },
            "drawn-head" => way with { Verifier = "heads", Judges = heads, Caution = Pav.Caution.ThompsonWord, Measured = false },
            "larger" => way with { Larger = true },
            "visited-heads" => way with { More = Visited, Judges = heads, Caution = Lambda },
            var loss => way with { Judges = new() { Loss = loss } },
        };
    }

    public HoldsParts Holds(string model, int seed, HoldsWay way)
    {
        var first = Labels(model, seed);
        string[] further = way.More switch
        {
            null => [],
            Visited => [VisitingSearch(model, seed, TrainProblems(), "train", scale.HoldsProblems), VisitedLabels(model, seed)],
            _ => [FreshLabels(model, seed)],
        };
        var steps = scale.VerifierSteps * (further.Length > 0 ? 3 : 2) / 2;
        var verifier = way.Verifier == "first" ? Verifier(model, seed) : Add(
            $"verifier-holds-{way.Verifier}-{Short(model)}-{seed}", $"Train the verifier '{way.Verifier}'.", TrainCommands.Verifier,
            Training(way.Larger ? Models[1] : settings.Model != "" ? settings.Model : Given ? settings.Policy : model, model,
                [first, .. further.TakeLast(1)], steps, seed) with { Judges = way.Judges });
        int[] ends = [scale.HoldsBeam.Contains(4) ? 4 : scale.HoldsBeam[0], scale.HoldsBeam[^1]];
        var search = Search(
            $"search-holds-{way.Name}-{Short(model)}-{seed}", $"Answer the test problems with beams on '{way.Name}'.", model, seed,
            s => s with
            {
                Methods = [.. HoldsFigure.Methods], Limit = scale.HoldsTestProblems, Beam = way.Whole ? scale.HoldsBeam : ends,
                Caution = way.Caution, Trees = 0,
            }, verifier);
        var scores = !way.Measured ? null : Add(
            $"scores-holds-{way.Name}-{Short(model)}-{seed}", "Measure it on labels of the policy and of a search.", EvaluateCommand.Spec,
            new EvaluateSettings
            {
                Policy = Base(model), Prompt = settings.Prompt, Ends = settings.Ends, Problems = ValidProblems(), Samples = 1,
                Sampling = Sampling, Grader = settings.Grader, Verifier = verifier, Seed = 3,
                Labels = [ValidLabels(model), VisitedValidLabels(model, seed, ends)],
            });
        return new([first, .. further], search, scores);
    }

    /// <summary>A search on problems that the first verifier leads, with its trees.</summary>
    private string VisitingSearch(string model, int seed, string problems, string which, int limit, params int[] sizes)
    {
        int[] beam = sizes.Length > 0 ? sizes : [scale.HoldsVisitBeam];
        return Search($"search-holds-visit-{which}-{Short(model)}-{seed}", "See where a beam on the first verifier goes.", model, seed,
            s => s with
            {
                Problems = problems, Limit = limit, Methods = [SearchMethods.BeamByQ.Id], Beam = beam, Trees = int.MaxValue,
                TreesBeam = beam,
            });
    }

    private string VisitedLabels(string model, int seed) => Label(
        $"labels-holds-visited-{Short(model)}-{seed}", "Label what it visited.", model, TrainProblems(), new()
        {
            Visited = [VisitingSearch(model, seed, TrainProblems(), "train", scale.HoldsProblems)], NCov = VisitTraces, NMc = scale.NMc,
            Seed = 1005 + 100 * (ulong)seed,
        });

    private string FreshLabels(string model, int seed) => Label(
        $"labels-holds-independent-{Short(model)}-{seed}", "Label as many fresh traces of the same problems, as a control.", model,
        TrainProblems(), new()
        {
            AsManyAs = VisitedLabels(model, seed), NCov = VisitTraces, NMc = scale.NMc, Seed = 2005 + 100 * (ulong)seed,
        });

    private string VisitedValidLabels(string model, int seed, int[] sizes) => Label(
        $"labels-holds-valid-{Short(model)}-{seed}", "Label what such beams visit on validation problems, for measuring.", model,
        ValidProblems(), new()
        {
            Visited = [VisitingSearch(model, seed, ValidProblems(), "valid", 0, sizes)], VisitedKind = ["kept", "finished"],
            NCov = VisitTraces, NMc = scale.ValidNMc, Seed = 3005 + 100 * (ulong)seed,
        });
}
