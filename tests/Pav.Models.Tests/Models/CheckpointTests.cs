using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Tests.Models;

public sealed class CheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("pav-checkpoint").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static JsonObject Config(string name = "llama") =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "fixtures", name, "config.json")))!.AsObject();

    private UserError Refused(Action<JsonObject> change)
    {
        var json = Config();
        change(json);
        File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString());
        return Assert.Throws<UserError>(() => DecoderConfig.Load(folder));
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("llama-rope3-tied-bf16")]
    [InlineData("llama-bias-mha-sharded")]
    [InlineData("llama-linear-rope")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    public void Config_comes_back_as_written(string name)
    {
        var config = DecoderConfig.Parse(Config(name), name);
        var again = DecoderConfig.Parse(JsonNode.Parse(config.ToJson().ToJsonString())!.AsObject(), name);
        Assert.Equal(config with { Eos = [] }, again with { Eos = [] });
        Assert.Equal(config.Eos, again.Eos);
        Assert.Equal([510], config.Eos);
    }

    [Theory]
    [InlineData("sliding_window", "4096")]
    [InlineData("hidden_act", "\"gelu\"")]
    [InlineData("pretraining_tp", "2")]
    [InlineData("model_type", "\"phi\"")]
    [InlineData("architectures", "[\"LlamaForQuestionAnswering\"]")]
    [InlineData("rope_scaling", "{\"rope_type\": \"dynamic\", \"factor\": 2}")]
    [InlineData("hidden_size", "\"64\"")]
    [InlineData("num_key_value_heads", "3")]
    [InlineData("attention_bias", "1")]
    public void Keys_that_cannot_be_used_are_refused_by_name(string key, string value)
    {
        var error = Refused(json => json[key] = JsonNode.Parse(value));
        Assert.Contains($"\"{key}\"", error.Message);
        Assert.Contains(Path.Combine(folder, "config.json"), error.Message);
    }

    /// <summary>The keys that published checkpoints have.</summary>
    [Theory]
    [InlineData("Qwen2.5-1.5B", 1_543_714_304, """{"architectures":["Qwen2ForCausalLM"],"attention_dropout":0.0,"bos_token_id":151643,"eos_token_id":151643,"hidden_act":"silu","hidden_size":1536,"initializer_range":0.02,"intermediate_size":8960,"max_position_embeddings":131072,"max_window_layers":28,"model_type":"qwen2","num_attention_heads":12,"num_hidden_layers":28,"num_key_value_heads":2,"rms_norm_eps":1e-06,"rope_theta":1000000.0,"sliding_window":131072,"tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers_version":"4.40.1","use_cache":true,"use_mrope":false,"use_sliding_window":false,"vocab_size":151936}""")]
    [InlineData("Llama-3.2-1B", 1_235_814_400, """{"architectures":["LlamaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":128000,"eos_token_id":128001,"head_dim":64,"hidden_act":"silu","hidden_size":2048,"initializer_range":0.02,"intermediate_size":8192,"max_position_embeddings":131072,"mlp_bias":false,"model_type":"llama","num_attention_heads":32,"num_hidden_layers":16,"num_key_value_heads":8,"pretraining_tp":1,"rms_norm_eps":1e-05,"rope_scaling":{"factor":32.0,"high_freq_factor":4.0,"low_freq_factor":1.0,"original_max_position_embeddings":8192,"rope_type":"llama3"},"rope_theta":500000.0,"tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers_version":"4.45.0.dev0","use_cache":true,"vocab_size":128256}""")]
    [InlineData("Llama-3.2-1B-Instruct, a mirror", 1_235_814_400, """{"architectures":["LlamaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":128000,"eos_token_id":128009,"head_dim":64,"hidden_act":"silu","hidden_size":2048,"initializer_range":0.02,"intermediate_size":8192,"max_position_embeddings":131072,"mlp_bias":false,"model_type":"llama","num_attention_heads":32,"num_hidden_layers":16,"num_key_value_heads":8,"pad_token_id":128004,"pretraining_tp":1,"rms_norm_eps":1e-05,"rope_scaling":{"factor":32.0,"high_freq_factor":4.0,"low_freq_factor":1.0,"original_max_position_embeddings":8192,"rope_type":"llama3"},"rope_theta":500000.0,"tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers_version":"4.52.0.dev0","unsloth_fixed":true,"use_cache":true,"vocab_size":128256}""")]
    [InlineData("SmolLM2-135M", 134_515_008, """{"architectures":["LlamaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":0,"eos_token_id":0,"hidden_act":"silu","hidden_size":576,"initializer_range":0.041666666666666664,"intermediate_size":1536,"is_llama_config":true,"max_position_embeddings":8192,"model_type":"llama","num_attention_heads":9,"num_hidden_layers":30,"num_key_value_heads":3,"pretraining_tp":1,"rms_norm_eps":1e-05,"rope_interleaved":false,"rope_scaling":null,"rope_theta":100000,"tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers_version":"4.40.1","use_cache":true,"vocab_size":49152}""")]
    [InlineData("Qwen3-0.6B", 596_049_920, """{"architectures":["Qwen3ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":151643,"eos_token_id":151645,"head_dim":128,"hidden_act":"silu","hidden_size":1024,"initializer_range":0.02,"intermediate_size":3072,"max_position_embeddings":40960,"max_window_layers":28,"model_type":"qwen3","num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,"rms_norm_eps":1e-06,"rope_scaling":null,"rope_theta":1000000,"sliding_window":null,"tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers_version":"4.51.0","use_cache":true,"use_sliding_window":false,"vocab_size":151936}""")]
    [InlineData("gemma-2-2b", 2_614_341_888, """{"architectures":["Gemma2ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"attn_logit_softcapping":50.0,"bos_token_id":2,"cache_implementation":"hybrid","eos_token_id":1,"final_logit_softcapping":30.0,"head_dim":256,"hidden_act":"gelu_pytorch_tanh","hidden_activation":"gelu_pytorch_tanh","hidden_size":2304,"initializer_range":0.02,"intermediate_size":9216,"max_position_embeddings":8192,"model_type":"gemma2","num_attention_heads":8,"num_hidden_layers":26,"num_key_value_heads":4,"pad_token_id":0,"query_pre_attn_scalar":256,"rms_norm_eps":1e-06,"rope_theta":10000.0,"sliding_window":4096,"torch_dtype":"float32","transformers_version":"4.42.4","use_cache":true,"vocab_size":256000}""")]
    public void Configs_like_the_published_ones_are_read_whole(string name, long parameters, string json) =>
        Assert.Equal(parameters, DecoderConfig.Parse(JsonNode.Parse(json)!.AsObject(), name).Parameters);

    [Fact]
    public void Unknown_rope_keys_and_missing_keys_are_refused()
    {
        Assert.Contains("\"beta\"",
            Refused(json => json["rope_scaling"] = new JsonObject { ["type"] = "linear", ["factor"] = 2, ["beta"] = 1 }).Message);
        Assert.Contains("\"vocab_size\" is missing", Refused(json => json.Remove("vocab_size")).Message);
        File.WriteAllText(Path.Combine(folder, "config.json"), "{");
        Assert.Contains("not valid JSON", Assert.Throws<UserError>(() => DecoderConfig.Load(folder)).Message);
    }

    [Fact]
    public void Weights_come_back_as_written()
    {
        using var model = Toy.Scorer();
        model.Save(folder);
        using var again = DecoderCheckpoint.Load(folder);
        Assert.Equal(DecoderHead.SequenceClassification, again.Config.Head);
        Assert.Equal(1, again.Config.Labels);
        Assert.Equal(model.Parameters.Keys, again.Parameters.Keys);
        foreach (var (name, weight) in model.Parameters) Assert.Equal(weight.to_array<float>(), again.Parameters[name].to_array<float>());
        Assert.Equal(model.Parameters.Values.Sum(w => w.numel), model.Config.Parameters);
    }

    [Fact]
    public void Missing_misshapen_and_unexpected_tensors_are_named()
    {
        using var model = Toy.Model();
        model.Save(folder);
        var weights = model.Parameters.ToDictionary(p => p.Key, p => p.Value);
        const string victim = "model.layers.1.mlp.up_proj.weight";
        using var wrong = torch.zeros([3, 5]);

        Assert.Contains(victim, Loading(w => w.Remove(victim)));
        var shapes = Loading(w => w[victim] = wrong);
        Assert.Contains(victim, shapes);
        Assert.Contains("[3, 5]", shapes);
        Assert.Contains("[40, 32]", shapes);
        Assert.Contains("model.layers.2.mlp.up_proj.weight", Loading(w => w["model.layers.2.mlp.up_proj.weight"] = wrong));

        string Loading(Action<Dictionary<string, Tensor>> change)
        {
            var changed = new Dictionary<string, Tensor>(weights);
            change(changed);
            SafetensorsFile.Write(Path.Combine(folder, "model.safetensors"), changed.Select(w => (w.Key, w.Value)));
            return Assert.Throws<UserError>(() => DecoderCheckpoint.Load(folder)).Message;
        }
    }

    [Fact]
    public void A_verifiers_record_comes_back_as_written()
    {
        var record = new VerifierRecord(VerifierKind.Value, "base", "last-number", "Check\n{problem}\n", new(10, 20, 100, 400),
            new(1.5, -0.25),
            new("q", "q", 0.87, 0.85, null, 0.9, 0.1, 0.05, null, 0.6, [new(0.15, 0.2, 7)]));
        record.Save(folder);
        var again = VerifierRecord.Load(folder);
        Assert.Equal(record with { Measures = null }, again with { Measures = null });
        Assert.Equal((0.87, null, new ReliabilityPoint(0.15, 0.2, 7)),
            (again.Measures!.AucWithin, again.Measures.AucWithinHigh, again.Measures.Reliability.Single()));
        Assert.Contains("{problem}", Assert.Throws<UserError>(() => new PromptTemplate("Check\n")).Message);
    }

    [Fact]
    public void A_training_pass_leaves_no_tensor_behind()
    {
        using var model = Toy.Model();
        Pass();
        foreach (var p in model.Parameters.Values) p.grad = null;
        var before = torch.live_tensors;
        Pass();
        foreach (var p in model.Parameters.Values) p.grad = null;
        Assert.Equal(before, torch.live_tensors);

        void Pass()
        {
            using var scope = torch.NewDisposeScope();
            model.logits(model.forward(torch.tensor(new long[] { 3, 4, 5, 6 }, 2, 2))).sum().backward();
        }
    }
}
