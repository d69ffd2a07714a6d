using System.Text.Json;
using Pav.Cli.Commands.Demo;
using Pav.Cli.Commands.Train;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;

namespace Pav.Cli.Tests;

/// <summary>The recipes that come with pav fit the commands that they are for.</summary>
public class RecipeFilesTests
{
    public static TheoryData<string> All =>
        [.. Directory.GetFiles(Home.Find("recipes")!, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!)];

    [Theory]
    [MemberData(nameof(All))]
    public void EveryRecipeBinds(string name)
    {
        var file = Recipe.Locate(name);
        var text = File.ReadAllText(file);
        if (JsonDocument.Parse(text,
            new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }).RootElement.TryGetProperty("steps",
            out var listed) && listed.ValueKind == JsonValueKind.Array)
        {
            var steps = DemoPlan.Parse(file, text).Bind("out", AllCommands.Specs, new Dictionary<string, string> { ["--threads"] = "1" });
            Assert.All(steps.Where(s => s.Command?.Output == Output.Folder), s =>
                Assert.Equal(Path.Combine("out", s.Step.Name), ((RunSettings)s.Options).Out));
            return;
        }
        var recipe = Recipe.Load(name);
        var spec = Assert.Single(AllCommands.Specs, s => s.Name == recipe.Command);
        Assert.NotNull(spec.Schema.Bind([recipe], new Dictionary<string, string>()));
    }

    [Fact]
    public void AStepWaitsForThoseWhoseFilesItNames()
    {
        var file = Recipe.Locate("demo-quick");
        var text = File.ReadAllText(file).Replace("\"steps\": [", """
            "steps": [
                { "name": "first", "run": "report", "say": "", "options": { "folders": ["@/"], "out": "@/first.html" } },
            """);
        text = text[..text.LastIndexOf(']')]
            + """, { "name": "all", "run": "report", "say": "", "options": { "folders": ["@/"], "out": "@/all.html" } } ] }""";
        var steps = DemoPlan.Parse(file, text).Bind("out", AllCommands.Specs, new Dictionary<string, string>());
        Assert.Empty(Needs("first"));
        Assert.Empty(Needs("problems-train"));
        Assert.Equal(["problems-valid"], Needs("base"));
        Assert.Equal(["labels", "labels-valid", "problems-train", "problems-valid"], Needs("verifier").Order());
        Assert.Equal(["verifier"], Needs("gate"));
        Assert.Equal(["base", "outcome", "problems-test", "problems-valid", "verifier"], Needs("search").Order());
        Assert.Equal(steps.SkipLast(1).Where(s => s.Command is not null).Select(s => s.Step.Name), Needs("all"));
        Assert.Equal(["gate", "problems-test", "problems-train", "problems-valid"],
            steps.Where(s => s.Length == 0).Select(s => s.Step.Name).Order());
        IReadOnlyList<string> Needs(string name) => DemoPlan.Needs(steps.Single(s => s.Step.Name == name), steps);
    }

    [Theory]
    [InlineData("\"model\": \"m\"", "cpu")]
    [InlineData("\"model\": \"m\", \"device\": \"cuda:1\"", "cuda:1")]
    public void AStepOnAnotherDeviceIsSeen(string options, string expected)
    {
        var text = $$"""{ "steps": [ {{Step("p", "problems", "\"out\": \"@/p.jsonl\"")}}, {{Step("a", "train sft", options)}} ] }""";
        Assert.Equal(expected, DemoPlan.Device(DemoPlan.Parse("p.json", text).Bind("out", AllCommands.Specs,
            new Dictionary<string, string>())));
    }

    [Theory]
    [InlineData("""{ "steps": [] }""", "p.json: a plan needs \"steps\".")]
    [InlineData("""{ "steps": [ { "name": "a", "say": "", "run": "labell", "options": {} } ] }""", "p.json, step 'a': 'labell' is no command of pav.")]
    [InlineData("""{ "steps": [ { "name": "a", "say": "", "run": "problems", "options": { "out": "x", "cuont": 3 } } ] }""", "p.json, step 'a': option 'cuont' is not known; did you mean 'count'?")]
    [InlineData("{ \"steps\": \n [ { \"name\": 3 } ] }", "p.json:2: not a plan")]
    public void ABrokenPlanIsRefusedBeforeAnythingRuns(string text, string expected) =>
        Assert.StartsWith(expected,
            Assert.Throws<UserError>(() =>
            DemoPlan.Parse("p.json", text).Bind("out", AllCommands.Specs, new Dictionary<string, string>())).Message);

    [Theory]
    [InlineData("../../escaped")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("/tmp/x")]
    [InlineData("a/b")]
    public void AStepIsNamedAsASubFolder(string name) =>
        Assert.StartsWith($"p.json: a step is called '{name}'", Refused(Step(name, "label", "")));

    [Theory]
    [InlineData("problems", "\"out\": \"@/../x\"", "'@/../x' is a path outside")]
    [InlineData("problems", "\"out\": \"@//etc/x\"", "'@//etc/x' is a path outside")]
    [InlineData("problems", "\"out\": \"/tmp/x.jsonl\"", "writes /tmp/x.jsonl, outside")]
    [InlineData("report", "\"folders\": [\"@/\"], \"out\": \"../x.html\"", "writes ../x.html, outside")]
    [InlineData("train rft", "\"labels\": [\"@/b\", \"@/b/../../c\"]", "'@/b/../../c' is a path outside")]
    public void APlanStaysInItsFolder(string run, string options, string expected) =>
        Assert.StartsWith($"p.json, step 'a': {expected}", Refused(Step("a", run, options)));

    [Theory]
    [InlineData("null")]
    [InlineData("""{ "name": "b", "run": "label" }""")]
    [InlineData("""{ "name": null, "say": "", "run": "label", "options": {} }""")]
    [InlineData("""{ "name": "b", "say": "", "run": null, "options": {} }""")]
    [InlineData("""{ "name": "b", "say": "", "run": "label", "options": null }""")]
    public void AStepHasANameARunAndOptions(string step) => Assert.StartsWith("p.json", Refused(step));

    private static string Step(string name, string run, string options) =>
        $$"""{ "name": "{{name}}", "say": "", "run": "{{run}}", "options": { {{options}} } }""";

    private static string Refused(string step)
    {
        var text = $$"""{ "steps": [ {{step}} ] }""";
        var plan = () => DemoPlan.Parse("p.json", text).Bind("out", AllCommands.Specs, new Dictionary<string, string>());
        return Assert.Throws<UserError>(plan).Message;
    }

    [Theory]
    [InlineData("""{ "models": ["pav-tiny-s"], "matrix_models": ["../../escaped"] }""", "'../../escaped' is not the name")]
    [InlineData("""{ "rival_outcome_iterations": [] }""", "rival_outcome_iterations names no number")]
    public void AScaleThatCannotBeRunIsRefused(string scale, string expected)
    {
        using var temporary = new TemporaryFolder();
        var file = temporary.Write("scale.json", scale);
        var error = Assert.Throws<UserError>(() => Pav.Cli.Commands.Reproduce.ReproduceScale.Load(file));
        Assert.StartsWith($"{file}: {expected}", error.Message);
    }

    [Fact]
    public void PathsOfAPlanLieInItsFolder()
    {
        var plan = DemoPlan.Parse("p.json", """{ "steps": [ { "name": "a", "say": "", "run": "train rft", "options": { "model": "@/base", "labels": ["@/l", "m"], "problems": ["@/p.jsonl"], "out": "ignored" } } ] }""");
        var settings =
            (RftSettings)Assert.Single(plan.Bind("d", AllCommands.Specs,
            new Dictionary<string, string> { ["--threads"] = "2", ["--nothing"] = "3" })).Options;
        Assert.Equal("d/base", settings.Model);
        Assert.Equal(["d/l", "m"], settings.Labels);
        Assert.Equal("d/a", settings.Out);
        Assert.Equal(2, settings.Threads);
    }
}
