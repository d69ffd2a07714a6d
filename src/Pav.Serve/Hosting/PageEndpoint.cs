using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Pav.Serve.Hosting;

/// <summary>The page that watches searches. It holds nothing of the server's, so it comes without a key and asks for it itself.</summary>
internal static class PageEndpoint
{
    public const string Address = "/";

    private const string Name = "serve.html";

    private static readonly Lazy<byte[]> Page = new(Read);

    public static void MapPage(this IEndpointRouteBuilder app) => app.MapGet(Address, (HttpContext context) =>
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-cache";
        headers.ContentSecurityPolicy = "frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        return Results.Bytes(Page.Value, "text/html; charset=utf-8");
    }).ExcludeFromDescription();

    private static byte[] Read()
    {
        using var resource = typeof(PageEndpoint).Assembly.GetManifestResourceStream(Name)!;
        using var bytes = new MemoryStream();
        resource.CopyTo(bytes);
        return bytes.ToArray();
    }
}
