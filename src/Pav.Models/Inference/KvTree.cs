namespace Pav.Models.Inference;

/// <summary>A stretch of ids after its parent's (the prompt, or one step) in a <see cref="KvTree"/>.</summary>
internal sealed class KvNode(KvNode? parent, int[] ids)
{
    public KvNode? Parent { get; } = parent;

    public int[] Ids { get; } = ids;

    /// <summary>Ids from the first to this node's last.</summary>
    public int End { get; } = (parent?.End ?? 0) + ids.Length;

    public KvSegment? Segment { get; set; }

    /// <summary>The head's values at the last id, while someone needs them; beside states, as long as the segment is held.</summary>
    public float[]? Values { get; set; }

    /// <summary>How many users forbid its eviction.</summary>
    public int Pins { get; set; }

    public long Used { get; set; }

    public bool Complete => Segment is { } s && s.Count == Ids.Length;

    public Dictionary<IdList, KvNode> Children { get; } = [];

    /// <summary>From the root's child to this node.</summary>
    public IEnumerable<KvNode> Path()
    {
        var path = new Stack<KvNode>();
        for (var node = this; node.Parent is not null; node = node.Parent) path.Push(node);
        return path;
    }
}

/// <summary>Ids compared by content.</summary>
internal readonly struct IdList(int[] ids) : IEquatable<IdList>
{
    private readonly int[] ids = ids;

    public bool Equals(IdList other) => ids.AsSpan().SequenceEqual(other.ids);

    public override bool Equals(object? obj) => obj is IdList other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var id in ids) hash.Add(id);
        return hash.ToHashCode();
    }
}

/// <summary>
/// Keys and values of many contexts, what they share held once. Contexts that nobody has pinned go, the longest unused first, when others
/// need
/// their memory; so the cache follows a beam without being told.
/// </summary>
internal sealed class KvTree(IRunner runner)
{
    private readonly KvNode root = new(null, []);
    private long clock;

    /// <summary>Nodes that were left when those without memory last went, and those made since.</summary>
    private int left, made;

    /// <summary>Blocks that are promised to someone and not taken yet.</summary>
    public int Promised { get; set; }

    /// <summary>The node of a context given as stretches of ids; its missing parts are made, empty. Stretches without ids are passed
    /// over.</summary>
    public KvNode Find(IEnumerable<int[]> stretches)
    {
        var node = root;
        foreach (var ids in stretches)
        {
            if (ids.Length == 0) continue;
            if (!node.Children.TryGetValue(new(ids), out var child))
            {
                node.Children[new(ids)] = child = new(node, ids);
                made++;
            }

            child.Used = ++clock;
            node = child;
        }

        return node;
    }

    /// <summary>Ids of a context's beginning that are held.</summary>
    public int Held(IEnumerable<int[]> stretches)
    {
        var (node, held) = (root, 0);
        foreach (var ids in stretches)
        {
            if (ids.Length == 0) continue;
            if (!node.Children.TryGetValue(new(ids), out var child) || !child.Complete) break;
            node = child;
            held = node.End;
        }

        return held;
    }

    /// <summary>Blocks that the parts of a context which are not held yet will take.</summary>
    public int BlocksMissing(KvNode node) => node.Path().Sum(n => runner.Pool.BlocksFor(n.Ids.Length) - (n.Segment?.Blocks ?? 0));

    public static void Pin(KvNode node, int by)
    {
        foreach (var n in node.Path()) n.Pins += by;
    }

    /// <summary>Adds to the runner's next call what is not held of a context, and its last id in any case; answers the output row of the
    /// values at that.</summary>
    public int Compute(KvNode node)
    {
        foreach (var n in node.Path().SkipLast(1))
            if (!n.Complete) Extend(n);
        if (node.Complete) node.Segment!.DropLast();
        return Extend(node);
    }

    /// <summary>Tokens of nodes that were given to the runner so far.</summary>
    public long Computed { get; private set; }

    /// <summary>Adds the missing ids of a node, whose parent is complete, to the runner's next call; answers the row of the
    /// values.</summary>
    public int Extend(KvNode node)
    {
        node.Segment ??= new(runner.Pool, node.Parent!.Segment);
        Computed += node.Ids.Length - node.Segment.Count;
        return runner.Add(node.Segment, node.Ids.AsSpan(node.Segment.Count));
    }

    /// <summary>Keeps a segment that was computed elsewhere as a child of a node, unless there is one; a last id that is not computed yet
    /// may lack.</summary>
    public void Adopt(KvNode node, int[] ids, KvSegment segment)
    {
        var child = Find(node.Path().Select(n => n.Ids).Append(ids));
        if (child.Segment is null && segment.Count > 0) child.Segment = segment;
        else segment.Dispose();
    }

    /// <summary>Evicts until so many blocks can be taken beyond what is promised; false if what is pinned leaves no room.</summary>
    public bool MakeRoom(int blocks)
    {
        var spare = blocks + runner.Pool.Capacity / 16;
        return Free() >= blocks || Evict(() => Free() >= spare) || Free() >= blocks;

        int Free() => runner.Pool.Available - Promised;
    }

    /// <summary>
    /// Between calls: keeps no more than three quarters of the budget, so that a beam finds its past again, and few nodes that hold
    /// nothing. Looking through the tree takes as long as it is large, so it is done after many changes and not after each call.
    /// </summary>
    public void Trim()
    {
        var isFull = runner.Pool.InUse > runner.Pool.Capacity / 4 * 3;
        if (isFull) Evict(() => runner.Pool.InUse <= runner.Pool.Capacity * 5L / 8);
        if (!isFull && made <= left) return;
        (left, made) = (Prune(root), 0);
    }

    private bool Evict(Func<bool> enough)
    {
        while (!enough())
        {
            List<KvNode> leaves = [];
            Leaves(root, leaves);
            if (leaves.Count == 0) return false;
            leaves.Sort((a, b) => a.Used.CompareTo(b.Used));
            foreach (var leaf in leaves)
            {
                leaf.Segment!.Dispose();
                (leaf.Segment, leaf.Values) = (null, null);
                if (enough()) break;
            }
        }

        return true;
    }

    public void Clear() => Drop(root);

    private static void Drop(KvNode node)
    {
        foreach (var child in node.Children.Values)
        {
            Drop(child);
            child.Segment?.Dispose();
        }

        node.Children.Clear();
    }

    /// <summary>Finds unpinned nodes with memory below which there is none; answers whether there is any at or below this node.</summary>
    private static bool Leaves(KvNode node, List<KvNode> found)
    {
        var below = false;
        foreach (var child in node.Children.Values) below |= Leaves(child, found);
        if (!below && node.Segment is not null && node.Pins == 0) found.Add(node);
        return below || node.Segment is not null;
    }

    /// <summary>Drops nodes below this one that hold nothing; answers how many others there are.</summary>
    private static int Prune(KvNode node)
    {
        var others = 0;
        foreach (var (key, child) in node.Children)
        {
            others += Prune(child);
            if (child.Segment is null && child.Children.Count == 0) node.Children.Remove(key);
            else others++;
        }

        return others;
    }
}
