using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Models.Remote;

namespace Pav.Cli.Shared;

/// <summary>Options of every command that runs a model.</summary>
internal abstract record ModelSettings : RunSettings
{
    [Flag("Seed of all randomness; equal seeds give equal results")]
    public ulong Seed { get; init; } = 1;

    [Flag("Memory for key-value caches in MB: more draws at once, the same results", Min = 16, Max = 1048576, Local = true)]
    public int MemoryMb { get; init; } = 512;

    [Flag("Threads; 0: one for each processor", Min = 0, Max = 1024, Local = true)]
    public int Threads { get; init; }

    [Flag("Where models run and learn: cpu; or, in libtorch, cuda, cuda:1, or torch (the CPU)", Local = true)]
    public string Device { get; init; } = "cpu";
}

/// <summary>Options of every command that samples from a policy.</summary>
internal abstract record PolicySettings : ModelSettings
{
    [Flag("Policy: a checkpoint folder, a training run, an embedded model (pav-tiny-s), or inference servers: http://host:8000/v1, several separated by commas, or @FILE with one on each line", Required = true, Input = true)]
    public string Policy
    {
        get;
        init
        {
            // What is wrong with an address may be a secret in it: it is refused before it is written into a run folder.
            if (EndpointUrl.IsRemote(value) && !value.StartsWith('@')) EndpointUrl.ParseAll(value);
            field = value;
        }
    } = "";

    [OptionGroup]
    public PromptChoice Prompt { get; init; } = new();

    [OptionGroup]
    public EndChoice Ends { get; init; } = new();

    [Flag("Temperature", Min = 0, AboveMin = true, Max = 10)]
    public double Temperature { get; init; } = 1;

    [Flag("Draw from the K likeliest tokens only; 0 is off", Min = 0)]
    public int TopK { get; init; }

    [Flag("Draw from the likeliest tokens with this much probability; 1 is off", Min = 0, AboveMin = true, Max = 1)]
    public double TopP { get; init; } = 1;

    [Flag("Most tokens of a trace", Min = 1, Max = 1048576)]
    public int MaxTokens { get; init; } = 256;

    [GraderFlag]
    public string Grader { get; init; } = "numeric";

    [Flag("Servers: name of the served model (default: the only one)")]
    public string Model { get; init; } = "";

    [Flag("Servers: folder with the served model's tokenizer; prompts and steps then go as token ids, without it as text", Input = true)]
    public string Tokenizer { get; init; } = "";

    [Flag("Servers: most draws of one prefix in one request (n)", Min = 1, Max = 1024)]
    public int PerRequest { get; init; } = 1;

    [Flag("Servers: most requests at once at each; how many there are follows its latency and its 429s", Min = 1, Max = 65536, Local = true)]
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

    /// <summary>The command means nothing where servers do not tell how many tokens they generate.</summary>
    public virtual bool CountsTokens => false;

    public Sampling Sampling => new(Temperature, TopK, TopP, MaxTokens);

    public RemoteOptions ToRemoteOptions() => new(Policy, Model, PerRequest, InFlight, RequestTimeout, RunTimeout, GiveUp, Hedge, ApiKey.Load(ApiKeyEnv, ApiKeyFile));
}

/// <summary>Options of every command that samples from a policy on problems.</summary>
internal abstract record SamplingSettings : PolicySettings
{
    [Flag("Problems: JSON lines with problem and answer, Parquet, Arrow, or a data set's folder", Required = true, Input = true)]
    public string Problems { get; init; } = "";

    [OptionGroup]
    public ProblemChoice Rows { get; init; } = new();

    [Flag("Only the first so many problems; 0 takes all", Min = 0)]
    public int Limit { get; init; }

    public IReadOnlyList<Problem> ReadProblems()
    {
        var problems = Pav.Models.Files.Problems.Read(Rows.Path(Problems), Rows.Names());
        return Limit == 0 ? problems : [.. problems.Take(Limit)];
    }
}

/// <summary>An option that names graders (docs/formats.md).</summary>
internal sealed class GraderFlagAttribute : FlagAttribute
{
    public GraderFlagAttribute(string description = "How answers are read and compared: numeric by the last line 'Answer: 42' or '#### 42'; gsm8k; "
        + "math for MATH and the like, recommended for RL; hendrycks, prm800k, qwen as those do")
        : base(description) => Choices = string.Join('|', Grader.All.Keys);
}

/// <summary>What a user should know of a grader that was chosen.</summary>
internal static class GraderChoice
{
    /// <summary>Tells a <see cref="GraderAdvice"/>, if there is one.</summary>
    public static void Warn(string? advice, CommandContext context)
    {
        if (advice is not null) context.Reporter.Say($"warning: {advice}");
    }
}
