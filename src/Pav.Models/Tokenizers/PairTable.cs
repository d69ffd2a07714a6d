namespace Pav.Models.Tokenizers;

/// <summary>64-bit key → two numbers: a hash table with open addressing, for hundreds of thousands of entries that are looked up all the
/// time.</summary>
internal sealed class PairTable
{
    private Slot[] slots = new Slot[16];
    private int count, shift = 60;

    private struct Slot
    {
        /// <summary>The key plus one; 0: free.</summary>
        public ulong Key;
        public int First, Second;
    }

    /// <summary>A pair of ids as a key.</summary>
    public static ulong Key(int a, int b) => ((ulong)(uint)a << 32) | (uint)b;

    /// <summary>The last entry for a key counts; false when there was one before.</summary>
    public bool Add(ulong key, int first, int second)
    {
        if (2 * count >= slots.Length) Grow();
        ref var slot = ref slots[At(++key)];
        var isNew = slot.Key == 0;
        if (isNew) count++;
        slot = new() { Key = key, First = first, Second = second };
        return isNew;
    }

    public bool Find(ulong key, out int first, out int second)
    {
        ref readonly var slot = ref slots[At(++key)];
        (first, second) = (slot.First, slot.Second);
        return slot.Key == key;
    }

    private int At(ulong key)
    {
        var index = (int)((key * 0x9E3779B97F4A7C15) >> shift);
        while (slots[index].Key != key && slots[index].Key != 0) index = (index + 1) & (slots.Length - 1);
        return index;
    }

    private void Grow()
    {
        var old = slots;
        slots = new Slot[2 * old.Length];
        shift--;
        foreach (var slot in old)
            if (slot.Key != 0) slots[At(slot.Key)] = slot;
    }
}
