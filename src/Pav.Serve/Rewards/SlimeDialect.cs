using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>What slime takes for a sample's reward: an object, of which <c>--reward-key</c> picks a number.</summary>
/// <param name="Score">The number that the address asks for.</param>
/// <param name="Outcome">0 or 1; null without a label.</param>
/// <param name="Q0">V of the problem.</param>
/// <param name="Q">At the end.</param>
/// <param name="ProgressSum">Over all steps.</param>
/// <param name="Steps">First character, one past the last (Unicode code points of the response), and progress.</param>
internal sealed record SlimeReply(double Score, int? Outcome, double Q0, double Q, double ProgressSum, IReadOnlyList<double[]> Steps);

/// <summary>slime's <c>--rm-type remote_rm</c>: one sample in a request.</summary>
internal static class SlimeDialect
{
    public static RewardQuestion Question(Body body, RewardModels models)
    {
        var prompt = body.Find("prompt") ?? throw ApiError.Wrong("prompt", "prompt is missing: the problem's text, a prompt, or messages");
        var response = body.Text("response") ?? throw ApiError.Wrong("response", "response is missing");
        var label = RewardRequest.Label(body.Find("label"), "label");
        var problem = RewardModels.Problem(RewardRequest.Prompt(prompt, models.Prompts, "prompt"), label);
        return new(models.Traces.FromText(problem, response), label, "response");
    }

    public static SlimeReply Reply(TraceReward reward, TraceScore score) => new(
        RewardRequest.Value(reward, score, "label"), reward.Outcome, reward.Q0, reward.Q, reward.ProgressSum,
        [.. reward.Steps.Select(s => new[] { s.Span.Start, s.Span.End, s.Progress })]);
}
