using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Pav.Arithmetic;
using Pav.Double;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Cli.Tests;

/// <summary>`pav serve` as a process of its own, with the embedded policy and a random verifier.</summary>
public sealed class ServeTests : IDisposable
{
    private const string Policy = "pav-tiny-s";

    private static readonly Problem Problem = Worksheet.Problems(1, Split.Test).First();

    private readonly TemporaryFolder temporary = new();
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromMinutes(2) };

    public void Dispose()
    {
        http.Dispose();
        temporary.Dispose();
    }

    [Fact]
    public async Task It_answers_and_ends_what_runs_when_it_is_stopped()
    {
        Verifier();
        var url = $"http://127.0.0.1:{FreePort()}";
        var process = Start(url, "--verifier", "verifier");
        try
        {
            await Ready(process, url);
            var chat = await http.PostAsJsonAsync($"{url}/v1/chat/completions", Chat("beam-2"));
            var choice = (await chat.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("choices")[0];
            Assert.NotEqual("", choice.GetProperty("message").GetProperty("content").GetString());
            var steps = await http.PostAsJsonAsync(
                $"{url}/v1/steps", new { prompt = Problem.Text, response = "1: +2 = 4 ok\n2: skip = 4 ok\n" });
            var reward = (await steps.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data")[0];
            Assert.Equal(2, reward.GetProperty("steps").GetArrayLength());

            using var request = new HttpRequestMessage(HttpMethod.Post, $"{url}/v1/chat/completions")
            {
                Content = JsonContent.Create(Chat("majority-128", stream: true)),
            };
            using var streaming = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            using var reader = new StreamReader(await streaming.Content.ReadAsStreamAsync());
            Assert.StartsWith("data: ", await reader.ReadLineAsync());
            Cli.Signal(process, "TERM");
            Assert.EndsWith("data: [DONE]\n\n", await reader.ReadToEndAsync());
            var ended = await Task.Run(() => Cli.Wait(process)).WaitAsync(TimeSpan.FromMinutes(2));
            Assert.True(ended.Code == 0, ended.Error);
            Assert.DoesNotContain(Problem.Text, ended.Error);
        }
        finally
        {
            Kill(process);
        }

        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync($"{url}/health"));
    }

    /// <summary>A gateway: the embedded policy, whose tokenizer knows the words of worksheets only, behind an inference server.</summary>
    [Fact]
    public async Task It_searches_with_a_policy_on_a_server()
    {
        Verifier();
        var folder = Models();
        using var generator = new Generator(TransformerPolicy.Load("served", folder, new("{problem}")), Tokenizer.Load(folder));
        await using var server = await DoubleServer.Start(generator, new() { Model = Policy });
        var url = $"http://127.0.0.1:{FreePort()}";
        var process = Cli.Start(temporary.At(""), ["serve", "--policy", server.Url, "--tokenizer", Policy, "--verifier", "verifier",
            "--port", $"{new Uri(url).Port}"]);
        try
        {
            await Ready(process, url);
            var chat = await http.PostAsJsonAsync($"{url}/v1/chat/completions", Chat("beam-2"));
            var reply = await chat.Content.ReadFromJsonAsync<JsonElement>();
            Assert.True(chat.IsSuccessStatusCode, reply.GetRawText());
            Assert.True(reply.GetProperty("usage").GetProperty("completion_tokens").GetInt64() > 0);
        }
        finally
        {
            Kill(process);
        }
    }

    [Fact]
    public void Other_machines_are_not_let_in_without_a_key()
    {
        var start = Start($"http://0.0.0.0:{FreePort()}");
        Assert.Contains("needs a key", Cli.Wait(start).Sentence(1));
    }

    [Theory]
    [InlineData("bo0"), InlineData("nobody"), InlineData("bo9999")]
    public void A_prover_that_is_not_there_is_told_before_anything_is_loaded(string prover)
    {
        var said = Cli.Wait(Start($"http://127.0.0.1:{FreePort()}", "--prover", prover)).Sentence(1);
        Assert.Contains($"--prover '{prover}' is neither boK", said);
        Assert.DoesNotContain("Listening", said);
    }

    private static object Chat(string method, bool stream = false) => new
    {
        model = $"{Policy}:{method}", seed = 3, stream, messages = new[] { new { role = "user", content = Problem.Text } },
    };

    private Process Start(string url, params string[] more)
    {
        var at = new Uri(url);
        return Cli.Start(temporary.At(""), ["serve", "--policy", Policy, "--host", at.Host, "--port", $"{at.Port}", .. more]);
    }

    /// <summary>Waits until it has loaded; what it says where it ends before is the failure.</summary>
    private async Task Ready(Process process, string url)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromMinutes(1); await Task.Delay(50))
        {
            if (process.HasExited) Assert.Fail(Cli.Wait(process).Error);
            try
            {
                var reply = await http.GetAsync($"{url}/health");
                if (reply.IsSuccessStatusCode) return;
                Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode);
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
        }

        Assert.Fail("pav serve was not ready within a minute");
    }

    private void Verifier()
    {
        var tokenizer = Tokenizer.Load(Models());
        var config = new DecoderConfig
        {
            VocabSize = tokenizer.Size, HiddenSize = 16, IntermediateSize = 32, Layers = 1, Heads = 2, KvHeads = 2, HeadSize = 8,
            MaxPositions = 512, Head = DecoderHead.SequenceClassification, Labels = 1, Eos = [tokenizer.Eos!.Value],
        };
        Directory.CreateDirectory(temporary.At("verifier"));
        using var model = DecoderModel.RandomInit(config, 1);
        model.Save(temporary.At("verifier"));
        tokenizer.Save(temporary.At("verifier"));
        new VerifierRecord(VerifierKind.Value, Policy, "numeric-3", "{problem}\n", new(1, 1, 1, 1)).Save(temporary.At("verifier"));
    }

    private static string Models()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder.FullName, "models", Policy))) folder = folder.Parent!;
        return Path.Combine(folder.FullName, "models", Policy);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void Kill(Process process)
    {
        try
        {
            if (!process.HasExited) process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It was waited for to its end.
        }
    }
}
