using System.Globalization;
using Pav.Cli.Options;

namespace Pav.Cli.Commands;

internal sealed record SearchSettings : SamplingSettings
{
    public const string Sample = "sample", Greedy = "greedy", Majority = "majority", BestOrm = "best-of-n-orm", BestQ = "best-of-n-q", Weighted = "weighted-vote", BeamQ = "beam-q", BeamPav = "beam-pav";

    [Flag("Q verifier: scores steps in a beam and finished traces (a 'train verifier' run or a checkpoint)", Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("Outcome verifier: re-ranks finished traces (a 'train outcome' run or a checkpoint)", Input = true)]
    public string Outcome { get; init; } = "";

    [Flag("Methods; none named means all that the verifiers given allow", Choices = $"{Sample}|{Greedy}|{Majority}|{BestOrm}|{BestQ}|{Weighted}|{BeamQ}|{BeamPav}")]
    public string[] Methods { get; init; } = [];

    [Flag("Numbers of samples for the methods that re-rank", Min = 1, Max = 4096)]
    public int[] N { get; init; } = [1, 2, 4, 8, 16, 32, 64, 128];

    [Flag("Beam sizes", Min = 1, Max = 4096)]
    public int[] Beam { get; init; } = [1, 2, 4, 8, 16];

    [Flag("Next steps sampled from each state of the beam", Min = 1, Max = 256)]
    public int Candidates { get; init; } = 3;

    [Flag("Weight of progress in the effective reward, 0 to 10; auto chooses it on --valid-problems")]
    public string Alpha { get; init; } = "0.5";

    [Flag("Problems on which auto chooses alpha", Input = true)]
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

    [Flag("Also search with Monte Carlo values of so many completions instead of a verifier; boK in --provers needs K or more; 0 is off", Min = 0, Max = 65536)]
    public int Oracle { get; init; }

    [Flag("The oracle searches the first so many problems", Min = 1)]
    public int OracleProblems { get; init; } = 50;

    [Flag("Beam sizes of the oracle", Min = 1, Max = 4096)]
    public int[] OracleBeam { get; init; } = [4];

    [Flag("Keep the search trees of the first so many problems", Min = 0)]
    public int Trees { get; init; } = 8;

    [Flag("Beam size of the trees that are kept (one of --beam)", Min = 1, Max = 4096)]
    public int TreesBeam { get; init; } = 4;

    [Flag("Repeat with so many seeds: seed, seed + 1, …", Min = 1, Max = 1000)]
    public int Seeds { get; init; } = 1;

    [Flag("Problems searched together: larger is faster, the same results", Min = 1, Max = 65536, Local = true)]
    public int ProblemsPerBatch { get; init; } = 32;

    /// <summary>The number that --alpha gives; null for auto.</summary>
    public double? FixedAlpha => Alpha == "auto" ? null
        : double.TryParse(Alpha, NumberStyles.Float, CultureInfo.InvariantCulture, out var alpha) && alpha is >= 0 and <= 10 ? alpha
        : throw new UserError($"--alpha is '{Alpha}', but must be a number from 0 to 10, or auto.");

    /// <summary>The K of each boK among the provers, which the oracle searches with as well.</summary>
    public IEnumerable<int> OracleProvers => Provers.Distinct().Select(Commands.Provers.BestOf).OfType<int>();

    /// <summary>Every prover that the methods, or the choice of alpha, will ask for.</summary>
    public IReadOnlyList<string> NeededProvers(IReadOnlySet<string> methods) =>
        [.. (methods.Contains(BeamPav) ? Provers.Concat(SweepProvers) : FixedAlpha is null ? Provers.Take(1) : []).Distinct()];

    /// <summary>The methods to run; one that lacks its verifier is an error where it was named.</summary>
    public IReadOnlySet<string> ChosenMethods()
    {
        string? Lacks(string method) => method switch
        {
            BestOrm when Outcome == "" => "--outcome",
            BestQ or Weighted or BeamQ or BeamPav when Verifier == "" => "--verifier",
            BeamPav when Provers.Length + SweepProvers.Length == 0 => "--provers",
            _ => null,
        };
        if (Methods.FirstOrDefault(m => Lacks(m) is not null) is { } method) throw new UserError($"--methods names {method}, which needs {Lacks(method)}.");
        string[] all = [Sample, Greedy, Majority, BestOrm, BestQ, Weighted, BeamQ, BeamPav];
        return (Methods.Length > 0 ? Methods : all.Where(m => Lacks(m) is null)).ToHashSet();
    }

    /// <summary>Refuses what no single option shows to be wrong.</summary>
    public void Check()
    {
        if (FixedAlpha is null && ValidProblems == "") throw new UserError("--alpha auto needs --valid-problems, on which it is chosen.");
        if (FixedAlpha is null && (Verifier == "" || Provers.Length == 0)) throw new UserError("--alpha auto needs --verifier and --provers.");
        if (Oracle > 0 && OracleProvers.FirstOrDefault(k => k > Oracle) is > 0 and var k)
            throw new UserError($"--oracle {Oracle} completions cannot tell what bo{k} of --provers is worth without bias; give --oracle at least {k}, or move bo{k} to --sweep-provers, which the oracle leaves out.");
        ChosenMethods();
    }
}
