using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Pav.Double;

/// <summary>A server that answers at once with a text made of the seed: what is left to measure is the client.</summary>
public sealed class NullServer : IAsyncDisposable
{
    private readonly WebApplication app;

    private NullServer()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        app = builder.Build();
        app.Run(Answer);
    }

    public string Url => app.Urls.Single() + "/v1";

    public static async Task<NullServer> Start()
    {
        var server = new NullServer();
        await server.app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private static async Task Answer(HttpContext context)
    {
        if (context.Request.Path == "/v1/models")
        {
            await context.Response.WriteAsync("""{"data":[{"id":"null","owned_by":"vllm","max_model_len":4096}]}""");
            return;
        }

        var length = (int)(context.Request.ContentLength ?? 0);
        var body = new byte[length];
        await context.Request.Body.ReadExactlyAsync(body);
        var start = body.AsSpan().IndexOf("\"seed\":"u8) + 7;
        var seed = start < 7 ? "0" : Encoding.ASCII.GetString(body.AsSpan(start, body.AsSpan(start).IndexOfAny((byte)',', (byte)'}')));
        var text = $$$"""{"id":"cmpl-0","object":"text_completion","choices":[{"index":0,"text":"1: add three to {{{seed}}}\n2: and take it away again\nAnswer: {{{seed}}}","logprobs":null,"finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":40,"completion_tokens":24,"total_tokens":64}}""";
        context.Response.ContentLength = Encoding.UTF8.GetByteCount(text);
        await context.Response.WriteAsync(text);
    }
}
