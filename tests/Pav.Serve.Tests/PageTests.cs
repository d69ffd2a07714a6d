using System.Net;
using System.Runtime.CompilerServices;

namespace Pav.Serve.Tests;

/// <summary>A fact that needs node and a Chromium, and says so where one is missing.</summary>
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (Chromium is null) Skip = "there is no Chromium (Debian: chromium) to use the page with";
        else if (Programs.Run("node", "--version").Code != 0) Skip = "there is no node (Debian: nodejs) to steer the browser with";
        else if (!Directory.Exists(Path.Combine(Web(), "node_modules", "playwright-core")))
            Skip = "web/node_modules holds no playwright-core to steer the browser with; 'npm ci' in web fetches it, as ./pav test does";
    }

    public static string? Chromium { get; } =
        (from name in (string[])["chromium", "chromium-browser", "google-chrome"]
         from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
         let path = Path.Combine(folder, name)
         where File.Exists(path)
         select path).FirstOrDefault();

    public static string Web([CallerFilePath] string source = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(source)!, "..", "..", "web"));
}

public class PageTests
{
    [Fact]
    public async Task The_page_comes_without_a_key_and_in_no_frame()
    {
        await using var served = await Served.Start(Toys.Models(new()), new() { Key = "secret" });
        var reply = await served.Http.GetAsync("/");
        Assert.Equal((HttpStatusCode.OK, "text/html"), (reply.StatusCode, reply.Content.Headers.ContentType?.MediaType));
        Assert.Equal("frame-ancestors 'none'", Assert.Single(reply.Headers.GetValues("Content-Security-Policy")));
        var page = await reply.Content.ReadAsStringAsync();
        Assert.StartsWith("<!doctype html>", page);
        Assert.DoesNotContain("secret", page);
        Assert.DoesNotMatch("<(script|link|img)[^>]+(src|href)=\"?http", page);
        Assert.Equal(HttpStatusCode.Unauthorized, (await served.Http.GetAsync("/v1/models")).StatusCode);
    }

    [BrowserFact]
    public async Task Searches_are_typed_watched_cancelled_and_compared()
    {
        var policy = new ToyPolicy { Before = cancel => Task.Delay(80, cancel) };
        await using var served = await Served.Start(Toys.Models(policy), new() { Key = "secret" });
        var script = Path.Combine(BrowserFactAttribute.Web(), "test", "serve-page.mjs");
        var (code, said) = await Task.Run(() => Programs.Run("node", script, served.Server.Url, "secret", BrowserFactAttribute.Chromium!));
        Assert.True(code == 0, said);
        Assert.Contains("all is well", said);
        Assert.Empty(served.Log.Errors);
    }
}
