using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Searches;

/// <summary>
/// The frame of server-sent events in which searches answer: comments while the request waits for its turn and while nothing happens, an
/// error object where it fails, and an end of the work where the client goes away.
/// </summary>
internal sealed class SearchStream(Desk desk, ILogger log)
{
    /// <summary>
    /// Answers with what the work sends. What refuses the request before it has a place in the queue is thrown, and so has its own status.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="count">Places that it needs.</param>
    /// <param name="work">Searches and sends; its last word is the stream's.</param>
    /// <param name="errorName">Name of the event of an error; null: it has none.</param>
    public async Task Answer(HttpContext context, int count, Func<SeatRow, EventStream, Task> work, string? errorName = null)
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var entering = desk.EnterAll(count, leaving.Token);
        if (entering.IsFaulted || entering.IsCanceled) await entering;
        var events = new EventStream();
        var working = Work();
        try
        {
            await events.WriteTo(context, desk.Options.Ping);
        }
        finally
        {
            await leaving.CancelAsync();
            await working;
        }

        async Task Work()
        {
            try
            {
                using var row = await entering;
                await work(row, events);
            }
            catch (OperationCanceledException) when (leaving.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                var known = ApiError.From(e);
                if (known is null or { Status: 503, InnerException: not null })
                    log.LogError(e, "{Path} failed in its stream", context.Request.Path);
                events.Send(known?.Reply ?? ErrorReplies.Fault, errorName);
            }
            finally
            {
                events.Complete();
            }
        }
    }
}
