using System.Net.Http.Headers;
using System.Text;
using Pav.Models;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests.Rewards;

public class RewardLoadTests
{
    private const string Body = """{"query": ["2+2\n4"], "prompts": ["2+2\n"], "labels": ["4"]}""";

    [Fact]
    public async Task A_whole_batch_that_comes_at_once_is_answered_whole()
    {
        var verifier = new ToldVerifier(0.5, 0.75) { Time = TimeSpan.FromMilliseconds(10) };
        await using var client = await RewardClient.Start(verifier);
        var replies = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => client.Post("/get_reward", Body)));
        Assert.All(replies, reply => Assert.Equal(200, reply.Status));
        Assert.Equal(1000, verifier.Calls.Sum(c => c.Count));
        Assert.True(verifier.Calls.Count < 500, $"{verifier.Calls.Count} calls for 1000 requests");
    }

    [Theory, InlineData("pav:secret", 200), InlineData("pav:other", 401), InlineData("secret", 200), InlineData("", 401)]
    public async Task A_key_may_come_in_the_address(string credentials, int status)
    {
        var models = new ServedModels("toy", new ToyPolicy(), Grader.Numeric, new PromptTemplate("{problem}\n"))
        {
            Verifier = new ToldVerifier(0.5, 0.75),
        };
        await using var server = await PavServer.Start(new() { Port = 0, Key = "secret" }, _ => Task.FromResult(models), _ => { });
        await server.Loaded;
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
        using var content = new StringContent(Body, new MediaTypeHeaderValue("application/json"));
        using var reply = await client.PostAsync($"{server.Url}/get_reward", content);
        Assert.Equal(status, (int)reply.StatusCode);
    }
}
