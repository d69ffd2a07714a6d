using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>Reads what requests for rewards have in common.</summary>
internal static class RewardRequest
{
    /// <summary>K of the prover where neither the request nor the server names one: the paper's.</summary>
    private const int UsualProver = 4;

    /// <summary>Names of <see cref="TraceScore"/> in an address.</summary>
    private static readonly IReadOnlyDictionary<string, TraceScore> Scores = new Dictionary<string, TraceScore>
    {
        ["q"] = TraceScore.Q, ["outcome"] = TraceScore.Outcome, ["min_progress"] = TraceScore.MinProgress,
    };

    /// <summary>Prover, α and grader as the body has them, else the server's.</summary>
    public static RewardTerms Terms(Body body, ServedModels models) =>
        Terms(models, body.Text("prover"), body.Number("alpha", 0, ServeOptions.MaxAlpha), body.Text("grader"));

    /// <summary>Prover, α and grader as the address has them (?prover=bo4), else the server's: for bodies that are not ours.</summary>
    public static RewardTerms Terms(IQueryCollection query, ServedModels models)
    {
        double? alpha = null;
        if (query["alpha"].ToString() is not "" and var given)
            alpha = double.TryParse(given, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && value is >= 0 and <= ServeOptions.MaxAlpha
                ? value : throw ApiError.Wrong("alpha", $"alpha in the address must be a number from 0 to {ServeOptions.MaxAlpha}");
        return Terms(models, Given(query, "prover"), alpha, Given(query, "grader"));
    }

    /// <summary>Which number of a trace the address asks for (?reward=q); Q where it does not say.</summary>
    public static TraceScore Score(IQueryCollection query) =>
        Given(query, "reward") is not { } name ? TraceScore.Q
        : Scores.TryGetValue(name, out var score) ? score
        : throw ApiError.Wrong("reward", $"reward in the address is '{name}'; it must be one of: {string.Join(", ", Scores.Keys)}");

    /// <summary>That number.</summary>
    /// <param name="reward">Of the trace.</param>
    /// <param name="score">Which.</param>
    /// <param name="field">Names the label in an error.</param>
    public static double Value(TraceReward reward, TraceScore score, string field) => score switch
    {
        TraceScore.Outcome => reward.Outcome
            ?? throw ApiError.Wrong(field, $"{field} is missing, or no text or number, and reward=outcome needs it"),
        TraceScore.MinProgress => reward.ProgressMin,
        _ => reward.Q,
    };

    /// <summary>A reference answer: text, or a number as it is written; null where there is none.</summary>
    public static string? Label(JsonElement? label, string field) => label is not { } value ? null : value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.Null => null,
        _ => throw ApiError.Wrong(field, $"{field} must be a text or a number"),
    };

    /// <summary>The problem's text: text, or what the last message of the user says.</summary>
    public static string Prompt(JsonElement prompt, PromptReader reader, string field) => prompt.ValueKind switch
    {
        JsonValueKind.String => reader.Problem(prompt.GetString()!, field),
        JsonValueKind.Array => Message(prompt, "user", field) ?? throw ApiError.Wrong(field, $"{field} has no message of the user"),
        _ => throw ApiError.Wrong(field, $"{field} must be a text or a list of messages"),
    };

    /// <summary>What the last message of that role says; null where there is none.</summary>
    public static string? Message(JsonElement messages, string role, string field)
    {
        string? said = null;
        foreach (var (i, item) in messages.EnumerateArray().Index())
        {
            if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("role", out var who)
                || !item.TryGetProperty("content", out var content))
                throw ApiError.Wrong(field, $"{field}[{i}] must be a message: an object with role and content");
            if (who.ValueKind == JsonValueKind.String && who.GetString() == role) said = Content(content, $"{field}[{i}].content");
        }

        return said;
    }

    /// <summary>Ids of tokens.</summary>
    public static int[] Ids(JsonElement ids, string field)
    {
        if (ids.ValueKind != JsonValueKind.Array) throw ApiError.Wrong(field, $"{field} must be a list of token ids");
        return [.. ids.EnumerateArray().Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var value) ? value
            : throw ApiError.Wrong(field, $"{field} must be a list of token ids"))];
    }

    private static string Content(JsonElement content, string field) => content.ValueKind switch
    {
        JsonValueKind.String => content.GetString()!,
        JsonValueKind.Array => string.Concat(content.EnumerateArray().Select(part => part.ValueKind == JsonValueKind.Object
            && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()
            : throw ApiError.Wrong(field, $"{field} has a part that is no text; verifiers read text only"))),
        _ => throw ApiError.Wrong(field, $"{field} must be a text"),
    };

    private static RewardTerms Terms(ServedModels models, string? prover, double? alpha, string? grader) => new(
        prover is null ? models.Defaults.Prover ?? Prover.BestOf(UsualProver)
            : models.FindProver(prover) ?? throw ApiError.Wrong("prover", $"the prover '{prover}' is not known; take boK, K from 1 to 4096"
                + (models.Provers.Count > 0 ? $", or one of: {string.Join(", ", models.Provers.Keys)}" : "")),
        alpha ?? models.Defaults.Alpha, grader is null ? models.Grader : Grader.Named(grader));

    private static string? Given(IQueryCollection query, string name) => query[name].ToString() is not "" and var text ? text : null;
}
