using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Models.Files;
using Pav.Report.Folders;
using Pav.Torch;

namespace Pav.Cli.Commands.Doctor;

internal sealed record DoctorSettings
{
    [Flag("Look at the program only: do not load libtorch, measure nothing")]
    public bool Fast { get; init; }
}

/// <summary>What there is; of libtorch only where it was looked at.</summary>
internal sealed record DoctorFacts(string Dotnet, string Os, int Cores, double MemoryGb, string ReportPage, string Models, string Recipes)
{
    public string? Libtorch { get; init; }

    public string? LibtorchPath { get; init; }

    public string? Devices { get; init; }

    public int? Threads { get; init; }

    public string? Blas { get; init; }

    public double? GemmGflops { get; init; }

    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>Says what the machine offers, and what is missing.</summary>
internal static class DoctorCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<DoctorSettings, DoctorFacts>(
        "doctor", "Say what this machine offers: processors, memory, and for --device cuda or torch libtorch, its devices and speed.",
        "pav doctor", Output.None, Run);

    private static Task<DoctorFacts> Run(DoctorSettings settings, CommandContext context)
    {
        var facts = new DoctorFacts(
            Environment.Version.ToString(), RuntimeInformation.OSDescription, Environment.ProcessorCount,
            Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1073741824.0, 1),
            ReportWriter.HasPage ? "built in" : "not built: run ./pav once with npm installed",
            Names("models", Directory.GetDirectories), Names("recipes", folder => Directory.GetFiles(folder, "*.json")));
        if (Environment.GetEnvironmentVariable(Home.LacksVariable) is { Length: > 0 } lacks)
            facts = facts with { Warnings = [$"not all of pav is built: {lacks}."] };
        try
        {
            if (!settings.Fast) facts = WithTorch(facts);
        }
        catch (Exception e) when (Runner.Sentence(e) is { } sentence)
        {
            facts = facts with { Libtorch = $"none, which only --device cuda and --device torch need: {sentence}" };
        }

        foreach (var (name, value) in JsonSerializer.SerializeToNode(facts with { Warnings = [] }, Json.Line)!.AsObject())
            if (value is not JsonArray) context.Reporter.Say($"{name.Replace('_', ' '),-14} {value}");
        foreach (var warning in facts.Warnings) context.Reporter.Say($"warning: {warning}");
        return Task.FromResult(facts);
    }

    /// <summary>The names in a folder that comes with pav.</summary>
    private static string Names(string folder, Func<string, string[]> list) => Home.Find(folder) is { } found
        ? string.Join(", ", list(found).Select(Path.GetFileNameWithoutExtension).Order())
        : "none";

    private static DoctorFacts WithTorch(DoctorFacts facts)
    {
        var machine = MachineFacts.Gather();
        string[] slow = machine.Blas.IsSlowReference
            ? ["this is the slow reference BLAS, about ten times slower than OpenBLAS; install libopenblas0-pthread."] : [];
        return facts with
        {
            Libtorch = machine.LibtorchVersion, LibtorchPath = machine.LibtorchPath, Devices = string.Join(", ", machine.Devices),
            Threads = machine.Threads, Blas = machine.Blas.Library, GemmGflops = Math.Round(machine.GemmGflops, 1),
            Warnings = [.. facts.Warnings, .. slow],
        };
    }
}
