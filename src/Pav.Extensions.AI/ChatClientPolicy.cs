using System.Text;
using Microsoft.Extensions.AI;

namespace Pav.Extensions.AI;

/// <summary>
/// A chat client as a policy: each draw is a request of its own with the conversation so far. Steps are known as text, never as token ids.
/// A draw of one step is read from the stream until the step's end, and the rest is not asked for.
/// </summary>
/// <param name="inner">Draws.</param>
/// <param name="messages">Up to the user's last message.</param>
/// <param name="given">The request's options; sampling, seed and token limit are set for each draw.</param>
/// <param name="settings">Of the search.</param>
internal sealed class ChatClientPolicy(
    IChatClient inner, IReadOnlyList<ChatMessage> messages, ChatOptions given, GuidedSearchOptions settings) : IPolicy
{
    private long input, output;

    public string Name => given.ModelId ?? inner.GetService<ChatClientMetadata>()?.DefaultModelId ?? "chat";

    /// <summary>Tokens that the provider says it has read.</summary>
    public long InputTokens => Interlocked.Read(ref input);

    /// <summary>Tokens drawn.</summary>
    public long OutputTokens => Interlocked.Read(ref output);

    public async Task<IReadOnlyList<Prefix>> Extend(
        IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default)
    {
        sampling.Check();
        var results = new Prefix[draws.Count];
        var limits = new ParallelOptions { MaxDegreeOfParallelism = settings.Parallel, CancellationToken = cancel };
        await Parallel.ForAsync(0, draws.Count, limits, async (i, c) =>
            results[i] = draws[i].Prefix.Ended ? draws[i].Prefix : await Drawn(draws[i], until, sampling, c));
        return results;
    }

    private async Task<Prefix> Drawn(Draw draw, Until until, Sampling sampling, CancellationToken cancel)
    {
        var prefix = draw.Prefix;
        var left = sampling.MaxTokens - prefix.TokensSince();
        ChatMessage[] asked = prefix.Depth == 0 ? [.. messages] : [.. messages, new(ChatRole.Assistant, prefix.Text)];
        var reply = await Read(asked, Options(draw, sampling, left), until == Until.StepEnd, cancel);
        var steps = settings.StepEnd.Split(reply.Text);
        if (reply.IsCut) return prefix.Then(steps[0], ended: reply.Tokens >= left, tokenCount: reply.Tokens);
        if (steps.Count == 0) return prefix.Then("", ended: true, tokenCount: reply.Tokens);
        for (var (i, used) = (0, 0); i < steps.Count; i++)
        {
            // A token's share of the text is not known: steps get theirs by their length, and together what was drawn.
            var end = (int)((long)reply.Tokens * steps.Take(i + 1).Sum(s => s.Length) / reply.Text.Length);
            prefix = prefix.Then(steps[i], ended: i == steps.Count - 1, tokenCount: end - used);
            used = end;
        }

        return prefix;
    }

    private ChatOptions Options(Draw draw, Sampling sampling, int left)
    {
        var options = given.Clone();
        options.Temperature = (float)sampling.Temperature;
        options.TopP = sampling.TopP < 1 ? (float)sampling.TopP : null;
        options.TopK = sampling.TopK > 0 ? sampling.TopK : null;
        options.MaxOutputTokens = left;
        options.Seed = settings.SendSeeds ? (long)(Seeds.Mix(draw.Seed) >> 33) : null;
        if (draw.Prefix.Depth > 0) settings.Continue?.Invoke(options);
        return options;
    }

    private async Task<Reply> Read(ChatMessage[] asked, ChatOptions options, bool oneStep, CancellationToken cancel)
    {
        var (text, pieces, cut) = (new StringBuilder(), 0, false);
        UsageDetails? usage = null;
        await foreach (var update in inner.GetStreamingResponseAsync(asked, options, cancel))
        {
            usage = update.Contents.OfType<UsageContent>().LastOrDefault()?.Details ?? usage;
            if (update.Text is not { Length: > 0 } piece) continue;
            text.Append(piece);
            pieces++;
            if (cut = oneStep && settings.StepEnd.In(text.ToString())) break;
        }

        var tokens = (int)(usage?.OutputTokenCount ?? Math.Max(pieces, (text.Length + 3) / 4));
        Interlocked.Add(ref output, tokens);
        Interlocked.Add(ref input, usage?.InputTokenCount ?? 0);
        return new(text.ToString(), tokens, cut);
    }

    /// <param name="Text">What was read.</param>
    /// <param name="Tokens">By the provider's count, else pieces of the stream, else four letters each: the larger of the two.</param>
    /// <param name="IsCut">A step has ended, and the rest was not read.</param>
    private readonly record struct Reply(string Text, int Tokens, bool IsCut);
}
