using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Cli.Installation;
using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Engine;
using Pav.Models.Files;
using Pav.Models.Remote;
using Pav.Models.Tokenizers;

namespace Pav.Cli.Shared;

/// <summary><c>cost.json</c>: tokens that a run's policy generated, over all its starts, and where there are servers what each of them was
/// asked for.</summary>
internal sealed record RunCost(long GeneratedTokens, IReadOnlyList<EndpointTally> Endpoints)
{
    public static RunCost None { get; } = new(0, []);

    public RunCost Plus(RunCost other) => new(
        GeneratedTokens + other.GeneratedTokens,
        [.. Endpoints.Concat(other.Endpoints).GroupBy(e => e.Url).Select(g => g.Aggregate((a, b) => a.Plus(b)))]);
}

/// <summary>
/// The policy that the command line names, a checkpoint in this process or a model on inference servers, with what it costs. A run's folder
/// keeps what the servers are (run.json) and the cost (cost.json, written again every few seconds).
/// </summary>
internal sealed class OpenedPolicy : IPolicy, IDisposable
{
    private const string LostDrawsNote = "lost_draws";

    private static readonly TimeSpan SaveEvery = TimeSpan.FromSeconds(5);

    private readonly IPolicy inner;
    private readonly RunFolder? folder;
    private readonly Reporter reporter;
    private readonly RunCost before;
    private readonly Timer saving;
    private readonly Lock gate = new();
    private readonly StepAdvice advice;
    private long generated;
    private bool advised;

    private OpenedPolicy(IPolicy inner, PromptTemplate template, CommandContext context)
    {
        (this.inner, StepEnd, folder, reporter, advice) = (inner, template.StepEnd, context.Folder, context.Reporter,
            new(template.StepEnd));
        if (StepEnd.Recorded is { } other) folder?.Note("step_end", other);
        if (template.TraceStops.Texts is { Count: > 0 } stops)
        {
            folder?.Note("trace_stops", JsonSerializer.SerializeToNode(stops, Json.Line));
            reporter.Say($"Traces end at {string.Join(" or ", stops.Select(s => $"\"{s.Replace("\n", "\\n")}\""))}, and at the "
                + "end-of-sequence (--trace-stop).");
        }

        before = folder?.At(RunFolder.CostFile) is { } file && File.Exists(file) ? Json.Read<RunCost>(file) : RunCost.None;
        saving = new(_ => SaveNow(), null, SaveEvery, SaveEvery);
    }

    /// <summary>Opens it; servers are first asked what they are, with the prompt of the first problem.</summary>
    public static async Task<OpenedPolicy> Open(PolicySettings settings, IReadOnlyList<Problem> problems, CommandContext context)
    {
        GraderChoice.Warn(GraderAdvice.ForReferences(Grader.Named(settings.Grader), problems), context);
        if (!EndpointUrl.IsRemote(settings.Policy))
        {
            if (settings.Servers.Model != "") throw new UserError($"--model is for inference servers, and --policy '{settings.Policy}' "
                + "is in this process; write http://host:8000/v1.");
            return new(Counted(Checkpoint.Policy(settings), context),
                Checkpoint.Template(settings.Prompt, Home.Policy(settings.Policy), settings.Ends), context);
        }

        if (settings.Weights != "stored" && !settings.RunsVerifiers)
            throw new UserError($"--weights {settings.Weights}: the servers of --policy compute with the weights that they have; leave the "
                + "option out.");
        if (settings.KvCache != "float32" && !settings.RunsVerifiers)
            throw new UserError($"--kv-cache {settings.KvCache}: the servers of --policy keep keys and values as they do; leave the option "
                + "out.");
        var folder = settings.Servers.Tokenizer == "" ? "" : Home.Model("--tokenizer", settings.Servers.Tokenizer);
        var tokenizer = folder == "" ? null : Tokenizer.Load(folder);
        if (problems.Count == 0) throw new UserError("there are no problems to put to the servers.");
        var template = Checkpoint.Template(settings.Prompt, folder, settings.Ends);
        var remote = await RemotePolicy.Open(settings.Servers.ToOptions(settings.Policy) with { Say = context.Reporter.Say }, template,
            tokenizer, problems[0], context.Cancel);
        foreach (var warning in remote.KeyWarnings()) context.Reporter.Say($"Careful: {warning}.");
        foreach (var server in remote.Servers)
            context.Reporter.Say($"{server.Url}: {server.Server} {server.Version}, {server.Model}; seeds "
                + $"{(server.Seeds == SeedUse.Honoured ? "honoured" : "ignored")}, {(server.TokenIds ? "token ids" : "text")}");
        if (remote.Servers.Any(s => s.Seeds != SeedUse.Honoured))
            context.Reporter.Say("Servers that ignore seeds give other samples each time: results are right in distribution, but a "
                + "repeated run will differ.");
        if (remote.Tokens == TokenCounts.Estimated)
            context.Reporter.Say("Careful: a server does not tell how many tokens it generates; they are estimated by the tokenizer.");
        if (remote.Tokens == TokenCounts.Unknown)
        {
            if (settings.CountsTokens)
                throw new UserError(
                    "--token-budget and --dry-run need counts of tokens, and a server does not tell them; give the served model's "
                        + "--tokenizer, by which they are estimated.");
            context.Reporter.Say(
                "Careful: a server does not tell how many tokens it generates. They count as 0, nothing is compared at equal tokens, and "
                    + "--max-tokens is kept to "
                + "at four letters a token from step to step; with the served model's --tokenizer they are estimated.");
        }

        context.Reporter.Waiting = () => remote.Waiting;
        remote.Drawn = context.Reporter.Draws.Finish;
        var policy = new OpenedPolicy(remote, template, context);
        policy.NoteServers();
        return policy;
    }

    private static TransformerPolicy Counted(TransformerPolicy policy, CommandContext context)
    {
        policy.Drawn = context.Reporter.Draws.Finish;
        return policy;
    }

    public string Name => inner.Name;

    /// <summary>Where its steps end.</summary>
    public StepEnd StepEnd { get; }

    public bool IsRemote => inner is RemotePolicy;

    /// <summary>Most tokens of a prompt with its answer; null where it does not tell them.</summary>
    public int? MaxTokens => (inner as TransformerPolicy)?.MaxTokens;

    /// <summary>Log-probabilities of its tokens; null where it does not tell them.</summary>
    public LogprobSource? Logprobs => inner is TransformerPolicy local ? local.Logprobs : null;

    /// <summary>Draws that got no usable answer, by problem.</summary>
    public LostDraws Lost => (inner as RemotePolicy)?.Lost ?? new([]);

    /// <summary>Tokens generated for draws, by this start of the run and earlier ones.</summary>
    public long GeneratedTokens => before.GeneratedTokens + Interlocked.Read(ref generated);

    /// <summary>Tokens of the prompts that servers have read for this start; 0 in this process, where a prefix is read once for
    /// all.</summary>
    public long PromptTokens => (inner as RemotePolicy)?.Tallies.Sum(t => t.PromptTokens) ?? 0;

    public async Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling,
        CancellationToken cancel = default)
    {
        reporter.Draws.Ask(draws.Count);
        var results = await inner.Extend(draws, until, sampling, cancel);
        long tokens = 0;
        for (var i = 0; i < draws.Count; i++) tokens += results[i].TokensSince(draws[i].Prefix);
        Interlocked.Add(ref generated, tokens);
        Advise(draws.Zip(results)
            .Where(p => p.Second.Ended && !p.First.Prefix.Ended && (p.First.Prefix.Depth == 0 || until == Until.StepEnd))
            .Select(p => p.Second));
        return results;
    }

    private void Advise(IEnumerable<Prefix> traces)
    {
        lock (gate)
        {
            if (advised) return;
            foreach (var trace in traces)
                if (advised = advice.Add(trace.Text)) break;
            if (advised) Tell();
        }
    }

    private void Tell()
    {
        if (advice.Tell() is not { } said) return;
        reporter.Say($"Careful: {said}.");
        folder?.Note("step_advice", said);
    }

    public void Dispose()
    {
        saving.Dispose();
        reporter.Waiting = null;
        Save();
        Tell();
        NoteServers();
        if (Lost.Sentence() is { } lost) reporter.Say($"Careful: {lost}.");
        if (Lost.Draws > 0 || folder?.Noted(LostDrawsNote) is not null)
            folder?.Note(LostDrawsNote, Lost.Draws == 0 ? null : JsonSerializer.SerializeToNode(Lost.Problems, Json.Line));

        if ((inner as RemotePolicy)?.Finding is { } finding)
        {
            reporter.Say($"Careful: {finding}.");
            folder?.Note("identical_samples", finding);
        }

        (inner as IDisposable)?.Dispose();
    }

    /// <summary>All servers that any start of the run has used.</summary>
    private void NoteServers()
    {
        if (inner is not RemotePolicy remote || folder is null) return;
        var now = JsonSerializer.SerializeToNode(remote.Servers, Json.Line)!.AsArray();
        var urls = remote.Servers.Select(s => s.Url).ToHashSet();
        var earlier = folder.Noted("servers") is JsonArray there
            ? there.Where(s => !urls.Contains((string?)s?["url"] ?? "")).Select(s => s!.DeepClone()) : [];
        folder.Note("servers", new JsonArray([.. earlier, .. now.Select(s => s!.DeepClone())]));
    }

    private void SaveNow()
    {
        try
        {
            Save();
        }
        catch (UserError)
        {
            // What the disk refuses now it will refuse again, where the command can tell it.
        }
    }

    private void Save()
    {
        if (folder is null) return;
        lock (gate) folder.Save(RunFolder.CostFile,
            before.Plus(new(Interlocked.Read(ref generated), (inner as RemotePolicy)?.Tallies ?? [])));
    }
}
