using Pav.Models.Engine;
using Pav.Models.Tokenizers;
using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>A trace as verifiers read it, and where its steps stand in what was sent.</summary>
internal sealed record ReadTrace(Prefix Prefix, IReadOnlyList<StepSpan> Spans);

/// <summary>Cuts responses into steps.</summary>
/// <param name="end">Where steps end.</param>
/// <param name="prompts">Knows which special tokens may stand at the end of a text.</param>
/// <param name="tokenizer">Of token ids; null where none is known.</param>
internal sealed class TraceReader(StepEnd end, PromptReader prompts, Tokenizer? tokenizer)
{
    private readonly Lazy<IdSteps>? ids = tokenizer is { } known ? new(() => new(known, end)) : null;

    /// <summary>A response as text. Special tokens at its end belong to no step.</summary>
    /// <param name="problem">Its text is what the response answers.</param>
    /// <param name="response">Text.</param>
    /// <param name="count">Are the tokens of the steps wanted?</param>
    public ReadTrace FromText(Problem problem, string response, bool count = false)
    {
        var prefix = Prefix.Root(problem);
        var steps = end.Split(response[..prompts.End(response)]);
        for (var i = 0; i < steps.Count; i++) prefix = prefix.Then(steps[i], ended: i == steps.Count - 1);
        Func<Prefix, int>? tokens = count && tokenizer is { } known ? step => known.Encode(step.Step, false, continues: true).Length : null;
        return new(prefix, Spans(prefix, tokens));
    }

    /// <summary>A response in the ids of the tokenizer.</summary>
    /// <param name="problem">Its text is what the response answers.</param>
    /// <param name="response">Ids, an end-of-sequence among them or not.</param>
    /// <param name="field">Names them in an error.</param>
    public ReadTrace FromIds(Problem problem, int[] response, string field)
    {
        if (ids is null || tokenizer is null)
            throw ApiError.Wrong(field, $"{field} cannot be read: this server knows no tokenizer of them; send the response as text");
        if (response.FirstOrDefault(id => (uint)id >= (uint)tokenizer.Size) is not 0 and var id)
            throw ApiError.Wrong(field, $"{field} has the id {id}, and this server's tokenizer ends at {tokenizer.Size - 1}; send text");
        var prefix = ids.Value.Append(Prefix.Root(problem), response);
        return new(prefix, Spans(prefix, step => step.TokenCount));
    }

    private static StepSpan[] Spans(Prefix trace, Func<Prefix, int>? tokens)
    {
        var spans = new StepSpan[trace.Depth];
        var (start, first) = (0, 0);
        foreach (var (h, step) in trace.Path().Skip(1).Index())
        {
            var next = start + step.Step.EnumerateRunes().Count();
            var last = tokens is null ? (int?)null : first + tokens(step);
            spans[h] = new(start, next, tokens is null ? null : first, last);
            (start, first) = (next, last ?? 0);
        }

        return spans;
    }
}
