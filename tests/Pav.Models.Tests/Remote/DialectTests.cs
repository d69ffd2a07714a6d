using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Remote;

namespace Pav.Models.Tests.Remote;

/// <summary>What real servers answer, and how requests to each of them look.</summary>
public sealed class DialectTests
{
    private static readonly EndpointUrl Url = EndpointUrl.Parse("http://host:8000/v1");

    private static byte[] Recorded(string name)
    {
        var recorded =
            JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "fixtures", "llama-server", $"{name}.json")))!;
        if (recorded["response"] is not { } answer) return Encoding.UTF8.GetBytes((string)recorded["body"]!);
        return Encoding.UTF8.GetBytes(answer["json"]?.ToJsonString() ?? (string)answer["raw"]!);
    }

    private static CompletionRequest Request(int n = 1, Until until = Until.TraceEnd, int[]? ids = null) =>
        new("m", new("Two plus two\n", ids), n, 12, 42, until, new(0.7, 5, 0.9));

    [Fact]
    public void Recorded_answers_of_the_openai_route_are_read()
    {
        var three = new Dialect().Read(Recorded("02-n3-no-seed"), Request(3));
        Assert.Equal([Ending.Trace, Ending.Length, Ending.Length], three.Choices.Select(c => c.Ending));
        Assert.Equal("\u0019[b242]abel", three.Choices[0].Text);
        Assert.Equal(new Usage(34, 33, 4), three.Usage);
        Assert.All(three.Choices, c => Assert.Null(c.Ids));
        var one = new Dialect().Read(Recorded("01-greedy"), Request());
        Assert.Equal((12, Ending.Length, 0L), (one.Choices[0].Tokens, one.Choices[0].Ending, one.Usage.Cached));
        Assert.Equal(new Dialect().Read(Recorded("02-n3-seed"), Request(3)).Choices.Select(c => c.Text), new Dialect()
            .Read(Recorded("02-n3-seed-again"), Request(3)).Choices.Select(c => c.Text));
    }

    [Fact]
    public void A_server_that_does_not_tell_what_stopped_it_is_asked_for_whole_traces()
    {
        // The recorded answer to a stop string says no more than that of an end of sequence, so no stop string is sent.
        Assert.Equal(Ending.Trace, new Dialect().Read(Recorded("05-stop-string"), Request()).Choices[0].Ending);
        Assert.Empty(Sent(new Dialect(), Request(until: Until.StepEnd))["stop"]!.AsArray());
        var step = new Dialect().Read(Recorded("05-long-greedy"), Request(until: Until.StepEnd) with { MaxTokens = 40 }).Choices[0];
        Assert.Equal(("'ing in[b182][b170]ab;\n", Ending.Step, 40), (step.Text, step.Ending, step.Tokens));
    }

    [Fact]
    public void Recorded_answers_of_llama_cpps_own_route_are_read()
    {
        var one = new LlamaCppDialect().Read(Recorded("11-native-completion"), Request());
        Assert.Equal(("'ing in[b182]", Ending.Length, 4), (one.Choices[0].Text, one.Choices[0].Ending, one.Choices[0].Tokens));
        Assert.Equal(new Usage(34, 33, 4), one.Usage);
        var two = new LlamaCppDialect().Read(Recorded("11-native-completion-n2"), Request(2));
        Assert.Equal(8, two.Usage.Generated);
        Assert.Equal("verp[b170][b169]", two.Choices[0].Text);
    }

    [Fact]
    public void Recorded_errors_are_known_for_what_they_are()
    {
        static Fault Found(int status, string name) => new LlamaCppDialect().Classify(status, Dialect.Error(Recorded(name))!);
        Assert.Equal(Fault.NoText, Found(500, "13-invalid-utf8"));
        Assert.Equal(Fault.Server, Found(500, "09-err-bad-json"));
        Assert.Equal(Fault.TooLong, Found(400, "09-err-prompt-too-long"));
        Assert.Equal(Fault.Rejected, Found(400, "09-err-n-100"));
        Assert.Equal(Fault.Busy, Found(503, "00-health-while-loading"));
        Assert.Equal(Fault.Refused, Found(404, "09-err-unknown-path"));
        Assert.Throws<FormatException>(() => new Dialect().Read(Recorded("02-n8-more-than-slots"), Request(8)));
    }

    [Theory]
    [InlineData("vllm", """{"choices":[{"index":0,"text":"a = 1\n","finish_reason":"stop","stop_reason":"\n","token_ids":[5,6]}],"usage":{"prompt_tokens":9,"completion_tokens":2}}""", "a = 1\n", Ending.Step)]
    [InlineData("vllm", """{"choices":[{"index":0,"text":"a = 1","finish_reason":"stop","stop_reason":null,"token_ids":[5,0]}],"usage":{"prompt_tokens":9,"completion_tokens":2}}""", "a = 1", Ending.Trace)]
    [InlineData("vllm", """{"choices":[{"index":0,"text":"a = 1","finish_reason":"stop","stop_reason":128009,"token_ids":[5,0]}],"usage":{"prompt_tokens":9,"completion_tokens":2}}""", "a = 1", Ending.Trace)]
    [InlineData("sglang", """{"choices":[{"index":0,"text":"a = 1\n","finish_reason":"stop","matched_stop":"\n"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}""", "a = 1\n", Ending.Step)]
    [InlineData("sglang", """{"choices":[{"index":0,"text":"a = 1","finish_reason":"stop","matched_stop":2}],"usage":{"prompt_tokens":9,"completion_tokens":2}}""", "a = 1", Ending.Trace)]
    [InlineData("llamacpp", """{"index":0,"content":"a = 1","stop_type":"word","stopping_word":"\n","tokens_predicted":2,"tokens_evaluated":9,"tokens":[]}""", "a = 1\n", Ending.Step)]
    [InlineData("llamacpp", """{"index":0,"content":"a = 1","stop_type":"eos","stopping_word":"","tokens_predicted":2,"tokens_evaluated":9,"tokens":[]}""", "a = 1", Ending.Trace)]
    public void A_steps_end_is_told_from_the_traces(string server, string answer, string text, Enum ending)
    {
        var choice = Dialect.For(server).Read(Encoding.UTF8.GetBytes(answer), Request(until: Until.StepEnd)).Choices[0];
        Assert.Equal((text, ending, 2), (choice.Text, choice.Ending, choice.Tokens));
    }

    [Theory]
    [InlineData("""{"choices":[]}""")]
    [InlineData("""{"choices":[{"index":1,"text":"a","finish_reason":"stop"}]}""")]
    [InlineData("""{"choices":[{"index":0,"text":"a","finish_reason":"abort"}]}""")]
    [InlineData("""{"choices":[{"index":0,"finish_reason":"stop"}]}""")]
    [InlineData("""{"choices":[{"index":0,"text":"a","finish_reason":"st""")]
    [InlineData("""<html>""")]
    [InlineData("""{"error":{"message":"no"}}""")]
    [InlineData("""[1]""")]
    public void What_is_no_completion_is_refused(string answer)
    {
        foreach (var server in (string[])["vllm", "sglang", "openai", "llamacpp"])
            Assert.Throws<FormatException>(() => Dialect.For(server).Read(Encoding.UTF8.GetBytes(answer), Request()));
    }

    [Fact]
    public void Two_choices_of_one_index_are_refused() =>
        Assert.Throws<FormatException>(() => new VllmDialect().Read(Encoding.UTF8.GetBytes("""{"choices":[{"index":0,"text":"a","finish_reason":"stop"},{"index":0,"text":"a","finish_reason":"stop"}]}"""), Request(2)));

    [Theory]
    [InlineData("vllm", "http://host:8000/v1/completions", "temperature top_p top_k min_p repetition_penalty presence_penalty "
        + "frequency_penalty seed n max_tokens min_tokens ignore_eos stop include_stop_str_in_output")]
    [InlineData("sglang", "http://host:8000/v1/completions",
        "temperature top_p top_k min_p repetition_penalty presence_penalty frequency_penalty seed n max_tokens min_tokens ignore_eos "
        + "stop no_stop_trim")]
    [InlineData("llamacpp", "http://host:8000/completion", "temperature top_p top_k min_p typical_p repeat_penalty presence_penalty "
        + "frequency_penalty dry_multiplier mirostat xtc_probability samplers seed n_cmpl n_predict ignore_eos stop")]
    [InlineData("openai", "http://host:8000/v1/completions", "temperature top_p presence_penalty frequency_penalty seed n max_tokens stop")]
    public void Every_sampling_field_is_sent_also_where_it_is_neutral(string server, string route, string fields)
    {
        var dialect = Dialect.For(server);
        var sent = Sent(dialect, Request() with { Sampling = new() });
        Assert.All(fields.Split(' '), field => Assert.True(sent.ContainsKey(field), $"{server} is not sent {field}"));
        Assert.Equal(route, dialect.Route(Url).ToString());
    }

    [Fact]
    public void Neutral_values_are_those_of_the_server()
    {
        Assert.Equal(-1, (int)Sent(new VllmDialect(), Request() with { Sampling = new() })["top_k"]!);
        Assert.Equal(0, (int)Sent(new LlamaCppDialect(), Request() with { Sampling = new() })["top_k"]!);
        var sent = Sent(new VllmDialect(), Request(3, Until.StepEnd, [4, 5]));
        Assert.Equal("[4,5]", sent["prompt"]!.ToJsonString());
        Assert.Equal((3, 5, 0.9, 0.7, 42),
            ((int)sent["n"]!, (int)sent["top_k"]!, (double)sent["top_p"]!, (double)sent["temperature"]!, (int)sent["seed"]!));
        Assert.Equal("\n", (string)sent["stop"]![0]!);
    }

    [Fact]
    public void A_step_end_that_is_one_text_is_the_servers_stop_and_another_is_cut_from_whole_traces()
    {
        var (blank, pattern) = (Request(until: Until.StepEnd) with { StepEnd = StepEnd.BlankLine },
            Request(until: Until.StepEnd) with { StepEnd = StepEnd.Parse("[.!] ") });
        Assert.Equal("\n\n", (string)Sent(new VllmDialect(), blank)["stop"]![0]!);
        Assert.Empty(Sent(new VllmDialect(), pattern)["stop"]!.AsArray());
        var llama = Encoding.UTF8.GetBytes("""{"index":0,"content":"a = 1\nb","stop_type":"word","stopping_word":"\n\n","tokens_predicted":4,"tokens_evaluated":9,"tokens":[]}""");
        Assert.Equal(("a = 1\nb\n\n", Ending.Step), new LlamaCppDialect().Read(llama, blank).Choices[0] is var added
            ? (added.Text, added.Ending) : default);
        var whole = Encoding.UTF8.GetBytes("""{"choices":[{"index":0,"text":"a. b! c","finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":9,"completion_tokens":7}}""");
        Assert.Equal(("a. ", Ending.Step), new VllmDialect().Read(whole, pattern).Choices[0] is var cut ? (cut.Text, cut.Ending) : default);
    }

    [Fact]
    public void Seeds_of_one_prefix_do_not_overlap()
    {
        foreach (var (bits, n) in ((int, int)[])[(62, 1), (31, 1), (31, 5), (62, 20), (31, 64)])
        {
            var starts = Enumerable.Range(0, 2000).Select(i => RemotePolicy.SeedOf(Seeds.Derive(1, "p", "x", i), bits, n)).Distinct()
                .Order().ToList();
            Assert.All(starts.Zip(starts.Skip(1)), pair => Assert.True(pair.Second - pair.First >= (ulong)n));
            Assert.True(starts[^1] + (ulong)n <= 1UL << bits);
            Assert.InRange(starts.Count, 1995, 2000);
        }
    }

    private static JsonObject Sent(Dialect dialect, CompletionRequest request) =>
        JsonNode.Parse(JsonDocument.Parse(dialect.Body(request)).RootElement.GetRawText())!.AsObject();
}
