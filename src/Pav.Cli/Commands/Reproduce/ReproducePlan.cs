using Pav.Cli.Commands.Didactic;
using Pav.Cli.Commands.Evaluate;
using Pav.Cli.Commands.Label;
using Pav.Cli.Commands.ProblemFiles;
using Pav.Cli.Commands.Provers;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Commands.Search;
using Pav.Cli.Commands.Train;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Report.Reproduction;



namespace Pav.Cli.Commands.Reproduce;

/// <summary>One command of the plan, in a folder of its own.</summary>
/// <param name="Say">What goes on and why, in one sentence.</param>
/// <param name="Options">As far as they are known from the start.</param>
/// <param name="Needs">Names of the parts that must be finished before.</param>
/// <param name="Settle">Sets what only files of these parts tell.</param>
internal sealed record Part(string Name, string Say, CommandSpec Command, object Options, string Folder, IReadOnlyList<string> Needs,
    Func<object, object>? Settle = null)
{
    /// <summary>The options that it runs with; only once the parts that it needs are finished.</summary>
    public object Settled() => Settle is null ? Options : Settle(Options);
}

/// <summary>
/// The commands that figures need, in order. Asking for a part adds it, with all that it needs, once: figures share base policies, labels
/// and verifiers. A method returns the folder (or
/// file) that its part writes.
/// </summary>
internal sealed partial class ReproducePlan(ReproduceScale scale, ReproduceSettings settings)
{
    private readonly Dictionary<string, Part> parts = [];
    private readonly List<string> needed = [];

    public ReproduceScale Scale => scale;

    public IReadOnlyList<Part> Parts => [.. parts.Values];

    /// <summary>A real model is given: only what uses it is run.</summary>
    public bool Given => settings.Policy != "";

    public IReadOnlyList<string> Models => Here(scale.Models);

    /// <summary>Base policies and provers of the matrix of both.</summary>
    public IReadOnlyList<string> MatrixModels => Here(scale.MatrixModels);

    public IReadOnlyList<string> Missing => Given ? [] : [.. scale.Models.Union(scale.MatrixModels).Where(m => Home.TryModel(m) is null)];

    private IReadOnlyList<string> Here(string[] models) => Given
        ? [Path.GetFileName(Path.TrimEndingDirectorySeparator(settings.Policy))] : [.. models.Where(m => Home.TryModel(m) is not null)];

    public IEnumerable<int> Seeds(int count) => Enumerable.Range(1, count);

    public double Alpha => settings.Alpha;

    public string Prover => ProverName.From(scale.Strengths.Contains(4) ? 4 : scale.Strengths[0]);

    /// <summary>Parts asked for since the last call: those of one figure.</summary>
    public IReadOnlyList<Part> TakeNeeded()
    {
        var included = needed.Distinct().Select(n => parts[n]).ToList();
        needed.Clear();
        return included;
    }

    public string TrainProblems() => settings.TrainProblems != "" ? settings.TrainProblems
        : Given ? throw new UserError(
            "training labels and verifiers for --policy needs --train-problems; or give --verifier, and name the figures that only search.")
        : Problems("train", scale.TrainProblems, 77);

    public string ValidProblems() => settings.ValidProblems != "" ? settings.ValidProblems
        : Given ? throw new UserError("choosing alpha and checkpoints for --policy needs --valid-problems.")
        : Problems("valid", scale.ValidProblems, 78);

    public string TestProblems() => settings.Problems != "" ? settings.Problems : Problems("test", scale.TestProblems, 79);

    public string Base(string model) => Given ? settings.Policy : Add($"base-{Short(model)}", "Make a base policy: the pretrained model, "
        + "fine-tuned on homework as people write it, mistakes included.",
        TrainCommands.Sft, new SftSettings
        {
            Model = model, Count = 6000, Steps = scale.BaseSteps, Batch = 32, Rate = 3e-4, Warmup = "10",
                EvaluateEvery = Math.Max(1, scale.BaseSteps / 2), CheckpointEvery = Math.Max(1, scale.BaseSteps / 2),
            ValidProblems = ValidProblems(), MaxTokens = MaxTokens, Seed = 11,
        });

    public string Labels(string model, int seed) => Label($"labels-{Short(model)}-{seed}", "Collect progress labels: sample solutions, "
        + "finish each from the end of every step, count right answers.", model, TrainProblems(),
        new() { NCov = scale.NCov, NMc = scale.NMc, Seed = 5 + 100 * (ulong)seed });

    public string ValidLabels(string model) =>
        Label($"labels-valid-{Short(model)}", "The same, with more completions, on the validation problems.", model, ValidProblems(),
        new() { NCov = scale.ValidNCov, NMc = scale.ValidNMc, Seed = 6 });

    /// <summary>Traces of the test problems with their outcomes, for predicting these from steps.</summary>
    public string TestLabels(string model) => Label($"labels-test-{Short(model)}", "Sample solutions of the test problems, whose "
        + "outcomes are to be predicted.", model, TestProblems(),
        new() { NCov = scale.ThresholdTraces, NMc = 1, Seed = 7 });

    public string Outcome(string model, int seed) => settings.Outcome != ""
        ? settings.Outcome : Verifier($"outcome-{Short(model)}-{seed}", "Train the baseline, an outcome verifier.",
        TrainCommands.Outcome, model, [Labels(model, seed)], scale.OutcomeSteps, seed);

    public string Verifier(string model, int seed) => settings.Verifier != ""
        ? settings.Verifier : Verifier($"verifier-{Short(model)}-{seed}", "Train a verifier of Q; its differences are progress.",
        TrainCommands.Verifier, model, [Labels(model, seed)], scale.VerifierSteps, seed);

    /// <summary>The usual methods at every size, for Figures 4, 5a and 6a; with the first base policy also what the figure 'forest'
    /// compares.</summary>
    public string Search(string model, int seed) =>
        Search($"search-{Short(model)}-{seed}", "Answer the test problems with the usual methods, at every size.", model, seed, s =>
            Usual(s, model, seed) with
        {
            Methods = IsFirst(model) ? [.. FirstMethods] : [], Limit = IsFirst(model) ? 0 : scale.LaterProblems,
            Trees = seed == 1 ? 6 : 0, TreesBeam = [scale.Beam.Contains(4) ? 4 : scale.Beam[^1]],
        });

    private SearchSettings Usual(SearchSettings search, string model, int seed) => search with
    {
        Forest = IsFirst(model) || scale.LaterForest.Length == 0 ? scale.Forest : scale.LaterForest,
        N = IsFirst(model) || scale.LaterN.Length == 0 ? scale.N : scale.LaterN, Settle = "auto", Outcome = Outcome(model, seed),
        Beam = scale.Beam, Provers = [Prover],
        Alpha = "auto", ValidProblems = ValidProblems(), AlphaGrid = scale.AlphaGrid, AlphaBeam = scale.AlphaBeam,
    };

    private bool IsFirst(string model) => model == Models[0];

    /// <summary>A model of one's own may give no answer from which votes could be calibrated, as the figure 'forest' wants them.</summary>
    private IEnumerable<string> FirstMethods => SearchMethods.All.Where(m => m.ByDefault).Select(m => m.Id)
        .Union(Given ? [] : ForestFigure.Methods);

    /// <summary>The methods that there are beside those of <see cref="Search(string, int)"/>, at equal budgets; without those that a
    /// best-of-K prover makes the same as their twin on Q.</summary>
    public string MethodsSearch(string model, int seed) =>
        Search($"search-methods-{Short(model)}-{seed}", "Answer test problems with every other search method.", model, seed, s => s with
    {
        Methods = [.. SearchMethods.All.Where(m => !m.ByOracle && (m.Search.ComparesStates || !m.HasProver)).Select(m => m.Id)
            .Except(FirstMethods)],
        Outcome = Outcome(model, seed), ValidProblems = ValidProblems(), Settle = "auto", Limit = scale.MethodProblems,
        Forest = scale.Forest, N = scale.MethodN, Beam = scale.MethodBeam, Provers = [Prover],
        Alpha = "auto", AlphaGrid = scale.AlphaGrid, AlphaBeam = scale.AlphaBeam, Trees = 0,
    });

    /// <summary>What the figure 'forest' compares, as in <see cref="Search(string, int)"/>, on further problems; with a model of one's
    /// own on the test problems.</summary>
    public string ForestSearch(string model, int seed) => Search(
        $"search-forest-{Short(model)}-{seed}", "Answer test problems with guided forests, and with what they are compared with.",
        model, seed, s => Usual(s, model, seed) with
        {
            Methods = [.. ForestFigure.Methods], Trees = 0,
            Problems = Given ? TestProblems() : Problems("test-forest", "test", scale.ForestProblems, 90, 0, 0),
        });

    /// <summary>As <see cref="Search(string, int)"/>, on validation problems.</summary>
    public string ValidSearch(string model, int seed) => Search($"search-valid-{Short(model)}-{seed}", "Answer the validation problems, "
        + "on which settings are chosen.", model, seed, s => Usual(s, model, seed) with { Problems = ValidProblems(), Trees = 0 });

    /// <summary>Beams with best-of-K provers of every strength.</summary>
    public string StrengthSearch(string model, int seed) =>
        Search($"search-provers-{Short(model)}-{seed}", "Search with provers of every strength.", model, seed, s => s with
    {
        Methods = [SearchMethods.BeamByQ.Id, SearchMethods.BeamByProgress.Id], Beam = scale.StrengthBeams,
            Provers = [.. scale.Strengths.Select(ProverName.From)], Alpha = FixedAlpha(), Trees = 0,
    });

    /// <summary>A beam with the progress of every base policy as prover.</summary>
    public string MatrixSearch(string model, int seed) =>
        Search($"search-matrix-{Short(model)}-{seed}", "Search with the progress of every base policy.", model, seed, s => s with
    {
        Methods = [SearchMethods.BeamByProgress.Id], Beam = [scale.MatrixBeam], Provers = [.. MatrixModels.Select(m => Verifier(m, seed))],
            Alpha = FixedAlpha(), Trees = 0,
    });

    /// <summary>A beam at one α.</summary>
    public string AlphaSearch(string model, int seed, double alpha) =>
        Search($"search-alpha-{Short(model)}-{seed}-{Text(alpha)}", $"Search with alpha = {Text(alpha)}.", model, seed, s => s with
    {
        Methods = [SearchMethods.BeamByProgress.Id], Beam = [scale.AlphaBeam], Provers = [Prover], Alpha = Text(alpha), Trees = 0,
    });

    /// <summary>Beams on Monte Carlo values.</summary>
    public string OracleSearch(string model, int seed) => Search($"search-oracle-{Short(model)}-{seed}", "Search with Monte Carlo values "
        + "in the verifier's place: the ceiling.", model, seed, s => s with
    {
        Methods = [SearchMethods.BeamByQ.Id, SearchMethods.BeamByProgress.Id], Beam = scale.OracleBeam, Provers = [Prover],
            Alpha = FixedAlpha(), Limit = scale.OracleProblems, Oracle = scale.Oracle,
        OracleProblems = scale.OracleProblems, OracleBeam = scale.OracleBeam, Trees = 0,
    });

    /// <summary>A verifier trained on labels of one kind, and a beam with it.</summary>
    public (string Labels, string Search) Cell(string model, int seed, LabelCell cell)
    {
        var labels = Label($"labels-{Short(model)}-{cell.Name}-{seed}", $"Label with {cell.Words}.", model, TrainProblems(),
            cell.Settings() with { Limit = scale.RatioProblems, Seed = 9 + 100 * (ulong)seed });
        var verifier = Verifier($"verifier-{Short(model)}-{cell.Name}-{seed}", "Train a verifier on these labels.", TrainCommands.Verifier,
            model, [labels], scale.RatioSteps, seed);
        return (labels, Search($"search-{Short(model)}-{cell.Name}-{seed}", "Search with it.", model, seed, s =>
            s with { Methods = [SearchMethods.BeamByQ.Id], Beam = [scale.RatioBeam], Trees = 0 }, verifier));
    }

    /// <summary>Scores after every step of labelled traces.</summary>
    public string Scores(string model, int seed, bool test) =>
        Add($"scores-{(test ? "test" : "valid")}-{Short(model)}-{seed}",
        $"Score every step of the {(test ? "test" : "validation")} traces.", EvaluateCommand.Spec, new EvaluateSettings
    {
        Policy = Base(model), Prompt = settings.Prompt, Ends = settings.Ends,
        Problems = test ? TestProblems() : ValidProblems(), Samples = 1, Sampling = Sampling,
        Grader = settings.Grader,
        Verifier = Verifier(model, seed), Labels = [test ? TestLabels(model) : ValidLabels(model)], Seed = 3,
    });

    public string Didactic() => Add("didactic", "The didactic task: find a planted sequence with outcome reward, and with progress under "
        + "provers of many strengths.", DidacticCommand.Spec, new DidacticSettings
    {
        Seeds = scale.DidacticSeeds, Planted = scale.DidacticPlanted, OutcomeIterations = scale.DidacticOutcomeIterations,
            Iterations = scale.DidacticIterations, Gammas = scale.DidacticGammas,
        Lengths = scale.DidacticLengths, Length = scale.DidacticLength,
    });

    /// <summary>States with several labelled steps each, and what these say of best-of-K provers before any training.</summary>
    public string Provers(string model)
    {
        var states = Label($"states-{Short(model)}", "Complete several steps of each of some states, to judge provers before training.",
            model, ValidProblems(),
            new() { NCov = 2, NMc = scale.StateNMc, StepsPerState = 4, Depths = 2, Limit = scale.StateProblems, Seed = 8 });
        return Add($"provers-{Short(model)}", "Judge best-of-K provers from these states.", ProverCommand.Spec, new ProverSettings
        {
            Labels = states, K = [.. scale.Strengths.Where(k => k <= scale.StateNMc / 2)], Alpha = settings.Alpha,
                Verifier = Verifier(model, 1), Problems = [ValidProblems()], Seed = 1,
        });
    }

    private string Problems(string split, int count, ulong seed) => Problems(split, split, count, seed, 0, 0);

    private string Problems(string name, string split, int count, ulong seed, int level, int traps)
    {
        // The count is in the name: a file that is there is taken as it is.
        var file = Path.Combine(settings.Out, $"problems-{name}", $"{split}-{count}.jsonl");
        Add($"problems-{name}", $"Write {split} problems.", ProblemsCommand.Spec,
            new ProblemsSettings { Out = file, Split = split, Count = count, Seed = seed, Level = level, Traps = traps });
        return file;
    }

    private string Label(string name, string say, string model, string problems, LabelSettings label) =>
        Add(name, say, LabelCommand.Spec, label with
    {
        Policy = Base(model), Prompt = settings.Prompt, Ends = settings.Ends,
        Problems = problems, Sampling = Sampling, Grader = settings.Grader, ProblemsPerBatch = 128,
    });

    private string Verifier(string name, string say, CommandSpec kind, string model, string[] labels, int steps, int seed,
        params string[] further) => Add(name, say, kind,
        Training(settings.Model != "" ? settings.Model : Given ? settings.Policy : model, model, labels, steps, seed, further));

    /// <summary>How verifiers are put problems: as the embedded models were pretrained to be careful.</summary>
    private const string Checking = "Checked:\n{problem}\n";

    /// <param name="trunk">What it starts from.</param>
    /// <param name="model">Whose labels it learns from.</param>
    private VerifierSettings Training(string trunk, string model, string[] labels, int steps, int seed, params string[] further) => new()
    {
        Model = trunk, Labels = labels, ValidLabels = [ValidLabels(model)], Problems = [TrainProblems(), ValidProblems(), .. further],
        Prompt = Given ? settings.Prompt : new() { Template = Checking },
        Steps = steps, Batch = 32, Rate = scale.VerifierRate, Warmup = $"{Math.Min(50, steps / 2)}", WeightDecay = 0.01, Beta2 = 0.95,
        EvaluateEvery = Math.Max(1, steps / 4), CheckpointEvery = Math.Max(1, steps / 4), Seed = (ulong)seed,
    };

    private string Search(string name, string say, string model, int seed, Func<SearchSettings, SearchSettings> with,
        string? verifier = null) => Add(name, say, SearchCommand.Spec, with(new()
    {
        Policy = Base(model), Prompt = settings.Prompt, Ends = settings.Ends,
        Verifier = verifier ?? Verifier(model, seed), Problems = TestProblems(), Sampling = Sampling,
        Grader = settings.Grader, Seed = (ulong)seed, ProblemsPerBatch = 100,
    }));

    /// <summary>A part needs those whose folders, or files in them, its options name.</summary>
    /// <param name="after">Folders of further parts that it needs.</param>
    /// <param name="settle">Sets options that only files of these tell, when they are finished.</param>
    private string Add(
        string name, string say, CommandSpec command, object options, IEnumerable<string>? after = null,
        Func<object, object>? settle = null)
    {
        var folder = Path.Combine(settings.Out, name);
        if (options is RunSettings run) options = run with { Out = folder };
        if (options is ModelSettings model)
            options = model with
            {
                Threads = settings.Threads, MemoryMb = settings.MemoryMb,
                Device = command == SignalCommand.Spec ? model.Device : settings.Device,
            };
        if (options is DidacticSettings didactic) options = didactic with { Threads = settings.Threads };
        needed.Add(name);
        if (parts.ContainsKey(name)) return folder;
        var named = InputPaths.In(command.Schema, options).Concat(after ?? []).ToList();
        var needs = parts.Values.Where(p => named.Any(n => InputPaths.IsInside(n, p.Folder))).Select(p => p.Name).ToList();
        parts.Add(name, new(name, say, command, options, folder, needs, settle));
        return folder;
    }

    private int MaxTokens => settings.MaxTokens > 0 ? settings.MaxTokens : scale.MaxTokens;

    private Sampling Sampling => new(MaxTokens: MaxTokens);

    private string FixedAlpha() => Text(settings.Alpha);

    private static string Text(double value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    public static string Short(string model) => model.StartsWith("pav-tiny-", StringComparison.Ordinal)
        ? model["pav-tiny-".Length..] : model;
}

/// <summary>A way to spend a budget of labels: n_cov × n_mc, and for first pits × n_mc up to the pit.</summary>
internal sealed record LabelCell(int NCov, int NMc, int? NMcPit)
{
    public string Name => NMcPit is { } pit ? $"pit{NCov}x{NMc}x{pit}" : $"{NCov}x{NMc}";

    public string Words => $"{NCov} seed trace{(NCov == 1 ? "" : "s")} of a problem and {NMc} completion{(NMc == 1 ? "" : "s")} of each "
        + $"prefix{(NMcPit is { } pit ? $", then {pit} up to the first pit" : "")}";

    public LabelSettings Settings() => NMcPit is { } pit
        ? new() { NCov = NCov, NMc = NMc, NMcPit = pit, Strategy = "first_pit" } : new() { NCov = NCov, NMc = NMc };

    public static LabelCell Parse(string text)
    {
        var numbers = text.Split('x').Select(part => int.TryParse(part, out var n) && n > 0 ? n : throw Bad(text)).ToList();
        return numbers.Count switch { 2 => new(numbers[0], numbers[1], null), 3 => new(numbers[0], numbers[1], numbers[2]), _ =>
            throw Bad(text) };
    }

    private static UserError Bad(string text) =>
        new($"'{text}' is not a way to label: write 4x1 (seed traces x completions), or 2x1x4 for first pits.");
}
