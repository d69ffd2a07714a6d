namespace Pav.Models.Engine;

/// <summary>
/// Runs a language model and draws ids from it, many draws at a time. Token k of a draw takes the k-th uniform number of its seed
/// (<see cref="Seeds"/>), so that a draw depends on its context and seed and on nothing else.
/// </summary>
internal interface IDrawingEngine : IDisposable
{
    /// <summary>Ids that the model reads at most in one context.</summary>
    int MaxPositions { get; }

    /// <summary>Logits for each token: at least the tokenizer's ids.</summary>
    int Outputs { get; }

    /// <summary>Tokens of prompts and earlier steps computed so far.</summary>
    long Prefilled { get; }

    /// <summary>Tokens sampled so far.</summary>
    long Generated { get; }

    /// <summary>Bytes of key-value memory taken so far.</summary>
    long CacheBytes { get; }

    /// <summary>The new ids of each draw, an end-of-sequence id included; <paramref name="drawn"/> is told how many have just
    /// finished.</summary>
    int[][] Run(IReadOnlyList<IdDraw> draws, Until until, Sampling sampling, Action<int>? drawn, CancellationToken cancel);

    /// <summary>Log-probabilities of ids after their context, and how many tokens had to be read for them.</summary>
    (TokenLogprobs[] Tokens, int Read) Logprobs(int[][] context, int[] ids, int top, CancellationToken cancel);
}

/// <summary>
/// A draw in ids: continue a context given as stretches (prompt, steps) by at most Limit tokens, in which Steps tells where steps and the
/// trace end. Skip is how many of the seed's numbers an earlier part of the step has used.
/// </summary>
internal readonly record struct IdDraw(int[][] Context, int Limit, ulong Seed, StepReader Steps, int Skip = 0)
{
    /// <summary>The uniform number of its token after <paramref name="count"/> others.</summary>
    public double Uniform(int count) => Seeds.Uniform(Seed, Skip + count);

    /// <summary>Whether the draw is over with its newest token, and what that token brought.</summary>
    /// <param name="tokens">All that were drawn.</param>
    /// <param name="endsTrace">The newest is an end-of-sequence.</param>
    public (bool Over, StepSign Sign) Read(List<int> tokens, bool endsTrace, Until until, Sampling sampling)
    {
        var sign = endsTrace ? StepSign.Stop : Steps.Read(tokens[^1]);
        var stepOver = sign == StepSign.Step || tokens.Count == sampling.StepTokens;
        return (tokens.Count >= Limit || sign == StepSign.Stop || until == Until.StepEnd && stepOver, sign);
    }
}
