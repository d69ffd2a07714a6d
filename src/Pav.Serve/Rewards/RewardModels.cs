using Pav.Models;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>What one request for rewards is measured by.</summary>
/// <param name="Prover">μ.</param>
/// <param name="Alpha">Weight of progress in effective rewards, at least 0.</param>
/// <param name="Grader">Of outcomes.</param>
internal sealed record RewardTerms(Prover Prover, double Alpha, Grader Grader);

/// <summary>A trace to be judged.</summary>
/// <param name="Trace">Its steps.</param>
/// <param name="Label">The reference answer; null where the outcome is not known.</param>
/// <param name="Field">Names the response in an error.</param>
internal sealed record RewardQuestion(ReadTrace Trace, string? Label, string Field);

/// <summary>The served models as rewards need them.</summary>
internal sealed class RewardModels
{
    private readonly IVerifier verifier;
    private readonly TransformerVerifier? local;

    private RewardModels(ServedModels models, IVerifier verifier)
    {
        (Models, this.verifier, local) = (models, verifier, verifier as TransformerVerifier);
        Prompts = PromptReader.From(models);
        Traces = new(models.Template.StepEnd, Prompts, models.Tokenizer ?? local?.Encoding.Tokenizer);
    }

    public ServedModels Models { get; }

    public PromptReader Prompts { get; }

    public TraceReader Traces { get; }

    /// <summary>What clients call the verifier.</summary>
    public string Name => verifier.Name;

    /// <summary>An error 422 where the server has no verifier of Q.</summary>
    public static RewardModels From(ServedModels models) => models.Verifier is { } verifier ? new(models, verifier)
        : throw ApiError.Wrong(null, "this server has no verifier to take rewards from; start it with --verifier");

    /// <summary>The model that a request names: the verifier, the policy, or nothing. An error 404 for any other.</summary>
    public void CheckModel(string? name)
    {
        if (name is not null && name != Name && name != Models.Name)
            throw ApiError.NotFound("model", $"there is no model '{name}' here; rewards are those of {Name}", "model_not_found");
    }

    /// <summary>The text of ids of the verifier's tokenizer, special tokens written out.</summary>
    public string Text(int[] ids, string field) => local is not null ? local.Encoding.Tokenizer.Decode(ids, skipSpecial: false)
        : throw ApiError.Wrong(field, $"{field} cannot be read: this server knows no tokenizer of the verifier; send text");

    /// <summary>A problem whose identity is its content, so that equal questions of several requests are one.</summary>
    public static Problem Problem(string text, string? label) => new($"request-{Fnv1a.Hash(text):x16}", text, label ?? "");

    /// <summary>A response to a prompt, both as text.</summary>
    public RewardQuestion Question(string prompt, string promptField, string response, string field) =>
        new(Traces.FromText(Problem(Prompts.Problem(prompt, promptField), null), response), null, field);

    /// <summary>Judges all traces in one call of each verifier.</summary>
    public async Task<IReadOnlyList<TraceReward>> Judge(Seat seat, IReadOnlyList<RewardQuestion> questions, RewardTerms terms)
    {
        foreach (var question in questions) CheckLength(question);
        Prefix[] prefixes = [.. questions.Select(q => q.Trace.Prefix)];
        var asked = seat.Score(verifier, prefixes);
        var other = terms.Prover.Verifier is { } prover ? seat.Score(prover, prefixes) : null;
        var scores = await asked;
        double[][] proved = other is null ? [.. scores.Select(s => terms.Prover.Derive(s.Q))] : [.. (await other).Select(s => s.Q)];
        return [.. questions.Select((question, i) => TraceReward.From(question.Trace.Spans, scores[i].Q, proved[i], terms.Alpha,
            question.Label is null ? null : terms.Grader.Rex(question.Trace.Prefix)))];
    }

    private void CheckLength(RewardQuestion question)
    {
        if (local is null || local.Encoding.MostTokens(question.Trace.Prefix) <= local.MaxTokens) return;
        var tokens = local.Encoding.Stretches(question.Trace.Prefix).Sum(s => s.Length);
        if (tokens > local.MaxTokens)
            throw ApiError.Wrong(question.Field, $"{question.Field}: problem and response are {tokens} tokens, and {Name} reads "
                + $"{local.MaxTokens}; shorten the response, or serve a verifier with a longer context");
    }
}
