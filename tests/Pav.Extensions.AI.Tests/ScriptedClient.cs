using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Pav.Extensions.AI.Tests;

/// <summary>
/// A provider that streams words: three lines of one digit by its seed, then the answer, the last digit. It goes on from a begun answer.
/// </summary>
internal sealed class ScriptedClient : IChatClient
{
    /// <summary>Conversations and options of each request.</summary>
    public List<(IReadOnlyList<ChatMessage> Messages, ChatOptions? Options)> Asked { get; } = [];

    /// <summary>Pieces that were read of all streams.</summary>
    public int Read { get; private set; }

    public bool TellsUsage { get; init; }

    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        List<ChatMessage> said = [.. messages];
        lock (Asked) Asked.Add((said, options));
        var lines = said[^1].Role == ChatRole.Assistant ? said[^1].Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToList() : [];
        var draw = new Random((int)(options?.Seed ?? 0));
        var pieces = 0;
        while (lines.Count < 4)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            lines.Add(lines.Count < 3 ? $"step {draw.Next(10)}" : $"Answer: {lines[^1][^1]}");
            foreach (var piece in lines.Count < 4 ? lines[^1].Split(' ').Select((w, i) => i == 0 ? w : $" {w}\n") : [lines[^1]])
            {
                lock (Asked) Read++;
                pieces++;
                yield return new(ChatRole.Assistant, piece);
            }
        }

        if (TellsUsage) yield return new(ChatRole.Assistant, [new UsageContent(new() { InputTokenCount = 5, OutputTokenCount = pieces })]);
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }
}

/// <summary>Q is the last digit of a state over 10; a half without one.</summary>
internal sealed class DigitVerifier : IVerifier
{
    public string Name => "digits";

    public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
        Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p => new Scored([.. p.Path().Select(s => Q(s.Text))], 1))]);

    public static double Q(string text) => text.LastOrDefault(char.IsDigit) is not '\0' and var digit ? (digit - '0') / 10.0 : 0.5;
}
