using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests;

public class HostStopTests
{
    [Fact]
    public async Task What_runs_comes_to_its_end_when_the_server_stops()
    {
        var policy = new ToyPolicy { Steps = 20, Before = _ => Task.Delay(5) };
        await using var served = await Served.Start(Toys.Models(policy));
        var asked = served.Post("/v1/completions", """{"prompt":"a"}""");
        while (policy.Calls.Count < 2) await Task.Delay(1);
        await served.Server.Stop(TimeSpan.FromSeconds(20));
        var (status, reply) = await asked;
        Assert.Equal(200, status);
        Assert.Equal("stop", reply.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        await Assert.ThrowsAsync<HttpRequestException>(() => served.Http.GetAsync("/health"));
    }

    [Fact]
    public async Task A_second_server_on_the_same_port_is_told_so()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var options = new ServeOptions { Port = new Uri(served.Server.Url).Port };
        var error = await Assert.ThrowsAsync<UserError>(() => PavServer.Start(options, _ => throw new NotSupportedException()));
        Assert.Contains("--port", error.Message);
    }

    [Fact]
    public async Task An_address_of_another_machine_is_told_so()
    {
        var options = new ServeOptions { Host = "192.0.2.1", Port = 0, Key = "secret" };
        var error = await Assert.ThrowsAsync<UserError>(() => PavServer.Start(options, _ => throw new NotSupportedException()));
        Assert.Contains("--host", error.Message);
    }

    [Fact]
    public async Task A_server_that_stops_while_it_loads_waits_for_who_loads()
    {
        var (begun, ended) = (new TaskCompletionSource(), false);
        await using (await PavServer.Start(new() { Port = 0 }, Load, _ => { })) await begun.Task;
        Assert.True(ended);

        async Task<ServedModels> Load(CancellationToken cancel)
        {
            begun.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, cancel);
            }
            finally
            {
                await Task.Delay(50, CancellationToken.None);
                ended = true;
            }

            return Toys.Models(new());
        }
    }
}
