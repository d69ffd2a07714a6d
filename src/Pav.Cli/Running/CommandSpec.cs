using Pav.Cli.Options;
using Pav.Cli.Runs;
using Pav.Cli.Terminal;

namespace Pav.Cli.Running;

/// <summary>Where a command writes.</summary>
internal enum Output
{
    /// <summary>Nowhere but the terminal.</summary>
    None,

    /// <summary>The file that --out names.</summary>
    File,

    /// <summary>A run folder: --out, or a new one under runs/.</summary>
    Folder,

    /// <summary>The run folder that --out names, else nowhere but the terminal.</summary>
    OptionalFolder,
}

/// <summary>What a running command has at hand.</summary>
/// <param name="Folder">Its run folder; null where it writes none.</param>
internal sealed record CommandContext(RunFolder? Folder, Reporter Reporter, CancellationToken Cancel)
{
    public RunFolder Run => Folder ?? throw new InvalidOperationException("this command has no run folder");
}

/// <summary>A verb of pav: what it is called and for, its options record, and what it does. The result is a record, which --json prints and
/// run.json keeps.</summary>
internal sealed record CommandSpec(string Name, string Description, string Example, Output Output, Type Options,
    Func<object, CommandContext, Task<object>> Run)
{
    public OptionSchema Schema => OptionSchema.From(Options);

    /// <summary>May it write a run folder?</summary>
    public bool HasFolder => Output is Output.Folder or Output.OptionalFolder;

    public static CommandSpec Create<TOptions, TResult>(
        string name, string description, string example, Output output, Func<TOptions, CommandContext, Task<TResult>> run)
        where TOptions : new() where TResult : notnull =>
        new(name, description, example, output, typeof(TOptions), async (options, context) => await run((TOptions)options, context));
}
