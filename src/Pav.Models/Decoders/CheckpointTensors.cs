using Pav.Models.Files;
using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>
/// The tensors of a checkpoint by the model's own names: exactly those that its config asks for, in their shapes. Names that a training
/// program has wrapped
/// are read as what they wrap.
/// </summary>
internal sealed class CheckpointTensors : IDisposable
{
    private const string Embedding = "model.embed_tokens.weight", Head = "lm_head.weight";

    /// <summary>What torch.compile, data parallelism, FSDP and checkpointed activations put into names.</summary>
    private static readonly string[] Wrappers = ["_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

    private readonly SafetensorsFolder files;
    private readonly string folder;
    private readonly Dictionary<string, string> stored;

    /// <summary>Of matrices that the files hold as one: its rows [From, From + Count).</summary>
    private readonly Dictionary<string, (string Stored, long From, long Count)> parts = [];

    /// <param name="folder">Of the checkpoint.</param>
    /// <param name="config">What its config.json says.</param>
    public CheckpointTensors(string folder, DecoderConfig config)
    {
        this.folder = folder;
        files = new(folder);
        try
        {
            stored = ByName(folder, files.Names);
            if (config.DeltaNet is not null) TakeText();
            if (!stored.ContainsKey(Embedding)) FindPrefix();
            if (config.FusedProjections) Split(config);
            Config = OwnHead(config) ? config with { TiedEmbeddings = false } : config;
            Check();
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>As in config.json, but untied where the files hold another head.</summary>
    public DecoderConfig Config { get; }

    public Tensor Read(string name) =>
        parts.TryGetValue(name, out var part) ? files.Read(part.Stored).narrow(0, part.From, part.Count).contiguous()
            : files.Read(stored[name]);

    public MappedTensor Map(string name) =>
        parts.TryGetValue(name, out var part) ? files.Map(part.Stored).Rows(part.From, part.Count) : files.Map(stored[name]);

    public void Dispose() => files.Dispose();

    /// <summary>Names as they are stored, by the model's own.</summary>
    internal static Dictionary<string, string> ByName(string path, IEnumerable<string> names)
    {
        var stored = new Dictionary<string, string>();
        foreach (var name in names)
            if (!stored.TryAdd(Unwrapped(name), name))
                throw new UserError($"{path}: the tensors {stored[Unwrapped(name)]} and {name} are one by their names without wrappers; "
                    + "keep one");
        return stored;
    }

    internal static string Unwrapped(string name) => string.Join('.', name.Split('.').Where(part => !Wrappers.Contains(part)));

    /// <summary>Of a model for images its text model alone, and no heads that guess several tokens ahead.</summary>
    private void TakeText()
    {
        const string text = "model.language_model.";
        foreach (var name in stored.Keys.ToList())
            if (name.StartsWith("mtp.", StringComparison.Ordinal) || name.StartsWith("model.visual.", StringComparison.Ordinal))
                stored.Remove(name);
            else if (name.StartsWith(text, StringComparison.Ordinal) && stored.Remove(name, out var found))
                stored["model." + name[text.Length..]] = found;
    }

    /// <summary>A trunk saved without its head lacks "model."; any other beginning is told.</summary>
    private void FindPrefix()
    {
        const string bare = "embed_tokens.weight";
        if (stored.ContainsKey(bare))
        {
            foreach (var name in stored.Keys.Where(name => !name.StartsWith("lm_head.", StringComparison.Ordinal)
                && !name.StartsWith("score.", StringComparison.Ordinal)).ToList())
            {
                stored["model." + name] = stored[name];
                stored.Remove(name);
            }
        }
        else if (stored.Keys.FirstOrDefault(name => name.EndsWith("." + bare, StringComparison.Ordinal)) is { } found)
        {
            var prefix = found[..^(found.EndsWith(Embedding, StringComparison.Ordinal) ? Embedding : bare).Length];
            throw new UserError($"{folder}: the names of its tensors begin with \"{prefix}\" ({stored[found]}), and {Embedding} is "
                + "needed; save the model that is inside that wrapper");
        }
    }

    /// <summary>The matrices that a file with fused ones holds: query, key and value, and gate and up, one above another.</summary>
    internal static IEnumerable<(string Name, string[] Parts)> Fused(DecoderConfig config)
    {
        for (var i = 0; i < config.Layers; i++)
        {
            yield return Named($"model.layers.{i}.self_attn", "qkv_proj", "q_proj", "k_proj", "v_proj");
            yield return Named($"model.layers.{i}.mlp", "gate_up_proj", "gate_proj", "up_proj");
        }

        static (string, string[]) Named(string place, string name, params string[] parts) =>
            ($"{place}.{name}.weight", [.. parts.Select(part => $"{place}.{part}.weight")]);
    }

    private void Split(DecoderConfig config)
    {
        var shapes = DecoderModel.Shapes(config);
        foreach (var (name, wanted) in Fused(config))
        {
            if (!stored.Remove(name, out var found))
                throw new UserError($"{folder}: the tensor {name}, which config.json asks for, is missing");
            long[] shape = [wanted.Sum(part => shapes[part][0]), shapes[wanted[0]][1]];
            if (!files.Entry(found).Shape.SequenceEqual(shape)) throw WrongShape(found, shape);
            var from = 0L;
            foreach (var part in wanted)
            {
                parts[part] = (found, from, shapes[part][0]);
                from += shapes[part][0];
            }
        }
    }

    private UserError WrongShape(string found, long[] wanted) => new(
        $"{folder}: the tensor {found} has the shape [{string.Join(", ", files.Entry(found).Shape)}], "
        + $"and config.json asks for [{string.Join(", ", wanted)}]");

    /// <summary>A config may call embeddings and head one although the files hold two: then the head in the files is the model's.</summary>
    private bool OwnHead(DecoderConfig config)
    {
        if (!config.TiedEmbeddings || config.Head != DecoderHead.CausalLM || !stored.TryGetValue(Head, out var head)
            || !stored.TryGetValue(Embedding, out var embedding)) return false;
        if (SameBytes(files.Map(head), files.Map(embedding))) return false;
        Warnings.Tell($"{folder}: config.json says tie_word_embeddings, but the checkpoint holds an lm_head.weight that differs from its "
            + "embeddings; that head is used. "
            + "Set tie_word_embeddings to false in config.json if it is right, or remove the tensor.");
        return true;
    }

    private static unsafe bool SameBytes(MappedTensor a, MappedTensor b)
    {
        const int piece = 1 << 24;
        var length = a.Entry.End - a.Entry.Begin;
        if (a.Entry.Dtype != b.Entry.Dtype || !a.Entry.Shape.SequenceEqual(b.Entry.Shape)) return false;
        for (var from = 0L; from < length; from += piece)
        {
            var count = (int)Math.Min(piece, length - from);
            if (!new ReadOnlySpan<byte>((byte*)a.Data + from, count).SequenceEqual(new ReadOnlySpan<byte>((byte*)b.Data + from, count)))
                return false;
            a.Forget(from, from + count);
            b.Forget(from, from + count);
        }

        return true;
    }

    private void Check()
    {
        var shapes = DecoderModel.Shapes(Config);
        foreach (var (name, shape) in shapes)
        {
            if (parts.ContainsKey(name)) continue;
            if (!stored.TryGetValue(name, out var found)) throw new UserError($"{folder}: the tensor {name} "
                + $"[{string.Join(", ", shape)}], which config.json asks for, is missing from the checkpoint");
            if (!files.Entry(found).Shape.SequenceEqual(shape)) throw WrongShape(found, shape);
        }

        foreach (var (name, found) in stored)
            if (!shapes.ContainsKey(name) && !name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal)
                && !(name == Head && (Config.TiedEmbeddings || Config.Head != DecoderHead.CausalLM)))
                throw new UserError(
                    $"{folder}: the checkpoint holds a tensor {found} that this architecture, by config.json, does not have");
    }
}
