using Pav.Models.Inference;

namespace Pav.Gguf.Tests;

/// <summary>What cannot be run is refused in one sentence that names the file.</summary>
public sealed class BadFileTests(Fixture fixture) : IClassFixture<Fixture>
{
    private string Refused(string file, EngineOptions? options = null)
    {
        var sentence = Assert.Throws<UserError>(() => fixture.Here(options, file: file)).Message;
        Assert.StartsWith(file, sentence);
        Assert.DoesNotContain('\n', sentence);
        return sentence;
    }

    private string Cut(string name, double share)
    {
        var bytes = File.ReadAllBytes(fixture.Exact);
        File.WriteAllBytes(fixture.At(name), bytes[..(int)(bytes.Length * share)]);
        return fixture.At(name);
    }

    [Fact]
    public void Another_kind_of_file()
    {
        File.Copy(Path.Combine(Fixture.Checkpoint, "model.safetensors"), fixture.At("weights.gguf"));
        Assert.EndsWith("this is not a GGUF file", Refused(fixture.At("weights.gguf")));
        File.WriteAllText(fixture.At("empty.gguf"), "");
        Assert.EndsWith("this is not a GGUF file", Refused(fixture.At("empty.gguf")));
        Assert.Contains("cannot be read", Refused(fixture.At("nowhere.gguf")));
    }

    [Fact]
    public void A_version_that_nobody_knows()
    {
        var bytes = File.ReadAllBytes(fixture.Exact);
        bytes[4] = 9;
        File.WriteAllBytes(fixture.At("newer.gguf"), bytes);
        Assert.Contains("its GGUF version is 9", Refused(fixture.At("newer.gguf")));
    }

    [Fact]
    public void A_file_that_was_cut_short()
    {
        Assert.Contains("ends in the middle of its metadata", Refused(Cut("head.gguf", 0.001)));
        Assert.Contains("corrupted or incomplete", Refused(Cut("half.gguf", 0.5)));
    }

    [Fact]
    public void An_architecture_that_llama_cpp_does_not_know() =>
        Assert.Contains("unknown model architecture: 'lama'",
            Refused(fixture.Changed("unknown.gguf", w => w.Set("general.architecture", "lama"))));

    [Fact]
    public void Metadata_that_is_missing()
    {
        Assert.Contains("does not say its general.architecture", Without("general.architecture"));
        Assert.Contains("context_length", Without("llama.context_length"));
        Assert.Contains("tokenizer", Without("tokenizer.ggml.model"));

        string Without(string key) => Refused(fixture.Changed($"no-{key}.gguf", w => w.Without(key)));
    }

    [Fact]
    public void A_model_whose_past_cannot_be_shared() =>
        Assert.Contains("llama-server", Refused(fixture.Changed("hybrid.gguf", w => w.Set("llama.ssm.state_size", 16u))));

    [Fact]
    public void No_chat_template() =>
        Assert.Contains("has no chat template", Assert.Throws<UserError>(() => GgufModel.ChatTemplate(fixture.Exact)).Message);

    [Fact]
    public async Task Too_little_memory_and_too_long_a_prompt()
    {
        using var policy = fixture.Here(new(900_000, Threads: 1));
        var draw = new Draw(Prefix.Root(Fixture.Problems(1)[0]), 1);
        var little = await Assert.ThrowsAsync<UserError>(() => policy.Extend([draw], Until.TraceEnd, new(MaxTokens: 100)));
        Assert.Matches(@"tokens \(prompt and --max-tokens\) need 983,040 bytes of key-value cache, and the budget is 900,000",
            little.Message);
        using var other = fixture.Here();
        var problem = new Problem("long", string.Join('\n', Enumerable.Repeat("1: +8", 100)), "1");
        var prompt = await Assert.ThrowsAsync<UserError>(() => other.Extend([new(Prefix.Root(problem), 1)], Until.TraceEnd, new()));
        Assert.Contains("problem long: its prompt has", prompt.Message);
    }
}
