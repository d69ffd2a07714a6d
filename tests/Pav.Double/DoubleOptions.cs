namespace Pav.Double;

/// <summary>What may go wrong with a request for completions.</summary>
public enum Mishap
{
    None,
    Busy,
    BusyForOneSecond,

    /// <summary>Retry-After as a date two seconds ahead on a clock that is an hour off.</summary>
    BusyUntilDate,
    Error500,
    HtmlBadGateway,
    CutBody,
    Stall,
    TruncatedJson,
    WrongN,
    DuplicateChoices,
    InvalidUtf8,
    UnknownFinish,

    /// <summary>llama.cpp's answer when the model wrote bytes that are no text.</summary>
    NoText,

    /// <summary>200 with an error in place of choices, as proxies give it.</summary>
    ErrorIn200,

    /// <summary>A 200 whose body has no end.</summary>
    Endless,
    NegativeTokens,
    TooManyTokens,

    /// <summary>An id that no tokenizer has.</summary>
    StrangeIds,

    /// <summary>llama.cpp answers a prompt of which it has read only a part.</summary>
    CutPrompt,

    /// <summary>No finish_reason, as of a request that the server called off.</summary>
    NullFinish,

    /// <summary>A 200 without a body.</summary>
    Empty,

    /// <summary>A stream of events, which nobody asked for.</summary>
    Stream,

    /// <summary>Any 400 but that of a full context.</summary>
    BadRequest,
}

/// <summary>What a double pretends to be, and how it misbehaves.</summary>
public sealed record DoubleOptions
{
    /// <summary>vllm, sglang, llamacpp, or anything else for a server that speaks the plain OpenAI form.</summary>
    public string Dialect { get; init; } = "vllm";

    public string Model { get; init; } = "tiny";

    /// <summary>By the number of the request for completions, from 0.</summary>
    public Func<long, Mishap> Mishaps { get; init; } = _ => Mishap.None;

    public TimeSpan Latency { get; init; }

    /// <summary>Heeds no seed, but has one of its own.</summary>
    public ulong? OwnSeed { get; init; }

    /// <summary>Refuses requests without it.</summary>
    public string? Key { get; init; }

    /// <summary>llama.cpp: the largest n.</summary>
    public int Slots { get; init; } = 4;

    public bool TellsIds { get; init; } = true;

    public bool TellsUsage { get; init; } = true;

    /// <summary>Tokens of prompt and trace together.</summary>
    public int Context { get; init; } = 256;

    /// <summary>What always goes wrong with a prompt that holds this text.</summary>
    public IReadOnlyDictionary<string, Mishap> Poison { get; init; } = new Dictionary<string, Mishap>();

    /// <summary>The body of /v1/models in place of the usual one.</summary>
    public string? Models { get; init; }

    /// <summary>Answers 503 on every route.</summary>
    public bool Loading { get; init; }

    /// <summary>llama.cpp: this many requests at once fit into the context that its slots share; with more, all under way fail.</summary>
    public int Fits { get; init; } = int.MaxValue;

    /// <summary>The ids of what was drawn lack the one that ended it.</summary>
    public bool DropsLastId { get; init; }

    /// <summary>Heeds no stop text: goes on to the end of the trace.</summary>
    public bool IgnoresStop { get; init; }

    /// <summary>Gives one choice, however many are asked for.</summary>
    public bool IgnoresN { get; init; }

    public string Version { get; init; } = "0.0-double";
}
