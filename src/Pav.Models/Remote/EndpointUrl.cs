using System.Net;

namespace Pav.Models.Remote;

/// <summary>
/// The base address of a server, with or without its <c>/v1</c> or a route below it. It holds no secret: user names, passwords, queries and
/// fragments are refused.
/// </summary>
internal sealed record EndpointUrl
{
    private readonly string root;

    private EndpointUrl(string root) => this.root = root;

    /// <summary>Does an option's value name endpoints, and not a folder?</summary>
    public static bool IsRemote(string policy) =>
        policy.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
            || policy.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || policy.StartsWith('@');

    /// <summary>What is no address is not repeated where it may be a key.</summary>
    public static EndpointUrl Parse(string text, string where = "")
    {
        var start = where == "" ? "" : $"{where}: ";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            throw new UserError($"{start}{(where == "" && !ApiKey.LooksLikeKey(text) ? $"'{ServerText.Clean(text)}'" : "this")} is no "
                + "address of a server; write http://host:8000/v1");
        if (uri.UserInfo != "" || uri.Query != "" || uri.Fragment != "")
            throw new UserError($"{start}the address of {uri.Host} holds a user name, a query or a fragment, which would be written into "
                + "run folders; give keys with --api-key-env or --api-key-file");
        if (uri.Segments.Any(s => ApiKey.BeginsLikeKey(s.TrimEnd('/'))))
            throw new UserError($"{start}the path of the address of {uri.Host} looks like a key, which would be written into run "
                + "folders; give keys with --api-key-env or --api-key-file");
        var root = uri.GetLeftPart(UriPartial.Path).TrimEnd('/');
        foreach (var route in (string[])["/chat/completions", "/completions", "/models"])
            if (root.EndsWith($"/v1{route}", StringComparison.Ordinal)) root = root[..^route.Length];
        return new(root.EndsWith("/v1", StringComparison.Ordinal) ? root[..^3] : root);
    }

    /// <summary>Endpoints from addresses separated by commas, or from @FILE with one on each line; lines that begin with # are
    /// skipped.</summary>
    public static IReadOnlyList<EndpointUrl> ParseAll(string value)
    {
        if (!value.StartsWith('@'))
            return [.. value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(v => Parse(v))
                .Distinct()];
        var file = value[1..];
        var lines = Files.InputFile.Lines(file).Where(l => l.Text.Trim() is { Length: > 0 } text && text[0] != '#');
        var urls = lines.Select(l => Parse(l.Text.Trim(), $"{file}:{l.Number}")).Distinct().ToList();
        return urls.Count > 0 ? urls : throw new UserError($"{file} names no endpoint; write one address on each line");
    }

    /// <summary>Plain http to another machine.</summary>
    internal bool IsPlainAndFar
    {
        get
        {
            var uri = new Uri(root);
            return uri.Scheme == "http" && !uri.IsLoopback
                && !(IPAddress.TryParse(uri.Host, out var address) && IPAddress.IsLoopback(address));
        }
    }

    public Uri Api(string path) => new($"{root}/v1/{path}");

    public Uri Root(string path) => new($"{root}/{path}");

    public override string ToString() => $"{root}/v1";
}
