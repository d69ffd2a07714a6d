namespace Pav.Models.Tokenizers;

/// <summary>Ids of pieces met before. A newer piece takes the place of an older one with the same hash; safe to use from many
/// threads.</summary>
internal sealed class PieceCache
{
    private readonly Entry?[] slots = new Entry?[1 << 16];

    private sealed record Entry(string Piece, int[] Ids);

    public int[]? Find(ReadOnlySpan<char> piece, out int slot)
    {
        slot = string.GetHashCode(piece) & (slots.Length - 1);
        return Volatile.Read(ref slots[slot]) is { } entry && piece.SequenceEqual(entry.Piece) ? entry.Ids : null;
    }

    public void Keep(int slot, ReadOnlySpan<char> piece, ReadOnlySpan<int> ids) =>
        Volatile.Write(ref slots[slot], new(piece.ToString(), ids.ToArray()));
}
