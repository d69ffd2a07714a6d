using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Engine;
using Pav.Models.Files;
using Pav.Models.Tokenizers;
using Pav.Torch;

namespace Pav.Cli.Commands;

/// <summary><c>policy.json</c> beside a policy's config.json: how it was taught to be asked.</summary>
internal sealed record PolicyRecord(string PromptTemplate)
{
    private const string FileName = "policy.json";

    public static PolicyRecord? Find(string folder) => Path.Combine(folder, FileName) is var file && File.Exists(file) ? Json.Read<PolicyRecord>(file) : null;

    public void Save(string folder) => AtomicFile.WriteJson(Path.Combine(folder, FileName), this);
}

/// <summary>Models by what the command line calls them.</summary>
internal static class Checkpoint
{
    public const string PlainTemplate = "{problem}\n";

    /// <summary>The template given (\n written out stands for a newline), else the checkpoint's own, else the problem on a line.</summary>
    public static PromptTemplate Template(string given, string folder) =>
        new(given != "" ? given.Replace("\\n", "\n") : PolicyRecord.Find(folder)?.PromptTemplate ?? PlainTemplate);

    /// <summary>"sft" for runs/sft and for runs/sft/checkpoints/best.</summary>
    public static string NameOf(string folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var suffix = Path.Combine("checkpoints", "best");
        return Path.GetFileName(full.EndsWith(Path.DirectorySeparatorChar + suffix, StringComparison.Ordinal) ? full[..^(suffix.Length + 1)] : full);
    }

    public static EngineOptions EngineOf(ModelSettings settings) =>
        new((long)settings.MemoryMb << 20, Threads: settings.Threads, Torch: settings.Device == "" ? default(Device?) : DeviceOf(settings.Device));

    /// <summary>A device that this libtorch has.</summary>
    public static Device DeviceOf(string name)
    {
        if (name != "cpu" && !torch.cuda_is_available()) throw new UserError($"--device {name}: this libtorch ({torch.version}) finds no GPU; leave the option out, or build with a libtorch for CUDA (`pav doctor` tells what there is)");
        return new(name);
    }

    public static TransformerPolicy Policy(SamplingSettings settings)
    {
        Threads(settings.Threads);
        var folder = Home.Model("--policy", settings.Policy);
        return TransformerPolicy.Load(NameOf(folder), folder, Template(settings.Template, folder), EngineOf(settings));
    }

    public static TransformerVerifier Verifier(string option, string given, ModelSettings settings)
    {
        var folder = Home.Model(option, given);
        return TransformerVerifier.Load(NameOf(folder), folder, EngineOf(settings));
    }

    public static void Threads(int threads)
    {
        if (threads > 0) torch.set_num_threads(threads);
    }
}
