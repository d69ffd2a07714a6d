using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>
/// A request's answers as a stream. A plain sample comes step by step as it is drawn; of a search the progress comes first, as reasoning,
/// and the answer when it is chosen.
/// </summary>
internal sealed class ChatStream(ChatRequest request, AnswerShape shape, SeatRow row, EventStream events)
{
    /// <summary>Searches and sends, to the end mark.</summary>
    public async Task Run()
    {
        var answers = await Task.WhenAll(request.Searches.Select((_, i) => One(i)));
        if (request.TellUsage) events.Send(shape.Spent(request, ChatUsage.From(request, row, answers)));
        events.SendText("[DONE]");
    }

    private async Task<Answer> One(int index)
    {
        var (asked, seat) = (request.Searches[index], row.Seats[index]);
        if (shape.Opening(request, index) is { } opening) events.Send(opening);
        var (telling, told, place) = (Task.CompletedTask, 0, 0);
        Answer answer;
        using (seat)
        {
            var progress = new Progress(asked, line =>
            {
                if (shape.Progress(request, index, line) is { } piece) events.Send(piece);
            });
            seat.Grown = asked.IsPlain ? trace => telling = Tell(telling, trace) : progress.Grew;
            answer = await Answering.Run(seat, asked, progress.Tell);
            await Tell(telling, answer.Trace);
        }

        events.Send(shape.Closing(request, index, answer));
        return answer;

        // The engine does not wait until the log-probabilities of a step are known.
        async Task Tell(Task before, Prefix trace)
        {
            await before;
            var tokens = await Spelling.Read(seat, trace, told, request.Logprobs);
            foreach (var (i, step) in trace.Path().Skip(told + 1).Index())
            {
                if (step.Step == "") continue;
                events.Send(shape.Text(request, index, new(step.Step, place, tokens?[i])));
                place += step.Step.EnumerateRunes().Count();
            }

            told = trace.Depth;
        }
    }
}
