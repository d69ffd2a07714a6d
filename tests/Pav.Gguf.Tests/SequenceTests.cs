namespace Pav.Gguf.Tests;

/// <summary>Equal contexts have equal logits to the last bit, however they were computed and whatever is beside them.</summary>
public sealed class SequenceTests(Fixture fixture) : IClassFixture<Fixture>
{
    [Theory]
    [InlineData(30, false)]
    [InlineData(30, true)]
    [InlineData(200, false)]
    [InlineData(200, true)]
    [InlineData(700, true)]
    public void Equal_contexts_have_equal_logits(int length, bool quantised)
    {
        var path = fixture.At($"long-{quantised}.gguf");
        LlamaGguf.From(Fixture.Larger, quantised).Set("llama.context_length", 1024u).Save(path);
        using var model = LlamaModel.Open(path);
        using var sequences = LlamaSequences.Create(model, length, new(256 << 20, Slots: 12, Threads: 1));
        var ids = Enumerable.Range(0, length).Select(i => 2 + i * 7919 % 8011 % 86).ToArray();
        var (row, held) = ((ids[^1], length - 1), sequences.Rows);

        // In one go, alone.
        sequences.Append(held, ids.AsSpan(..^1));
        sequences.Copy(held, 0);
        sequences.Read([row]);
        var alone = sequences.Logits(0).ToArray();
        Assert.True(alone.Max() - alone.Min() > 3);

        // Beside contexts of other lengths.
        for (var others = 1; others < 12; others += 5)
        {
            for (var i = 0; i <= others; i++)
            {
                sequences.Copy(held, i);
                if (i % 2 == 0) sequences.Shorten(i, 5 + i);
            }

            sequences.Read([.. Enumerable.Range(0, others + 1).Select(i => i % 2 == 0 ? (ids[5 + i], 5 + i) : row)]);
            for (var i = 1; i <= others; i += 2) Assert.Equal(alone, sequences.Logits(i).ToArray());
        }

        // Piece by piece, and the last ids one by one, as they are drawn.
        sequences.Clear(0);
        sequences.Append(0, ids.AsSpan(..7));
        sequences.Append(0, ids.AsSpan(7..(length - 20)));
        for (var at = length - 20; at < length; at++) sequences.Read([(ids[at], at)]);
        Assert.Equal(alone, sequences.Logits(0).ToArray());
    }
}
