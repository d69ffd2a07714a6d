using System.Globalization;
using Pav.Cli.Running;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Search;

/// <summary>
/// What searches take from validation problems: how wide a beam may be, when a vote is settled, what a trace's Q is evidence for, which
/// forest at which budget. Trees of forests are grown once for all of it, and what was found is kept in the run's folder.
/// </summary>
internal sealed class ValidationChoices(SearchSettings settings, SearchTools tools, CommandContext context)
{
    private const string SettleFile = "settle.json", VotesFile = "votes.json", ForestFile = "forest.json", WidestFile = "widest.json";

    /// <summary>Generated tokens per problem for which forest.json names a forest.</summary>
    private static readonly double[] Budgets = [150, 300, 550, 1000, 2000, 4000, 6500];

    private readonly Dictionary<int, ForestStudy> grown = [];

    /// <summary><c>votes.json</c>: what votes by log-odds weigh by, and the stops that were tried.</summary>
    private sealed record Votes(double Scale, double Bias, double Collision, IReadOnlyList<SurePoint> Stops);

    public async Task<Chosen> Choose(IReadOnlyList<SearchMethod> methods, double alpha)
    {
        var settle = settings.FixedSettle ?? 1;
        if (settings.FixedSettle is null && methods.Any(m => m.Search is SequentialForest { ByPosterior: false }))
        {
            settle = await ChooseSettle();
            Say($"settle = {settle}");
        }

        var (evidence, sure) = ((VoteEvidence?)null, settings.FixedSure ?? 0.95);
        if (methods.Any(m => m.Needs.HasFlag(Needs.Validation)))
        {
            (evidence, var best) = await ChooseVotes();
            sure = settings.FixedSure ?? best;
            Say($"votes by log-odds: Q = 0.5 is right with {evidence.Right(0.5):0.000}, 0.9 with {evidence.Right(0.9):0.000}");
            Say($"two wrong traces of a problem agree with {evidence.Collision:0.000}; sure = {sure}");
        }

        if (settings.ForestWidths.Length > 0)
            foreach (var s in await ChooseForest())
                Say($"validation problems, up to {s.Budget:N0} tokens: {s.Trees} trees of width {s.Width}, {s.Choice}: {s.Accuracy:0.0%}");
        return new(alpha, settle, sure, evidence, (int?)settings.FixedWidest ?? await ChooseWidest());
    }

    private void Say(FormattableString text) => context.Reporter.Say(text.ToString(CultureInfo.InvariantCulture));

    private async Task<int> ChooseWidest()
    {
        var points = await Kept(WidestFile, async () =>
            (await WidthGrid.Run(Problems.Read(settings.ValidProblems), tools, settings.Beam, Options, context.Cancel)).ToList());
        var curve = string.Join(", ", points.Select(p => FormattableString.Invariant($"{p.N}: {p.Accuracy:0.0%}")));
        Say($"beams on validation problems: {curve}; widest = {WidthGrid.Best(points)}");
        return WidthGrid.Best(points);
    }

    private async Task<double> ChooseSettle()
    {
        var points = await Kept(SettleFile, async () =>
            SettleGrid.Run(await Grown(1), settings.ForestSizes.Max(), Options, settings.SettleGrid).ToList());
        return SettleGrid.Best(points.Select(p => (p.Settle, p.Accuracy, p.Tokens)));
    }

    private async Task<(VoteEvidence Evidence, double Sure)> ChooseVotes()
    {
        var votes = await Kept(VotesFile, async () =>
        {
            var study = await Grown(1);
            var found = study.Evidence();
            return new Votes(
                found.Scale, found.Bias, found.Collision,
                SettleGrid.Sure(study, settings.ForestSizes.Max(), Options with { Evidence = found }, settings.SureGrid));
        });
        return (new(votes.Scale, votes.Bias, votes.Collision), SettleGrid.Best(votes.Stops.Select(p => (p.Sure, p.Accuracy, p.Tokens))));
    }

    private Task<List<ForestSetting>> ChooseForest() => Kept(ForestFile, async () =>
    {
        var studies = new List<ForestStudy>();
        foreach (var width in settings.ForestWidths.Distinct()) studies.Add(await Grown(width));
        var options = Options with { Evidence = studies[0].Evidence() };
        return ForestStudy.Frontier(studies, [FinalChoice.Vote, FinalChoice.LogOdds, FinalChoice.Majority], options, Budgets).ToList();
    });

    private SearchOptions Options => settings.Options(settings.Seed);

    private async Task<T> Kept<T>(string name, Func<Task<T>> find)
    {
        var file = context.Run.At(name);
        if (File.Exists(file)) return Json.Read<T>(file);
        var found = await find();
        AtomicFile.WriteJson(file, found);
        return found;
    }

    /// <summary>Forests of the validation problems that end in as many traces as the largest.</summary>
    private async Task<ForestStudy> Grown(int width)
    {
        if (grown.TryGetValue(width, out var known)) return known;
        var validation = Problems.Read(settings.ValidProblems);
        var trees = Math.Max(1, settings.ForestSizes.Max() / width);
        return grown[width] = await context.Reporter.Track(
            $"Growing forests of validation problems, width {width}", validation.Count, "problems", async tracker =>
            {
                var done = new List<IReadOnlyList<GrownTree>>();
                foreach (var batch in validation.Chunk(settings.ProblemsPerBatch))
                {
                    var study = await ForestStudy.Grow(batch, tools, Options, new GuidedForest { Width = width }, trees, context.Cancel);
                    done.AddRange(study.Trees);
                    tracker.At(done.Count);
                }

                var traces = from problem in validation.Zip(done)
                             from ballot in problem.Second.SelectMany(t => t.Ballots)
                             select new Judged(problem.First.Id, ballot.Q, ballot.Correct == 1);
                Say($"finished traces of these forests: {SignalToNoise.From(traces, settings.Seed)}");
                return new ForestStudy(done, width);
            });
    }
}
