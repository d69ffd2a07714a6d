using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>
/// Tokens one by one → text as it becomes certain; never half a character. Together the answers are what <see cref="Tokenizer.Decode"/>
/// gives for all tokens.
/// </summary>
/// <param name="tokenizer">Of the tokens.</param>
/// <param name="skipSpecial">Special tokens add no text.</param>
/// <param name="continues">The text goes on after other text: what a tokenizer puts before a text is not taken off.</param>
public sealed class TextStream(Tokenizer tokenizer, bool skipSpecial = true, bool continues = false)
{
    private readonly System.Text.Decoder utf8 = Encoding.UTF8.GetDecoder();
    private readonly TextBytes bytes = new(tokenizer, skipSpecial, continues);

    public string Add(int id)
    {
        bytes.Add(id);
        return Take(flush: false);
    }

    /// <summary>What would follow if the last token were the last; no half characters.</summary>
    internal string Peek() => bytes.Run();

    /// <summary>No character is half there.</summary>
    internal bool IsWhole => utf8.GetCharCount([], flush: true) == 0 && !bytes.Breaks;

    /// <summary>What is left: broken characters come out as U+FFFD.</summary>
    public string Finish()
    {
        bytes.Close();
        return Take(flush: true);
    }

    private string Take(bool flush)
    {
        var ready = bytes.Take();
        var text = new char[utf8.GetCharCount(ready, flush)];
        return new(text, 0, utf8.GetChars(ready, text, flush));
    }
}

/// <summary>The bytes of a text, from its tokens.</summary>
internal sealed class TextBytes(Tokenizer tokenizer, bool skipSpecial, bool continues)
{
    private readonly List<byte> ready = [];

    /// <summary>Byte tokens that follow one another: what they mean is known when their run ends.</summary>
    private readonly List<byte> run = [];

    private bool first = !continues;
    private int toStrip = continues ? 0 : tokenizer.Decoder.Strip.Times;

    public void Add(int id)
    {
        if (skipSpecial && tokenizer.IsSpecial(id) || tokenizer.Name(id) is not { } name) return;
        if (tokenizer.Decoder.ByteFallback && Decoder.ByteOf(name) is { } value) run.Add(value);
        else
        {
            Close();
            Append(first ? tokenizer.FirstBytes(id) : tokenizer.Bytes(id));
        }

        first = false;
    }

    /// <summary>A run of byte tokens is no text so far.</summary>
    public bool Breaks => run.Count > 0 && !System.Text.Unicode.Utf8.IsValid(run.ToArray());

    /// <summary>The text of a run of byte tokens that may go on; nothing where it is none.</summary>
    public string Run() => run.Count > 0 && !Breaks ? Encoding.UTF8.GetString(run.ToArray()) : "";

    /// <summary>Ends a run of byte tokens.</summary>
    public void Close()
    {
        if (run.Count == 0) return;
        var bytes = run.ToArray();
        run.Clear();
        if (System.Text.Unicode.Utf8.IsValid(bytes)) Append(bytes);
        else
            foreach (var _ in bytes) Append("\uFFFD"u8);
    }

    public byte[] Take()
    {
        byte[] taken = [.. ready];
        ready.Clear();
        return taken;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        while (toStrip > 0 && bytes.Length > 0)
            if (bytes[0] == tokenizer.Decoder.Strip.Character) { bytes = bytes[1..]; toStrip--; }
            else toStrip = 0;
        ready.AddRange(bytes);
    }
}
