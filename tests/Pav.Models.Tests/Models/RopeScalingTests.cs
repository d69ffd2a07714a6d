using System.Text.Json.Nodes;
using Pav.Models.Decoders;

namespace Pav.Models.Tests.Models;

/// <summary>What multiplies cosines and sines, by worked numbers.</summary>
public class RopeScalingTests
{
    private static RopeScaling Read(string scaling, string beside = "") => DecoderConfig.Parse(JsonNode.Parse($$"""
        {"architectures":["Phi3ForCausalLM"],"model_type":"phi3","vocab_size":8,"hidden_size":16,"intermediate_size":16,
         "num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":131072,"rope_scaling":{{scaling}}{{beside}}}
        """)!.AsObject(), "config.json").RopeScaling!;

    /// <summary>0.1·ln 4 + 1 = 1.138629; with mscale 0.707 and mscale_all_dim 1 it is (0.0707·ln 4 + 1) / 1.138629.</summary>
    [Theory]
    [InlineData("", 1.1386294361)]
    [InlineData(", \"attention_factor\": 1.25", 1.25)]
    [InlineData(", \"attn_factor\": 0.8782488562869419", 1)] // as DeepSeek-R1-0528-Qwen3-8B has it
    [InlineData(", \"attention_factor\": 2, \"attn_factor\": 0.5", 1)]
    [InlineData(", \"mscale\": 0.707, \"mscale_all_dim\": 1", 0.9643269149)]
    [InlineData(", \"mscale\": 1, \"mscale_all_dim\": 1", 1)]
    [InlineData(", \"mscale\": 0.707", 1.1386294361)] // counts with mscale_all_dim only
    public void YarnMultipliesBy(string more, double factor) => Assert.Equal(factor,
        Read($$"""{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":4096{{more}}}""").Attention, 6);

    /// <summary>131,072 / 4,096 = 32 = 2⁵, and 4,096 = 2¹²: √(1 + 5/12).</summary>
    [Theory]
    [InlineData("", 1.1902380714)]
    [InlineData(", \"attention_factor\": 1.1", 1.1)]
    public void LongRopeMultipliesBy(string more, double factor)
    {
        var read = Read($$"""{"type":"longrope","short_factor":[1,2,3,4],"long_factor":[5,6,7,8]{{more}}}""",
            ",\"original_max_position_embeddings\":4096");
        Assert.Equal(factor, read.Attention, 6);
        Assert.Equal((32.0, 4096), (read.Factor, read.OriginalContext));
    }

    /// <summary>θ^(−2i/size) over the short factors; the longest sequence is the original context.</summary>
    [Fact]
    public void LongRopeDividesByTheShortFactors()
    {
        var config = DecoderConfig.Parse(JsonNode.Parse("""
            {"architectures":["Phi3ForCausalLM"],"model_type":"phi3","vocab_size":8,"hidden_size":32,"intermediate_size":16,
             "num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":8192,"original_max_position_embeddings":4096,
             "partial_rotary_factor":0.25,"rope_theta":100.0,"rope_scaling":{"type":"su","short_factor":[1,2],"long_factor":[3,4]}}
            """)!.AsObject(), "config.json");
        Assert.Equal([1, 0.05], Rotary.Frequencies(config));
        Assert.Equal((4096, 4), (config.MaxPositions, config.Rotated));
        Assert.Equal(8192, (int)config.ToJson()["max_position_embeddings"]!);
    }

    [Fact]
    public void LongRopeNeedsAFactorForEachFrequency() => Assert.Contains("need 4 numbers each", Assert.Throws<UserError>(() =>
        Read("""{"type":"longrope","short_factor":[1,2],"long_factor":[1,2,3,4],"original_max_position_embeddings":4096}""")).Message);
}
