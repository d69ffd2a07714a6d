using Pav.Cli.Running;
using Pav.Cli.Shared;

namespace Pav.Cli.Commands.Label;

/// <summary>What labels of all problems would cost; the interval of the generated tokens is of 95%.</summary>
internal sealed record LabelCost(
    int Problems, double Steps, double TokensPerTrace, double Completions, double PromptTokens,
    double GeneratedTokens, double GeneratedTokensLow, double GeneratedTokensHigh);

/// <summary>What labels would cost, from a few traces that are sampled for it.</summary>
internal static class LabelEstimate
{
    private const int Traces = 32;

    public static async Task<LabelCost> Tell(OpenedPolicy policy, IReadOnlyList<Problem> problems, LabelOptions options,
        CommandContext context)
    {
        var stride = Math.Max(1, problems.Count / Traces);
        var draws = problems.Where((_, i) => i % stride == 0).Take(Traces)
            .Select(p => new Draw(Prefix.Root(p), Seeds.Derive(options.Seed, p.Id, "trace", 0))).ToList();
        var traces = await policy.Extend(draws, Until.TraceEnd, options.Sampling, context.Cancel);
        var prompt = policy.PromptTokens / (double)traces.Count;
        var costs = traces.Select(t => OfProblem(t, prompt, options)).ToList();
        var least = Bootstrap.Mean([.. costs.Select(c => c.Least)]);
        var most = Bootstrap.Mean([.. costs.Select(c => c.Most)]);
        var completions = problems.Count * costs.Average(c => c.Completions);
        var (steps, tokens) = (traces.Average(t => t.Depth), traces.Average(t => (double)t.TokensSince()));
        context.Reporter.Say(
            $"{problems.Count:N0} problems; {traces.Count} sampled traces have {steps:0.0} steps and {tokens:0.0} tokens on average");
        context.Reporter.Say(options.Plan is null
            ? $"labels of all problems: {completions:N0} completions, {Millions(problems.Count * most.Value)} tokens generated "
                + $"[{Millions(problems.Count * most.Low)} to {Millions(problems.Count * most.High)}]"
            : $"labels of all problems: at most {completions:N0} completions; between {Millions(problems.Count * least.Low)} and "
                + $"{Millions(problems.Count * most.High)} tokens generated, as few or as many completions as the adaptive rule allows");
        var read = policy.IsRemote ? problems.Count * costs.Average(c => c.Prompts) : 0;
        if (read > 0) context.Reporter.Say($"prompts: {(options.Plan is null ? "" : "at most ")}{Millions(read)} tokens, with prefix "
            + "caches nearly all of them read from there");
        return new(
            problems.Count, steps, tokens, completions, read,
            problems.Count * most.Value, problems.Count * least.Low, problems.Count * most.High);
    }

    /// <summary>A problem's completions, the tokens of their prompts and those generated, its traces being like this one. What is left of
    /// the trace stands for the length of a completion; the problem itself is counted once.</summary>
    private static (double Completions, double Prompts, double Least, double Most) OfProblem(Prefix trace, double prompt,
        LabelOptions options)
    {
        var (few, many) = options.Plan is { } plan ? (plan.First, plan.Most) : (options.NMc, options.NMc);
        var whole = trace.TokensSince();
        var states = trace.Path().SkipLast(1).Select((state, h) => (Each: h == 0 ? 1.0 : options.NCov, Tokens: trace.TokensSince(state)))
            .ToList();
        double solutions = options.NCov * whole;
        return (
            options.NCov + many * states.Sum(s => s.Each), options.NCov * prompt + many * states.Sum(s =>
                s.Each * (prompt + whole - s.Tokens)),
            solutions + few * states.Sum(s => s.Each * s.Tokens), solutions + many * states.Sum(s => s.Each * s.Tokens));
    }

    private static string Millions(double tokens) => tokens >= 1e6 ? $"{tokens / 1e6:0.0} M" : $"{tokens:N0}";
}
