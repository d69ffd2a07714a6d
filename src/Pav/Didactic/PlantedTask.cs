namespace Pav.Didactic;

/// <summary>
/// The planted sub-sequence task (Sec. 3.3, App. B): sequences of at most <see cref="Length"/> tokens, rewarded with 1 iff the hidden
/// target y* occurs in them contiguously. What matters of a prefix is its length t and the state k of the matching automaton: its last k
/// tokens are the first k of y*. A complete match is absorbing (Q = 1, A = 0 from there on); the end-of-sequence token before it ends the
/// sequence with Q = 0.
/// </summary>
internal sealed class PlantedTask
{
    /// <param name="target">y*: 1 to <paramref name="length"/> distinct tokens, end-of-sequence (the last of the vocabulary) not among
    /// them.</param>
    public PlantedTask(IReadOnlyList<int> target, int length = 10, int vocabulary = 15)
    {
        if (target.Count < 1 || target.Count > length)
            throw new UserError($"the planted sequence has {target.Count} tokens, but must have 1 to {length}, the length of a sequence");
        if (target.Distinct().Count() != target.Count)
            throw new UserError($"the tokens of the planted sequence must differ from each other, they are {string.Join(" ", target)}");
        if (target.Any(a => a < 0 || a >= vocabulary - 1)) throw new UserError("the tokens of the planted sequence must be 0 to "
            + $"{vocabulary - 2} ({vocabulary - 1} ends a sequence), they are {string.Join(" ", target)}");
        (Target, Length, Vocabulary) = ([.. target], length, vocabulary);
    }

    public IReadOnlyList<int> Target { get; }

    /// <summary>L, the largest number of tokens.</summary>
    public int Length { get; }

    public int Vocabulary { get; }

    public int EndOfSequence => Vocabulary - 1;

    /// <summary>Automaton states from which something can still happen: k = 0 … |y*| − 1.</summary>
    public int LiveStates => Target.Count;

    /// <summary>The absorbing state after a complete match.</summary>
    public int Found => Target.Count;

    /// <summary>The absorbing state after an end-of-sequence without a match.</summary>
    public int Lost => Target.Count + 1;

    /// <summary>Number of (t, k, a) with k live: the size of every table over states and tokens, laid out [L, |y*|, vocabulary].</summary>
    public int TableSize => Length * LiveStates * Vocabulary;

    /// <summary>Where the row of (t, k) starts in such a table.</summary>
    public int Row(int t, int k) => (t * LiveStates + k) * Vocabulary;

    /// <summary>
    /// The automaton after one more token. The tokens of y* differ, so a mismatch leaves at most its first token matched.
    /// Worked: y* = 3 5 7; after 3 5 (k = 2), 7 gives 3 (found), 3 gives 1, 5 gives 0.
    /// </summary>
    public int Next(int k, int token) =>
        k >= Found ? k
        : token == Target[k] ? k + 1
        : token == EndOfSequence ? Lost
        : token == Target[0] ? 1 : 0;

    public bool IsLive(int t, int k) => t < Length && k < Found;

    /// <summary>A task whose y* is drawn: every sequence of distinct tokens is as likely.</summary>
    public static PlantedTask Random(int targetLength, ulong seed, int length = 10, int vocabulary = 15)
    {
        if (targetLength < 1 || targetLength > Math.Min(length, vocabulary - 1))
            throw new UserError($"the planted sequence must have 1 to {Math.Min(length, vocabulary - 1)} tokens, not {targetLength}");
        var tokens = Enumerable.Range(0, vocabulary - 1).ToArray();
        for (var i = 0; i < targetLength; i++)
        {
            var j = i + (int)(Seeds.Uniform(seed, i) * (tokens.Length - i));
            (tokens[i], tokens[j]) = (tokens[j], tokens[i]);
        }

        return new(tokens[..targetLength], length, vocabulary);
    }
}
