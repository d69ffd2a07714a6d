using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>
/// A family of decoders. All run on one <see cref="DecoderModel"/>; a family says what its config.json means for that: which of the
/// decoder's choices it makes.
/// </summary>
/// <param name="modelType"><c>model_type</c>.</param>
/// <param name="className">What <c>architectures</c> begins with.</param>
/// <param name="read">Adds the family's own keys to what all families share.</param>
/// <param name="write">Writes those keys.</param>
internal sealed class Family(string modelType, string className, Func<ConfigKeys, DecoderConfig, DecoderConfig> read,
    Action<DecoderConfig, JsonObject> write)
{
    public static readonly Family Llama = LlamaFamily.Family, InternLm = LlamaFamily.InternLm, Mistral = MistralFamily.Family,
        Qwen2 = Qwen2Family.Family, Qwen3 = Qwen3Family.Family, Qwen3Moe = Qwen3MoeFamily.Family,
        Gemma2 = Gemma2Family.Family, Gemma3 = Gemma3Family.Family, Phi3 = Phi3Family.Family, SmolLm3 = SmolLm3Family.Family,
        Olmo2 = Olmo2Family.Family, Granite = GraniteFamily.Family, Qwen35 = Qwen35Family.Family;

    public static IReadOnlyList<Family> All { get; } = [Llama, Mistral, Qwen2, Qwen3, Qwen3Moe, Gemma2, Gemma3,
        Phi3, SmolLm3, Olmo2, Granite, Qwen35, InternLm];

    /// <summary>What to do with a model that this program does not run.</summary>
    internal const string Serve = "a server can run it: --policy http://host:8000/v1 --model NAME (docs/servers.md)";

    /// <summary>Why a model_type is not run here.</summary>
    internal static string WhyNot(string modelType)
    {
        var why = NotRun.Reason(modelType) is { } reason ? $"{reason}, which this program does not have"
            : "this program does not know this family";
        return $"{why}; it runs {string.Join(", ", All.Select(f => f.ModelType))}; {Serve}";
    }

    public string ModelType { get; } = modelType;

    public string ClassName { get; } = className;

    internal DecoderConfig Read(ConfigKeys keys, DecoderConfig shared) => read(keys, shared);

    internal void Write(DecoderConfig config, JsonObject json) => write(config, json);

    public override string ToString() => ModelType;
}
