using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace Pav.Serve.Wire;

/// <summary>What OpenAI's clients read of an error.</summary>
/// <param name="Message">One sentence.</param>
/// <param name="Type">The kind of error.</param>
/// <param name="Param">The field that is wrong; null: none.</param>
/// <param name="Code">A word for programs; null: none.</param>
internal sealed record ErrorBody(
    [property: JsonPropertyName("message")] string Message, [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("param")] string? Param, [property: JsonPropertyName("code")] string? Code);

/// <summary>The body of an error reply, and of an error in the middle of a stream.</summary>
internal sealed record ErrorReply([property: JsonPropertyName("error")] ErrorBody Error);

/// <summary>A request that is not answered, for a reason that its client is told.</summary>
internal sealed partial class ApiError(int status, string message, string type, string? param = null, string? code = null,
    Exception? cause = null)
    : Exception(message, cause)
{
    private const string Invalid = "invalid_request_error";

    public int Status => status;

    /// <summary>When to try again; null: never.</summary>
    public TimeSpan? RetryAfter { get; private init; }

    public ErrorReply Reply => new(new(Message, type, param, code));

    /// <summary>400: what was sent cannot be read at all.</summary>
    public static ApiError Unreadable(string message, Exception? cause = null) =>
        new(400, message, Invalid, code: "invalid_json", cause: cause);

    /// <summary>413.</summary>
    public static ApiError TooLarge() => new(413, "the body is too large (--max-body-mb)", Invalid, code: "too_large");

    /// <summary>415: the body does not say that it is JSON; other sites' pages can send such ones without asking first.</summary>
    public static ApiError NotJson() => new(415, "send JSON, with Content-Type: application/json", Invalid, code: "unsupported_media_type");

    /// <summary>422: a field has a value that it may not have, or asks for what the server does not do.</summary>
    public static ApiError Wrong(string? param, string message, Exception? cause = null) =>
        new(422, message, Invalid, param, "invalid_value", cause);

    /// <summary>404: no such model, or address.</summary>
    public static ApiError NotFound(string? param, string message, string code) => new(404, message, Invalid, param, code);

    /// <summary>401.</summary>
    public static ApiError NoKey(string message) => new(401, message, "authentication_error", code: "invalid_api_key");

    /// <summary>403: a browser asks for another site's page.</summary>
    public static ApiError OtherSite() => new(403, "pages of other sites may not ask this server (--cors lets one in)", Invalid);

    /// <summary>429 or 503.</summary>
    public static ApiError Later(int status, string message, string code, TimeSpan wait) =>
        new(status, message, status == 429 ? "rate_limit_error" : "server_error", code: code) { RetryAfter = wait };

    /// <summary>503: the servers that the policy is on do not answer; the log says which and why.</summary>
    public static ApiError Outage(UserError cause) =>
        new(503, "the policy's servers do not answer; try again later", "server_error", code: "policy_unreachable", cause: cause)
        {
            RetryAfter = TimeSpan.FromSeconds(10),
        };

    /// <summary>503: it will not be answered here any more.</summary>
    public static ApiError Stopping() => Later(503, "the server is stopping", "stopping", TimeSpan.FromSeconds(1));

    /// <summary>What a failure is to the client; null for one that is the server's own fault.</summary>
    public static ApiError? From(Exception e) => e switch
    {
        ApiError error => error,
        UserError { IsOutage: true } outage => Outage(outage),
        UserError wrong => Wrong(null, WithoutFolders(wrong.Message), wrong),
        BadHttpRequestException { StatusCode: 413 } => TooLarge(),
        BadHttpRequestException bad => new(bad.StatusCode, bad.Message, Invalid, cause: e),
        _ => null,
    };

    /// <summary>Where the server's files lie is nothing to its clients: of a path its last name stays. The log has it whole.</summary>
    private static string WithoutFolders(string message) => Folders().Replace(message, "");

    [GeneratedRegex(@"(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:,;'""]+[/\\])+(?=[^\s/\\])")]
    private static partial Regex Folders();
}
