using Pav.Cli.Options;
using Pav.Cli.Shared;
using Pav.Serve;

namespace Pav.Cli.Commands.Serve;

internal sealed record ServeSettings : PolicySettings
{
    public const string KeyVariable = "PAV_SERVE_KEY";

    [Flag("Q verifier: scores steps in a search, and gives rewards (a 'train verifier' run or a checkpoint)", Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("Outcome verifier: re-ranks finished traces (a 'train outcome' run or a checkpoint)", Input = true)]
    public string Outcome { get; init; } = "";

    [Flag("Provers that requests may name besides boK: verifiers' folders", Input = true)]
    public string[] Provers { get; init; } = [];

    [Flag("The prover of requests that name none")]
    public string Prover { get; init; } = "bo4";

    [Flag("Weight of progress in the effective reward where a request names none", Min = 0, Max = ServeOptions.MaxAlpha)]
    public double Alpha { get; init; } = 0.5;

    [Flag("Next steps sampled from each state", Min = 1, Max = 256)]
    public int Candidates { get; init; } = 3;

    [Flag("A forest that grows tree by tree stops when the leading answer is ahead by so much summed Q", Min = 0, Max = 100)]
    public double Settle { get; init; } = 1;

    [Flag("Address to listen on; any other than this machine's own needs a key", Local = true)]
    public string Host { get; init; } = new ServeOptions().Host;

    [Flag("Port to listen on; 0 takes a free one", Min = 0, Max = 65535, Local = true)]
    public int Port { get; init; } = new ServeOptions().Port;

    [Flag(
        $"File whose first line is the key that clients must bring (default: the environment variable {KeyVariable}, where it is set)",
        Local = true)]
    public string KeyFile { get; init; } = "";

    [Flag("Origins of web pages that may call the server: https://example.org", Local = true)]
    public string[] Cors { get; init; } = [];

    [Flag("Most MB of a request's body", Min = 1, Max = 1024, Local = true)]
    public int MaxBodyMb { get; init; } = 4;

    [Flag("Most tokens of a prompt", Min = 1, Local = true)]
    public int MaxPrompt { get; init; } = new ServeOptions().MaxPrompt;

    [Flag("Largest N of a search, and most choices of one request", Min = 1, Max = 4096, Local = true)]
    public int MaxN { get; init; } = new ServeOptions().MaxN;

    [Flag("Most tokens of a trace that a request may ask for", Min = 1, Max = 1048576, Local = true)]
    public int MaxTrace { get; init; } = new ServeOptions().MaxTokens;

    [Flag("Most tokens that one request may generate in all", Min = 1, Local = true)]
    public long MaxBudget { get; init; } = new ServeOptions().MaxBudget;

    [Flag("Requests that are worked on at once", Min = 1, Max = 65536, Local = true)]
    public int Concurrent { get; init; } = new ServeOptions().Concurrent;

    [Flag("Requests that may wait for their turn; more are answered with 429", Min = 0, Max = 1048576, Local = true)]
    public int Queue { get; init; } = new ServeOptions().Queue;

    [Flag("Seconds that requests under way have to end when the server stops", Min = 0, Max = 86400, Local = true)]
    public double Grace { get; init; } = 30;

    [Flag("Write prompts into the log", Local = true)]
    public bool LogPrompts { get; init; }

    public ServeOptions ToServeOptions(string key) => new()
    {
        Host = Host, Port = Port, Key = key, Origins = Cors, MaxBody = (long)MaxBodyMb << 20, MaxPrompt = MaxPrompt, MaxN = MaxN,
        MaxTokens = MaxTrace, MaxBudget = MaxBudget, Concurrent = Concurrent, Queue = Queue, LogPrompts = LogPrompts,
    };

    public SearchOptions Defaults => new() { Candidates = Candidates, Alpha = Alpha, Seed = Seed, Sampling = Sampling, Settle = Settle };
}
