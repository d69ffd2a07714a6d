using System.ComponentModel;
using System.Text.Json;

namespace Pav.Serve.Chat;

// What /openapi.json says of bodies: they are read field by field (Body), so that an error names the one that is wrong.

/// <summary>A message: its content is a text or a list of parts of the type text.</summary>
internal sealed record MessageFields([property: Description("system, developer, user or assistant")] string Role, JsonElement Content);

/// <summary>A stream's options.</summary>
internal sealed record StreamFields(bool? IncludeUsage);

/// <summary>The search behind an answer; what is absent is as the model's name and the server say.</summary>
internal sealed record SearchFields(
    string? Method, int? N, double? Alpha, string? Prover, int? Candidates, double? Settle, long? Budget, bool? Trace, string? Answer,
    string? ProblemId);

/// <summary>The body of /v1/chat/completions.</summary>
internal sealed record ChatFields(
    IReadOnlyList<MessageFields> Messages, string? Model, int? N, bool? Stream, StreamFields? StreamOptions, double? Temperature,
    double? TopP, int? TopK, int? MaxTokens, int? MaxCompletionTokens,
    [property: Description("a text or a list of them")] JsonElement? Stop, long? Seed,
    [property: Description("tell the answer's tokens with their log-probabilities")] bool? Logprobs,
    [property: Description("0 to 20 most likely tokens beside each")] int? TopLogprobs, SearchFields? Pav);

/// <summary>The body of /v1/completions.</summary>
internal sealed record TextFields(
    [property: Description("a text or token ids, continued as they are; or a list of either")] JsonElement Prompt, string? Model, int? N,
    bool? Stream, StreamFields? StreamOptions, double? Temperature, double? TopP, int? TopK, int? MaxTokens,
    [property: Description("a text or a list of them")] JsonElement? Stop, long? Seed,
    [property: Description("0 to 20: tell the answer's tokens with their log-probabilities, and so many likely ones beside each")]
    int? Logprobs,
    [property: Description("false: nothing is put before a text, as a begin-of-sequence would be")] bool? AddSpecialTokens,
    SearchFields? Pav);
