using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Report.Folders;
using Pav.Torch;

namespace Pav.Cli.Commands.Doctor;

internal sealed record DoctorSettings
{
    [Flag("Look at the program only: do not load libtorch, measure nothing")]
    public bool Fast { get; init; }
}

/// <summary>Says what the machine offers, and what is missing.</summary>
internal static class DoctorCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Of<DoctorSettings>(
        "doctor", "Say what this machine offers: processors, memory, and for --device cuda or torch libtorch, its devices and speed.", "pav doctor", Output.None, Run);

    private static Task<JsonObject> Run(DoctorSettings settings, CommandContext context)
    {
        var facts = new JsonObject
        {
            ["dotnet"] = Environment.Version.ToString(),
            ["os"] = RuntimeInformation.OSDescription,
            ["cores"] = Environment.ProcessorCount,
            ["memory_gb"] = Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1073741824.0, 1),
            ["report_page"] = ReportWriter.HasPage ? "built in" : "not built: run ./pav once with npm installed",
            ["models"] = Home.Find("models") is { } models ? string.Join(", ", Directory.GetDirectories(models).Select(Path.GetFileName).Order()) : "none",
            ["recipes"] = Home.Find("recipes") is { } recipes ? string.Join(", ", Directory.GetFiles(recipes, "*.json").Select(Path.GetFileNameWithoutExtension).Order()) : "none",
        };
        var warnings = new List<string>();
        if (Environment.GetEnvironmentVariable(Home.LacksVariable) is { Length: > 0 } lacks)
            warnings.Add($"not all of pav is built: {lacks}.");
        try
        {
            if (!settings.Fast) Torch(facts, warnings);
        }
        catch (TorchException missing)
        {
            facts["libtorch"] = $"none, which only --device cuda and --device torch need: {missing.Message}";
        }

        foreach (var (name, value) in facts) context.Reporter.Say($"{name.Replace('_', ' '),-14} {value}");
        foreach (var warning in warnings) context.Reporter.Say($"warning: {warning}");
        facts["warnings"] = new JsonArray([.. warnings.Select(w => (JsonNode)w)]);
        return Task.FromResult(facts);
    }

    private static void Torch(JsonObject facts, List<string> warnings)
    {
        MachineFacts machine;
        try
        {
            machine = MachineFacts.Gather();
        }
        catch (Exception e) when (Runner.Sentence(e) is { } sentence)
        {
            facts["libtorch"] = "none";
            warnings.Add(sentence);
            return;
        }
        facts["libtorch"] = machine.LibtorchVersion;
        facts["libtorch_path"] = machine.LibtorchPath;
        facts["devices"] = string.Join(", ", machine.Devices);
        facts["threads"] = machine.Threads;
        facts["blas"] = machine.Blas.Library;
        facts["gemm_gflops"] = Math.Round(machine.GemmGflops, 1);
        if (machine.Blas.IsSlowReference) warnings.Add("this is the slow reference BLAS, about ten times slower than OpenBLAS; install libopenblas0-pthread.");
    }
}
