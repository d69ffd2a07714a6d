using System.Collections.Concurrent;
using System.Text.Json;
using Pav.Models.Tokenizers;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests;

/// <summary>What no honest client sends. PAV_FUZZ is how many requests; 10,000 where it is not set.</summary>
public class HostileTests
{
    private static readonly int Requests = int.TryParse(Environment.GetEnvironmentVariable("PAV_FUZZ"), out var given) ? given : 10_000;

    [Fact]
    public async Task No_request_makes_the_server_fail_and_none_is_logged() =>
        await Ask(Toys.Models(new() { Steps = 1 }) with { Tokenizer = Tokenizer.WordLevel(["\n", "so", " 4", "4"]) }, Requests);

    [Fact]
    public async Task Nor_with_real_models()
    {
        using var policy = RealModelTests.Policy();
        using var verifier = RealModelTests.Verifier();
        await Ask(RealModelTests.Models(policy, verifier) with { Name = "toy" }, Requests / 5);
    }

    private static async Task Ask(ServedModels models, int count)
    {
        await using var served = await Served.Start(
            models, new() { MaxN = 8, MaxTokens = 20, MaxBudget = 500, Key = FuzzedRequests.Key });
        var (requests, gate, seen) = (new FuzzedRequests(17), new Lock(), new ConcurrentDictionary<int, int>());
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, cancel) =>
        {
            HttpRequestMessage request;
            lock (gate) request = requests.Next();
            using var asked = request;
            using var reply = await served.Http.SendAsync(asked, cancel);
            var (status, text) = ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync(cancel));
            var body = asked.Content is null ? "" : await asked.Content.ReadAsStringAsync(cancel);
            Assert.True(status is 200 or 400 or 401 or 404 or 405 or 414 or 415 or 422, $"{status} {text} to {asked.RequestUri} {body}");
            if (asked.Method != HttpMethod.Head && reply.Content.Headers.ContentType?.MediaType == "application/json")
                JsonDocument.Parse(text).Dispose();
            Assert.DoesNotContain("internal_error", text);
            seen.AddOrUpdate(status, 1, (_, count) => count + 1);
        });

        var told = string.Join(", ", seen.OrderBy(s => s.Key).Select(s => $"{s.Key}: {s.Value}"));
        Assert.True(seen.Values.Sum() == count, told);
        foreach (var status in new[] { 200, 400, 401, 404, 405, 415, 422 })
            Assert.True(seen.GetValueOrDefault(status) > count / 1000, told);
        Assert.Empty(served.Log.Errors);
        Assert.DoesNotContain(served.Log.All, line => line.Contains(FuzzedRequests.Prompt, StringComparison.Ordinal));
        Assert.DoesNotContain(served.Log.All, line => line.Contains(FuzzedRequests.Key, StringComparison.Ordinal));
    }
}
