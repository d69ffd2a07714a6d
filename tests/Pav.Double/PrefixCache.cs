namespace Pav.Double;

/// <summary>Which prefixes of token ids a server has read or written before, as its key-value cache would hold them if it forgot nothing.
/// Safe for several threads.</summary>
public sealed class PrefixCache
{
    private readonly HashSet<ulong> held = [];

    /// <summary>Reads a prompt; returns how many of its tokens were there already. The last one is always read anew, for what follows
    /// it.</summary>
    public int Read(IEnumerable<int> ids)
    {
        lock (held)
        {
            var (hash, tokens, cached) = (0UL, 0, 0);
            foreach (var id in ids)
            {
                hash = Seeds.Mix(hash + (ulong)id + 1);
                tokens++;
                if (!held.Add(hash) && cached == tokens - 1) cached = tokens;
            }

            return Math.Max(0, Math.Min(cached, tokens - 1));
        }
    }
}
