using System.Runtime.InteropServices;
using Pav.Models.Tokenizers;

namespace Pav.Models.Engine;

/// <summary>Where the steps of ids end and where a trace does, and drawn ids as the steps of a trace.</summary>
internal sealed class StepChain
{
    private readonly Tokenizer tokenizer;
    private readonly StepEnd end;
    private readonly TraceStops stops;

    /// <summary>Where a single letter ends a step, an id tells it by itself, unless half a character may follow in it.</summary>
    private readonly StepReader? byId;

    /// <param name="tokenizer">Whose ids.</param>
    /// <param name="end">Where its steps end.</param>
    /// <param name="size">The model's outputs: it may have more than the tokenizer has ids.</param>
    /// <param name="stops">What ends a trace besides an end-of-sequence.</param>
    public StepChain(Tokenizer tokenizer, StepEnd end, int size = 0, TraceStops? stops = null)
    {
        (this.tokenizer, this.end, this.stops) = (tokenizer, end, stops ?? TraceStops.None);
        if (this.stops.Texts.Count > 0 || end.Literal is not [< (char)128]) return;
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

    /// <summary>For the ids of a step and those after it, from its first, or from the first that a half-written step lacks.</summary>
    public StepReader Reader(Prefix prefix)
    {
        if (byId is not null) return byId;
        var reader = new StepReader(tokenizer, end, stops, stops.Tail(prefix.Half ? prefix.Parent! : prefix));
        if (prefix.Half)
            foreach (var id in prefix.Tokens) reader.Read(id);
        return reader;
    }

    /// <summary>One node for each step. Ids that follow a stop's are left out, as they would not have been drawn.</summary>
    /// <param name="prefix">What was continued.</param>
    /// <param name="tokens">What was drawn.</param>
    /// <param name="eos">The last id is an end-of-sequence: it has no text.</param>
    /// <param name="ended">The trace is over after them.</param>
    /// <param name="mayBeHalf">The last step may have been stopped before its end.</param>
    public Prefix Append(Prefix prefix, int[] tokens, bool eos, bool ended, bool mayBeHalf = false)
    {
        if (prefix.Half) (prefix, tokens) = (prefix.Parent!, [.. prefix.Tokens, .. tokens]);
        var reader = Reader(prefix);
        foreach (var range in StepEnd.OfIds(tokens, id => reader.Read(id) != StepSign.Inside))
        {
            var last = range.End.Value == tokens.Length;
            var step = tokens[range];
            var text = StepIds.Text(tokenizer, last && eos ? step[..^1] : step);
            if (stops.In(stops.Tail(prefix), text) is { } stop) return prefix.Then(text[..stop.Cut], step, ended: true);
            var half = mayBeHalf && last && !ended && reader.Read(step[^1]) == StepSign.Inside;
            prefix = half ? prefix.ThenHalf(text, step) : prefix.Then(text, step, ended && last);
        }

        return prefix;
    }
}

/// <summary>What an id brings with it.</summary>
internal enum StepSign
{
    /// <summary>The step goes on.</summary>
    Inside,

    /// <summary>The step ends.</summary>
    Step,

    /// <summary>The trace ends.</summary>
    Stop,
}

/// <summary>Reads ids one by one and tells which of them end a step, or the trace.</summary>
internal sealed class StepReader
{
    private readonly bool[]? byId;
    private readonly Tokenizer? tokenizer;
    private readonly StepEnd? end;
    private readonly TraceStops stops = TraceStops.None;
    private readonly List<char> text = [];
    private string before = "";
    private TextStream? stream;
    private bool found;

    /// <param name="byId">Told by the id alone: one reader serves all.</param>
    public StepReader(bool[] byId) => this.byId = byId;

    /// <param name="tokenizer">Of the ids.</param>
    /// <param name="end">May be spread over several of them.</param>
    /// <param name="stops">They too, and over several steps.</param>
    /// <param name="before">The end of the text before them.</param>
    public StepReader(Tokenizer tokenizer, StepEnd end, TraceStops stops, string before) =>
        (this.tokenizer, this.end, this.stops, this.before) = (tokenizer, end, stops, before);

    /// <summary>
    /// After an id that ends a step the next one is the first of another step; after one that ends the trace there is none.
    /// </summary>
    public StepSign Read(int id)
    {
        if (byId is not null) return (uint)id < (uint)byId.Length && byId[id] ? StepSign.Step : StepSign.Inside;
        stream ??= new(tokenizer!, continues: true);
        var seen = text.Count;
        text.AddRange(stream.Add(id).AsSpan());
        var certain = text.Count;
        text.AddRange(stream.Peek().AsSpan());
        var step = CollectionsMarshal.AsSpan(text);
        if (stops.In(before, step, seen) is not null) return StepSign.Stop;
        found |= end!.In(step, seen);
        var ends = found && stream.IsWhole;
        if (ends)
        {
            before = stops.Tail(before + step.ToString());
            (stream, found, certain) = (null, false, 0);
        }

        text.RemoveRange(certain, text.Count - certain);
        return ends ? StepSign.Step : StepSign.Inside;
    }
}
