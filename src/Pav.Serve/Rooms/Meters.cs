using System.Diagnostics.Metrics;

namespace Pav.Serve.Rooms;

/// <summary>What a server counts, for /metrics.</summary>
internal sealed class Meters : IDisposable
{
    public const string Name = "Pav.Serve";

    private readonly Meter meter = new(Name);
    private readonly Counter<long> generated, scored, cancelled;
    private readonly Histogram<int> draws, scores;
    private readonly Histogram<double> first, whole;

    public Meters()
    {
        generated = meter.CreateCounter<long>("pav.tokens.generated", description: "Tokens drawn by the policy.");
        scored = meter.CreateCounter<long>("pav.tokens.scored", description: "Tokens read by verifiers.");
        cancelled = meter.CreateCounter<long>("pav.requests.cancelled", description: "Requests whose client went away.");
        draws = meter.CreateHistogram<int>("pav.batch.draws", description: "Draws that one call of the policy answers.");
        scores = meter.CreateHistogram<int>("pav.batch.scores", description: "Prefixes that one call of a verifier scores.");
        first = meter.CreateHistogram<double>("pav.request.first_token", "s", "From a request to its first step or score.");
        whole = meter.CreateHistogram<double>("pav.request.duration", "s", "From a request to the end of its work.");
    }

    /// <summary>Tells where the numbers of requests at work and waiting come from.</summary>
    public void Watch(Func<(int Working, int Waiting)> load)
    {
        meter.CreateObservableGauge("pav.requests.working", () => load().Working, description: "Requests that are worked on.");
        meter.CreateObservableGauge("pav.requests.waiting", () => load().Waiting, description: "Requests that wait for their turn.");
    }

    public void Dispose() => meter.Dispose();

    internal void Drew(long tokens) => generated.Add(tokens);

    internal void Scored(long tokens) => scored.Add(tokens);

    internal void Batch<TWork>(int count) => (typeof(TWork) == typeof(DrawWork) ? draws : scores).Record(count);

    internal void First(TimeSpan time) => first.Record(time.TotalSeconds);

    internal void Left(TimeSpan time, bool early)
    {
        whole.Record(time.TotalSeconds);
        if (early) cancelled.Add(1);
    }
}
