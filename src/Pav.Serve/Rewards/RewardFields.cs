using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pav.Serve.Rewards;

// What /openapi.json says of bodies: they are read field by field (Body), so that an error names the one that is wrong.

/// <summary>A problem with a response: text, or ids of the policy's tokenizer.</summary>
internal sealed record SampleFields(
    [property: Description("the problem's text, a prompt, or messages")] JsonElement Prompt, string? Response,
    IReadOnlyList<int>? ResponseIds, [property: Description("the reference answer: a text or a number")] JsonElement? Label);

/// <summary>The body of /v1/steps: one sample's fields, or a list of samples.</summary>
internal sealed record StepsFields(
    [property: Description("the problem's text, a prompt, or messages")] JsonElement? Prompt, string? Response,
    IReadOnlyList<int>? ResponseIds, [property: Description("the reference answer: a text or a number")] JsonElement? Label,
    IReadOnlyList<SampleFields>? Samples, string? Model, string? Prover, double? Alpha, string? Grader);

/// <summary>The body of /get_reward.</summary>
internal sealed record OpenRlhfFields(
    [property: Description("prompts with their responses")] IReadOnlyList<string> Query, IReadOnlyList<string>? Prompts,
    [property: Description("reference answers; null where there is none")] IReadOnlyList<JsonElement>? Labels);

/// <summary>The body of /reward.</summary>
internal sealed record SlimeFields(
    [property: Description("the problem's text, a prompt, or messages")] JsonElement Prompt, string Response,
    [property: Description("the reference answer: a text or a number")] JsonElement? Label);

/// <summary>The body of vLLM's and SGLang's routes for one text with problem and response, or several.</summary>
internal sealed record PoolingFields(
    [property: Description("a text, a list of texts, token ids, or a list of these")] JsonElement? Input,
    [property: Description("messages in place of input")] JsonElement? Messages, string? Model, bool? UseActivation,
    [property: Description("of /pooling: token_classify, a row for each step, or classify")] string? Task);

/// <summary>The body of /score.</summary>
internal sealed record PairFields(
    [property: JsonPropertyName("text_1"), Description("problems: a text or a list")] JsonElement Text1,
    [property: JsonPropertyName("text_2"), Description("responses: a text or a list")] JsonElement Text2, string? Model,
    bool? UseActivation);
