using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Files;
using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>
/// Low-rank adaptation: W·x becomes W·x + (alpha / rank)·B·A·x with A [rank, inputs] and B [outputs, rank]; only A, B and a score head are
/// trained. On disk it is
/// PEFT's layout: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.
/// </summary>
/// <param name="Rank">At least 1.</param>
/// <param name="Alpha">Scale, in units of the rank.</param>
/// <param name="Targets">The projections it is on, joined by commas: <c>q_proj,v_proj</c>.</param>
public sealed record Lora(int Rank = 16, double Alpha = 32, string Targets = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj")
{
    internal const string ConfigName = "adapter_config.json", WeightsName = "adapter_model.safetensors";
    private const string Prefix = "base_model.model.", A = ".lora_A.weight", B = ".lora_B.weight";

    private static readonly string[] Projections =
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    /// <summary>Of layers of <see cref="DeltaNet"/>, named only where they are meant.</summary>
    private static readonly string[] DeltaProjections =
        ["linear_attn.in_proj_qkv", "linear_attn.in_proj_z", "linear_attn.in_proj_b", "linear_attn.in_proj_a", "linear_attn.out_proj"];

    /// <summary>Ways to begin that change the base's weights, too: what was trained belongs to those.</summary>
    private static readonly string[] ChangesBase = ["pissa", "olora", "corda", "loftq", "lora_ga"];

    private static readonly HashSet<string> Harmless =
    [
        "auto_mapping", "base_model_name_or_path", "corda_config", "ensure_weight_tying", "eva_config", "inference_mode",
            "init_lora_weights", "loftq_config", "lora_dropout", "lora_ga_config", "megatron_config",
        "megatron_core", "peft_type", "peft_version", "qalora_group_size", "revision", "runtime_config", "task_type",
    ];

    internal double Scale => Alpha / Rank;

    /// <summary>Names, without <c>.weight</c>, of the projections that it is on.</summary>
    internal IEnumerable<string> On(DecoderConfig config)
    {
        var targets = Targets.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var (shapes, known) = (DecoderModel.Shapes(config), config.DeltaNet is null ? Projections : [.. Projections, .. DeltaProjections]);
        var unknown = targets.FirstOrDefault(t => !known.Any(p => Matches(p, t)));
        if (targets.Length == 0 || unknown is not null) throw new UserError($"LoRA targets \"{Targets}\": "
            + $"{(unknown is null ? "there is none" : $"\"{unknown}\" is not a projection")}; choose among "
                + string.Join(", ", known.Select(p => p[(p.LastIndexOf('.') + 1)..])));
        return from layer in Enumerable.Range(0, config.Layers)
               from projection in known
               let name = $"model.layers.{layer}.{projection}"
               where targets.Any(t => Matches(projection, t)) && shapes.ContainsKey(name + ".weight")
               select name;

        static bool Matches(string projection, string target) => projection == target
            || projection.EndsWith("." + target, StringComparison.Ordinal);
    }

    /// <summary>Shapes of A and B by name.</summary>
    internal IReadOnlyDictionary<string, long[]> Shapes(DecoderConfig config)
    {
        var whole = DecoderModel.Shapes(config);
        var shapes = new Dictionary<string, long[]>();
        foreach (var name in On(config))
        {
            shapes[name + A] = [Rank, whole[name + ".weight"][1]];
            shapes[name + B] = [whole[name + ".weight"][0], Rank];
        }

        return shapes;
    }

    /// <summary>A uniform in ±1/√inputs, B zero: the adapted model begins as the base.</summary>
    internal Dictionary<string, Tensor> Init(DecoderConfig config, Device device, ulong seed) =>
        Shapes(config).ToDictionary(s => s.Key, s =>
    {
        var values = new float[s.Value[0] * s.Value[1]];
        var derived = Seeds.Derive(seed, s.Key, "lora", 0);
        if (s.Key.EndsWith(A, StringComparison.Ordinal))
            for (var i = 0; i < values.Length; i++) values[i] = (float)((2 * Seeds.Uniform(derived, i) - 1) / Math.Sqrt(s.Value[1]));
        return torch.tensor(values, s.Value).to(device);
    });

    /// <summary>The pair on a projection; null where there is none.</summary>
    internal static (T A, T B)? PairOn<T>(IReadOnlyDictionary<string, T> adapters, string name) => adapters.TryGetValue(name + A, out var a)
        ? (a, adapters[name + B]) : null;

    internal static bool IsIn(string folder) => File.Exists(Path.Combine(folder, ConfigName));

    /// <summary>Writes what was trained and where its base is.</summary>
    internal void Save(string folder, DecoderModel model)
    {
        var head = model.Config.Head != DecoderHead.CausalLM;
        var json = new JsonObject
        {
            ["peft_type"] = "LORA",
            ["task_type"] = head ? "SEQ_CLS" : "CAUSAL_LM",
            ["base_model_name_or_path"] = model.BaseFolder,
            ["r"] = Rank,
            ["lora_alpha"] = Alpha,
            ["lora_dropout"] = 0.0,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["target_modules"] = new JsonArray([.. Targets.Split(',', StringSplitOptions.TrimEntries).Select(t => JsonValue.Create(t))]),
            ["modules_to_save"] = head ? new JsonArray("score") : null,
            ["inference_mode"] = true,
        };
        SafetensorsFile.Write(Path.Combine(folder, WeightsName), model.Trained.Select(p => (Prefix + p.Key, p.Value)));
        AtomicFile.WriteText(Path.Combine(folder, ConfigName), json.ToJsonString(Json.Indented) + "\n");
    }

    /// <summary>The adapter in a folder and the folder of its base.</summary>
    internal static (Lora Lora, string Base) Load(string folder)
    {
        var file = Path.Combine(folder, ConfigName);
        JsonObject json;
        try
        {
            json = JsonNode.Parse(File.ReadAllText(file)) as JsonObject ?? throw new UserError($"{file}: expected one JSON object");
        }
        catch (JsonException e)
        {
            throw new UserError($"{file}: not valid JSON ({e.Message})", e);
        }

        var keys = new ConfigKeys(json, file);
        keys.Require("peft_type", "LORA");
        keys.Require("bias", "none");
        foreach (var off in (string[])["fan_in_fan_out", "lora_bias", "use_dora", "use_rslora", "use_qalora", "use_bdlora"])
            keys.Require(off, false);
        foreach (var none in (string[])["rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern", "layer_replication",
            "exclude_modules", "target_parameters", "trainable_token_indices"]) keys.RequireNone(none);
        if (json["init_lora_weights"] is JsonValue init && init.TryGetValue(out string? start)
            && ChangesBase.Any(way => start.StartsWith(way, StringComparison.OrdinalIgnoreCase)))
            throw keys.Refuse("init_lora_weights",
                "such an adapter belongs to a base with changed weights; have PEFT convert it to a plain one");
        if (json["target_modules"] is not JsonArray { Count: > 0 }) throw keys.Refuse("target_modules", "expected a list of projections");
        var lora = new Lora(keys.Int("r"), keys.Double("lora_alpha", 8), string.Join(",", keys.Strings("target_modules")));
        var saved = keys.Strings("modules_to_save");
        if (saved is not ([] or ["score"] or ["classifier", "score"] or ["score", "classifier"]))
            throw keys.Refuse("modules_to_save", "this program adapts projections and saves a score head");
        foreach (var (key, _) in json)
            if (!keys.Used.Contains(key) && !Harmless.Contains(key) && !keys.IsNone(key))
                throw keys.Refuse(key, "this program does not know it, and leaving it out could change the model");
        var given = json["base_model_name_or_path"]?.ToString() ?? "";
        var found = new[] { given, Path.Combine(folder, given) }
            .FirstOrDefault(candidate => given != "" && File.Exists(Path.Combine(candidate, "config.json")))
            ?? throw keys.Refuse("base_model_name_or_path",
                "there is no checkpoint in that folder; write the folder of the base model there");
        return (lora, Path.GetFullPath(found));
    }

    /// <summary>The trained tensors of a folder by their names in the model.</summary>
    internal static Dictionary<string, Tensor> Read(string folder, IReadOnlyDictionary<string, long[]> shapes, Device device)
    {
        var path = Path.Combine(folder, WeightsName);
        if (!File.Exists(path)) throw new UserError($"{path} is missing; a LoRA adapter is {ConfigName} and {WeightsName}");
        using var file = new SafetensorsFile(path);
        var names = CheckpointTensors.ByName(path, file.Entries.Keys);
        bool IsKnown(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) && shapes.ContainsKey(name[Prefix.Length..]);
        var unknown = names.FirstOrDefault(s => !IsKnown(s.Key)).Value;
        if (unknown is not null) throw new UserError($"{path}: holds a tensor {unknown} that {ConfigName} does not ask for");
        return shapes.ToDictionary(s => s.Key, s =>
        {
            if (!names.TryGetValue(Prefix + s.Key, out var name)) throw new UserError($"{path}: the tensor {Prefix + s.Key} is missing");
            var entry = file.Entries[name];
            if (!entry.Shape.SequenceEqual(s.Value)) throw new UserError($"{path}: the tensor {entry.Name} has the shape "
                + $"[{string.Join(", ", entry.Shape)}], and [{string.Join(", ", s.Value)}] is needed");
            using var stored = file.Read(name);
            return stored.to(device, torch.float32);
        });
    }

    /// <summary>Labels of the score head that an adapter of PEFT's brings along.</summary>
    internal static int LabelsIn(string folder)
    {
        using var file = new SafetensorsFile(Path.Combine(folder, WeightsName));
        var score = file.Entries.Values.FirstOrDefault(e => CheckpointTensors.Unwrapped(e.Name) == Prefix + "score.weight");
        return score is null ? 0 : (int)score.Shape[0];
    }
}
