namespace Pav.Models.Remote;

/// <summary>How inference servers are used. All but Endpoints, Model and PerRequest change speed and patience, never what is
/// drawn.</summary>
/// <param name="Endpoints">Addresses separated by commas, or @FILE with one on each line, read again when it changes.</param>
public sealed record RemoteOptions(string Endpoints)
{
    /// <summary>The served model's name; empty takes the only one.</summary>
    public string Model { get; init; } = "";

    /// <summary>Most draws of one prefix in one request (n), at least 1.</summary>
    public int PerRequest { get; init; } = 1;

    /// <summary>Most requests at once at each endpoint; how many there are follows its latency and its 429s.</summary>
    public int InFlight { get; init; } = 256;

    /// <summary>Seconds for one request.</summary>
    public double RequestTimeout { get; init; } = 600;

    /// <summary>Seconds for all of them together; 0 is no limit.</summary>
    public double RunTimeout { get; init; }

    /// <summary>Seconds without any answer from any endpoint after which the run stops.</summary>
    public double GiveUp { get; init; } = 600;

    /// <summary>Seconds after which a request is also sent to another endpoint; 0 is never.</summary>
    public double Hedge { get; init; }

    /// <summary>Sent to every endpoint.</summary>
    public ApiKey? Key { get; init; }

    /// <summary>First wait before a request is sent again; later ones grow with jitter up to 30 s.</summary>
    internal TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(0.2);

    /// <summary>Tells a person of what happens to the servers; nobody by default.</summary>
    public Action<string> Say { get; init; } = _ => { };

    /// <summary>The clock of all waits for endpoints.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How long an endpoint is set aside at first; each time again twice as long, up to a minute.</summary>
    internal TimeSpan FirstAside { get; init; } = TimeSpan.FromSeconds(1);

    public void Check()
    {
        if (PerRequest < 1) throw new UserError($"draws in one request are {PerRequest}; there must be at least 1");
        if (InFlight < 1) throw new UserError($"requests in flight are {InFlight}; there must be at least 1");
        if (!(RequestTimeout > 0) || !(GiveUp > 0) || !(RunTimeout >= 0) || !(Hedge >= 0))
            throw new UserError("timeouts must be above 0 seconds, --run-timeout and --hedge at least 0");
    }
}
