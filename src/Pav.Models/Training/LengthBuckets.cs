namespace Pav.Models.Training;

/// <summary>
/// Cuts rows into batches of similar length, so that little is padded, in a random order: rows are sorted by length within stretches of
/// <see cref="Stretch"/> batches only. Everything is a pure function of the seed.
/// </summary>
internal static class LengthBuckets
{
    public const int Stretch = 32;

    /// <summary>Batches of row indices of one stretch: rows sorted by length, cut, and the batches shuffled.</summary>
    public static int[][] Cut(IReadOnlyList<int> rows, Func<int, int> length, int batch, ulong seed)
    {
        var batches = rows.OrderBy(length).ThenBy(row => row).Chunk(batch).ToArray();
        Shuffle(batches, seed);
        return batches;
    }

    public static void Shuffle<T>(T[] items, ulong seed)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = (int)(Seeds.Uniform(seed, i) * (i + 1));
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}

/// <summary>Endless passes over a fixed set of rows, each in an order of its own; a pass leaves out the rows that do not fill a last
/// batch.</summary>
internal sealed class EpochBatches(IReadOnlyList<int> lengths, int batch, ulong seed)
{
    private readonly int size = Math.Min(batch, lengths.Count);
    private long epoch = -1;
    private int[][] plan = [];

    /// <summary>The rows of a step.</summary>
    public int[] At(long step)
    {
        var perEpoch = lengths.Count / size;
        if (step / perEpoch != epoch) (epoch, plan) = (step / perEpoch, Plan(step / perEpoch, perEpoch));
        return plan[step % perEpoch];
    }

    private int[][] Plan(long pass, int batches)
    {
        var order = Enumerable.Range(0, lengths.Count).ToArray();
        LengthBuckets.Shuffle(order, Seeds.Derive(seed, "", "epoch", pass));
        return
        [
            .. order.Take(batches * size).Chunk(LengthBuckets.Stretch * size)
                .SelectMany((stretch, i) =>
                    LengthBuckets.Cut(stretch, row => lengths[row], size, Seeds.Derive(seed, $"{pass}", "stretch", i))),
        ];
    }
}
