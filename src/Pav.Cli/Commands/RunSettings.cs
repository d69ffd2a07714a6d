using Pav.Cli.Options;

namespace Pav.Cli.Commands;

/// <summary>Options of every command that writes a run folder.</summary>
internal abstract record RunSettings
{
    [Flag("Run folder; a stopped run of the same options there is taken up again (default: runs/COMMAND-DATE, or none where a command only looks)", Local = true)]
    public string Out { get; init; } = "";
}

/// <summary>Options of every command that runs a model.</summary>
internal abstract record ModelSettings : RunSettings
{
    [Flag("Seed of all randomness; equal seeds give equal results")]
    public ulong Seed { get; init; } = 1;

    [Flag("Memory for key-value caches in MB: more draws at once, the same results", Min = 16, Max = 1048576, Local = true)]
    public int MemoryMb { get; init; } = 512;

    [Flag("Threads; 0 leaves the choice to libtorch", Min = 0, Max = 1024, Local = true)]
    public int Threads { get; init; }

    [Flag("Device that libtorch runs models on: cpu, cuda, cuda:1; none: the CPU, by kernels of its own where models only generate or score", Local = true)]
    public string Device { get; init; } = "";
}

/// <summary>Options of every command that samples from a policy on problems.</summary>
internal abstract record SamplingSettings : ModelSettings
{
    [Flag("Policy: a checkpoint folder, a training run, or an embedded model (pav-tiny-s)", Required = true, Input = true)]
    public string Policy { get; init; } = "";

    [Flag("How a problem is put to the policy; {problem} stands for its text, \\n for a newline (default: as the policy was taught)")]
    public string Template { get; init; } = "";

    [Flag("Problems: JSON lines with problem and answer", Required = true, Input = true)]
    public string Problems { get; init; } = "";

    [Flag("Only the first so many problems; 0 takes all", Min = 0)]
    public int Limit { get; init; }

    [Flag("Temperature", Min = 0, AboveMin = true, Max = 10)]
    public double Temperature { get; init; } = 1;

    [Flag("Draw from the K likeliest tokens only; 0 is off", Min = 0)]
    public int TopK { get; init; }

    [Flag("Draw from the likeliest tokens with this much probability; 1 is off", Min = 0, AboveMin = true, Max = 1)]
    public double TopP { get; init; } = 1;

    [Flag("Most tokens of a trace", Min = 1, Max = 1048576)]
    public int MaxTokens { get; init; } = 256;

    [Flag("How answers are read and compared: numeric takes the last line 'Answer: 42' or '#### 42'")]
    public string Grader { get; init; } = "numeric";

    public Sampling Sampling => new(Temperature, TopK, TopP, MaxTokens);

    public IReadOnlyList<Problem> ReadProblems()
    {
        var problems = Pav.Models.Files.Problems.Read(Problems);
        return Limit == 0 ? problems : [.. problems.Take(Limit)];
    }
}
