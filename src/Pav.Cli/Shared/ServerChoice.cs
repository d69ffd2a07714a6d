using Pav.Models.Remote;

namespace Pav.Cli.Shared;

/// <summary>The options that say how inference servers are used (docs/servers.md).</summary>
[Section("Servers")]
internal sealed record ServerChoice
{
    [Flag("Servers: name of the served model (default: the only one)")]
    public string Model { get; init; } = "";

    [Flag("Servers: folder with the served model's tokenizer; prompts and steps then go as token ids, without it as text", Input = true)]
    public string Tokenizer { get; init; } = "";

    [Flag("Servers: most draws of one prefix in one request (n)", Min = 1, Max = 1024)]
    public int PerRequest { get; init; } = 1;

    [Flag("Servers: most requests at once at each; how many there are follows its latency and its 429s", Min = 1, Max = 65536,
        Local = true)]
    public int InFlight { get; init; } = 256;

    [Flag("Servers: environment variable that holds the key", Local = true)]
    public string ApiKeyEnv
    {
        get;
        init
        {
            ApiKey.RefuseKeys(value, "");
            field = value;
        }
    } = ApiKey.Variable;

    [Flag("Servers: file whose first line is the key", Local = true)]
    public string ApiKeyFile
    {
        get;
        init
        {
            ApiKey.RefuseKeys("", value);
            field = value;
        }
    } = "";

    [Flag("Servers: seconds for one request", Min = 0, AboveMin = true, Local = true)]
    public double RequestTimeout { get; init; } = 600;

    [Flag("Servers: seconds after which the run stops, to be taken up again; 0 is no limit", Min = 0, Local = true)]
    public double RunTimeout { get; init; }

    [Flag("Servers: seconds without an answer from any of them after which the run stops", Min = 0, AboveMin = true, Local = true)]
    public double GiveUp { get; init; } = 600;

    [Flag("Servers: seconds after which a request is also sent to another one; 0 is never", Min = 0, Local = true)]
    public double Hedge { get; init; }

    /// <param name="addresses">What --policy gives: addresses separated by commas, or @FILE.</param>
    public RemoteOptions ToOptions(string addresses) => new(addresses)
    {
        Model = Model, PerRequest = PerRequest, InFlight = InFlight, RequestTimeout = RequestTimeout, RunTimeout = RunTimeout,
        GiveUp = GiveUp, Hedge = Hedge, Key = ApiKey.Load(ApiKeyEnv, ApiKeyFile),
    };
}
