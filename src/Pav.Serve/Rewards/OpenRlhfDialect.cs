using System.Text.Json;
using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>What OpenRLHF reads: lists as long as the request's.</summary>
internal sealed record OpenRlhfReply(
    IReadOnlyList<double> Rewards, IReadOnlyList<double> Scores, IReadOnlyDictionary<string, IReadOnlyList<double>> ExtraLogs);

/// <summary>OpenRLHF's <c>--reward.remote_url</c>: prompt and response as one text, one number for a trace.</summary>
internal static class OpenRlhfDialect
{
    public static IReadOnlyList<RewardQuestion> Questions(Body body, RewardModels models)
    {
        var queries = body.Texts("query") ?? throw ApiError.Wrong("query", "query is missing: a list of prompts with their responses");
        var prompts = body.Texts("prompts");
        JsonElement?[]? labels = body.Find("labels") is not { } given ? null
            : given.ValueKind == JsonValueKind.Array ? [.. given.EnumerateArray().Select(l => (JsonElement?)l)] : [given];
        if (prompts is not null) Same(prompts.Count, "prompts", queries.Count);
        if (labels is not null) Same(labels.Length, "labels", queries.Count);
        return [.. queries.Select((query, i) => Question(query, prompts?[i], labels?[i], models, i))];
    }

    /// <param name="rewards">Of the traces.</param>
    /// <param name="score">Which number trains; <c>scores</c>, in [0, 1], are what dynamic filtering looks at.</param>
    public static OpenRlhfReply Reply(IReadOnlyList<TraceReward> rewards, TraceScore score) => new(
        [.. rewards.Select((r, i) => RewardRequest.Value(r, score, $"labels[{i}]"))],
        [.. rewards.Select(r => score == TraceScore.Outcome ? r.Outcome!.Value : r.Q)],
        new Dictionary<string, IReadOnlyList<double>>
        {
            ["q0"] = [.. rewards.Select(r => r.Q0)],
            ["q_end"] = [.. rewards.Select(r => r.Q)],
            ["progress_sum"] = [.. rewards.Select(r => r.ProgressSum)],
            ["progress_min"] = [.. rewards.Select(r => r.ProgressMin)],
            ["steps"] = [.. rewards.Select(r => (double)r.Steps.Count)],
        });

    private static RewardQuestion Question(string query, string? prompt, JsonElement? label, RewardModels models, int i)
    {
        var (problem, response) = prompt is not null && query.StartsWith(prompt, StringComparison.Ordinal)
            ? (models.Prompts.Problem(prompt, $"prompts[{i}]"), query[prompt.Length..]) : models.Prompts.Split(query, $"query[{i}]");
        // OpenRLHF sends whatever JSON its data set has, wanted or not.
        var known = label is { ValueKind: JsonValueKind.String or JsonValueKind.Number }
            ? RewardRequest.Label(label, $"labels[{i}]") : null;
        return new(models.Traces.FromText(RewardModels.Problem(problem, known), response), known, $"query[{i}]");
    }

    private static void Same(int count, string field, int queries)
    {
        if (count != queries) throw ApiError.Wrong(field, $"{field} has {count} entries, and query has {queries}");
    }
}
