using System.Text.RegularExpressions;
using Pav.Models;
using Pav.Models.Tokenizers;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>
/// Finds the problem in what frameworks send, which is often a prompt that is already written in a model's template. Known are the
/// templates of the models that are served.
/// </summary>
/// <param name="templates">The policy's and the verifier's.</param>
/// <param name="specials">Texts of the special tokens of their tokenizers.</param>
internal sealed partial class PromptReader(IEnumerable<PromptTemplate> templates, IReadOnlyCollection<string> specials)
{
    private readonly Frame[] frames = [.. templates.Select(t => Frame.From(t, specials)).Distinct().OrderBy(f => f.IsChat ? 0 : 1)];

    /// <summary>For the policy's prompts and those of its verifier.</summary>
    public static PromptReader From(ServedModels models)
    {
        var encoding = (models.Verifier as TransformerVerifier)?.Encoding;
        return new(encoding is null ? [models.Template] : [models.Template, encoding.Template],
            Specials(models.Tokenizer, encoding?.Tokenizer));
    }

    /// <summary>Of the models' tokenizers.</summary>
    public static IReadOnlyCollection<string> Specials(params IEnumerable<Tokenizer?> tokenizers) =>
        [.. tokenizers.OfType<Tokenizer>().SelectMany(Specials).Where(text => text != "").Distinct().OrderByDescending(t => t.Length)];

    /// <summary>The problem's text: what a known template was filled with, else the prompt as it is.</summary>
    /// <param name="prompt">A problem, or a prompt with it.</param>
    /// <param name="field">Names the prompt in an error.</param>
    public string Problem(string prompt, string field)
    {
        foreach (var frame in frames)
            if (frame.Prompt(prompt) is { } problem) return problem;
        return ChatMark().IsMatch(prompt)
            ? throw ApiError.Wrong(field, $"{field} is written in a chat template that this server does not know; serve the model that it "
                + "is of, with --chat on, or send the problem as it is, or as a list of messages")
            : prompt;
    }

    /// <summary>Problem and response of a text that holds both.</summary>
    public (string Problem, string Response) Split(string text, string field)
    {
        foreach (var frame in frames)
            if (frame.Whole(text) is { } whole) return whole;
        var known = string.Join(" or ", frames.Select(f => f.Shown));
        throw ApiError.Wrong(field, $"{field} does not begin as this server's prompts do ({known}), so the problem cannot be told from the "
            + "response; send messages, or ask /v1/steps with prompt and response");
    }

    /// <summary>The length of a response without the special tokens at its end, and what stands between them.</summary>
    public int End(string response)
    {
        var end = response.Length;
        while (specials.FirstOrDefault(s => response.AsSpan(0, end).TrimEnd().EndsWith(s)) is { } special)
            end = response.AsSpan(0, end).TrimEnd().Length - special.Length;
        return end;
    }

    private static IEnumerable<string> Specials(Tokenizer tokenizer) =>
        Enumerable.Range(0, tokenizer.Size).Where(tokenizer.IsSpecial).Select(id => tokenizer.Decode([id], skipSpecial: false));

    [GeneratedRegex(@"<\|[A-Za-z_0-9]+\|>|<(start|end)_of_turn>|\[/?INST\]")]
    private static partial Regex ChatMark();

    /// <summary>What stands around the problem.</summary>
    /// <param name="Opening">Right before it: from the last special token on, so that a system message may be another.</param>
    /// <param name="Suffix">All between the problem and the response.</param>
    /// <param name="Closing">The special token that ends the problem; null where there is none.</param>
    /// <param name="Needed">So much of the suffix must stand before a response.</param>
    private sealed record Frame(string Opening, string Suffix, string? Closing, int Needed)
    {
        private const string Hole = "\u0001problem\u0001";

        public bool IsChat => Closing is not null;

        public string Shown => $"{Opening}{{problem}}{Suffix}".ReplaceLineEndings("\\n");

        public static Frame From(PromptTemplate template, IReadOnlyCollection<string> specials)
        {
            var filled = template.Fill(new Problem("", Hole, ""));
            var hole = filled.IndexOf(Hole, StringComparison.Ordinal);
            var (prefix, suffix) = (filled[..hole], filled[(hole + Hole.Length)..]);
            var last = specials.Select(s => prefix.LastIndexOf(s, StringComparison.Ordinal)).DefaultIfEmpty(-1).Max();
            var closing = specials.FirstOrDefault(s => suffix.StartsWith(s, StringComparison.Ordinal));
            var needed = closing is null ? suffix.Length
                : specials.Max(s => suffix.LastIndexOf(s, StringComparison.Ordinal) is var at and >= 0 ? at + s.Length : 0);
            return new(last >= 0 ? prefix[last..] : prefix, suffix, closing, needed);
        }

        /// <summary>The problem of a prompt that is written in this template; null for another text.</summary>
        public string? Prompt(string text)
        {
            if (Closing is null)
            {
                var (from, to) = (Opening.Length, text.Length - Suffix.Length);
                var isOurs = text.StartsWith(Opening, StringComparison.Ordinal) && text.EndsWith(Suffix, StringComparison.Ordinal);
                return isOurs && to >= from ? text[from..to] : null;
            }

            var start = text.LastIndexOf(Opening, StringComparison.Ordinal);
            if (start < 0) return null;
            var end = text.IndexOf(Closing, start + Opening.Length, StringComparison.Ordinal);
            return end < 0 ? null : text[(start + Opening.Length)..end];
        }

        /// <summary>
        /// Problem and response of a text that holds both; null for another text. Where the template is plain text, the problem ends where
        /// what follows it is first met: its later lines are then taken for steps, which does not change what is read, and so not the value
        /// at the end.
        /// </summary>
        public (string Problem, string Response)? Whole(string text)
        {
            var end = Closing is null ? -1 : text.LastIndexOf(Suffix[..Needed], StringComparison.Ordinal);
            var start = Closing is null ? text.StartsWith(Opening, StringComparison.Ordinal) ? 0 : -1
                : end < 0 ? -1 : text.LastIndexOf(Opening, end, StringComparison.Ordinal);
            if (start < 0) return null;
            start += Opening.Length;
            if (Closing is null) end = text.IndexOf(Suffix, start, StringComparison.Ordinal);
            return end < start ? null : (text[start..end], text[(end + text.AsSpan(end).CommonPrefixLength(Suffix))..]);
        }
    }
}
