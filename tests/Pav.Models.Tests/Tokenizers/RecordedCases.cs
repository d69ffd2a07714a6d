using System.Text.Json;
using Pav.Models.Files;
using Pav.Models.Tokenizers;

namespace Pav.Models.Tests.Tokenizers;

/// <summary>A folder with a tokenizer and what the reference implementation made of texts and ids with it.</summary>
internal sealed class RecordedCases(string folder)
{
    public sealed record Encoding(string Category, string Text, int[] Ids, int[] IdsNoSpecial, string Decoded, string DecodedSkipSpecial);

    public sealed record Decoding(string Kind, int[] Ids, string Decoded, string DecodedSkipSpecial);

    public Tokenizer Tokenizer { get; } = Tokenizer.Load(Given(folder, "tokenizer.json"));

    public static RecordedCases Committed(string name) => new(Path.Combine(AppContext.BaseDirectory, "fixtures", "tokenizers", name));

    public IEnumerable<Encoding> Encodings => Rows<Encoding>("cases.jsonl");

    public IEnumerable<Decoding> Decodings => Rows<Decoding>("decode_cases.jsonl");

    /// <summary>One line for each text whose ids, or whose ids' text, are not the recorded ones.</summary>
    public IReadOnlyList<string> WrongEncodings() =>
        [.. Encodings.Where(c =>
            !(Tokenizer.Encode(c.Text).SequenceEqual(c.Ids) && Tokenizer.Encode(c.Text, addSpecial: false).SequenceEqual(c.IdsNoSpecial)))
            .Select(c => $"{c.Category}: {JsonSerializer.Serialize(c.Text)} → {string.Join(",", Tokenizer.Encode(c.Text))} not "
                + $"{string.Join(",", c.Ids)}")];

    public IReadOnlyList<string> WrongDecodings() =>
        [.. Decodings.Concat(Encodings.Select(c => new Decoding(c.Category, c.Ids, c.Decoded, c.DecodedSkipSpecial)))
            .Where(c => Tokenizer.Decode(c.Ids, skipSpecial: false) != c.Decoded || Tokenizer.Decode(c.Ids) != c.DecodedSkipSpecial)
            .Select(c => $"{c.Kind}: {string.Join(",", c.Ids)} → {JsonSerializer.Serialize(Tokenizer.Decode(c.Ids, skipSpecial: false))} "
                + $"not {JsonSerializer.Serialize(c.Decoded)}")];

    /// <summary>One line for each list of ids whose text comes out differently token by token than all at once, or with half a character on
    /// the way.</summary>
    public IReadOnlyList<string> WrongStreams() =>
        [.. Decodings.Select(c => c.Ids).Concat(Encodings.Select(c => c.Ids)).Where(ids =>
        {
            var stream = new TextStream(Tokenizer, skipSpecial: false);
            string[] parts = [.. ids.Select(stream.Add), stream.Finish()];
            return string.Concat(parts) != Tokenizer.Decode(ids, skipSpecial: false)
                || parts.Any(p => p.Length > 0 && (char.IsHighSurrogate(p[^1]) || char.IsLowSurrogate(p[0])));
        }).Select(ids => string.Join(",", ids))];

    private IEnumerable<T> Rows<T>(string file) => JsonLines.ReadInput(Given(folder, file))
        .Select(line => line.Row.Deserialize<T>(Json.Line)!);

    private static string Given(string folder, string file) =>
        Path.Combine(folder, File.Exists(Path.Combine(folder, file)) ? file : file + ".gz");
}
