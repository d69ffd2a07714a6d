using Pav.Cli.Options;


namespace Pav.Cli.Running;

/// <summary>Options of every command that writes a run folder.</summary>
[Section("Run")]
internal abstract record RunSettings
{
    [Flag("Run folder; a stopped run of the same options there is taken up again (default: runs/COMMAND-DATE, or none where a command "
        + "only looks)", Local = true)]
    public string Out { get; init; } = "";

    /// <summary>The command only estimates and tells: it has no run folder this time.</summary>
    public virtual bool OnlyTells => false;
}
