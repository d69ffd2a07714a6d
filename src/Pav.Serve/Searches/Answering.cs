using Pav.Serve.Rooms;

namespace Pav.Serve.Searches;

/// <summary>What a search answers with.</summary>
/// <param name="Trace">The chosen trace.</param>
/// <param name="Node">Its place in the search's tree; null where there is none.</param>
/// <param name="Row">The search as a row of its kind; its costs are those of a search that is alone.</param>
/// <param name="Tree">Where it was asked for.</param>
/// <param name="IsCut">The trace did not come to its own end: it reached the token limit, or the budget was spent.</param>
internal sealed record Answer(Prefix Trace, StepNode? Node, SearchRow Row, SearchTree? Tree, bool IsCut)
{
    /// <summary>Why it ends, as OpenAI calls that.</summary>
    public string FinishReason => IsCut ? "length" : "stop";

    public long Tokens => Trace.TokensSince();
}

/// <summary>Answers a problem from a place in the engine room, by the same searches as `pav search`.</summary>
internal static class Answering
{
    public static async Task<Answer> Run(Seat seat, Asked asked, Action<StepNews>? watch = null)
    {
        var models = seat.Models;
        (seat.Budget, seat.Stops) = (asked.Budget, asked.Stops);
        var options = asked.Options with { Prover = Seated(seat, asked.Options.Prover) };
        var tools = new SearchTools(seat, models.Grader, Seated(seat, models.Verifier), Seated(seat, models.Outcome)) { Watch = watch };
        var found = await SearchBatch.Run([asked.Problem], asked.Method, asked.N, tools, options, asked.Trace, seat.Cancel);
        var trace = found[0].Chosen.Trace;
        return new(trace, found[0].Chosen.Node, found[0].Row, found[0].Tree, IsCut(trace, asked, models));
    }

    private static IVerifier? Seated(Seat seat, IVerifier? verifier) => verifier is null ? null : seat.Through(verifier);

    private static Prover? Seated(Seat seat, Prover? prover) =>
        prover?.Verifier is { } verifier ? Prover.By(seat.Through(verifier)) : prover;

    /// <summary>A trace that came to its own end has a special id as its last, or a stop's text behind it.</summary>
    private static bool IsCut(Prefix trace, Asked asked, ServedModels models)
    {
        if (trace.Lost || !trace.Ended) return true;
        if (models.Tokenizer is { } tokenizer && trace.Tokens.Count > 0)
        {
            if (tokenizer.IsSpecial(trace.Tokens[^1])) return false;
            if (models.Template.TraceStops.Texts.Count == 0) return true;
        }

        return trace.TokensSince() >= asked.Options.Sampling.MaxTokens;
    }
}
