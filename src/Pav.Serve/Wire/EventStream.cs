using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Pav.Models.Files;

namespace Pav.Serve.Wire;

/// <summary>
/// Server-sent events. Who writes them does not wait for who reads them: a slow reader holds nobody up, and what it has not read is no more
/// than one search makes.
/// </summary>
internal sealed class EventStream
{
    private readonly Channel<string> texts = Channel.CreateUnbounded<string>(new() { SingleReader = true });

    /// <summary>Sends one event; its name, if it has one, is for readers that tell events apart by it.</summary>
    public void Send(object data, string? name = null) => SendText(JsonSerializer.Serialize(data, data.GetType(), Json.Line), name);

    /// <summary>Sends a text as it is.</summary>
    public void SendText(string data, string? name = null) =>
        texts.Writer.TryWrite($"{(name is null ? "" : $"event: {name}\n")}data: {data}\n\n");

    /// <summary>There is nothing more to send.</summary>
    public void Complete() => texts.Writer.TryComplete();

    /// <summary>
    /// Writes the events as a response until there are no more; comments keep the connection alive while nothing happens. A reader that
    /// takes nothing of it while three comments could have been sent is left.
    /// </summary>
    public async Task WriteTo(HttpContext context, TimeSpan ping)
    {
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await context.Response.StartAsync(context.RequestAborted);
        var reading = texts.Reader.WaitToReadAsync(context.RequestAborted).AsTask();
        while (true)
        {
            try
            {
                if (!await reading.WaitAsync(ping, context.RequestAborted)) return;
            }
            catch (TimeoutException)
            {
                await Write(context, ": ping\n\n", 3 * ping);
                continue;
            }

            var text = new StringBuilder();
            while (text.Length < 1 << 16 && texts.Reader.TryRead(out var next)) text.Append(CultureInfo.InvariantCulture, $"{next}");
            await Write(context, text.ToString(), 3 * ping);
            reading = texts.Reader.WaitToReadAsync(context.RequestAborted).AsTask();
        }
    }

    private static async Task Write(HttpContext context, string text, TimeSpan patience)
    {
        try
        {
            await Written(context, text).WaitAsync(patience, context.RequestAborted);
        }
        catch (TimeoutException)
        {
            context.Abort();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        }
    }

    private static async Task Written(HttpContext context, string text)
    {
        await context.Response.WriteAsync(text, context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }
}
