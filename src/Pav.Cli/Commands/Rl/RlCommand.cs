using System.Globalization;
using System.Text.Json.Serialization;
using Pav.Cli.Commands.Evaluate;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Models;
using Pav.Models.Files;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Models.Training;
using Pav.Report.Folders;

namespace Pav.Cli.Commands.Rl;

/// <summary>What RL came to.</summary>
internal sealed record RlTrained : RlResult
{
    public RlTrained(RlResult result) : base(result)
    {
    }

    /// <summary>The last policy on --test-problems.</summary>
    [JsonPropertyOrder(1)]
    public EvaluationSummary? Test { get; init; }
}

/// <summary>Online RL of a policy with outcome rewards, or with progress as a dense reward beside them.</summary>
internal static class RlCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<RlSettings, object>(
        "rl", "Train a policy online: sample traces, reward their outcome and the progress of each step, update, again.",
        """
        pav rl --policy runs/rft --verifier runs/verifier --problems train.jsonl --valid-problems valid.jsonl --out runs/rl-pav
        pav rl --reward orm --policy runs/rft --problems train.jsonl --valid-problems valid.jsonl --out runs/rl-orm
        pav rl --recipe quick
        """, Output.Folder, Run);

    private static async Task<object> Run(RlSettings settings, CommandContext context)
    {
        settings.Check();
        if (context.Folder?.Changed.Count > 0)
            foreach (var stale in new[] { PolicyEvaluation.TalliesName, PolicyEvaluation.HardBeamName }) File.Delete(context.Run.At(stale));
        Checkpoint.Threads(settings.Threads);
        var folder = Home.Model("--policy", settings.Policy);
        var watched = new WatchedGrader(Grader.Named(settings.Grader));
        var (tokenizer, template, grader) = (Tokenizer.Load(folder), Checkpoint.Template(settings.Prompt, folder, settings.Ends),
            watched.Grader);
        var problems = Problems.Read(settings.Rows.Path(settings.Problems), settings.Rows.Names());
        var engine = Checkpoint.EngineOf(settings);
        IReadOnlyList<Problem> tests = settings.TestProblems == "" ? [] : Problems.Read(settings.TestProblems);
        GraderChoice.Warn(GraderAdvice.ForReferences(grader, [.. problems, .. tests]), context);
        if (settings.Hard != "") PolicyEvaluation.Unsolved(settings.Hard, tests);
        IReadOnlyList<Problem> heldOut = settings.ValidProblems == ""
            ? [] : [.. Problems.Read(settings.ValidProblems).Take(settings.ValidLimit)];
        using var start = settings.OracleRollouts == 0 ? null : ProverPolicy(settings, folder);
        using var refresh = settings.Verifier == "" && !settings.LearnsFromSamples ? null
            : Refreshed(settings.DryRun ? settings with { Refresh = int.MaxValue } : settings, problems, grader, template,
                context.Folder?.Path ?? "", (iteration, verdict) => context.Reporter.Say(Line(iteration, verdict)));
        var task = new RlTask
        {
            Name = Checkpoint.NameOf(folder), Folder = folder, Start = () =>
                DecoderCheckpoint.Load(folder), Tokenizer = tokenizer, Template = template, Grader = grader,
            Problems = problems, Prover = ProverOf(refresh), Sampled = refresh is null ? null : refresh.Keep,
            HeldOut = heldOut, HeldOutSamples = settings.ValidSamples, Engine = engine,
            SaveBeside = inside =>
            {
                tokenizer.Save(inside);
                PolicyRecord.From(template).Save(inside);
            },
        };

        if (settings.DryRun) return RlEstimate.Tell(settings, task with { Sampled = null }, tests.Count, context);
        var options = settings.ToOptions(settings.TriesAlphas ? await ChooseAlpha() : settings.FixedAlpha);
        var warned = false;
        var result = await context.Reporter.Track($"RL, {settings.Reward}", options.Iterations, "iterations", tracker =>
            Task.FromResult(RlLoop.Run(task, options, context.Run.Path, p =>
        {
            tracker.At(p.Row.Iteration, Line(p));
            if (p.Settled is { } settled)
            {
                context.Reporter.Say(Line(settled, settled.Alpha(options.OutcomeSpread), options.OutcomeSpread));
                context.Folder?.Note(RlWay.AlphaName, settled.Alpha(options.OutcomeSpread));
            }

            if (warned || p.Signs is not { Suspicious: true } signs) return;
            warned = true;
            var then = options.GuardAlpha < 1 && !options.StopOnHacking
                ? $"; alpha is multiplied by {OptionField.Text(options.GuardAlpha)}, each time" : "";
            context.Reporter.Say(string.Create(CultureInfo.InvariantCulture, $"""
                warning: at iteration {p.Row.Iteration} progress has risen by {signs.Progress:0.000} while right answers have fallen by {100 * -signs.Rex:0.0} points over {options.GuardWindow} iterations: the policy may be pleasing the verifier{then}.
                """));
        }, context.Cancel)));
        GraderChoice.Warn(watched.Advice, context);
        if (!result.Finished) throw new OperationCanceledException(context.Cancel);
        context.Reporter.Say(string.Create(CultureInfo.InvariantCulture,
            $"{(result.Stopped ? "stopped by the guard against reward hacking after" : "after")} {result.Iterations} "
            + $"{(result.Iterations == 1 ? "iteration" : "iterations")} and {result.GeneratedTokens:N0} "
            + $"tokens{(result.ValidAccuracy is { } accuracy ? $": {100 * accuracy:0.0}% of held-out samples right (best {100 * result.BestAccuracy:0.0}% at iteration {result.BestIteration})" : "")}; the last policy in {result.Last}"));
        return new RlTrained(settings.TriesAlphas ? result with { Alpha = options.Alpha } : result)
        {
            Test = tests.Count > 0 ? await Test(settings, tests, result.Last, context) : null,
        };

        Func<int, IPolicy, CancellationToken, Task<RlProver>>? ProverOf(ProverRefresh? by) => by is not null ? by.At : start is not null
            ? Oracle : null;

        Task<RlProver> Oracle(int iteration, IPolicy _, CancellationToken cancel)
        {
            var values = new MonteCarloVerifier(start!, grader, settings.OracleRollouts, new Sampling(MaxTokens: settings.Rl.MaxTokens),
                Seeds.Derive(settings.Seed, "", "oracle", iteration));
            return Task.FromResult(new RlProver(values.BestOf(settings.Strengths), settings.OracleRollouts));
        }

        // The alpha of the grid whose policy is best on held-out problems after a short run of its own, in alpha/VALUE/; found once and
        // kept in alpha.json.
        async Task<double> ChooseAlpha()
        {
            var file = context.Run.At("alpha.json");
            if (File.Exists(file)) return AlphaGrid.Best(Json.Read<List<AlphaPoint>>(file));
            var points = await context.Reporter.Track("Choosing alpha by runs of its own", settings.AlphaGrid.Length, "values", tracker =>
            {
                var found = new List<AlphaPoint>();
                foreach (var alpha in settings.AlphaGrid.Distinct())
                {
                    var place = context.Run.At(Path.Combine("alpha", OptionField.Text(alpha)));
                    using var refreshed = refresh is null ? null : Refreshed(settings, problems, grader, template, place);
                    var iterations = settings.AlphaIterations > 0 ? settings.AlphaIterations : settings.Rl.Iterations;
                    var brief = (settings with { Rl = settings.Rl with { Iterations = iterations, StopOnHacking = false } })
                        .ToOptions(alpha);
                    var judged = task with { Prover = ProverOf(refreshed), Sampled = refreshed is null ? null : refreshed.Keep };
                    var result = RlLoop.Run(judged, brief, place, cancel: context.Cancel);
                    if (!result.Finished) throw new OperationCanceledException(context.Cancel);
                    found.Add(new(alpha, result.ValidAccuracy!.Value));
                    tracker.At(found.Count, string.Create(CultureInfo.InvariantCulture, $"alpha {alpha}: {100 * found[^1].Accuracy:0.0}%"));
                }

                return Task.FromResult(found);
            });
            AtomicFile.WriteJson(file, points);
            return AlphaGrid.Best(points);
        }
    }

    private static TransformerPolicy ProverPolicy(RlSettings settings, string policy)
    {
        var folder = settings.ProverPolicy == "" ? policy : Home.Model("--prover-policy", settings.ProverPolicy);
        using var model = DecoderCheckpoint.Load(folder);
        var prompt = settings.ProverPolicy == "" ? settings.Prompt : settings.Prompt with { Template = "" };
        var template = Checkpoint.Template(prompt, folder, settings.Ends);
        return new(Checkpoint.NameOf(folder), model, Tokenizer.Load(folder), template, Checkpoint.EngineOf(settings));
    }

    private static ProverRefresh Refreshed(
        RlSettings settings, IReadOnlyList<Problem> problems, Grader grader, PromptTemplate template, string run,
        Action<int, RefreshVerdict>? judged = null)
    {
        var (folder, steps) = (settings.Verifier == "" ? "" : Home.Model("--verifier", settings.Verifier), template.StepEnd);
        if (folder != "")
        {
            Checkpoint.CheckSteps("--verifier", settings.Verifier, folder, steps);
            Checkpoint.CheckValues("--verifier", settings.Verifier, folder);
        }

        var labels = new LabelOptions
        {
            NCov = settings.RefreshNCov, NMc = settings.RefreshNMc, Seed = settings.Seed, Sampling = new(MaxTokens: settings.Rl.MaxTokens),
            ProblemsPerBatch = 256, StepEnd = steps,
        };
        return new(
            run, folder, settings.Strengths, problems, grader,
            new(settings.Refresh, settings.RefreshProblems, labels, settings.ToRefreshTraining(),
                settings.LearnsFromSamples ? FirstVerifier(settings, template) : null),
            Checkpoint.EngineOf(settings), judged);
    }

    private static SampledStart FirstVerifier(RlSettings settings, PromptTemplate template)
    {
        var (option, model) = settings.RefreshModel == "" ? ("--policy", settings.Policy) : ("--refresh-model", settings.RefreshModel);
        var trunk = Home.Model(option, model);
        // Not hours later, when it is to be trained.
        if (settings.RefreshModel != "") _ = (Tokenizer.Load(trunk), DecoderConfig.Load(trunk));
        return new(trunk, settings.RefreshTemplate == "" ? template
            : Checkpoint.Template(settings.Prompt with { Template = settings.RefreshTemplate }, trunk, settings.Ends));
    }

    private static async Task<EvaluationSummary> Test(RlSettings settings, IReadOnlyList<Problem> problems, string last,
        CommandContext context)
    {
        using var model = DecoderCheckpoint.Load(last);
        var tokenizer = Tokenizer.Load(last);
        var template = Checkpoint.Template(new(), last);
        using var policy = new TransformerPolicy("last", model, tokenizer, template, Checkpoint.EngineOf(settings));
        var evaluation = new PolicyEvaluation(policy, Grader.Named(settings.Grader), new(MaxTokens: settings.Rl.MaxTokens),
            settings.TestSamples, settings.Seed, 32, context);
        using var verifier = settings.HardBeam.Length > 0
            ? Checkpoint.Verifier("--verifier", settings.Verifier, settings, template.StepEnd) : null;
        return await evaluation.Run(problems, settings.Hard, settings.HardBeam, verifier);
    }

    /// <summary>How the decision about a refreshed verifier was made.</summary>
    internal static string Line(int iteration, RefreshVerdict verdict)
    {
        var then = !verdict.Refused ? "it is taken into use" : verdict.Before is null
            ? "no step is progress until the next" : "it is refused, and the one before stays";
        if (verdict is { Before: null, After: { } auc }) return string.Create(CultureInfo.InvariantCulture,
            $"verifier at iteration {iteration}: within-problem AUC {auc:0.000} [{verdict.Low:0.000}, {verdict.High:0.000}] over "
            + $"{verdict.Problems} held-out problems; {RefreshVerdict.LeastFromScratch:0.0} are needed, an interval above 0.5, and "
            + $"{RefreshVerdict.FewestProblems} problems: {then}");
        if (verdict.Problems == 0) return $"refresh at iteration {iteration}: no held-out problem has right and wrong traces, {then}";
        var few = verdict.Problems < RefreshVerdict.FewestProblems ? ", too few to refuse it by" : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"refresh at iteration {iteration}: within-problem AUC {verdict.Before:0.000} before and {verdict.After:0.000} after, "
            + $"difference [{verdict.Low:+0.000;-0.000;0.000}, {verdict.High:+0.000;-0.000;0.000}] by a paired bootstrap over "
            + $"{verdict.Problems} held-out problems{few}: {then}");
    }

    /// <summary>Which alpha was chosen, and why.</summary>
    internal static string Line(AlphaMatch match, double alpha, double outcome)
    {
        var whose = match.Scale == match.Before ? "an earlier verifier's steps' rewards, which were larger"
            : string.Create(CultureInfo.InvariantCulture, $"{(match.Before > 0 ? "" : "the first ")}{match.Steps:N0} steps' rewards");
        var limit = alpha is AlphaMatch.Lowest or AlphaMatch.Highest ? ", but within its limits" : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"alpha {alpha:0.###}: {AlphaMatch.Share} times {outcome}, the largest spread of an outcome, over {match.Scale:0.####}, the "
            + $"root mean square of {whose}{limit}");
    }

    private static string Line(RlProgress p)
    {
        var row = p.Row;
        var parts = new List<string>();
        if (row.Reward is { } reward) parts.Add($"reward {reward:0.000}");
        if (row.Progress is { } progress) parts.Add($"progress {progress:+0.0000;-0.0000;0.0000}");
        if (row.Kl is { } kl) parts.Add($"KL {kl:0.0000}");
        if (row.ValidAccuracy is { } accuracy) parts.Add($"held-out {100 * accuracy:0.0}%");
        if (p.TokensPerSecond > 0) parts.Add($"{p.TokensPerSecond:N0} tokens/s");
        return string.Join(", ", parts);
    }
}
