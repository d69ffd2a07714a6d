using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>
/// A step in the reply of /v1/steps; characters are Unicode code points, tokens those of the request's ids, else of the server's tokenizer.
/// </summary>
internal sealed record StepReply(int Start, int End, int? TokenStart, int? TokenEnd, double Q, double Progress, double Reward);

/// <summary>A trace in the reply of /v1/steps.</summary>
internal sealed record TraceReply(int Index, double Q0, double Q, int? Outcome, IReadOnlyList<StepReply> Steps);

/// <summary>What was read.</summary>
internal sealed record StepsUsage(long ScoredTokens);

/// <summary>The reply of /v1/steps: one trace for each sample, in order.</summary>
internal sealed record StepsReply(
    string Model, string Prover, double Alpha, string Grader, IReadOnlyList<TraceReply> Data, StepsUsage Usage, string Object = "list");

/// <summary>Our own: the value, the progress and the effective reward of every step.</summary>
internal static class StepsDialect
{
    /// <summary>The traces that are asked about: <c>samples</c>, or the body itself as the only one.</summary>
    public static IReadOnlyList<RewardQuestion> Questions(Body body, RewardModels models)
    {
        models.CheckModel(body.Text("model"));
        return body.Objects("samples") is not { } samples ? [Question(body, models, "")]
            : [.. samples.Select((sample, i) => Question(sample, models, $"samples[{i}]."))];
    }

    public static StepsReply Reply(IReadOnlyList<TraceReward> rewards, RewardTerms terms, RewardModels models, long tokens) => new(
        models.Name, terms.Prover.Name, terms.Alpha, terms.Grader.Name,
        [.. rewards.Select((reward, i) => new TraceReply(i, reward.Q0, reward.Q, reward.Outcome, [.. reward.Steps.Select(Reply)]))],
        new(tokens));

    private static StepReply Reply(StepReward step) =>
        new(step.Span.Start, step.Span.End, step.Span.TokenStart, step.Span.TokenEnd, step.Q, step.Progress, step.Reward);

    private static RewardQuestion Question(Body sample, RewardModels models, string path)
    {
        var prompt = sample.Find("prompt") ?? throw sample.Wrong("prompt", "is missing: the problem's text, or messages");
        var label = RewardRequest.Label(sample.Find("label"), $"{path}label");
        var problem = RewardModels.Problem(RewardRequest.Prompt(prompt, models.Prompts, $"{path}prompt"), label);
        var (text, ids) = (sample.Text("response"), sample.Find("response_ids"));
        if (text is null == ids is null) throw sample.Wrong("response", "or response_ids is needed, one of them");
        if (text is not null) return new(models.Traces.FromText(problem, text, count: true), label, $"{path}response");
        var field = $"{path}response_ids";
        return new(models.Traces.FromIds(problem, RewardRequest.Ids(ids!.Value, field), field), label, field);
    }
}
