using Pav.Cli.Installation;
using Pav.Gguf;
using Pav.Models;
using Pav.Models.Chat;
using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Tokenizers;
using Pav.Torch;
using Pav.Models.Inference;

namespace Pav.Cli.Shared;

/// <summary><c>policy.json</c> beside a policy's config.json: how it was taught to be asked.</summary>
internal sealed record PolicyRecord(string PromptTemplate, string? StepEnd = null, ChatFrame? Chat = null,
    IReadOnlyList<string>? TraceStops = null)
{
    private const string FileName = "policy.json";

    public static PolicyRecord? Find(string folder) => Path.Combine(folder, FileName) is var file && File.Exists(file)
        ? Json.Read<PolicyRecord>(file) : null;

    public static PolicyRecord From(PromptTemplate template) =>
        new(template.Text, template.StepEnd.Recorded, template.Chat, template.TraceStops.Texts is { Count: > 0 } stops ? stops : null);

    public void Save(string folder) => AtomicFile.WriteJson(Path.Combine(folder, FileName), this);
}

/// <summary>Models by what the command line calls them.</summary>
internal static class Checkpoint
{
    public const string PlainTemplate = "{problem}\n";

    /// <summary>
    /// The template given (\n written out stands for a newline), else the checkpoint's own, else the problem on a line; with --chat the
    /// checkpoint's chat template around what is given.
    /// And the step end given, else its own, else newline; the texts that end a trace given, else its own, else those of models that nobody
    /// taught where to stop.
    /// </summary>
    public static PromptTemplate Template(PromptChoice choice, string folder, EndChoice? ends = null)
    {
        ends ??= new();
        var record = PolicyRecord.Find(folder);
        var given = choice.Template.Replace("\\n", "\n");
        if (choice.Chat == PromptChoice.ChatOff && choice.System != "")
            throw new UserError("--system is for chat models; give --chat on with it.");
        if (choice.Chat != PromptChoice.ChatOff && folder == "")
            throw new UserError("--chat needs the served model's chat template; give --tokenizer, its folder.");
        var template = choice.Chat == PromptChoice.ChatOff
            ? given != "" ? new PromptTemplate(given) : new(record?.PromptTemplate ?? PlainTemplate) { Chat = record?.Chat }
            : new(given != "" ? given : "{problem}")
            {
                Chat = (IsGguf(folder) ? GgufModel.ChatTemplate(folder) : ChatTemplate.Load(folder)).Frame(
                    choice.System.Replace("\\n", "\n"), () => TokenizerOf(folder), choice.Chat == PromptChoice.NoThinking
                        ? false : null),
            };
        var stops = ends.GivenStops ?? (record is not null ? TraceStops.From(record.TraceStops ?? []) : choice.Chat == PromptChoice.ChatOff
            ? RunningOn(template.Text) : TraceStops.None);
        return template with { StepEnd = StepEnd.Parse(ends.StepEnd != "" ? ends.StepEnd : record?.StepEnd), TraceStops = stops };
    }

    /// <summary>
    /// With what a base model begins the next problem when it runs on: the word before the template's problem ("Question:"), where that has
    /// one.
    /// </summary>
    private static TraceStops RunningOn(string template)
    {
        var before = template[..template.IndexOf("{problem}", StringComparison.Ordinal)];
        var word = before[(before.LastIndexOf('\n') + 1)..].Trim();
        return TraceStops.From(word.Length > 1 && word.EndsWith(':') ? ["\n" + word] : ["\n\nQuestion:", "\n\nProblem:"]);
    }

    /// <summary>"sft" for runs/sft and for runs/sft/checkpoints/best.</summary>
    public static string NameOf(string folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var suffix = Path.Combine("checkpoints", "best");
        return Path.GetFileName(full.EndsWith(Path.DirectorySeparatorChar + suffix, StringComparison.Ordinal)
            ? full[..^(suffix.Length + 1)] : full);
    }

    public static EngineOptions EngineOf(ModelSettings settings)
    {
        var (ours, cache) = (IsOwn(settings.Device), Enum.Parse<KvType>(settings.KvCache, ignoreCase: true));
        if (!ours && cache != KvType.Float32)
            throw new UserError($"--kv-cache {settings.KvCache} is for --device cpu; with --device {settings.Device} libtorch keeps keys "
                + "and values in the type in which the model computes, so leave the option out.");
        var weights = Enum.Parse<WeightType>(settings.Weights, ignoreCase: true);
        if (!ours && weights != WeightType.Stored)
            throw new UserError($"--weights {settings.Weights} is for --device cpu; with --device {settings.Device} libtorch computes with "
                + "the weights as they are stored, so leave the option out.");
        return new((long)settings.MemoryMb << 20, Threads: settings.Threads, Torch: ours ? default(Device?) : DeviceOf(settings.Device),
            Cache: cache, Weights: weights);
    }

    /// <summary>The CPU's own engine, and not libtorch.</summary>
    public static bool IsOwn(string device) => device is "" or "cpu";

    /// <summary>A device that this libtorch has.</summary>
    public static Device DeviceOf(string name)
    {
        if (Pav.Models.Cpu.Threads.Chosen is > 0 and var threads) torch.set_num_threads(threads);
        if (name == "torch") return torch.CPU;
        if (!torch.cuda_is_available())
            throw new UserError(
                $"--device {name}: this libtorch ({torch.version}) finds no GPU; leave the option out, or build with a "
                + "libtorch for CUDA (`pav doctor` tells what there is)");
        return new(name);
    }

    /// <summary>A device as training's options name it.</summary>
    public static string FitDevice(string name) => IsOwn(name) ? "cpu" : name == "torch" ? name : DeviceOf(name).ToString();

    public static TransformerPolicy Policy(PolicySettings settings)
    {
        Threads(settings.Threads);
        var path = Home.Policy(settings.Policy);
        var template = Template(settings.Prompt, path, settings.Ends);
        if (!IsGguf(path)) return TransformerPolicy.Load(NameOf(path), path, template, EngineOf(settings));
        if (!IsOwn(settings.Device))
            throw new UserError($"--device {settings.Device}: llama.cpp runs {settings.Policy} on the CPU; leave the option out.");
        if (settings.Weights != "stored")
            throw new UserError($"--weights {settings.Weights}: llama.cpp runs {settings.Policy} with the weights that the file has; leave "
                + "the option out, or take a file of another quantisation.");
        return GgufModel.Policy(Path.GetFileNameWithoutExtension(path), path, template, EngineOf(settings));
    }

    /// <summary>The tokenizer of a checkpoint's folder or of a GGUF file.</summary>
    public static Tokenizer TokenizerOf(string path) => IsGguf(path) ? GgufModel.Tokenizer(path) : Tokenizer.Load(path);

    private static bool IsGguf(string path) => GgufModel.IsNamedBy(path) && File.Exists(path);

    /// <param name="option">What names it.</param>
    /// <param name="given">Its folder or name.</param>
    /// <param name="settings">Memory, threads, device.</param>
    /// <param name="steps">Where the steps end that it is to score.</param>
    public static ILoadedVerifier Verifier(string option, string given, ModelSettings settings, StepEnd steps)
    {
        var folder = Home.Model(option, given);
        CheckSteps(option, given, folder, steps);
        return LoadedVerifier.Open(NameOf(folder), folder, EngineOf(settings));
    }

    /// <summary>Refuses a verifier that learned from other steps than it is to score; one with a mark of its own reads any.</summary>
    public static void CheckSteps(string option, string given, string folder, StepEnd steps)
    {
        var record = VerifierRecord.Load(folder);
        var learned = record.Template.StepEnd;
        if (record.Mark is null && learned.Name != steps.Name)
            throw new UserError(
                $"{option} {given}: it learned from steps that end at '{learned}', and these end at '{steps}'; use the same "
                + "--step-end for labels and for what their verifier scores.");
    }

    /// <summary>Refuses a verifier that has learned nothing of prefixes where its values of them are wanted.</summary>
    public static void CheckValues(string option, string given, string folder)
    {
        if (VerifierRecord.Load(folder).Kind == VerifierKind.Outcome)
            throw new UserError(
                $"{option} {given} is an outcome verifier, which judges whole traces only; give one of 'pav train "
                + "verifier'.");
    }

    public static void Threads(int threads)
    {
        if (threads > 0) Pav.Models.Cpu.Threads.Count = threads;
    }
}
