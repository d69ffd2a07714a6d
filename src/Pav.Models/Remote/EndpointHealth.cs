namespace Pav.Models.Remote;

/// <summary>
/// Whether an endpoint can be sent requests now. One that fails is set aside for a second, then longer; before it comes back it is asked
/// again what it is. Not safe for several
/// threads: the <see cref="EndpointPool"/> holds its lock.
/// </summary>
internal sealed class EndpointHealth(RemoteOptions options)
{
    private const int FailuresToDoubt = 3;

    private static readonly TimeSpan LongestAside = TimeSpan.FromSeconds(60), LongestBeforeStart = TimeSpan.FromSeconds(10);

    private readonly TimeProvider time = options.Time;
    private int failures, timesAside;
    private long notBefore;
    private bool probing, outside = true;

    public Window Window { get; } = new(options.InFlight);

    public int InFlight { get; private set; }

    /// <summary>What the server can do; null until it has been asked.</summary>
    public Capabilities? Capabilities { get; private set; }

    /// <summary>It is not for us: no key, no model, another model.</summary>
    public bool Refused { get; private set; }

    /// <summary>No longer in the file of endpoints.</summary>
    public bool Dropped { get; set; }

    /// <summary>Why it was set aside, or failed a moment ago.</summary>
    public EndpointException? LastFailure { get; private set; }

    public string? LastError => LastFailure?.Message;

    /// <summary>It failed several times in a row, but may be well: its answers to some requests are what fails.</summary>
    public bool Doubted { get; private set; }

    /// <summary>Requests may be sent.</summary>
    public bool Usable => !outside && !Dropped && time.GetTimestamp() >= notBefore;

    public bool HasRoom => Usable && InFlight < Window.Size;

    /// <summary>It waits for a question what it is, and nobody asks it yet.</summary>
    public bool WantsProbe => outside && !probing && !Dropped && time.GetTimestamp() >= notBefore;

    public void Sent() => InFlight++;

    public void Returned() => InFlight--;

    public void Probing() => probing = true;

    /// <summary>It was asked what it is, and can be used.</summary>
    public void Join(Capabilities found)
    {
        (Capabilities, Refused, outside, probing, Doubted) = (found, false, false, false, false);
        (failures, timesAside, notBefore, LastFailure) = (0, 0, 0, null);
    }

    /// <summary>Nobody wants to know any more what it is.</summary>
    public void ProbeCancelled() => probing = false;

    /// <summary>A request was answered, be it by a word that the request is wrong.</summary>
    public void Answered(double seconds, long tokens)
    {
        Window.Answered(seconds, tokens, InFlight >= Window.Size);
        (failures, Doubted, LastFailure) = (0, false, null);
    }

    /// <summary>It has too much to do.</summary>
    /// <param name="failure">With the time that it asks for.</param>
    /// <returns>Whether fewer requests go to it from now on.</returns>
    public bool Busy(EndpointException failure)
    {
        LastFailure = failure;
        if (failure.RetryAfter is { } wait) notBefore = Math.Max(notBefore, After(wait));
        return failure.Status == 500 ? Window.TooMany() : Window.Busy();
    }

    /// <summary>Its answer to a question that it has answered before: does it answer at all?</summary>
    public void Checked(bool well)
    {
        (failures, Doubted) = (0, false);
        if (!well) SetAside();
    }

    /// <summary>A request failed. Three failures in a row, or the word that it does not take us, have consequences.</summary>
    public void Failed(EndpointException failure)
    {
        LastFailure = failure;
        if (outside) return;
        Refused = failure.Fault == Fault.Refused;
        if (++failures < FailuresToDoubt && !Refused) return;
        if (Refused || failure.Fault == Fault.Network) SetAside();
        else Doubted = true;
    }

    /// <summary>It did not say what it is.</summary>
    public void ProbeFailed(EndpointException failure)
    {
        (LastFailure, Refused, probing) = (failure, failure.Fault == Fault.Refused, false);
        SetAside();
    }

    private void SetAside()
    {
        var longest = Capabilities is null ? LongestBeforeStart : LongestAside;
        var wait = Math.Min(longest.TotalSeconds, options.FirstAside.TotalSeconds * Math.Pow(2, Math.Min(10, timesAside)))
            * (0.75 + 0.5 * Random.Shared.NextDouble());
        notBefore = After(Refused && Capabilities is null ? LongestAside : TimeSpan.FromSeconds(wait));
        (outside, Doubted) = (true, false);
        timesAside++;
        Window.Reset();
    }

    private long After(TimeSpan wait) => time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);
}
