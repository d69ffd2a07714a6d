using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using LLama.Native;

namespace Pav.Gguf;

/// <summary>llama.cpp's libraries: found and loaded when a GGUF file is first opened.</summary>
internal static class LlamaLibrary
{
    /// <summary>Names a folder that has them, before the packages' folder is asked.</summary>
    public const string Variable = "PAV_LLAMA";

    private const string Package = "LLamaSharp.Backend.Cpu";

    private static readonly Lock Gate = new();
    private static readonly List<string> Errors = [];

    public static bool IsLoaded { get; private set; }

    /// <summary>Of LLamaSharp, whose declarations fit the libraries of this version only.</summary>
    public static string Version { get; } = typeof(LlamaLibrary).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .First(a => a.Key == "LlamaSharpVersion").Value!;

    /// <summary>Loads them; afterwards llama.cpp can be called.</summary>
    public static void Load()
    {
        lock (Gate)
        {
            if (IsLoaded) return;
            var folder = Folder();
            try
            {
                foreach (var name in (string[])["ggml-base", "ggml-cpu", "ggml"]) NativeLibrary.Load(Path.Combine(folder, FileName(name)));
                NativeLibrary.Load(Path.Combine(folder, FileName("llama")));
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                throw new UserError($"llama.cpp's libraries in {folder} cannot be loaded: {e.Message.ReplaceLineEndings(" ").Trim()}", e);
            }

            NativeLibraryConfig.LLama.WithLibrary(Path.Combine(folder, FileName("llama"))).WithLogCallback(Heard);
            NativeApi.llama_empty_call();
            IsLoaded = true;
        }
    }

    /// <summary>Calls llama.cpp; where that throws, <paramref name="failed"/> makes the error of what it complained of last.</summary>
    public static T Asked<T>(Func<T> call, Func<string, UserError> failed)
    {
        lock (Errors) Errors.Clear();
        try
        {
            return call();
        }
        catch (Exception e) when (e is not UserError)
        {
            throw failed(LastError() ?? e.Message);
        }
    }

    /// <summary>The innermost of the complaints: "error loading model: X" ends in what is the matter.</summary>
    private static string? LastError()
    {
        lock (Errors)
        {
            var text = Errors.FirstOrDefault(e => e.Contains("error", StringComparison.OrdinalIgnoreCase)) ?? Errors.FirstOrDefault();
            return text is null ? null : text[(text.LastIndexOf("error loading model: ", StringComparison.Ordinal) is >= 0 and var begin
                ? begin + "error loading model: ".Length : 0)..];
        }
    }

    private static void Heard(LLamaLogLevel level, string message)
    {
        if (level == LLamaLogLevel.Error)
            lock (Errors) Errors.Add(message.Trim());
    }

    private static string Folder()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
            return File.Exists(Path.Combine(given, FileName("llama"))) ? given
                : throw new UserError($"{Variable} is {given}, and there is no {FileName("llama")} in it");
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } other ? other
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var package = Path.Combine(packages, Package.ToLowerInvariant(), Version);
        var folder = Path.Combine(package, "LLamaSharpRuntimes", Platform, "native", Kind);
        if (File.Exists(Path.Combine(folder, FileName("llama")))) return folder;
        throw new UserError(Directory.Exists(package)
            ? $"{Package} {Version} has no llama.cpp for this platform ({Platform}); build it, and let {Variable} name the folder of its "
            + "libraries"
            : "GGUF models run in llama.cpp, whose libraries do not come with pav; fetch them once (42 MB) with 'dotnet package download "
            + $"{Package}@{Version} --output {packages}', or let {Variable} name the folder of your own");
    }

    private static string FileName(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    private static string Platform
    {
        get
        {
            var system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx"
                : RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal) ? "linux-musl" : "linux";
            return $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        }
    }

    /// <summary>The subfolder of the builds for what this processor can do; there is one build for other kinds and for macOS.</summary>
    private static string Kind
    {
        get
        {
            if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || OperatingSystem.IsMacOS()) return "";
            var hasVnni = X86Base.IsSupported && (X86Base.CpuId(7, 0).Ecx & 0x800) != 0;
            return Avx512BW.IsSupported && Avx512Vbmi.IsSupported && hasVnni ? "avx512"
                : Avx2.IsSupported ? "avx2" : Avx.IsSupported ? "avx" : "noavx";
        }
    }
}
