using System.Runtime.InteropServices;
using Pav.Models.Tokenizers;

namespace Pav.Models;

/// <summary>Where the steps of ids end, and drawn ids as the steps of a trace.</summary>
internal sealed class StepChain
{
    private readonly Tokenizer tokenizer;
    private readonly StepEnd end;

    /// <summary>Where a single letter ends a step, an id tells it by itself, unless half a character may follow in it.</summary>
    private readonly StepReader? byId;

    /// <param name="tokenizer">Whose ids.</param>
    /// <param name="end">Where its steps end.</param>
    /// <param name="size">The model's outputs: it may have more than the tokenizer has ids.</param>
    public StepChain(Tokenizer tokenizer, StepEnd end, int size = 0)
    {
        (this.tokenizer, this.end) = (tokenizer, end);
        if (end.Literal is not [< (char)128]) return;
        var ends = new bool[Math.Max(size, tokenizer.Size)];
        var whole = true;
        for (var id = 0; id < tokenizer.Size; id++)
        {
            var text = tokenizer.Decode([id]);
            ends[id] = end.In(text);
            whole &= !(ends[id] && text[^1] == '\uFFFD');
        }

        if (whole) byId = new(ends);
    }

    /// <summary>For the ids of a step and those after it, from its first.</summary>
    public StepReader Reader() => byId ?? new(tokenizer, end);

    /// <summary>One node for each step.</summary>
    /// <param name="prefix">What was continued.</param>
    /// <param name="tokens">What was drawn.</param>
    /// <param name="eos">The last id is an end-of-sequence: it has no text.</param>
    /// <param name="ended">The trace is over after them.</param>
    public Prefix Append(Prefix prefix, int[] tokens, bool eos, bool ended)
    {
        foreach (var range in StepEnd.OfIds(tokens, Reader().Ends))
        {
            var last = range.End.Value == tokens.Length;
            var step = tokens[range];
            prefix = prefix.Then(StepIds.Text(tokenizer, last && eos ? step[..^1] : step), step, ended && last);
        }

        return prefix;
    }
}

/// <summary>Reads ids one by one and tells which of them end a step.</summary>
internal sealed class StepReader
{
    private readonly bool[]? byId;
    private readonly Tokenizer? tokenizer;
    private readonly StepEnd? end;
    private readonly List<char> text = [];
    private TextStream? stream;
    private bool found;

    /// <param name="byId">Told by the id alone: one reader serves all.</param>
    public StepReader(bool[] byId) => this.byId = byId;

    /// <param name="tokenizer">Of the ids.</param>
    /// <param name="end">May be spread over several of them.</param>
    public StepReader(Tokenizer tokenizer, StepEnd end) => (this.tokenizer, this.end) = (tokenizer, end);

    /// <summary>True if the step ends with this id; the next one is then the first of another step.</summary>
    public bool Ends(int id)
    {
        if (byId is not null) return (uint)id < (uint)byId.Length && byId[id];
        stream ??= new(tokenizer!, continues: true);
        var seen = text.Count;
        text.AddRange(stream.Add(id).AsSpan());
        var certain = text.Count;
        text.AddRange(stream.Peek().AsSpan());
        found |= end!.In(CollectionsMarshal.AsSpan(text), seen);
        var ends = found && stream.IsWhole;
        if (ends) (stream, found, certain) = (null, false, 0);
        text.RemoveRange(certain, text.Count - certain);
        return ends;
    }
}
