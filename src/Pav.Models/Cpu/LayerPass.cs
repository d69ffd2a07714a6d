using Pav.Models.Decoders;

namespace Pav.Models.Cpu;

/// <summary>Rows of activations and of their gradients, laid end to end, all of one width.</summary>
internal sealed unsafe class Rows(int columns) : IDisposable
{
    private readonly Floats memory = new();

    public int Columns => columns;

    public int Stride { get; } = Floats.Stride(columns);

    public float* Data => memory.Data;

    public void Grow(int rows) => memory.Grow((long)rows * Stride);

    public void Clear(int rows) => new Span<float>(Data, rows * Stride).Clear();

    public void CopyTo(Rows other, int rows) => new ReadOnlySpan<float>(Data, rows * Stride).CopyTo(new(other.Data, rows * Stride));

    public void Dispose() => memory.Dispose();
}

/// <summary>
/// What a layer's forward pass leaves for its gradient: for each token the stream where a norm reads it, what the products read, and the
/// sums that norms and attention need.
/// </summary>
internal sealed unsafe class LayerState(DecoderConfig config) : IDisposable
{
    /// <summary>Of layers without attention.</summary>
    public readonly DeltaState? Delta = config.DeltaNet is { } net ? new(net) : null;

    /// <summary>Of layers with a mixture of experts.</summary>
    public readonly ExpertState? Experts = config.Experts is null ? null : new(config);

    /// <summary>Queries with their heads' gates after them, gates alone, and what attention gives times their σ.</summary>
    public readonly Rows Doubled = new(config.OutputGate ? 2 * config.Heads * config.HeadSize : 0),
        OutputGates = new(config.OutputGate ? config.Heads * config.HeadSize : 0),
        Gated = new(config.OutputGate ? config.Heads * config.HeadSize : 0);

    public readonly Rows Normed = new(config.HiddenSize), Queries = new(config.Heads * config.HeadSize),
        Keys = new(config.KvHeads * config.HeadSize), Values = new(config.KvHeads * config.HeadSize);
    public readonly Rows RawQueries = new(config.QueryKeyNorm ? config.Heads * config.HeadSize : 0),
        RawKeys = new(config.QueryKeyNorm ? config.KvHeads * config.HeadSize : 0);
    public readonly Rows Attended = new(config.Heads * config.HeadSize),
        Mixed = new(config.PostNorms || config.ResidualMultiplier != 1 ? config.HiddenSize : 0),
        Middle = new(config.HiddenSize);
    public readonly Rows InnerNormed = new(config.HiddenSize), Gates = new(config.IntermediateSize), Ups = new(config.IntermediateSize),
        Fed = new(config.PostNorms || config.ResidualMultiplier != 1 ? config.HiddenSize : 0);
    public readonly Rows Scales = new(4), QueryScales = new(config.Heads + config.KvHeads), LogSums = new(config.Heads);

    /// <summary>What a layer uses, with attention or without.</summary>
    private IEnumerable<Rows> Used(bool recurrent) => (recurrent ? Delta!.All
        : [Queries, Keys, Values, RawQueries, RawKeys, Attended, QueryScales, LogSums])
        .Concat(config.OutputGate && !recurrent ? [Doubled, OutputGates, Gated] : [])
        .Concat([Normed, Mixed, Middle, InnerNormed, Gates, Ups, Fed, Scales]).Concat(Experts?.All ?? []);

    /// <summary>Floats of a token.</summary>
    public long Columns(bool recurrent) => Used(recurrent).Sum(part => (long)part.Stride);

    public void Grow(int rows, bool recurrent)
    {
        foreach (var part in Used(recurrent)) part.Grow(rows);
    }

    public void Dispose()
    {
        foreach (var part in Used(false).Concat(Delta?.All ?? [])) part.Dispose();
    }
}

/// <summary>What one thread needs beside the layers' states.</summary>
internal sealed class Scratch(DecoderConfig config) : IDisposable
{
    public readonly Rows Hidden = new(config.HiddenSize), Joined = new(config.HiddenSize), Again = new(config.HiddenSize),
        Inner = new(config.IntermediateSize), Attended = new(config.Heads * config.HeadSize);
    public readonly Rows Queries = new(config.Heads * config.HeadSize), Keys = new(config.KvHeads * config.HeadSize),
        Values = new(config.KvHeads * config.HeadSize);
    public readonly Rows Doubled = new(config.OutputGate ? 2 * config.Heads * config.HeadSize : 0);
    public readonly DeltaScratch? Delta = config.DeltaNet is { } net ? new(net) : null;
    public readonly ExpertScratch? Experts = config.Experts is null ? null : new(config);
    public readonly Floats Adapter = new();
    public readonly AttentionKernel Attention = new();

    private IEnumerable<Rows> All => Always.Concat(Delta?.All ?? []).Concat(Experts?.All ?? []);

    private IEnumerable<Rows> Always =>
        [Hidden, Joined, Again, Inner, Attended, Queries, Keys, Values, .. config.OutputGate ? [Doubled] : Array.Empty<Rows>()];

    /// <summary>Floats of a token.</summary>
    public long Columns => All.Sum(part => (long)part.Stride);

    public void Grow(int rows)
    {
        foreach (var part in All) part.Grow(rows);
    }

    public void Dispose()
    {
        foreach (var part in All) part.Dispose();
        Delta?.Dispose();
        Adapter.Dispose();
        Attention.Dispose();
    }
}

/// <summary>The tokens of some sequences, end to end, and tables of rotary angles: so many positions of each kind.</summary>
internal sealed unsafe record Sequences(IReadOnlyList<int[]> Ids, Floats Cos, Floats Sin, int Positions)
{
    public int Tokens { get; } = Ids.Sum(ids => ids.Length);
}
