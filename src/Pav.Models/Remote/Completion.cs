namespace Pav.Models.Remote;

/// <summary>What a server is asked to continue: a text, or its ids where the tokenizer is at hand (they are what is sent then).</summary>
internal sealed record Prompt(string Text, int[]? Ids);

/// <summary>N continuations of one prompt; choice i has the randomness of seed + i.</summary>
internal sealed record CompletionRequest(string Model, Prompt Prompt, int N, int MaxTokens, ulong Seed, Until Until, Sampling Sampling)
{
    public StepEnd StepEnd { get; init; } = StepEnd.Newline;

    public TraceStops TraceStops { get; init; } = TraceStops.None;

    /// <summary>The text of a step's end at which the server is to stop; null: it cannot be told where.</summary>
    public string? Stop => Until == Until.StepEnd ? StepEnd.Literal : null;
}

/// <summary>Why a continuation stopped.</summary>
internal enum Ending
{
    /// <summary>The model said so: the trace is over.</summary>
    Trace,

    /// <summary>A text that ends traces: the trace is over too.</summary>
    Stop,

    /// <summary>The step's end.</summary>
    Step,

    /// <summary>The token limit of the request.</summary>
    Length,
}

/// <summary>One continuation. A step's text holds its end, and a stopped trace's its stop, whether or not the server sent them.</summary>
/// <param name="Text">What was generated, without an end-of-sequence.</param>
/// <param name="Ids">All ids that were generated, an end-of-sequence included; null where the server does not tell.</param>
/// <param name="Ending">Why it stopped.</param>
/// <param name="Tokens">How many tokens were generated for it; 0 where the server does not tell.</param>
internal sealed record Choice(string Text, int[]? Ids, Ending Ending, int Tokens);

/// <summary>
/// Tokens of one request: read (of these from a cache) and generated, over all choices; 0 where the server does not tell.
/// </summary>
internal readonly record struct Usage(long Prompt, long Cached, long Generated);

/// <param name="Choices">In order of their index: as many as were asked for.</param>
/// <param name="Usage">What the request cost.</param>
/// <param name="PromptIds">The prompt as the server read it; null where it does not tell.</param>
internal sealed record Completion(IReadOnlyList<Choice> Choices, Usage Usage, int[]? PromptIds = null);

internal enum Fault
{
    /// <summary>429, 503, or no memory left for this many requests: come back later, with fewer.</summary>
    Busy,

    /// <summary>Any other 5xx.</summary>
    Server,

    /// <summary>No connection, or one that broke.</summary>
    Network,

    /// <summary>No answer within the time of a request.</summary>
    Timeout,

    /// <summary>An answer that is none: broken JSON, wrong number of choices, an unknown finish reason.</summary>
    Malformed,

    /// <summary>401, 403 or 404: this endpoint is not for us.</summary>
    Refused,

    /// <summary>400: prompt and trace together are longer than the server's context.</summary>
    TooLong,

    /// <summary>Any other 4xx: the request itself is wrong, here and anywhere.</summary>
    Rejected,

    /// <summary>What the model wrote is no text, and this server answers that with an error: the same draw will fail everywhere.</summary>
    NoText,
}

/// <summary>A request that one endpoint did not answer. The message names the endpoint and holds no key.</summary>
internal sealed class EndpointException(Fault fault, string message, Exception? cause = null) : Exception(message, cause)
{
    public Fault Fault { get; } = fault;

    /// <summary>The status of the answer; 0 where none came.</summary>
    public int Status { get; init; }

    /// <summary>What the server asked for.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Tokens that the context leaves to a trace, where the server says so (<see cref="Fault.TooLong"/>).</summary>
    public int? Room { get; init; }

    /// <summary>It was tried often enough, and the endpoint that failed it answers other requests.</summary>
    public bool Final { get; init; }

    /// <summary>Another try, here or elsewhere, may succeed.</summary>
    public bool Passing => !Final && Fault is not (Fault.Rejected or Fault.TooLong or Fault.NoText);
}
