using Pav.Arithmetic;
using Pav.Models;
using Pav.Models.Inference;

namespace Pav.Gguf.Tests;

/// <summary>The embedded pav-tiny-s as a GGUF file in float32, and beside it the same with Q8_0 wherever rows allow it.</summary>
public sealed class Fixture : IDisposable
{
    internal static readonly PromptTemplate Template = new("{problem}\n");

    private readonly string temporary = Directory.CreateTempSubdirectory("pav-gguf-").FullName;

    public Fixture()
    {
        LlamaGguf.From(Checkpoint).Save(Exact);
        LlamaGguf.From(Checkpoint, quantised: true).Save(Quantised);
    }

    public static string Checkpoint { get; } = Embedded("pav-tiny-s");

    /// <summary>Its heads are of 32 numbers, for which llama.cpp has further kernels.</summary>
    public static string Larger { get; } = Embedded("pav-tiny-m");

    public string Exact => At("exact.gguf");

    public string Quantised => At("quantised.gguf");

    public string At(string name) => Path.Combine(temporary, name);

    /// <summary>The file, changed by whoever is given it.</summary>
    internal string Changed(string name, Action<GgufWriter> change, string? checkpoint = null)
    {
        var writer = LlamaGguf.From(checkpoint ?? Checkpoint);
        change(writer);
        writer.Save(At(name));
        return At(name);
    }

    public TransformerPolicy Here(EngineOptions? options = null, PromptTemplate? template = null, string? file = null) =>
        GgufModel.Policy("here", file ?? Exact, template ?? Template, options ?? new(64 << 20, Threads: 1));

    public static TransformerPolicy Ours() => TransformerPolicy.Load("ours", Checkpoint, Template, new(64 << 20, Threads: 1));

    public static IReadOnlyList<Problem> Problems(int count) => [.. Worksheet.Problems(1, Split.Test).Take(count)];

    public void Dispose() => Directory.Delete(temporary, recursive: true);

    private static string Embedded(string name)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (Path.Combine(directory.FullName, "models", name) is var folder && File.Exists(Path.Combine(folder, "config.json")))
                return folder;
        throw new DirectoryNotFoundException($"models/{name}");
    }
}
