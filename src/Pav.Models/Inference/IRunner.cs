using Pav.Models.Decoders;

namespace Pav.Models.Inference;

/// <summary>
/// Runs a decoder for generation and scoring. A call takes any number of token runs of any lengths, each after its own context; contexts
/// share their past
/// through <see cref="KvSegment"/>.
/// </summary>
internal interface IRunner : IDisposable
{
    DecoderConfig Config { get; }

    KvPool Pool { get; }

    /// <summary>Values per output row: the vocabulary, or the labels.</summary>
    int Outputs { get; }

    /// <summary>Tokens waiting for <see cref="Run"/>.</summary>
    int Pending { get; }

    /// <summary>
    /// Appends tokens to a segment in the next <see cref="Run"/>. A segment may be added to once in a call; its parent may be extended in
    /// the same
    /// call if that is added first. Answers the output row that will hold the head's values at the last of these tokens.
    /// </summary>
    /// <param name="segment">Grows by them.</param>
    /// <param name="ids">At least one.</param>
    /// <param name="each">A row for every one of them instead; answers the first of these rows, which follow one another.</param>
    int Add(KvSegment segment, ReadOnlySpan<int> ids, bool each = false);

    /// <summary>Computes all that was added.</summary>
    void Run();

    /// <summary>The head's values of one row of the last <see cref="Run"/>.</summary>
    ReadOnlySpan<float> Output(int row);

    /// <summary>Forgets what was added and not run.</summary>
    void Clear();
}

/// <summary>The tokens of a runner's next call: row by row, and as runs of consecutive tokens of one segment.</summary>
internal sealed class PendingTokens(DecoderConfig config)
{
    public List<int> Tokens { get; } = [];

    /// <summary>The run that each token belongs to.</summary>
    public List<int> RunOf { get; } = [];

    /// <summary>First: index of the run's first token in its segment. FirstRow: its place in <see cref="Tokens"/>.</summary>
    public List<(KvSegment Segment, int First, int FirstRow)> Runs { get; } = [];

    /// <summary>Rows at which the head is read: the last of each run, or all of it.</summary>
    public List<int> Read { get; } = [];

    public int Add(KvSegment segment, ReadOnlySpan<int> ids, bool each = false)
    {
        var first = segment.Count;
        segment.Grow(ids.Length);
        if (segment.End > config.MaxPositions)
            throw new UserError($"a trace of {segment.End} tokens is longer than the model's max_position_embeddings = "
                + $"{config.MaxPositions}; lower the token limit or use another model");
        Runs.Add((segment, first, Tokens.Count));
        foreach (var id in ids)
        {
            if ((uint)id >= (uint)config.VocabSize) throw new UserError($"token id {id} is outside the model's vocabulary of "
                + $"{config.VocabSize}; tokenizer and model do not belong together");
            Tokens.Add(id);
            RunOf.Add(Runs.Count - 1);
        }

        var read = each ? ids.Length : 1;
        for (var row = Tokens.Count - read; row < Tokens.Count; row++) Read.Add(row);
        return Read.Count - read;
    }

    /// <summary>Position of a row in its context.</summary>
    public int PositionOf(int row)
    {
        var (segment, first, firstRow) = Runs[RunOf[row]];
        return segment.Start + first + row - firstRow;
    }

    public void Clear()
    {
        Tokens.Clear();
        RunOf.Clear();
        Runs.Clear();
        Read.Clear();
    }
}
