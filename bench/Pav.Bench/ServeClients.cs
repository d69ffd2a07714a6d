using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace Pav.Bench;

/// <summary>Clients of a server: each asks, reads its stream to the end and asks again.</summary>
internal sealed class ServeClients(string url) : IDisposable
{
    private readonly HttpClient http = new() { BaseAddress = new(url) };

    /// <summary>Milliseconds to the first piece of the answer or of the search's progress, and to the end; tokens generated.</summary>
    public sealed record Reply(double First, double Whole, long Tokens);

    /// <summary>Asks every problem, so many at once; request i is of the i-th kind.</summary>
    public async Task<IReadOnlyList<Reply>> AskAll(IReadOnlyList<Problem> problems, int atOnce, ulong seed)
    {
        var replies = new Reply[problems.Count];
        await Parallel.ForAsync(0, problems.Count, new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (i, cancel) =>
            replies[i] = await Ask(problems[i], ServedSubject.Kinds[i % ServedSubject.Kinds.Length].Model, seed, cancel));
        return replies;
    }

    private async Task<Reply> Ask(Problem problem, string model, ulong seed, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = JsonContent.Create(new
            {
                model, seed, stream = true, stream_options = new { include_usage = true }, pav = new { problem_id = problem.Id },
                messages = new[] { new { role = "user", content = problem.Text } },
            }),
        };
        using var reply = (await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel)).EnsureSuccessStatusCode();
        using var reader = new StreamReader(await reply.Content.ReadAsStreamAsync(cancel));
        var (first, tokens) = (0.0, 0L);
        while (await reader.ReadLineAsync(cancel) is { } line)
        {
            if (first == 0 && Says(line)) first = clock.Elapsed.TotalMilliseconds;
            if (line.Contains("\"usage\":{", StringComparison.Ordinal))
                tokens = JsonDocument.Parse(line[6..]).RootElement.GetProperty("usage").GetProperty("completion_tokens").GetInt64();
        }

        return new(first, clock.Elapsed.TotalMilliseconds, tokens);
    }

    private static bool Says(string line) =>
        line.Contains("\"reasoning\"", StringComparison.Ordinal)
        || (line.Contains("\"content\":\"", StringComparison.Ordinal) && !line.Contains("\"content\":\"\"", StringComparison.Ordinal));

    public void Dispose() => http.Dispose();
}
