using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Pav;
using Pav.Extensions.AI;

// A scripted model that slips in four of ten additions, and a verifier that checks its steps. In earnest take a provider's IChatClient
// and options.Verifier = new ServedVerifier(new("http://127.0.0.1:8080"), new HttpClient()), which asks `pav serve`.
var services = new ServiceCollection();
services.AddPav(o => (o.Method, o.N, o.Verifier, o.Grader) = ("weighted-vote", 16, new Checker(), Grader.Numeric));
services.AddChatClient(new Adder()).UseGuidedSearch();
var guided = services.BuildServiceProvider().GetRequiredService<IChatClient>();

var plain = await new Adder().GetResponseAsync("17 + 26 + 38", new() { Seed = 3 });
var answer = await guided.GetResponseAsync("17 + 26 + 38");
Console.WriteLine($"one sample:\n{plain.Text}\n\nvote of 16, weighted by Q, {answer.Usage!.OutputTokenCount} tokens:\n{answer.Text}");

internal sealed class Adder : IChatClient
{
    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options, CancellationToken cancel)
    {
        var (sum, text, draw) = (0, "", new Random((int)(options?.Seed ?? 0)));
        foreach (var term in Regex.Matches(messages.Last().Text, @"\d+").Select(m => int.Parse(m.Value)))
            text += $"{sum} + {term} = {sum = sum + term + (draw.Next(10) < 4 ? draw.Next(1, 4) : 0)}\n";
        return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, text + $"Answer: {sum}")));
    }
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> m, ChatOptions? o, CancellationToken c)
        => GetResponseAsync(m, o, c).Result.ToChatResponseUpdates().ToAsyncEnumerable();
    public object? GetService(Type type, object? key) => null;
    public void Dispose() { }
}

internal sealed class Checker : IVerifier
{
    public string Name => "checker";
    public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken c) => Task.FromResult<IReadOnlyList<Scored>>(
        [.. prefixes.Select(p => new Scored([.. p.Path().Select(state => state.Steps.All(Right) ? 0.9 : 0.1)], p.Text.Length))]);
    private static bool Right(string step) =>
        Regex.Matches(step, @"\d+").Select(m => int.Parse(m.Value)).ToArray() is not [var a, var b, var c] || a + b == c;
}
