using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>
/// A request's answers as a stream. A plain sample comes step by step as it is drawn; of a search the progress comes first, as reasoning,
/// and the answer when it is chosen.
/// </summary>
internal sealed class ChatStream(ChatRequest request, AnswerShape shape, SeatRow row, ILogger log)
{
    private readonly EventStream events = new();

    /// <summary>Searches and writes; a client that goes away ends both.</summary>
    public async Task WriteTo(HttpContext context, TimeSpan ping)
    {
        var searching = Search(context.RequestAborted);
        try
        {
            await events.WriteTo(context, ping);
        }
        finally
        {
            row.Stop();
            await searching;
        }
    }

    private async Task Search(CancellationToken client)
    {
        try
        {
            var answers = await Task.WhenAll(request.Searches.Select((_, i) => One(i)));
            if (request.TellUsage) events.Send(shape.Spent(request, ChatUsage.From(request, row, answers)));
            events.SendText("[DONE]");
        }
        catch (OperationCanceledException) when (client.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            var known = ApiError.From(e);
            if (known is null) log.LogError(e, "A stream failed");
            events.Send(known?.Reply ?? ErrorReplies.Fault);
        }
        finally
        {
            events.Complete();
        }
    }

    private async Task<Answer> One(int index)
    {
        var (asked, seat) = (request.Searches[index], row.Seats[index]);
        if (shape.Opening(request, index) is { } opening) events.Send(opening);
        var told = 0;
        Answer answer;
        using (seat)
        {
            var progress = new Progress(asked, line =>
            {
                if (shape.Progress(request, index, line) is { } piece) events.Send(piece);
            });
            seat.Grown = asked.IsPlain ? Tell : progress.Grew;
            answer = await Answering.Run(seat, asked, progress.Tell);
        }

        Tell(answer.Trace);
        events.Send(shape.Closing(request, index, answer));
        return answer;

        void Tell(Prefix trace)
        {
            foreach (var step in trace.Path().Skip(told + 1).Where(p => p.Step != "")) events.Send(shape.Text(request, index, step.Step));
            told = trace.Depth;
        }
    }
}
