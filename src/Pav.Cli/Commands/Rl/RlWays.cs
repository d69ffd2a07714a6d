using System.Text.Json;
using Pav.Cli.Options;
using Pav.Models.Training;
using Pav.Report.Folders;

namespace Pav.Cli.Commands.Rl;

/// <summary>What the options of an RL run say of it, for reports.</summary>
internal static class RlWays
{
    /// <summary>Options that change where, how fast or how often a run is measured, and not what it learns.</summary>
    private static readonly HashSet<string> Free = Names(nameof(RlSettings.Seed), nameof(RlOptions.PassTokens),
        nameof(RlOptions.EvaluateEvery), nameof(RlOptions.CheckpointEvery));

    /// <summary>Options of step rewards; of RL without a prover they say nothing.</summary>
    private static readonly HashSet<string> OfSteps = Names(
        nameof(RlSettings.Credit), nameof(RlSettings.Alpha), nameof(RlSettings.AlphaGrid), nameof(RlSettings.AlphaIterations),
            nameof(RlOptions.AlphaUntil), nameof(RlSettings.AlphaBy), nameof(RlSettings.Verifier), nameof(RlSettings.BestOf),
        nameof(RlSettings.Prover),
        nameof(RlSettings.OracleRollouts), nameof(RlSettings.ProverPolicy), nameof(RlSettings.Refresh), nameof(RlSettings.RefreshProblems),
            nameof(RlSettings.RefreshNCov), nameof(RlSettings.RefreshNMc),
        nameof(RlSettings.RefreshSteps), nameof(RlSettings.RefreshRate), nameof(RlOptions.NoProgress), nameof(RlOptions.GuardWindow),
        nameof(RlOptions.StopOnHacking), nameof(RlSettings.Process), nameof(RlSettings.RefreshLabels),
        nameof(RlSettings.RefreshModel), nameof(RlSettings.RefreshTemplate), nameof(RlOptions.ErrorDrop), nameof(RlSettings.GuardAlpha));

    /// <summary>Options of values by rollouts, which other rewards do not look at.</summary>
    private static readonly HashSet<string> OfSegments = Names(nameof(RlOptions.ValueRollouts), nameof(RlOptions.SegmentSteps));

    /// <summary>What the run in that folder was asked for.</summary>
    public static RlAsked Read(string folder, RunRow row)
    {
        var values = row.Options?.Deserialize<Dictionary<string, JsonElement>>() ?? [];
        var recipe = new Recipe(Path.Combine(folder, "run.json"), "rl", values);
        var settings = (RlSettings)OptionSchema.From(typeof(RlSettings)).Bind([recipe], new Dictionary<string, string>());
        var way = From(settings with { GuardAlpha = OptionField.Text(settings.GuardFactor) });
        return new(way, settings.Seed, settings.Policy, settings.TestProblems, settings.Verifier);
    }

    private static RlWay From(RlSettings settings)
    {
        var reward = Names(nameof(RlSettings.Reward));
        var options = OptionSchema.From(typeof(RlSettings)).Fields
            .Where(f => !f.Flag.Local && !f.Flag.AtEnd && !Free.Contains(f.SnakeName) && !reward.Contains(f.SnakeName))
            .ToDictionary(f => f.SnakeName, f => Shown(f, f.Get(settings)));
        HashSet<string> rewards = settings.RewardsSteps ? OfSteps : settings.Reward is "vineppo" or "spo" ? OfSegments : [];
        return new(
            settings.Reward, options.Where(o => !OfSteps.Contains(o.Key) && !OfSegments.Contains(o.Key)).ToDictionary(),
            options.Where(o => rewards.Contains(o.Key)).ToDictionary());
    }

    private static HashSet<string> Names(params string[] properties) => [.. properties.Select(p => OptionField.Split(p, '_'))];

    private static string Shown(OptionField field, object? value)
    {
        var text = field.Flag.Input && value is string path
            ? Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) : OptionField.Text(value);
        return text == "" ? "none" : string.Join("_", text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
