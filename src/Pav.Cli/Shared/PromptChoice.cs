namespace Pav.Cli.Shared;

/// <summary>The options that say how a problem is put to a model (docs/formats.md).</summary>
[Section("Prompt and steps")]
internal sealed record PromptChoice
{
    public const string ChatOff = "off", NoThinking = "no-thinking";

    [Flag("How a problem is put to the model; {problem} stands for its text, \\n for a newline (default: as the model was taught)")]
    public string Template { get; init; } = "";

    [Flag(
        "Put problems by the model's chat template, --template being the user's message (default: the problem); no-thinking also turns "
        + "Qwen3's thinking off",
        Choices = "off|on|no-thinking")]
    public string Chat { get; init; } = ChatOff;

    [Flag("The system message, with --chat")]
    public string System { get; init; } = "";
}

/// <summary>The options that say where a policy's steps and traces end.</summary>
[Section("Prompt and steps")]
internal sealed record EndChoice
{
    public const string NoStop = "none";

    [Flag("Where a step ends: newline, blank-line, or a pattern such as \\.\\s (default: as the policy was taught, else newline)")]
    public string StepEnd { get; init; } = "";

    [Flag(
        "Texts that end a trace, which is cut before them, for models that run on: '\\n\\nQuestion:'; none: no text does (default: as the "
        + "policy was taught; for others without --chat the word before {problem}, else \\n\\nQuestion: and \\n\\nProblem:)")]
    public string[] TraceStop { get; init; } = [];

    /// <summary>Nothing was said of ends.</summary>
    public bool IsDefault => StepEnd == "" && TraceStop.Length == 0;

    /// <summary>The stops that were given, with \n written out standing for a newline; null: none were.</summary>
    public TraceStops? GivenStops
    {
        get
        {
            if (TraceStop.Length == 0) return null;
            if (!TraceStop.Contains(NoStop)) return TraceStops.From(TraceStop.Select(t => t.Replace("\\n", "\n")));
            if (TraceStop.Length > 1)
                throw new UserError($"--trace-stop has '{NoStop}' beside other texts; give the texts, or {NoStop} alone.");
            return TraceStops.None;
        }
    }
}
