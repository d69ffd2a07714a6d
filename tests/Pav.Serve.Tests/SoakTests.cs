using System.Text.Json;

namespace Pav.Serve.Tests;

/// <summary>Runs while no other test does: it looks at the memory of the process.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>Many requests, a tenth of them left in the middle. `Pav.Bench -- soak` does more of it, with a model.</summary>
[Collection(nameof(Alone))]
public class SoakTests
{
    private const int Half = 1000;

    [Fact]
    public async Task None_is_lost_and_nothing_is_held()
    {
        await using var served = await Served.Start(Toys.Models(new() { Before = _ => Task.Delay(1) }), new() { MaxTokens = 1000 });
        var (answered, left) = await Ask(served, 0);
        var held = await Held(served);
        var (more, others) = await Ask(served, Half);
        Assert.Equal(2 * Half, answered + left + more + others);
        Assert.InRange(left + others, 1, 2 * Half / 10);
        Assert.InRange(await Held(served) - held, long.MinValue, 1_000_000);
        Assert.Empty(served.Log.Errors);
    }

    private static async Task<(int Answered, int Left)> Ask(Served served, int from)
    {
        var (answered, left) = (0, 0);
        await Parallel.ForAsync(from, from + Half, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, _) =>
        {
            using var cancel = new CancellationTokenSource();
            if (i % 10 == 9) cancel.CancelAfter(i % 5);
            var (path, body, mark) = (i / 3 % 5) switch
            {
                0 => ("/v1/completions", """{"prompt":"a","model":"toy:beam-2"}""", "\"usage\""),
                1 => ("/v1/chat/completions", """{"messages":[{"role":"user","content":"a"}],"stream":true}""", "[DONE]"),
                2 => ("/v1/steps", """{"prompt":"a","response":"b\nc"}""", "\"q0\""),
                3 => ("/get_reward", """{"query":["a\nb"],"prompts":["a\n"],"labels":["1"]}""", "\"rewards\""),
                _ => ("/v1/search", """{"problem":"a","method":"mcts","n":2,"trace":true}""", "search.done"),
            };
            try
            {
                using var content = new StringContent(body, null, "application/json");
                using var reply = await served.Http.PostAsync(path, content, cancel.Token);
                Assert.Contains(mark, await reply.Content.ReadAsStringAsync(cancel.Token));
                Interlocked.Increment(ref answered);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref left);
            }
        });
        return (answered, left);
    }

    /// <summary>Bytes that are held when no request is at work.</summary>
    private static async Task<long> Held(Served served)
    {
        while (JsonDocument.Parse(await served.Http.GetStringAsync("/health")).RootElement.GetProperty("working").GetInt32() > 0)
            await Task.Delay(5);
        return GC.GetTotalMemory(forceFullCollection: true);
    }
}
