namespace Pav.Models.Remote;

/// <summary>The base address of a server, with or without its <c>/v1</c>. It holds no secret: user names, passwords and queries are refused.</summary>
public sealed record EndpointUrl
{
    private readonly string root;

    private EndpointUrl(string root) => this.root = root;

    /// <summary>Does an option's value name endpoints, and not a folder?</summary>
    public static bool IsRemote(string policy) => policy.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || policy.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || policy.StartsWith('@');

    public static EndpointUrl Parse(string text, string where = "")
    {
        var from = where == "" ? "" : $"{where}: ";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")) throw new UserError($"{from}'{text}' is no address of a server; write http://host:8000/v1");
        if (uri.UserInfo != "" || uri.Query != "") throw new UserError($"{from}the address of {uri.Host} holds a user name or a query, which would be written into run folders; give keys with --api-key-env or --api-key-file");
        var root = uri.GetLeftPart(UriPartial.Path).TrimEnd('/');
        return new(root.EndsWith("/v1", StringComparison.Ordinal) ? root[..^3] : root);
    }

    /// <summary>Endpoints from addresses separated by commas, or from @FILE with one on each line; lines that begin with # are skipped.</summary>
    public static IReadOnlyList<EndpointUrl> ParseAll(string value)
    {
        if (!value.StartsWith('@')) return [.. value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(v => Parse(v)).Distinct()];
        var file = value[1..];
        var urls = Files.InputFile.Lines(file).Where(l => l.Text.Trim() is { Length: > 0 } text && text[0] != '#').Select(l => Parse(l.Text.Trim(), $"{file}:{l.Number}")).Distinct().ToList();
        return urls.Count > 0 ? urls : throw new UserError($"{file} names no endpoint; write one address on each line");
    }

    public Uri Api(string path) => new($"{root}/v1/{path}");

    public Uri Root(string path) => new($"{root}/{path}");

    public override string ToString() => $"{root}/v1";
}
