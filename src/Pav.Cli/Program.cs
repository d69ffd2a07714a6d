using System.CommandLine;
using System.Runtime.InteropServices;
using Pav.Cli;
using Pav.Cli.Running;

using var stop = new CancellationTokenSource();
void Stop(PosixSignalContext context)
{
    if (stop.IsCancellationRequested) Now.Exit(Runner.Interrupted);
    context.Cancel = true;
    stop.Cancel();
}
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var tree = CommandTree.Build(AllCommands.Specs, (spec, request) => Runner.Start(spec, request, AllCommands.Resolve, stop.Token));

// An argument that begins with @ is a value (a file of endpoints), not a file of further arguments.
var parsed = tree.Parse(args.Length == 0 ? ["--help"] : args, new() { ResponseFileTokenReplacer = null });
if (CommandTree.Complaint(parsed) is { } complaint)
{
    Console.Error.WriteLine(Pav.Cli.Terminal.Printable.From($"pav: {complaint}"));
    return Runner.Usage;
}
try
{
    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null,
    });
}
catch (Exception e)
{
    return Runner.Fail(e, $"A fault in pav itself: {e.GetType().Name}: {e.Message} (PAV_DEBUG=1 shows where; the run folder can be taken "
        + "up again.)", Runner.Failed);
}

internal static partial class Now
{
    /// <summary>Ends the process as a kill does: an orderly exit takes libtorch down while threads compute with it.</summary>
    internal static void Exit(int code)
    {
        if (OperatingSystem.IsWindows()) ExitWindows(code);
        else ExitUnix(code);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitUnix(int code);

    [LibraryImport("ucrtbase", EntryPoint = "_exit")]
    private static partial void ExitWindows(int code);
}
