using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Pav.Extensions.AI;

/// <summary>
/// Answers by a search over the inner client. The reply is one message; its usage counts all that was drawn, and its additional property
/// <see cref="RowKey"/> is the search's <see cref="SearchRow"/>. A stream begins when the search has ended.
/// </summary>
/// <remarks>
/// A search ends in text: requests with tools are refused. Token ids are not known, so a verifier reads text. Draws are reproducible where
/// the provider honours seeds. Going on from a begun answer needs a provider that does so
/// (<see cref="GuidedSearchOptions.Continue"/>).
/// </remarks>
public sealed class GuidedSearchChatClient : DelegatingChatClient
{
    /// <summary>Additional property of a reply: the search as a row.</summary>
    public const string RowKey = "pav.search";

    /// <summary>Counts of a reply's usage besides the usual: tokens of the chosen answer, and tokens that verifiers read.</summary>
    public const string ChosenTokens = "pav.chosen_tokens", ScoredTokens = "pav.scored_tokens";

    private readonly GuidedSearchOptions settings;
    private readonly SearchMethod method;

    /// <param name="inner">The policy.</param>
    /// <param name="settings">Of the search; an error where the method is not known or lacks a verifier.</param>
    public GuidedSearchChatClient(IChatClient inner, GuidedSearchOptions settings) : base(inner)
    {
        this.settings = settings with { };
        var known = SearchMethods.All.Where(m => !m.ByOracle).Select(m => m.Id);
        method = SearchMethods.Find(settings.Method) is { ByOracle: false } found ? found
            : throw new UserError($"there is no method '{settings.Method}' for chat clients; take one of: {string.Join(", ", known)}");
        if (method.Needs.HasFlag(Needs.Verifier) && settings.Verifier is null)
            throw new UserError($"the method {method.Id} needs a verifier; set Verifier");
        if (method.Needs.HasFlag(Needs.Outcome) && settings.Outcome is null)
            throw new UserError($"the method {method.Id} needs an outcome verifier; set Outcome");
        if (method.Search is not IndependentSamples && settings.Continue is null)
            throw new UserError(
                $"the method {method.Id} draws answers step by step, which needs a provider that goes on from a begun answer; set "
                + "Continue where it does, else take a method of whole answers: weighted-vote, best-of-n-q, majority");
    }

    public override async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (options?.Tools is { Count: > 0 }) throw new UserError("a guided search answers in text and calls no tools; leave Tools out");
        List<ChatMessage> asked = [.. messages];
        if (asked.Count == 0 || asked[^1].Role != ChatRole.User || asked[^1].Text == "")
            throw new UserError("a guided search answers the user's last message, and this conversation does not end with one");
        var conversation = string.Join('\n', asked.Select(m => $"{m.Role}: {m.Text}"));
        var problem = new Problem($"chat-{Fnv1a.Hash(conversation):x16}", asked[^1].Text, "");
        var policy = new ChatClientPolicy(InnerClient, asked, options ?? new(), settings);
        var tools = new SearchTools(policy, settings.Grader, settings.Verifier, settings.Outcome);
        var search = Options(options);
        var n = method.SizeOne ? 1 : settings.N;
        var result = (await SearchBatch.Run([problem], method, n, tools, search, cancel: cancellationToken))[0];
        var trace = result.Chosen.Trace;
        return new(new ChatMessage(ChatRole.Assistant, trace.Text))
        {
            ModelId = policy.Name,
            FinishReason = trace.TokensSince() >= search.Sampling.MaxTokens ? ChatFinishReason.Length : ChatFinishReason.Stop,
            Usage = new()
            {
                InputTokenCount = policy.InputTokens, OutputTokenCount = policy.OutputTokens,
                TotalTokenCount = policy.InputTokens + policy.OutputTokens,
                AdditionalCounts = new() { [ChosenTokens] = trace.TokensSince(), [ScoredTokens] = result.Row.ScoredTokens },
            },
            AdditionalProperties = new() { [RowKey] = result.Row },
        };
    }

    public override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var update in (await GetResponseAsync(messages, options, cancellationToken)).ToChatResponseUpdates()) yield return update;
    }

    private SearchOptions Options(ChatOptions? asked) => new()
    {
        Candidates = settings.Candidates, Prover = settings.Prover, Alpha = settings.Alpha,
        Seed = asked?.Seed is { } seed ? (ulong)seed : settings.Seed,
        Sampling = settings.Sampling with
        {
            Temperature = asked?.Temperature ?? settings.Sampling.Temperature, TopP = asked?.TopP ?? settings.Sampling.TopP,
            TopK = asked?.TopK ?? settings.Sampling.TopK, MaxTokens = asked?.MaxOutputTokens ?? settings.Sampling.MaxTokens,
        },
    };
}
