using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models.Files;
using Pav.Torch;

namespace Pav.Cli.Running;

/// <summary>Runs one command from what the user asked to its exit code: binds options, opens the run folder, reports, and turns failures
/// into one sentence.</summary>
internal static class Runner
{
    public const int Done = 0, Failed = 1, Usage = 2, Interrupted = 130;

    /// <param name="resolve">Settles which command a recipe is for.</param>
    public static async Task<int> Start(
        CommandSpec spec, Request request, Func<CommandSpec, Request, (CommandSpec, Request)> resolve, CancellationToken cancel)
    {
        object options;
        try
        {
            (spec, request) = resolve(spec, request);
            options = Bind(spec, request);
        }
        catch (Exception e) when (Sentence(e) is { } sentence)
        {
            return Fail(e, sentence, Usage);
        }
        var reporter = Reporter.For(request.Json, request.Quiet);
        var path = "";
        try
        {
            path = FolderOf(spec, options);
            var result = await Run(spec, options, path, reporter, cancel);
            if (request.Json) Console.Out.WriteLine(result.ToJsonString());
            return Done;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            Console.Error.WriteLine(Printable.From(path == ""
                ? "Stopped." : $"Stopped. To go on where it stopped: {Home.Again(spec.Name, path)}"));
            return Interrupted;
        }
        catch (Exception e) when (Sentence(e) is { } sentence)
        {
            return Fail(e, sentence, Failed);
        }
    }

    /// <summary>Runs a command whose options are known, in its run folder where it has one; a finished folder gives its old result at
    /// once.</summary>
    public static async Task<JsonObject> Run(CommandSpec spec, object options, string path, Reporter reporter, CancellationToken cancel)
    {
        if (spec.Output is Output.None or Output.File || path == "")
            return ToJson(await spec.Run(options, new CommandContext(null, reporter, cancel)));
        using var folder = RunFolder.Open(spec.Name, options, path);
        if (folder.Finished)
        {
            reporter.Say($"{path} is finished already; choose another --out to run it again.");
            return Named(spec, path, folder.Result ?? []);
        }
        reporter.Say($"{(folder.Resumed ? "Taking up" : "Writing into")} {path}");
        try
        {
            var result = ToJson(await spec.Run(options, new CommandContext(folder, reporter, cancel)));
            folder.Finish(result);
            return Named(spec, path, result);
        }
        catch
        {
            LeaveBehind(folder);
            throw;
        }
    }

    /// <summary>Runs a command that is one of several in a row, unless an earlier start of these finished it; false if so.</summary>
    public static async Task<bool> RunOnce(CommandSpec spec, object options, string path, Reporter reporter, CancellationToken cancel)
    {
        var target = spec.Schema.Fields.First(f => f.SnakeName == "out").Get(options) as string ?? "";
        var done = spec.HasFolder ? RunFolder.IsFinished(path) : spec.Name == "problems" && File.Exists(target);
        if (done)
        {
            reporter.Say("(done before)");
            if (spec.HasFolder) RunFolder.Open(spec.Name, options, path).Dispose();
        }
        else await Run(spec, options, path, reporter, cancel);
        return !done;
    }

    private static JsonObject ToJson(object result) => JsonSerializer.SerializeToNode(result, result.GetType(), Json.Line)!.AsObject();

    private static JsonObject Named(CommandSpec spec, string path, JsonObject result) =>
        new() { ["command"] = spec.Name, ["out"] = path, ["result"] = result };

    /// <summary>What a person should read of a failure that is not pav's own fault; null for one that is.</summary>
    public static string? Sentence(Exception e) => e switch
    {
        UserError or SafetensorsException or TorchException => e.Message,
        UnauthorizedAccessException or IOException => $"{e.Message.TrimEnd('.')}.",
        JsonException json => $"Not JSON{(json.LineNumber is { } line ? $" (line {line + 1})" : "")}: {json.Message}",
        AggregateException many => many.Flatten().InnerExceptions.Select(Sentence).FirstOrDefault(s => s is not null),
        DllNotFoundException => $"libtorch cannot be loaded ({e.Message.Split('\n')[0].TrimEnd('.')}); start through ./pav, which finds "
            + "or installs it, or see 'pav doctor'.",
        _ => null,
    };

    public static int Fail(Exception e, string sentence, int code)
    {
        Console.Error.WriteLine(Printable.From($"pav: {Home.Typed(sentence.ReplaceLineEndings(" "))}"));
        if (Environment.GetEnvironmentVariable("PAV_DEBUG") == "1") Console.Error.WriteLine(Printable.From(e.ToString()));
        return code;
    }

    /// <summary>Options from a run begun in the same folder, then the recipe, then the flags.</summary>
    private static object Bind(CommandSpec spec, Request request)
    {
        var recipes = new List<Recipe>();
        if (spec.HasFolder && request.Flags.TryGetValue("--out", out var path) && RunFolder.Begun(spec.Name, path) is { } begun)
            recipes.Add(begun);
        if (request.Recipe is { } name)
        {
            var recipe = Recipe.Load(name);
            if (recipe.Command is { } command && command != spec.Name)
                throw new UserError($"{recipe.Source} is a recipe for 'pav {command}', not for 'pav {spec.Name}'.");
            recipes.Add(recipe);
        }
        return spec.Schema.Bind(recipes, request.Flags);
    }

    /// <summary>Where a command's run folder is to be; empty where it writes none.</summary>
    private static string FolderOf(CommandSpec spec, object options) => spec.Output switch
    {
        Output.Folder when ((RunSettings)options).OnlyTells => "",
        Output.Folder when ((RunSettings)options).Out == "" => RunFolder.DefaultPath(spec.Name, DateTime.Now),
        Output.Folder or Output.OptionalFolder => ((RunSettings)options).Out,
        _ => "",
    };

    /// <summary>A run that stops early leaves its time in run.json, and one that had made nothing yet leaves nothing.</summary>
    private static void LeaveBehind(RunFolder folder)
    {
        try
        {
            if (!folder.RemoveIfUnused()) folder.Spend();
        }
        catch (Exception e) when (Sentence(e) is not null)
        {
            // The failure that led here is the one to report; on a full disk this note fails as well.
        }
    }
}
