using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Models.Tokenizers;
using Pav.Torch;

namespace Pav.Models.Tests.Models;

/// <summary>Folders as people have them: another head than the config says, wrapped names, more ends, hostile numbers.</summary>
public sealed class StrangeCheckpointTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    private void Rewrite(Func<string, string>? rename = null, params (string Name, Tensor Tensor)[] more)
    {
        using var model = DecoderCheckpoint.Load(folder.Path);
        SafetensorsFile.Write(folder["model.safetensors"], model.Parameters.Select(p => (rename?.Invoke(p.Key) ?? p.Key, p.Value))
            .Concat(more));
    }

    private void Save(DecoderConfig? config = null)
    {
        using var model = Toy.Model(config);
        model.Save(folder.Path);
    }

    private void Edit(string key, JsonNode? value)
    {
        var json = JsonNode.Parse(File.ReadAllText(folder["config.json"]))!.AsObject();
        json[key] = value;
        File.WriteAllText(folder["config.json"], json.ToJsonString());
    }

    private float[] Logits()
    {
        using var source = WeightSource.From(folder.Path);
        using var runner = new CpuRunner(source, 1 << 22, 1);
        var row = runner.Add(new KvSegment(runner.Pool, null), [3, 4, 5]);
        runner.Run();
        return runner.Output(row).ToArray();
    }

    [Fact]
    public void A_tied_config_over_files_with_another_head_uses_that_head_and_warns()
    {
        Save();
        using var head = torch.zeros([Toy.Tokenizer.Size, 32]).normal_(0, 0.2);
        var (tied, told, before) = (Logits(), new List<string>(), Warnings.Write);
        Rewrite(null, ("lm_head.weight", head));
        try
        {
            Warnings.Write = told.Add;
            var found = Logits();
            Assert.Contains("tie_word_embeddings", Assert.Single(told, t => t.StartsWith(folder.Path, StringComparison.Ordinal)));
            using (var model = DecoderCheckpoint.Load(folder.Path))
                Assert.Equal(head.to_array<float>(), model.Parameters["lm_head.weight"].to_array<float>());
            Edit("tie_word_embeddings", false);
            Assert.Equal(Logits(), found);
            Assert.NotEqual(tied, found);
        }
        finally
        {
            Warnings.Write = before;
        }
    }

    [Fact]
    public void A_tied_head_that_was_saved_twice_stays_tied()
    {
        Save();
        var tied = Logits();
        using (var model = DecoderCheckpoint.Load(folder.Path))
        using (var copy = model.Parameters["model.embed_tokens.weight"].detach().clone())
            Rewrite(null, ("lm_head.weight", copy));
        using var again = DecoderCheckpoint.Load(folder.Path);
        Assert.True(again.Config.TiedEmbeddings);
        Assert.Equal(tied, Logits());
    }

    [Theory]
    [InlineData("_orig_mod.", "")]
    [InlineData("module.", "")]
    [InlineData("module._orig_mod.", "")]
    [InlineData("", "_checkpoint_wrapped_module.")]
    public void Wrapped_names_are_read_as_what_they_wrap(string before, string inside)
    {
        Save();
        var plain = Logits();
        Rewrite(name => before + name.Replace("self_attn.", inside + "self_attn.", StringComparison.Ordinal));
        Assert.Equal(plain, Logits());
        using var model = DecoderCheckpoint.Load(folder.Path);
        Assert.Contains("model.layers.0.self_attn.q_proj.weight", model.Parameters.Keys);
    }

    [Fact]
    public void A_trunk_without_its_beginning_is_read_and_another_beginning_is_named()
    {
        Save();
        var plain = Logits();
        Rewrite(name => name["model.".Length..]);
        Assert.Equal(plain, Logits());
        Rewrite(name => "language_model." + name);
        var message = Assert.Throws<UserError>(() => DecoderCheckpoint.Load(folder.Path)).Message;
        Assert.Contains("\"language_model.\"", message);
    }

    [Fact]
    public void Ends_of_generation_config_count_in_sampling_and_are_not_read_by_a_verifier()
    {
        Save(Toy.Config() with { Eos = [7] });
        File.WriteAllText(folder["generation_config.json"], """{"eos_token_id": [9, 7], "temperature": 0.6}""");
        Assert.Equal([7, 9], DecoderConfig.Load(folder.Path).Eos);
        Assert.Equal([7, 9], DecoderCheckpoint.Ends(folder.Path));
        var encoding = new VerifierEncoding(Toy.Tokenizer, Toy.Template, ends: [7, 9]);
        var root = Prefix.Root(Toy.Problem(0));
        var step = Toy.Tokenizer.Encode(" 3", false);
        Assert.Equal(encoding.Encode(root.Then(" 3", step, ended: true)).Ids,
            encoding.Encode(root.Then(" 3", [.. step, 9], ended: true)).Ids);
    }

    [Theory]
    [InlineData("num_hidden_layers", 2_000_000_000)]
    [InlineData("vocab_size", 400_000_000)]
    [InlineData("hidden_size", 0)]
    [InlineData("num_attention_heads", 0)]
    [InlineData("intermediate_size", -1)]
    public void Sizes_beyond_any_model_are_refused_before_memory_is_asked_for(string key, int value)
    {
        Save();
        Edit(key, value);
        Assert.Contains($"\"{key}\": {value} cannot be used: expected a whole number from 1 to",
            Assert.Throws<UserError>(() => DecoderConfig.Load(folder.Path)).Message);
    }

    [Theory]
    [InlineData("config.json", "{\n\"model_type\": \"llama\",\n\"hidden_size\": 80,\n\"hidden_size\": 80}",
        ":4: the key \"hidden_size\" stands twice")]
    [InlineData("config.json", "{\n\"model_type\": \"\\ud800\"}", ":2: a text holds half a character")]
    [InlineData("config.json", "{\n\"\\udc00\": 1}", ":2: a text holds half a character")]
    [InlineData("generation_config.json", "{\"eos_token_id\": 1, \"eos_token_id\": 2}", ":1: the key \"eos_token_id\" stands twice")]
    public void A_key_twice_and_half_a_character_are_told_by_file_and_line(string file, string text, string says)
    {
        Save();
        File.WriteAllText(folder[file], text);
        Assert.Contains(folder[file] + says, Assert.Throws<UserError>(() => DecoderConfig.Load(folder.Path)).Message);
    }

    [Theory]
    [InlineData("added_tokens", -1)]
    [InlineData("added_tokens", 400_000_000)]
    [InlineData("vocab", -1)]
    [InlineData("vocab", 400_000_000)]
    public void Ids_beyond_any_vocabulary_are_refused(string part, int id)
    {
        Tokenizer.WordLevel(["a"]).Save(folder.Path);
        var json = JsonNode.Parse(File.ReadAllText(folder["tokenizer.json"]))!;
        if (part == "vocab") json["model"]!["vocab"]!["a"] = id;
        else json["added_tokens"]![0]!["id"] = id;
        File.WriteAllText(folder["tokenizer.json"], json.ToJsonString());
        Assert.Contains($"is {id}; ids are from 0 to", Assert.Throws<UserError>(() => Tokenizer.Load(folder.Path)).Message);
    }

    [Theory]
    [InlineData("\"a\"", "\"\\ud800\"")]
    [InlineData("\"<eos>\"", "\"\\udfff\"")]
    public void Half_a_character_in_a_tokenizer_is_told_by_file(string text, string half)
    {
        Tokenizer.WordLevel(["a"]).Save(folder.Path);
        File.WriteAllText(folder["tokenizer.json"], File.ReadAllText(folder["tokenizer.json"])
            .Replace(text, half, StringComparison.Ordinal));
        Assert.Contains("half a character", Assert.Throws<UserError>(() => Tokenizer.Load(folder.Path)).Message);
    }
}
