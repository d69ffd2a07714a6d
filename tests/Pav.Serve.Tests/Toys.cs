namespace Pav.Serve.Tests;

/// <summary>
/// Writes sums: each step has one to three tokens, each by one uniform number of its seed, and the last one is the answer. A trace drawn
/// at once is the trace drawn step by step.
/// </summary>
internal sealed class ToyPolicy : IPolicy
{
    public string Name => "toy";

    /// <summary>Draws of each call.</summary>
    public List<int> Calls { get; } = [];

    /// <summary>Problems of all draws.</summary>
    public List<Problem> Asked { get; } = [];

    /// <summary>Tokens drawn so far.</summary>
    public long Tokens { get; private set; }

    /// <summary>Waited for before each call is answered.</summary>
    public Func<CancellationToken, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>A trace has so many steps before its answer.</summary>
    public int Steps { get; init; } = 3;

    /// <summary>Written after the tokens of each step before the answer.</summary>
    public string Padding { get; init; } = "";

    public async Task<IReadOnlyList<Prefix>> Extend(
        IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default)
    {
        await Before(cancel);
        cancel.ThrowIfCancellationRequested();
        Calls.Add(draws.Count);
        if (Asked.Count < 1000) Asked.AddRange(draws.Select(d => d.Prefix.Problem));
        return [.. draws.Select(d => Extended(d, until, sampling))];
    }

    private Prefix Extended(Draw draw, Until until, Sampling sampling)
    {
        if (draw.Prefix.Problem.Text.Contains("refused", StringComparison.Ordinal)) throw new UserError("this prompt is refused");
        var (prefix, used) = (draw.Prefix, 0);
        while (!prefix.Ended)
        {
            var left = sampling.MaxTokens - prefix.TokensSince();
            var last = prefix.Depth >= Steps;
            List<int> tokens = [];
            do tokens.Add((int)(100 * Seeds.Uniform(draw.Seed, used++)));
            while (tokens.Count < 3 && tokens.Count < left && tokens[^1] < 60);
            Tokens += tokens.Count;
            var text = string.Join('+', tokens);
            prefix = prefix.Then(last ? $"Answer: {tokens.Sum() % 5}" : text + Padding + "\n", tokens, ended: last || tokens.Count >= left);
            if (until == Until.StepEnd) break;
        }

        return prefix;
    }
}

/// <summary>A Q that depends on the text alone.</summary>
internal sealed class ToyVerifier(string name = "toy-q") : IVerifier
{
    public string Name => name;

    /// <summary>Prefixes of each call.</summary>
    public List<int> Calls { get; } = [];

    /// <summary>Problems of all prefixes.</summary>
    public List<Problem> Asked { get; } = [];

    public static double Q(Prefix prefix) => Seeds.Uniform(Seeds.Derive(7, prefix.Problem.Text, prefix.Text, 0), 0);

    public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        Calls.Add(prefixes.Count);
        if (Asked.Count < 1000) Asked.AddRange(prefixes.Select(p => p.Problem));
        return Task.FromResult<IReadOnlyList<Scored>>(
            [.. prefixes.Select(p => new Scored([.. p.Path().Select(Q)], Math.Max(1, p.Tokens.Count)))]);
    }
}
