namespace Pav.Grading;

/// <summary>What an answer is made of.</summary>
internal abstract record Answer
{
    /// <param name="Letters">The letters that the whole answer is, if it is no more: "ab" may be a product or a name.</param>
    /// <param name="Unit">The words after the number.</param>
    public sealed record Value(Expression Of, string Letters = "", string Unit = "") : Answer;

    public sealed record Words(string Text) : Answer;

    /// <summary>A tuple, interval, set, list, union, ratio, matrix or row of one.</summary>
    /// <param name="Open">"(" and "[" with <paramref name="Close"/>; "{" a set, "" a list, "cup" a union: in any order; ":" a ratio,
    /// "matrix", "row".</param>
    public sealed record Sequence(string Open, string Close, IReadOnlyList<Answer> Items) : Answer
    {
        public bool InAnyOrder => Open is "{" or "" or "cup";
    }

    /// <summary>Sides with = &lt; ≤ ≥ &gt; ≠ ∈ between them.</summary>
    public sealed record Relation(IReadOnlyList<Answer> Sides, IReadOnlyList<string> Signs) : Answer
    {
        /// <summary>The same with all of &gt; and ≥ turned round.</summary>
        public Relation Ascending => Signs.All(s => s is ">" or ">=")
            ? new([.. Sides.Reverse()], [.. Signs.Reverse().Select(s => s.Replace('>', '<'))]) : this;
    }
}
