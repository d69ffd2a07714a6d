using Pav.Cli.Options;
using Pav.Cli.Shared;
using Pav.Models.Remote;




namespace Pav.Cli.Commands.Search;

internal sealed record SearchSettings : SamplingSettings
{
    [Flag("Q verifier: scores steps in a beam and finished traces (a 'train verifier' run or a checkpoint)", Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("Outcome verifier: re-ranks finished traces (a 'train outcome' run or a checkpoint)", Input = true)]
    public string Outcome { get; init; } = "";

    [MethodsFlag("Methods, or all of them; +CHOICE after one chooses otherwise among its traces (beam-q+vote); none named means the "
        + "usual ones that the verifiers given allow")]
    public string[] Methods { get; init; } = [];

    [Flag("Sizes of methods whose traces cost one sample each: how many traces", Min = 1, Max = 4096)]
    public int[] N { get; init; } = [1, 2, 4, 8, 16, 32, 64, 128];

    [Flag("Sizes of methods that sample candidates for each step: how many traces they bring to their ends (beam size, trees of a forest)",
        Min = 1, Max = 4096)]
    public int[] Beam { get; init; } = [1, 2, 4, 8, 16];

    [Flag("The widest beam, larger ones are left out; auto finds on --valid-problems where beams stop answering more; 0 leaves none out")]
    public string Widest { get; init; } = "0";

    [Flag("Sizes of guided forests, whose trees are grown once for all sizes: how many traces; none: those of --beam", Min = 1, Max = 4096)]
    public int[] Forest { get; init; } = [];

    [Flag("Widths of trees, compared on --valid-problems with every number of trees and vote; forest.json names the best at each budget",
        Min = 1, Max = 64)]
    public int[] ForestWidths { get; init; } = [];

    [Flag("Next steps sampled from each state of the beam", Min = 1, Max = 256)]
    public int Candidates { get; init; } = 3;

    [Flag("beam-early and forest-early score candidates when so many tokens of the step are written", Min = 1, Max = 65536)]
    public int HalfTokens { get; init; } = 4;

    [Flag("The share of them that is finished", Min = 0, AboveMin = true, Max = 1)]
    public double HalfKeep { get; init; } = 0.5;

    [Flag("Weight of progress in the effective reward, 0 to 10; auto chooses it on --valid-problems")]
    public string Alpha { get; init; } = "0.5";

    [Flag("How a verifier of several heads or members is lowered where these disagree: 0.5 for mean - 0.5 std, worst; thompson draws one "
        + "of them for each problem; auto chooses on --valid-problems by a beam of --alpha-beam on Q (default: as its verifier.json says)")]
    public string Caution { get; init; } = "";

    [Flag("Values that auto tries for it")]
    public string[] CautionGrid { get; init; } = ["0", "0.5", "1", "2", Pav.Caution.WorstWord];

    [Flag("Problems on which auto chooses alpha, settle, sure, caution and the widest beam, and votes by log-odds are calibrated",
        Input = true)]
    public string ValidProblems { get; init; } = "";

    [Flag("Alphas that auto tries", Min = 0, Max = 10)]
    public double[] AlphaGrid { get; init; } = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

    [Flag("Beam size at which auto tries them", Min = 1, Max = 4096)]
    public int AlphaBeam { get; init; } = 16;

    [Flag("Provers, whose progress is rewarded: boK is best-of-K of the policy, else a verifier's folder", Input = true)]
    public string[] Provers { get; init; } = ["bo4"];

    [Flag("More provers, searched with at --sweep-beam alone (bo1,bo2,bo8 …)", Input = true)]
    public string[] SweepProvers { get; init; } = [];

    [Flag("Beam size of --sweep-provers", Min = 1, Max = 4096)]
    public int SweepBeam { get; init; } = 8;

    [Flag("Also search with Monte Carlo values of so many completions instead of a verifier; boK in --provers needs K or more; 0 is off",
        Min = 0, Max = 65536)]
    public int Oracle { get; init; }

    [Flag("The oracle searches the first so many problems", Min = 1)]
    public int OracleProblems { get; init; } = 50;

    [Flag("Beam sizes of the oracle", Min = 1, Max = 4096)]
    public int[] OracleBeam { get; init; } = [4];

    [Flag("Keep the search trees of the first so many problems", Min = 0)]
    public int Trees { get; init; } = 8;

    [Flag("Sizes of the trees that are kept, some of --beam or --forest; none given: 4, or the largest where 4 is not searched", Min = 1,
        Max = 4096)]
    public int[] TreesBeam { get; init; } = [];

    [Flag("A forest that grows tree by tree stops when the leading answer is ahead by so much summed Q, 0 to 100; auto chooses it on "
        + "--valid-problems")]
    public string Settle { get; init; } = "1";

    [Flag("Values that auto tries for it", Min = 0, Max = 100)]
    public double[] SettleGrid { get; init; } = [0.3, 0.5, 0.8, 1.2, 1.8, 2.5];

    [Flag("forest-sure stops when the leading answer is right with this probability, 0 to 1; auto chooses it on --valid-problems")]
    public string Sure { get; init; } = AutoNumber.Auto;

    [Flag("Values that auto tries for it", Min = 0, Max = 1)]
    public double[] SureGrid { get; init; } = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999];

    [Flag("Repeat with so many seeds: seed, seed + 1, …", Min = 1, Max = 1000)]
    public int Seeds { get; init; } = 1;

    [Flag("Problems searched together: larger is faster, the same results", Min = 1, Max = 65536, Local = true)]
    public int ProblemsPerBatch { get; init; } = 32;

    [Flag("Search a few of the problems, say what the search would take in time, tokens and memory, and write nothing", Local = true)]
    public bool DryRun { get; init; }

    public override bool OnlyTells => DryRun;

    public override bool CountsTokens => DryRun;

    public override bool RunsVerifiers => Verifier + Outcome != "" || Provers.Concat(SweepProvers).Any(p => ProverChoice.BestOf(p) is null);

    /// <summary>The number that --alpha gives; null for auto.</summary>
    public double? FixedAlpha => AutoNumber.Parse("--alpha", Alpha, 10);

    /// <summary>The number that --settle gives; null for auto.</summary>
    public double? FixedSettle => AutoNumber.Parse("--settle", Settle, 100);

    /// <summary>The beam size that --widest gives, 0 for any; null for auto.</summary>
    public double? FixedWidest => AutoNumber.Parse("--widest", Widest, 4096);

    /// <summary>The number that --sure gives; null for auto.</summary>
    public double? FixedSure => AutoNumber.Parse("--sure", Sure, 1);

    /// <summary>Sizes of forests.</summary>
    public IReadOnlyList<int> ForestSizes => Forest.Length > 0 ? Forest : Beam;

    /// <summary>The sizes at which a search keeps its trees.</summary>
    public IReadOnlyList<int> SizesOfTrees(Pav.Search search)
    {
        if (TreesBeam.Length > 0) return TreesBeam;
        var sizes = search.IsForest ? ForestSizes : Beam;
        return [sizes.Contains(4) ? 4 : sizes.Max()];
    }

    /// <summary>The K of each boK among the provers, which the oracle searches with as well.</summary>
    public IEnumerable<int> OracleProvers => Provers.Distinct().Select(ProverChoice.BestOf).OfType<int>();

    /// <summary>Every prover that the methods, or the choice of alpha, will ask for.</summary>
    public IReadOnlyList<string> NeededProvers(IReadOnlyList<SearchMethod> methods) =>
        [.. (methods.Any(m => m.HasProver && !m.ByOracle) ? Provers.Concat(SweepProvers) : FixedAlpha is null ? Provers.Take(1) : [])
            .Distinct()];

    /// <summary>The methods to run, in the order of tables; one that lacks what it needs is an error where it was named.</summary>
    public IReadOnlyList<SearchMethod> ChosenMethods()
    {
        string? Lacks(SearchMethod method) =>
            method.Needs.HasFlag(Needs.Outcome) && Outcome == "" ? "--outcome"
            : method.Needs.HasFlag(Needs.Verifier) && Verifier == "" ? "--verifier"
            : method.Needs.HasFlag(Needs.Oracle) && Oracle == 0 ? "--oracle"
            : method.Needs.HasFlag(Needs.Validation) && (ValidProblems == "" || Verifier == "") ? "--valid-problems"
            : method.Needs.HasFlag(Needs.HalfSteps) && EndpointUrl.IsRemote(Policy) ? "a --policy that is a folder or a GGUF file"
            : method.HasProver && Provers.Length + SweepProvers.Length == 0 ? "--provers" : null;
        var named = Methods.Where(m => m != MethodsFlagAttribute.All).Select(m => SearchMethods.Find(m)!).ToList();
        if (named.Find(m => Lacks(m) is not null) is { } method)
            throw new UserError($"--methods names {method.Id}, which needs {Lacks(method)}.");
        var usual = SearchMethods.All.Where(m => Lacks(m) is null
            && (Methods.Length == 0 ? m.ByDefault : Methods.Contains(MethodsFlagAttribute.All)) || m.ByOracle && Oracle > 0);
        return [.. usual.Concat(named).DistinctBy(m => m.Id).OrderBy(m => SearchMethods.Order(m.Id))];
    }

    public SearchOptions Options(ulong seed) => new()
    {
        Candidates = Candidates, Seed = seed, Sampling = Sampling, HalfTokens = HalfTokens, HalfKeep = HalfKeep,
    };

    /// <summary>Refuses what no single option shows to be wrong.</summary>
    public void Check()
    {
        if (FixedAlpha is null && ValidProblems == "") throw new UserError("--alpha auto needs --valid-problems, on which it is chosen.");
        if (FixedSettle is null && (ValidProblems == "" || Verifier == ""))
            throw new UserError("--settle auto needs --valid-problems, on which it is chosen, and --verifier.");
        if (Caution != "" && Verifier == "") throw new UserError("--caution is for --verifier.");
        if (Caution == AutoNumber.Auto && ValidProblems == "")
            throw new UserError("--caution auto needs --valid-problems, on which it is chosen.");
        foreach (var value in CautionGrid.Append(Caution).Where(v => v is not ("" or AutoNumber.Auto)))
            Pav.Caution.Parse("--caution", value);
        if (ForestWidths.Length > 0 && (ValidProblems == "" || Verifier == ""))
            throw new UserError("--forest-widths needs --valid-problems, on which they are compared, and --verifier.");
        if (FixedWidest is null && (ValidProblems == "" || Verifier == ""))
            throw new UserError("--widest auto needs --valid-problems, on which beams are tried, and --verifier.");
        if (FixedWidest > 0 && FixedWidest < Beam.Min())
            throw new UserError($"--widest {Widest} leaves no beam: the smallest of --beam is {Beam.Min()}.");
        if (FixedSure is null && SureGrid.Length == 0) throw new UserError("--sure auto needs values to try; give --sure-grid some.");
        if (FixedAlpha is null && (Verifier == "" || Provers.Length == 0))
            throw new UserError("--alpha auto needs --verifier and --provers.");
        if (Oracle > 0 && OracleProvers.FirstOrDefault(k => k > Oracle) is > 0 and var k)
            throw new UserError($"--oracle {Oracle} completions cannot tell what bo{k} of --provers is worth without bias; give --oracle "
                + $"at least {k}, or move bo{k} to --sweep-provers, which the oracle leaves out.");
        ChosenMethods();
    }
}

/// <summary>The option that names methods of search.</summary>
internal sealed class MethodsFlagAttribute : FlagAttribute
{
    public const string All = "all";

    public MethodsFlagAttribute(string description)
        : base(description) => Choices = string.Join('|', SearchMethods.All.Select(m => m.Id).Append(All));

    public override bool Allows(string word) => word == All || SearchMethods.Find(word) is not null;
}
