using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Pav.Models.Files;
using Pav.Models.Tokenizers;

namespace Pav.Bench;

/// <summary>Megabytes of text (UTF-8) per second that become ids on one thread, and back; seconds to load the tokenizer.</summary>
internal static class TokenizerBench
{
    /// <param name="tokenizer">A checkpoint's folder or tokenizer.json.</param>
    /// <param name="files">JSON lines whose texts (all strings of a row) are encoded row by row, twice; the first time no piece has been
    /// met before.</param>
    public static void Run(string tokenizer, string[] files)
    {
        Console.WriteLine($"loading: {Loads(tokenizer):F2} s, again {Loads(tokenizer):F2} s");
        Console.WriteLine($"{"text",-28} {"MB",6} {"bytes/token",12} {"encode MB/s",12} {"again",8} {"as one text",12} {"decode MB/s",12}");
        foreach (var file in files)
        {
            string[] texts = [.. JsonLines.ReadInput(file)
                .SelectMany(line => line.Row.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.String)
                .Select(p => p.Value.GetString()!))];
            var megabytes = texts.Sum(t => (long)Encoding.UTF8.GetByteCount(t)) / 1e6;
            var one = string.Concat(texts);
            Encodings(Tokenizer.Load(tokenizer), texts);
            var fresh = Tokenizer.Load(tokenizer);
            var (ids, first) = Encodings(fresh, texts);
            var (_, second) = Encodings(fresh, texts);
            var (_, whole) = Encodings(Tokenizer.Load(tokenizer), [one]);
            var clock = Stopwatch.StartNew();
            foreach (var text in ids) fresh.Decode(text);
            Console.WriteLine($"{Path.GetFileName(file),-28} {megabytes,6:F2} {megabytes * 1e6 / ids.Sum(i => i.Length),12:F2} "
                + $"{megabytes / first,12:F1} {megabytes / second,8:F1} {megabytes / whole,12:F1} "
                + $"{megabytes / clock.Elapsed.TotalSeconds,12:F1}");
        }
    }

    private static double Loads(string tokenizer)
    {
        var clock = Stopwatch.StartNew();
        Tokenizer.Load(tokenizer);
        return clock.Elapsed.TotalSeconds;
    }

    private static (int[][] Ids, double Seconds) Encodings(Tokenizer tokenizer, string[] texts)
    {
        var clock = Stopwatch.StartNew();
        int[][] ids = [.. texts.Select(t => tokenizer.Encode(t))];
        return (ids, clock.Elapsed.TotalSeconds);
    }
}
