using System.Text.Json.Nodes;
using Pav.Cli.Options;

namespace Pav.Cli.Tests;

public class OptionsTests
{
    private sealed record Sample
    {
        [Flag("Weight of progress", Min = 0, Max = 10)]
        public double Alpha { get; init; } = 0.5;

        [Flag("Rate", Min = 0, AboveMin = true)]
        public double Rate { get; init; } = 1e-3;

        [Flag("Sizes", Min = 1, Max = 4096)]
        public int[] N { get; init; } = [1, 2];

        [Flag("Seed traces", Min = 1)]
        public int NCov { get; init; } = 4;

        [Flag("Kind", Choices = "random|first_pit")]
        public string Strategy { get; init; } = "random";

        [Flag("Where", Required = true, Local = true)]
        public string Out { get; init; } = "";

        [Flag("Quick")]
        public bool Quick { get; init; }

        [Flag("Only some")]
        public int? Limit { get; init; }
    }

    private static readonly OptionSchema Schema = OptionSchema.From(typeof(Sample));

    private static Sample Bind(string? recipe, params (string, string)[] flags) =>
        (Sample)Schema.Bind(recipe is null ? [] : [Recipe.Parse("r.json", recipe)], flags.Append(("--out", "x"))
            .ToDictionary(f => f.Item1, f => f.Item2));

    [Theory]
    [InlineData("NCov", "n-cov")]
    [InlineData("MemoryMb", "memory-mb")]
    [InlineData("N", "n")]
    [InlineData("Pass64Of", "pass64-of")]
    public void NamesAreKebabCase(string name, string flag) => Assert.Equal(flag, OptionField.Split(name, '-'));

    [Fact]
    public void FlagsOverrideTheRecipeAndTheRecipeTheDefaults()
    {
        var options = Bind("""{ /* small */ "alpha": 0.2, "n": [4, 8], "n_cov": 7, "quick": true, "limit": 3, }""", ("--n", "16,32"), ("--alpha", "0.3"));
        Assert.Equal(0.3, options.Alpha);
        Assert.Equal([16, 32], options.N);
        Assert.Equal(7, options.NCov);
        Assert.True(options.Quick);
        Assert.Equal(3, options.Limit);
        Assert.Equal(1e-3, options.Rate);
    }

    [Fact]
    public void AManifestBindsToTheSameRecord()
    {
        var options = new Sample { Alpha = 0.25, N = [3], Strategy = "first_pit", Out = "o", Limit = null };
        Assert.Equal(Schema.ToJson(options)
            .ToJsonString(),
            Schema.ToJson(Schema.Bind([Recipe.Parse("run.json", Schema.ToJson(options).ToJsonString())], new Dictionary<string, string>()))
            .ToJsonString());
    }

    [Theory]
    [InlineData("--alpha", "11", "--alpha is '11', but must be a number from 0 to 10.")]
    [InlineData("--alpha", "nan", "--alpha is 'nan', but must be a number from 0 to 10.")]
    [InlineData("--rate", "0", "--rate is '0', but must be a number above 0.")]
    [InlineData("--n", "4,0", "--n is '0', but must be a whole number from 1 to 4096 (or several, separated by commas).")]
    [InlineData("--n", "4,5000", "--n is '5000', but must be a whole number from 1 to 4096 (or several, separated by commas).")]
    [InlineData("--n-cov", "2.5", "--n-cov is '2.5', but must be a whole number from 1.")]
    [InlineData("--strategy", "best", "--strategy is 'best', but must be one of random, first_pit.")]
    public void BadFlagsAreOneSentence(string flag, string value, string expected) =>
        Assert.Equal(expected, Assert.Throws<UserError>(() => Bind(null, (flag, value))).Message);

    [Theory]
    [InlineData("""{ "alhpa": 1 }""", "r.json: option 'alhpa' is not known; did you mean 'alpha'?")]
    [InlineData("""{ "alpha": 12 }""", "r.json: --alpha is '12', but must be a number from 0 to 10.")]
    [InlineData("""{ "alpha": 1, "alpha": 2 }""", "r.json: option 'alpha' stands there twice.")]
    [InlineData("[1]", "r.json: a recipe is a JSON object of option names and values.")]
    [InlineData("{ \"alpha\": 1,\n \"n\": }", "r.json:2: not JSON")]
    public void BadRecipesAreOneSentence(string recipe, string expected) =>
        Assert.StartsWith(expected, Assert.Throws<UserError>(() => Bind(recipe)).Message);

    [Fact]
    public void WhatIsRequiredIsAskedFor() =>
        Assert.Equal("--out is missing (Where).",
            Assert.Throws<UserError>(() => Schema.Bind([], new Dictionary<string, string>())).Message);

    [Fact]
    public void ManifestsHoldEveryOptionUnderItsSnakeCaseName() =>
        Assert.Equal(JsonNode.Parse("""{"out":"","alpha":0.5,"rate":0.001,"n":[1,2],"n_cov":4,"strategy":"random","quick":false,"limit":null}""")!.ToJsonString(), Schema.ToJson(new Sample()).ToJsonString());

    private sealed record Grouped
    {
        [Flag("Outside")]
        public int Count { get; init; } = 1;

        [OptionGroup]
        public Sample Inner { get; init; } = new() { Alpha = 0.75 };

        [WarmupFlag("Steps")]
        public string Warmup { get; init; } = "10%";
    }

    [Fact]
    public void AGroupsOptionsAreFlatUnderTheirOwnNames()
    {
        var schema = OptionSchema.From(typeof(Grouped));
        Assert.Equal(["out", "count", "alpha", "rate", "n", "n_cov", "strategy", "quick", "limit", "warmup"],
            schema.Fields.Select(f => f.SnakeName));
        Assert.Equal("0.75", OptionField.Text(schema.Fields.Single(f => f.FlagName == "--alpha").Default));
        var bound = (Grouped)schema.Bind([Recipe.Parse("r.json", """{ "n_cov": 7, "count": 2 }""")], new Dictionary<string, string> { ["--out"] = "x", ["--alpha"] = "2" });
        Assert.Equal((2, 7, 2.0, "x", 1e-3), (bound.Count, bound.Inner.NCov, bound.Inner.Alpha, bound.Inner.Out, bound.Inner.Rate));
        Assert.Equal(2, (double?)schema.ToJson(bound)["alpha"]);
        Assert.Equal(0.75, new Grouped().Inner.Alpha);
        Assert.Equal("--out x --count 2 --alpha 2 --n-cov 7", schema.CommandLine(bound));
    }

    [Theory]
    [InlineData("100", "100", 600, 100)]
    [InlineData("100", "100", 60, 60)]
    [InlineData("1", "1", 60, 1)]
    [InlineData("0", "0", 60, 0)]
    [InlineData("10%", "10%", 150, 15)]
    [InlineData("12.5%", "12.5%", 1000, 125)]
    [InlineData("0.1", "10%", 200, 20)]
    [InlineData("0.07", "7%", 100, 7)]
    public void AWarmupIsStepsOrAShareOfThem(string text, string read, int total, int steps)
    {
        var bound = (Grouped)OptionSchema.From(typeof(Grouped))
            .Bind([], new Dictionary<string, string> { ["--out"] = "x", ["--warmup"] = text });
        Assert.Equal((read, steps), (bound.Warmup, WarmupFlagAttribute.Steps(bound.Warmup, total)));
    }

    [Theory]
    [InlineData("1.5")]
    [InlineData("-1")]
    [InlineData("101%")]
    [InlineData("%")]
    [InlineData("")]
    public void AnotherWarmupIsRefused(string text) =>
        Assert.Equal(
            $"--warmup is '{text}', but must be a whole number, or a share from 0% to 100%.",
            Assert.Throws<UserError>(() => OptionSchema.From(typeof(Grouped))
                .Bind([], new Dictionary<string, string> { ["--out"] = "x", ["--warmup"] = text })).Message);

    [Theory]
    [InlineData("label", "lable", 2)]
    [InlineData("", "abc", 3)]
    [InlineData("train", "train", 0)]
    public void DistanceCountsEdits(string a, string b, int expected) => Assert.Equal(expected, Nearest.Distance(a, b));
}
