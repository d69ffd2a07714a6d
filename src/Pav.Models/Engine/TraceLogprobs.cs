namespace Pav.Models.Engine;

/// <summary>
/// A token and its log-probability, at most 0: the log softmax of the model's logits, before temperature, top-k and top-p.
/// </summary>
public readonly record struct Logprob(int Id, double Value);

/// <summary>A token of a trace, and the most likely ones in its place, the likeliest first.</summary>
public sealed record TokenLogprobs(Logprob Token, IReadOnlyList<Logprob> Top);

/// <summary>Tells the log-probabilities of a trace's tokens.</summary>
/// <param name="trace">Of the policy.</param>
/// <param name="after">So many of its first steps are passed over.</param>
/// <param name="top">Most likely tokens to tell in each place, at least 0.</param>
/// <param name="cancel">Stops it.</param>
public delegate Task<TraceLogprobs> LogprobSource(Prefix trace, int after, int top, CancellationToken cancel);

/// <summary>Log-probabilities of the steps of a trace.</summary>
/// <param name="Steps">For each step its tokens, an end-of-sequence included.</param>
/// <param name="Read">Tokens that the model read to tell them.</param>
public sealed record TraceLogprobs(IReadOnlyList<IReadOnlyList<TokenLogprobs>> Steps, int Read);
