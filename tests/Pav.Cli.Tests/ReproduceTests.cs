using System.Text.Json.Nodes;
using Pav.Cli.Commands.Reproduce;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Commands.Search;
using Pav.Cli.Commands.Train;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Shared;
using Pav.Models.Files;
using Pav.Report.Reproduction;

namespace Pav.Cli.Tests;

public sealed class ReproduceTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    public static TheoryData<string> Scales =>
        [.. Directory.GetFiles(Home.Find("recipes/reproduce")!, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!)];

    /// <summary>Every scale binds, and no command reads what none before it has made.</summary>
    [Theory]
    [MemberData(nameof(Scales))]
    public void PartsComeAfterWhatTheyNeed(string scale)
    {
        var plan = new ReproducePlan(ReproduceScale.Load(scale), new() { Figure = ["all"], Out = "out" });
        foreach (var figure in Figures.All) figure.Prepare(plan);
        var made = new HashSet<string>();
        foreach (var part in plan.Parts)
        {
            foreach (var field in OptionSchema.From(part.Command.Options).Fields.Where(f => f.Flag.Input))
            {
                var values = field.Get(part.Options) switch { string s => [s], string[] many => many, _ => Array.Empty<string>() };
                Assert.All(values.Where(v => v.StartsWith("out/", StringComparison.Ordinal)), v =>
                    Assert.Contains(made, m => v == m || v.StartsWith(m + "/", StringComparison.Ordinal)));
            }
            Assert.True(made.Add(part.Folder));
            Assert.All(part.Needs, n => Assert.Contains(Path.Combine("out", n), made));
            // Bound as a recipe would be: every value is one that the command accepts.
            var schema = part.Command.Schema;
            schema.Bind([new Recipe(part.Name, null,
                System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, System.Text.Json.JsonElement>>(
                schema.ToJson(part.Options))!)], new Dictionary<string, string>());
        }
    }

    [Fact]
    public void APartNeedsThoseWhoseFilesItReads()
    {
        var plan = new ReproducePlan(ReproduceScale.Load("quick"), new() { Out = "out" });
        plan.Search("pav-tiny-s", 1);
        Assert.Equal(["base-s", "outcome-s-1", "problems-test", "problems-valid", "verifier-s-1"], Needs("search-s-1").Order());
        Assert.Equal(["labels-s-1", "labels-valid-s", "problems-train", "problems-valid"], Needs("verifier-s-1").Order());
        Assert.Equal(["problems-valid"], Needs("base-s"));
        Assert.Empty(Needs("problems-train"));
        IReadOnlyList<string> Needs(string name) => plan.Parts.Single(p => p.Name == name).Needs;
    }

    /// <summary>No method is searched twice on the same problems; later base policies may take fewer problems and sizes, and are expected
    /// to take longer.</summary>
    [Fact]
    public void NoMethodIsSearchedTwice()
    {
        var scale = ReproduceScale.Load("default") with { LaterProblems = 40, LaterN = [1, 8], LaterForest = [2] };
        var plan = new ReproducePlan(scale, new() { Out = "out" });
        var (first, later) = (Search(plan.Search("pav-tiny-s", 1)), Search(plan.Search("pav-tiny-m", 1)));
        var (others, further) = (Search(plan.MethodsSearch("pav-tiny-s", 1)), Search(plan.ForestSearch("pav-tiny-s", 1)));
        Assert.Empty(first.Methods.Intersect(others.Methods));
        Assert.Contains("mcts", others.Methods);
        Assert.Empty(ForestFigure.Methods.Except(first.Methods));
        Assert.Equal(Sizes(first), Sizes(further));
        Assert.NotEqual(first.Problems, further.Problems);
        Assert.Equal((0, 40), (first.Limit, later.Limit));
        Assert.Equal(scale.N, first.N);
        Assert.Equal([1, 8], later.N);
        Assert.Equal([2], later.Forest);
        var left = new TimeLeft(plan.Parts, 2);
        Assert.True(left.Expected(Part("search-m-1")) > left.Expected(Part("search-s-1")));

        Part Part(string name) => plan.Parts.Single(p => p.Name == name);
        SearchSettings Search(string folder) => (SearchSettings)Part(Path.GetFileName(folder)).Options;
        string Sizes(SearchSettings s) => string.Join(' ', s.N.Concat(s.Beam).Concat(s.Forest)) + s.Alpha + s.Settle;
    }

    /// <summary>Gradients are measured on easier problems along both runs, and on the hardest along one on progress by the verifier of
    /// fewest labels; where both are the same problems, once.</summary>
    [Fact]
    public void GradientsAreMeasuredOnHardProblemsToo()
    {
        var plan = new ReproducePlan(ReproduceScale.Load("default"), new() { Out = "out" });
        Assert.Equal([(5, "orm", 0), (5, "orm", 50), (5, "orm", 100), (5, "pav", 0), (5, "pav", 50), (5, "pav", 100), (8, "pav", 0),
            (8, "pav", 25), (8, "pav", 50)], plan.Signals("pav-tiny-s").Select(s => (s.Traps, s.Run, s.Iteration)));
        Assert.Equal(8, plan.Parts.Count(p => p.Command == SignalCommand.Spec));
        Assert.Equal(["base-s", "problems-rivals-train-8", "rivals-verifier-s-16-of40-1", "rl-signal-8-pav-s"],
            plan.Parts.Single(p => p.Name == "signal-8-s-pav-25").Needs.Order());
        var same = new ReproducePlan(ReproduceScale.Load("default") with { RivalTraps = [5] }, new() { Out = "out" });
        Assert.All(same.Signals("pav-tiny-s"), s => Assert.Equal(5, s.Traps));
    }

    /// <summary>How a model of one's own is asked, and where it runs, is said to every command that runs it.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void WhatIsSaidOfAModelGoesToItsCommands(int rftSteps)
    {
        var plan = new ReproducePlan(ReproduceScale.Load("quick") with { RftSteps = rftSteps }, new()
        {
            Out = "out", Policy = "mine", Problems = "test.jsonl", TrainProblems = "train.jsonl", ValidProblems = "valid.jsonl",
                Device = "cuda:1",
            Prompt = new() { Chat = "no-thinking", System = "Be brief." }, Ends = new() { StepEnd = "blank-line" },
        });
        foreach (var figure in Figures.All) figure.Prepare(plan);
        object? Option(Part part, string option) => part.Command.Schema.Fields.FirstOrDefault(f => f.FlagName == option)?.Get(part.Options);
        // 'pav signal' runs on the CPU alone.
        Assert.All(plan.Parts.Where(p => p.Options is ModelSettings), p =>
            Assert.Equal(p.Command == SignalCommand.Spec ? "cpu" : "cuda:1", Option(p, "--device")));
        Assert.Contains(plan.Parts, p => p.Command == SignalCommand.Spec);
        Assert.All(plan.Parts.Where(p => p.Options is SamplingSettings or RlSettings), p =>
            Assert.Equal("blank-line", Option(p, "--step-end")));
        // RL goes on from the model itself, or from a run of 'train rft', which has recorded how it is asked.
        var asked = plan.Parts.Where(p => p.Options is SamplingSettings or TrainingSettings or RlSettings
            && (rftSteps == 0 || !p.Name.StartsWith("rl-", StringComparison.Ordinal))).ToList();
        Assert.Contains(asked, p => p.Command.Name == "search");
        Assert.All(asked, p => Assert.Equal(("no-thinking", "Be brief."), (Option(p, "--chat"), Option(p, "--system"))));
    }

    /// <summary>Two parts at a time write the same files as one at a time, but for what they say of time and memory.</summary>
    [Fact]
    public void PartsAtTheSameTimeGiveTheSameFiles()
    {
        File.WriteAllText(tiny.At("both.json"), """
            { "seeds": 2, "outcome_steps": 4, "verifier_steps": 4, "n_cov": 2, "valid_n_cov": 2, "valid_n_mc": 1, "max_tokens": 24,
              "n": [1, 2], "beam": [1, 2], "forest": [1, 2], "alpha_grid": [0.5], "alpha_beam": 1, "strengths": [1, 4], "rl_iterations": 2,
              "rl_batch": 2, "rl_samples": 2,
              "rl_seeds": 2, "rl_test_problems": 6, "rl_test_samples": 2, "rl_hard_samples": 4, "rl_hard_beam": [1], "rl_refresh": 1,
              "rl_refresh_problems": 4 }
            """);
        var said = new[] { "1", "2" }.Select(threads => Cli.Run(tiny.Folder, "reproduce", "4", "7", "--scale", "both.json",
            "--policy", "model", "--problems", "test.jsonl", "--valid-problems", "test.jsonl", "--train-problems", "train.jsonl",
            "--out", $"both-{threads}", "--threads", threads).Succeeded().Out).ToList();
        Assert.DoesNotContain(" | ", said[0]);
        Assert.Contains("verifier-model-2 | ", said[1]);
        Assert.Matches("minutes, .* in all starts; the parts' own times add up to", said[1]);
        string[] ofTime = ["run.json", "reproduce.json", "report.html", "results.json", "results.md", "cost.json", "timing.jsonl"];
        var compared = Files("both-1").ToList();
        Assert.Equal(compared, Files("both-2"));
        Assert.Contains(Path.Combine("search-model-2", "search.jsonl"), compared);
        Assert.All(compared, f => Assert.True(Same(f), f));

        IEnumerable<string> Files(string folder) => Directory.GetFiles(tiny.At(folder), "*", SearchOption.AllDirectories)
            .Where(f => !ofTime.Contains(Path.GetFileName(f)) && Path.GetFileName(Path.GetDirectoryName(f)) != "tensorboard")
            .Select(f => Path.GetRelativePath(tiny.At(folder), f)).Order();
        bool Same(string file) => Timeless(Path.Combine("both-1", file)) == Timeless(Path.Combine("both-2", file));
        string Timeless(string file) => file.EndsWith(".safetensors", StringComparison.Ordinal)
            ? Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(tiny.At(file))))
            : System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(tiny.At(file)).Replace("both-1", "both-2"),
                "\"[a-z_]*(seconds|per_second|memory_mb)\": ?[-0-9.eE+]+", "");
    }

    /// <summary>Every figure that one model allows, from a random model: the commands fit together, and what is done is not done
    /// again.</summary>
    [Fact]
    public void AModelOfOnesOwnIsSearchedResumedAndReported()
    {
        File.WriteAllText(tiny.At("scale.json"), """
            { "holds_problems": 3, "holds_visit_beam": 2, "holds_beam": [1, 2], "holds_test_problems": 4,
              "seeds": 1, "outcome_steps": 2, "verifier_steps": 2, "n_cov": 2, "valid_n_cov": 2, "valid_n_mc": 1, "max_tokens": 24, "n": [1, 2], "beam": [1, 2], "alpha_grid": [0.5], "alpha_beam": 1,
              "strengths": [1, 2, 4], "strength_beams": [1], "state_problems": 2, "state_n_mc": 8, "oracle": 4, "oracle_problems": 2, "oracle_beam": [1], "ratios": ["2x1", "1x2"], "ratio_problems": 4, "ratio_steps": 1,
              "ratio_beam": 1, "ratio_seeds": 1, "pits": ["1x1x2"], "threshold_traces": 2, "frontier_seeds": 1,
              "rl_iterations": 2, "rl_batch": 2, "rl_samples": 2, "rl_seeds": 1, "rl_further_seeds": 1, "rl_test_problems": 6, "rl_test_samples": 2, "rl_hard_samples": 4, "rl_hard_beam": [1], "rl_strong_alpha": 10, "rl_refresh": 1, "rl_refresh_problems": 4,
              "rival_iterations": 2, "rival_outcome_iterations": [2], "rival_vineppo3_iterations": 2, "rival_vineppo9_iterations": 2,
              "rival_seeds": 1, "rival_tune_seeds": 1,
              "rival_rates": [1e-4, 1e-3], "rival_vineppo_rates": [1e-3],
              "rival_alphas": [0.3], "rival_labels": [1, 2], "rival_verifier_steps": 1, "rival_longer_steps": 2, "rival_oracle": 4,
              "rival_refresh": 1, "rival_refresh_steps": 1, "rival_test_samples": 2,
              "signal_batches": 3 }
            """);
        string[] figures = ["4", "5a", "5b", "5c", "6a", "6b", "7", "8", "10", "11", "G", "theory", "alpha", "ceiling", "frontier",
            "adaptive", "refresh", "holds", "rivals", "signal"];
        string[] command =
        [
            "reproduce", .. figures, "--scale", "scale.json", "--policy", "model", "--problems", "test.jsonl", "--valid-problems",
                "test.jsonl", "--train-problems", "train.jsonl", "--out", "all", "--document", "docs", "--json",
        ];
        var result = JsonNode.Parse(Cli.Run(tiny.Folder, command).Succeeded().Out)!;
        Assert.Equal(figures.Order(), result["verdicts"]!.AsObject().Select(v => v.Key).Order());
        Assert.Equal(["5c"], result["verdicts"]!.AsObject().Where(v => (string)v.Value! == "not run").Select(v => v.Key));
        Assert.True((long)result["tokens"]! > 0);
        Assert.True(File.Exists(tiny.At("all/report.html")));
        var summaries = Json.Read<List<FigureSummary>>(tiny.At("docs/results.json"));
        Assert.Equal(File.ReadAllText(tiny.At("docs/results.md")), ResultsDocument.Markdown(summaries));
        Assert.Equal((6, 1), (summaries[0].Size.Problems, summaries[0].Size.Seeds));
        Assert.Equal(4, summaries.Single(s => s.Figure == "holds").Size.Problems);

        var before = File.ReadAllText(tiny.At("all/figures/figure-4.json"));
        var again = Cli.Run(tiny.Folder, command).Succeeded();
        Assert.Equal(before, File.ReadAllText(tiny.At("all/figures/figure-4.json")));
        Assert.Contains("(done before)", again.Error);
        Assert.DoesNotContain("Writing into", again.Error);
    }

    /// <summary>Tries are on the easiest problems alone; of VinePPO they are as long as its runs, of others half as long.</summary>
    [Fact]
    public void ARivalChoosesOnTheEasiestProblems()
    {
        var scale = ReproduceScale.Load("default");
        var plan = new ReproducePlan(scale, new() { Figure = ["rivals"], Out = "out" });
        foreach (var figure in Figures.All.Where(f => f.Id == "rivals")) figure.Prepare(plan);
        int Iterations(string name) => ((RlSettings)plan.Parts.Single(p => p.Name == name).Options).Rl.Iterations;
        IReadOnlyList<string> Tries(string name) => [.. plan.Parts.Single(p => p.Name == name).Needs
            .Where(n => n.StartsWith("rl-rivals-try-", StringComparison.Ordinal))];

        Assert.DoesNotContain(plan.Parts, p => p.Name.StartsWith("rl-rivals-try-8", StringComparison.Ordinal));
        Assert.Equal(Tries("rl-rivals-5-grpo-s-1"), Tries("rl-rivals-8-grpo-s-1"));
        Assert.Contains("rl-rivals-try-5-grpo-s-0.0003-101", Tries("rl-rivals-8-grpo-s-1"));
        // Its own, and those of outcome rewards for the case that none of its own begins.
        Assert.Equal(scale.RivalVineppoRates.Length + scale.RivalRates.Length * scale.RivalTuneSeeds,
            Tries("rl-rivals-8-vineppo9-s-1").Count);
        Assert.Contains("rl-rivals-try-5-vineppo9-s-0.001-101", Tries("rl-rivals-8-vineppo9-s-1"));
        Assert.Equal(Tries("rl-rivals-5-pav-s-1"), Tries("rl-rivals-8-pav-16-s-1"));
        Assert.Equal<IEnumerable<int>>(
            scale.RivalOutcomeIterations, [Iterations("rl-rivals-5-orm-s-1"), Iterations("rl-rivals-8-orm-s-1")]);
        Assert.Equal(scale.RivalOutcomeIterations[0] / 2, Iterations("rl-rivals-try-5-orm-s-0.0003-101"));
        Assert.Equal((scale.RivalVineppo3Iterations, scale.RivalVineppo3Iterations),
            (Iterations("rl-rivals-5-vineppo3-s-1"), Iterations("rl-rivals-try-5-vineppo3-s-0.0003-101")));
        Assert.Equal(scale.RivalVineppo9Iterations, Iterations("rl-rivals-8-vineppo9-s-1"));
        string Warmup(string name) => ((RlSettings)plan.Parts.Single(p => p.Name == name).Options).Warmup;
        Assert.Equal(["15", "15", "15", "11", "4", "7"], [Warmup("rl-rivals-5-orm-s-1"), Warmup("rl-rivals-8-orm-s-1"),
            Warmup("rl-rivals-8-pav-s-1"), Warmup("rl-rivals-5-vineppo3-s-1"), Warmup("rl-rivals-5-vineppo9-s-1"),
            Warmup("rl-rivals-try-5-pav-16-s-0.0003-0.3-101")]);
        var verifier = (VerifierSettings)plan.Parts.Single(p => p.Name == "rivals-verifier-s-16-of40-2").Options;
        Assert.Equal((40, 40, 2ul), (verifier.Steps, verifier.EvaluateEvery, verifier.Seed));
        Assert.Contains("rivals-verifier-s-16-of40-2", plan.Parts.Single(p => p.Name == "rl-rivals-8-pav-16-s-2").Needs);
        Assert.Contains("rivals-verifier-s-16-of40-101", plan.Parts.Single(p => p.Name == "rl-rivals-try-5-pav-16-s-0.0003-0.3-101").Needs);
    }

    /// <summary>Of equals the smaller rate, then the smaller α.</summary>
    [Fact]
    public void ARivalTakesWhatDidBestOnItsOtherSeeds()
    {
        // Of 0.9 and 100 problems the standard error is 0.03: 0.875 is within it, and 0.86 is not.
        Assert.Equal((3e-4, 0.3), RivalChoice.Steadiest(
            [(1e-4, 0.3, 0.86), (3e-4, 1, 0.89), (3e-4, 0.3, 0.875), (1e-3, 0.3, 0.9)], 100));
        Assert.Equal((1e-3, 0.3), RivalChoice.Steadiest([(3e-4, 0.1, 0.2), (1e-3, 1, 0.6), (1e-3, 0.3, 0.6), (3e-3, 0.1, 0.5)], 100));
        Write("slow", """{"iteration":0,"valid_accuracy":0.9}""", """{"iteration":5,"valid_accuracy":0.1}""");
        Write("fast", """{"iteration":0,"valid_accuracy":0.05}""", """{"iteration":2}""", """{"iteration":5,"valid_accuracy":0.3}""");
        Assert.Equal((2e-3, 1), RivalChoice.Best([new(1e-3, 1, [tiny.At("slow")]), new(2e-3, 1, [tiny.At("fast"), tiny.At("fast")])]));
        // −0.8 by the one, (−0.8 + 0.25)/2 by both.
        Assert.Equal(-0.275, RivalChoice.Gained([new(1e-3, 1, [tiny.At("slow")]), new(2e-3, 1, [tiny.At("slow"), tiny.At("fast")])]), 9);
        // Tries that had not begun to learn leave the choice to the next that had; where none had it is the first's.
        RivalTries slow = new("", true, [new(1e-3, 1, [tiny.At("slow")])]), fast = new(", elsewhere", true, [new(2e-3, 1, [tiny.At("fast")])]);
        Assert.Equal((fast, fast, slow), (RivalChoice.Taken([slow, fast]), RivalChoice.Taken([fast, slow]), RivalChoice.Taken([slow, slow])));

        void Write(string run, params string[] lines)
        {
            Directory.CreateDirectory(tiny.At(run));
            File.WriteAllLines(tiny.At($"{run}/metrics.jsonl"), lines);
            File.WriteAllText(tiny.At($"{run}/valid.jsonl"), $$"""{"iteration":0,"samples":4,"right":[{{string.Join(',', new int[100])}}]}""" + "\n");
        }
    }

    [Theory]
    [InlineData("FIGURE is '12', but must be one of all, 3", "12")]
    [InlineData("FIGURE is 'figall2', but must be", "figall2")]
    [InlineData("FIGURE is missing")]
    [InlineData("go with --policy", "4", "--chat", "on")]
    [InlineData("--policy needs --problems", "fig4", "Fig5a", "--policy", "model")]
    [InlineData("--policy needs --problems", "4", "--policy", "model")]
    [InlineData("go with --policy", "4", "--verifier", "model")]
    [InlineData("needs --valid-problems", "4", "--policy", "model", "--problems", "test.jsonl", "--train-problems", "train.jsonl")]
    public void WhatCannotBeReproducedIsSaid(string expected, params string[] arguments)
    {
        var ended = Cli.Run(tiny.Folder, ["reproduce", .. arguments]);
        Assert.Contains(expected, ended.Sentence(ended.Code));
    }

    /// <summary>docs/results.md and its pictures are what the command writes of docs/results.json, which holds no more than they show;
    /// PAV_WRITE_RESULTS=1 writes all again.</summary>
    [Fact]
    public void TheDocumentIsThatOfItsSummary()
    {
        var (docs, written) = (Home.Find("docs")!, tiny.At("written"));
        var figures = Json.Read<List<FigureSummary>>(Path.Combine(docs, "results.json"));
        Directory.CreateDirectory(written);
        ResultsDocument.Write(written, figures, everything: false);
        if (Environment.GetEnvironmentVariable("PAV_WRITE_RESULTS") == "1") ResultsDocument.Write(docs, figures, everything: false);
        string[] files = ["results.json", "results.md", .. figures.Where(f => f.Panels.Count > 0).Select(ResultsDocument.PictureOf)];
        Assert.All(files, f => Assert.Equal(File.ReadAllText(Path.Combine(written, f)), File.ReadAllText(Path.Combine(docs, f))));
        Assert.Equal(files.Where(f => f.EndsWith(".svg", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
            Directory.GetFiles(Path.Combine(docs, "figures")).Select(f => $"figures/{Path.GetFileName(f)}").Order(StringComparer.Ordinal));
        Assert.InRange(new FileInfo(Path.Combine(docs, "results.json")).Length, 1, 200_000);
    }
}
