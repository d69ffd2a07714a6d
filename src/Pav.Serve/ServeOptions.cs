using System.Net;

namespace Pav.Serve;

/// <summary>How the server listens and what one request, and all together, may ask of it.</summary>
public sealed record ServeOptions
{
    /// <summary>Largest weight α of progress, in searches and rewards.</summary>
    public const double MaxAlpha = 1000;

    /// <summary>Address to listen on; anything but loopback needs a <see cref="Key"/>.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 to 65535; 0 takes a free one.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>What every request but /health must bring as its bearer; empty: nothing.</summary>
    public string Key { get; init; } = "";

    /// <summary>Origins whose pages may call the server; none by default.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    /// <summary>Most bytes of a request's body.</summary>
    public long MaxBody { get; init; } = 4 << 20;

    /// <summary>Most tokens of a prompt.</summary>
    public int MaxPrompt { get; init; } = 8192;

    /// <summary>Largest size N of a search, and most choices of one request.</summary>
    public int MaxN { get; init; } = 128;

    /// <summary>Most tokens of a trace that a request may ask for.</summary>
    public int MaxTokens { get; init; } = 4096;

    /// <summary>Most tokens that one request may generate in all.</summary>
    public long MaxBudget { get; init; } = 1 << 20;

    /// <summary>Requests that are worked on at once.</summary>
    public int Concurrent { get; init; } = 64;

    /// <summary>Requests that may wait for their turn; more are told to come back later.</summary>
    public int Queue { get; init; } = 256;

    /// <summary>A client has so long for the headers of a request.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A client that sends its body at less than 240 bytes a second is left after so long; more than one second.</summary>
    public TimeSpan SlowGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// After so long without news a stream sends a comment, so that nobody takes it for dead; a reader that takes nothing for three times
    /// as long is left.
    /// </summary>
    public TimeSpan Ping { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Are prompts written into the log?</summary>
    public bool LogPrompts { get; init; }

    public bool IsLoopback => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>Throws a <see cref="UserError"/> where the server could not, or should not, start like this.</summary>
    public void Check()
    {
        if (Host != "localhost" && !IPAddress.TryParse(Host, out _))
            throw new UserError($"'{Host}' is no address to listen on; give an IP address of this machine, 0.0.0.0 for all, or localhost");
        if (Host == "localhost" && Port == 0)
            throw new UserError("localhost is two addresses, and a free port is found for one; give 127.0.0.1 or a port");
        if (!IsLoopback && Key == "")
            throw new UserError(
                $"listening on {Host} lets other machines in, which needs a key; set PAV_SERVE_KEY or name a file that holds it");
        if (Key != "" && !Key.All(c => c is > ' ' and < '\x7f'))
            throw new UserError("the key that clients must bring is one word of plain characters");
        if (Origins.FirstOrDefault(o => !IsOrigin(o)) is { } wrong)
            throw new UserError($"'{wrong}' is no origin of web pages; give scheme and host, in small letters: https://example.org");
    }

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.GetLeftPart(UriPartial.Authority) == text;
}
