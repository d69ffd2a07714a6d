using Pav.Cli.Options;
using Pav.Cli.Terminal;
using Pav.Models.Cpu;

namespace Pav.Cli.Running;

/// <summary>
/// Commands of one plan that run at the same time. Small models gain little from a second thread, two of them each on one gain nearly all
/// of it; results do not depend on threads.
/// </summary>
internal static class Sharing
{
    private const int Most = 2;

    /// <summary>How many commands run at the same time on so many threads (0: as many as there are); one on another device.</summary>
    public static int AtOnce(int threads, string device = "cpu") =>
        device is "" or "cpu" ? Math.Clamp(threads > 0 ? threads : Threads.Count, 1, Most) : 1;

    /// <summary>
    /// The options of one of so many commands that run at the same time: its share of the threads. Each has all of the memory for
    /// caches, so that two take up to twice as much: with less a verifier may have to read again what it forgot, and the tokens that it
    /// scored would depend on what runs beside it.
    /// </summary>
    public static object Share(OptionSchema schema, object options, int among)
    {
        if (among == 1 || schema.Fields.FirstOrDefault(f => f.SnakeName == "threads") is not { } threads) return options;
        var shared = schema.Copy(options);
        var given = (int)threads.Get(options)!;
        threads.Set(shared, Math.Max(1, (given > 0 ? given : Threads.Count) / among));
        return shared;
    }

    /// <summary>Runs a command of a plan beside others, unless an earlier start finished it. What it says, and its failure, bear its
    /// name.</summary>
    public static async Task<bool> RunOnce(
        string name, CommandSpec spec, object options, string path, int among, Reporter reporter, CancellationToken cancel)
    {
        try
        {
            var told = among == 1 ? reporter : reporter.Beside(name);
            return await Runner.RunOnce(spec, Share(spec.Schema, options, among), path, told, cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException && Runner.Sentence(e) is { } sentence)
        {
            throw new UserError($"{name}: {sentence}", e);
        }
    }
}
