using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Models.Remote;

namespace Pav.Cli.Shared;

/// <summary>Options of every command that runs a model.</summary>
[Section("Run")]
internal abstract record ModelSettings : RunSettings
{
    [Flag("Seed of all randomness; equal seeds give equal results")]
    public ulong Seed { get; init; } = 1;

    [Flag("Memory for key-value caches in MB: more draws at once, the same results", Min = 16, Max = 1048576, Local = true)]
    public int MemoryMb { get; init; } = 512;

    [Flag("Keys and values in the caches, on the CPU: float32; or float16, half the memory and faster, with draws of its own",
        Choices = "float32|float16")]
    public string KvCache { get; init; } = "float32";

    [Flag("Weights of attention and feed-forward parts, on the CPU: stored, as the checkpoint has them; or int8, a quarter of float32's "
        + "memory and faster, with draws of its own", Choices = "stored|int8")]
    public string Weights { get; init; } = "stored";

    [Flag("Threads; 0: one for each processor", Min = 0, Max = 1024, Local = true)]
    public int Threads { get; init; }

    [Flag("Where models run and learn: cpu; or, in libtorch, cuda, cuda:1, or torch (the CPU)", Local = true)]
    public string Device { get; init; } = "cpu";
}

/// <summary>Options of every command that samples from a policy.</summary>
[Section("What")]
internal abstract record PolicySettings : ModelSettings
{
    [Flag("Policy: a checkpoint folder, a training run, an embedded model (pav-tiny-s), a GGUF file, or inference servers: "
        + "http://host:8000/v1, several separated by commas, or @FILE with one on each line", Required = true, Input = true)]
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

    [OptionGroup]
    public Sampling Sampling { get; init; } = new();

    [GraderFlag]
    public string Grader { get; init; } = "numeric";

    [OptionGroup]
    public ServerChoice Servers { get; init; } = new();

    /// <summary>The command means nothing where servers do not tell how many tokens they generate.</summary>
    public virtual bool CountsTokens => false;

    /// <summary>It runs verifiers, which are in this process wherever the policy is.</summary>
    public virtual bool RunsVerifiers => false;
}

/// <summary>Options of every command that samples from a policy on problems.</summary>
[Section("What")]
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
    public GraderFlagAttribute(string description =
        "How answers are read and compared: numeric by the last line 'Answer: 42' or '#### 42'; gsm8k; "
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
