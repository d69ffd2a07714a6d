using System.Text.Json.Nodes;
using Pav.Models;
using Pav.Torch;

namespace Pav.Cli.Tests;

/// <summary>Every mistake is one sentence, a non-zero exit code, and nothing written.</summary>
public sealed class BadInputTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    [Theory]
    [InlineData("lable", "'pav' has no command 'lable'; did you mean 'label'?")]
    [InlineData("train sfd", "'pav train' has no command 'sfd'; did you mean 'sft'?")]
    [InlineData("label --n-mcc 3", "'pav label' has no option '--n-mcc'; did you mean '--n-mc'?")]
    [InlineData("label --problems train.jsonl", "--policy is missing")]
    [InlineData("search --policy model --problems test.jsonl --n 0", "--n is '0', but must be a whole number from 1 to 4096")]
    [InlineData("label --policy model --problems test.jsonl --temperature 0", "--temperature is '0', but must be a number above 0 to 10.")]
    [InlineData("label --policy model --problems test.jsonl --recipe no-such", "Recipe 'no-such' is neither a file")]
    public void CommandLinesThatCannotBeUnderstood(string line, string expected) =>
        Assert.StartsWith($"pav: {expected}", Cli.Run(tiny.Folder, line.Split(' ')).Sentence(2));

    [Theory]
    [InlineData("reproduce 4 --scale no-such",
        "--scale 'no-such' is neither a file nor the name of a scale (default, default-rate-1e-4, full, quick)")]
    [InlineData("search --policy model --problems test.jsonl --alpha 11 --out new",
        "--alpha is '11', but must be a number from 0 to 10, or auto.")]
    [InlineData("search --policy model --problems test.jsonl --methods beam-q --out new",
        "--methods names beam-q, which needs --verifier.")]
    [InlineData("search --policy model --problems test.jsonl --oracle 8 --provers bo4,bo16 --out new",
        "--oracle 8 completions cannot tell what bo16 of --provers is worth without bias; give --oracle at least 16")]
    [InlineData("rl --policy model --problems train.jsonl --out new",
        "--reward pav needs a prover: --verifier, --oracle-rollouts, or --refresh with --refresh-labels sampled.")]
    [InlineData("rl --policy model --problems train.jsonl --oracle-rollouts 2 --out new",
        "--best-of 4 cannot be estimated from 2 completions")]
    [InlineData("rl --policy model --problems train.jsonl --oracle-rollouts 4 --prover bo2,bo8 --out new",
        "--prover bo8 cannot be estimated from 4 completions")]
    [InlineData("rl --policy model --problems train.jsonl --oracle-rollouts 4 --prover bo2,best --out new",
        "--prover names 'best', but must name provers boK with K from 1 to 4096.")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --weights int8 --out new",
        "--weights int8 draws from a policy that is not quite the one that learns; leave the option out.")]
    [InlineData("signal --policy model --problems train.jsonl --verifier verifier --weights int8",
        "--weights int8 draws from a policy that is not quite the one that learns; leave the option out.")]
    [InlineData("train verifier --model model --labels train.jsonl --problems train.jsonl --weights int8 --out new",
        "--weights int8 is for models that draw or score, and training computes with the weights as they are stored; leave the option")]
    [InlineData("train sft --model model --weights int8 --out new",
        "--weights int8 is for models that draw or score, and training computes with the weights as they are stored; leave the option")]
    [InlineData("label --policy http://127.0.0.1:9/v1 --problems test.jsonl --weights int8 --out new",
        "--weights int8: the servers of --policy compute with the weights that they have; leave the option out.")]
    [InlineData("label --policy http://127.0.0.1:9/v1 --problems test.jsonl --kv-cache float16 --out new",
        "--kv-cache float16: the servers of --policy keep keys and values as they do; leave the option out.")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --alpha-by value --out new",
        "--alpha-by value is about the step rewards of --reward pav.")]
    [InlineData("evaluate --policy model --problems test.jsonl --samples 8 --hard-samples 4 --out new",
        "--hard-samples 4 is below --samples 8")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --test-problems nope --out new", "nope: no such file")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --test-problems test.jsonl --hard nope --out new",
        "--hard nope: there is no tallies.jsonl in it")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --guard-window 3 --out new",
        "the guard's window must be 0 (off) or at least 4 iterations, it is 3")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --stop-on-hacking --out new",
        "--stop-on-hacking watches progress: it needs --verifier, --oracle-rollouts or --refresh-labels sampled, and a")]
    [InlineData("rl --policy model --problems train.jsonl --oracle-rollouts 4 --alpha tries --out new",
        "--alpha tries needs step rewards, and --valid-problems")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --guard-alpha 2 --out new",
        "--guard-alpha is '2', but must be a number from 0 to 1, or auto.")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --guard-alpha 0.5 --guard-window 0 --out new",
        "--guard-alpha 0.5 acts on what the guard sees: it needs a --guard-window above 0.")]
    [InlineData("rl --policy model --problems train.jsonl --reward orm --alpha none --out new",
        "--alpha is 'none', but must be a number from 0 to 1000, auto or tries.")]
    [InlineData("label --policy model --problems test.jsonl --kv-cache float16 --device torch --out new",
        "--kv-cache float16 is for --device cpu; with --device torch libtorch keeps keys and values in the type")]
    [InlineData("label --policy model --problems test.jsonl --weights int8 --device torch --out new",
        "--weights int8 is for --device cpu; with --device torch libtorch computes with the weights as they are stored")]
    [InlineData("label --policy nowhere --problems test.jsonl --out new", "--policy 'nowhere': there is no such folder")]
    [InlineData("label --policy model --problems nowhere.jsonl --out new", "nowhere.jsonl: no such file")]
    [InlineData("label --policy model --problems model --out new", "model: ")]
    [InlineData("train verifier --model model --labels nowhere --problems train.jsonl --out new",
        "--labels nowhere: there is no such file or folder.")]
    public void InputsThatAreNotThere(string line, string expected)
    {
        Assert.StartsWith($"pav: {expected}", Cli.Run(tiny.Folder, line.Split(' ')).Sentence(1));
        Assert.False(Directory.Exists(tiny.At("new")));
    }

    [Theory]
    [InlineData("search --policy model --problems test.jsonl --provers foo --out new", "--provers 'foo': there is no such folder")]
    [InlineData("search --policy model --problems test.jsonl --sweep-provers foo --out new", "--provers 'foo': there is no such folder")]
    [InlineData("search --policy model --problems test.jsonl --provers model --out new", "model is a language model's checkpoint")]
    [InlineData("evaluate --policy model --problems test.jsonl --verifier model --labels foo --out new", "--labels foo: there is no such")]
    [InlineData("reproduce 4 --policy model --problems test.jsonl --verifier foo --out new", "--verifier 'foo': there is no such folder")]
    [InlineData("reproduce 4 --policy model --problems test.jsonl --train-problems foo --out new", "foo: no such file")]
    public void WhatIsNeededLateIsLookedForBeforeAnythingIsDrawn(string line, string expected)
    {
        var ended = Cli.Run(tiny.Folder, line.Split(' '));
        Assert.StartsWith($"pav: {expected}", ended.Sentence(1));
        Assert.DoesNotContain("problems", ended.Out);
        Assert.False(Directory.Exists(tiny.At("new")));
    }

    [Fact]
    public void AFailedRunTakesBackTheFoldersAboveItsOwn()
    {
        Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "nowhere.jsonl", "--out", "a/b/c").Sentence(1);
        Cli.Run(tiny.Folder, "search", "--policy", "model", "--problems", "test.jsonl", "--provers", "foo", "--out", "a/b/c").Sentence(1);
        Assert.False(Directory.Exists(tiny.At("a")));
    }

    [Fact]
    public void AnOutcomeVerifierJudgesNoSteps()
    {
        Directory.CreateDirectory(tiny.At("outcome"));
        foreach (var file in Directory.GetFiles(tiny.At("model")))
            File.Copy(file, Path.Combine(tiny.At("outcome"), Path.GetFileName(file)), overwrite: true);
        new VerifierRecord(VerifierKind.Outcome, "model", "numeric-3", "{problem}\n", new(1, 1, 1, 1)).Save(tiny.At("outcome"));
        foreach (var line in new[] { "rl --policy model --problems train.jsonl --verifier outcome --out new",
            "evaluate --policy model --problems test.jsonl --verifier outcome --hard here --hard-beam 2 --out new" })
            Assert.StartsWith("pav: --verifier outcome is an outcome verifier, which judges whole traces only",
                Cli.Run(tiny.Folder, line.Split(' ')).Sentence(1));
        Assert.False(Directory.Exists(tiny.At("new")));
    }

    [Fact]
    public void APlanTakesNoFlagOfItsCommands() =>
        Assert.Contains("rl-quick.json is a plan of several commands, and --alpha goes with one of them",
            Cli.Run(tiny.Folder, "rl", "--recipe", "quick", "--alpha", "2").Sentence(2));

    [Fact]
    public void ABrokenLineIsNamedAndNothingIsWritten()
    {
        File.WriteAllText(tiny.At("broken.jsonl"), "{\"problem\": \"Start 5\", \"answer\": \"5\"}\n{\"problem\": \"Start 6\"\n");
        Assert.StartsWith("pav: broken.jsonl:2: ",
            Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "broken.jsonl", "--out", "new").Sentence(1));
        Assert.False(Directory.Exists(tiny.At("new")));
    }

    [Fact]
    public void ACheckpointThatDoesNotFitIsNamed()
    {
        string Label(string model) => Cli.Run(tiny.Folder, "label", "--policy", model, "--problems", "test.jsonl", "--out", "new")
            .Sentence(1);
        string Copy(string name, Func<IEnumerable<(string, Tensor)>, IEnumerable<(string, Tensor)>> change,
            Action<JsonObject>? config = null)
        {
            Directory.CreateDirectory(tiny.At(name));
            foreach (var file in Directory.GetFiles(tiny.At("model")))
                File.Copy(file, Path.Combine(tiny.At(name), Path.GetFileName(file)), overwrite: true);
            using var scope = torch.NewDisposeScope();
            using (var weights = new SafetensorsFolder(tiny.At("model")))
                SafetensorsFile.Write(Path.Combine(tiny.At(name), "model.safetensors"),
                    [.. change(weights.Names.Select(n => (n, weights.Read(n))))]);
            var json = JsonNode.Parse(File.ReadAllText(Path.Combine(tiny.At(name), "config.json")))!.AsObject();
            config?.Invoke(json);
            File.WriteAllText(Path.Combine(tiny.At(name), "config.json"), json.ToJsonString());
            return name;
        }
        const string norm = "model.norm.weight";
        Assert.Contains(norm, Label(Copy("lacking", all => all.Where(t => t.Item1 != norm))));
        var wrong = Label(Copy("wrong", all => all.Select(t => t.Item1 == norm ? (t.Item1, torch.ones([17])) : t)));
        Assert.Contains(norm, wrong);
        Assert.Contains("[17]", wrong);
        Assert.Contains("sliding_window_of_mine", Label(Copy("unknown", all => all, json => json["sliding_window_of_mine"] = 4)));
        Assert.False(Directory.Exists(tiny.At("new")));
    }

    [Fact]
    public void AFolderOfOtherOptionsIsRefused()
    {
        string[] label = ["label", "--policy", "model", "--problems", "test.jsonl", "--n-cov", "1", "--n-mc", "1", "--max-tokens", "20",
            "--out", "labels"];
        Cli.Run(tiny.Folder, label).Succeeded();
        Assert.Contains("belongs to a run with --n-mc 1, not 2",
            Cli.Run(tiny.Folder, "label", "--out", "labels", "--recipe", Recipe("{ \"n_mc\": 2 }")).Sentence(1));
        Assert.Contains("belongs to a run of 'pav label'",
            Cli.Run(tiny.Folder, "evaluate", "--policy", "model", "--problems", "test.jsonl", "--out", "labels").Sentence(1));
    }

    [Fact]
    public void ADiskThatRefusesLeavesWholeLinesThatARestartTakesUp()
    {
        string[] Label(string to) =>
            ["label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "1", "--n-mc", "1", "--max-tokens", "40",
            "--problems-per-batch", "1", "--out", to];
        Assert.Contains("full/labels.jsonl: the file would be larger", Cli.RunWithFilesUpTo(4, tiny.Folder, Label("full")).Sentence(1));
        Assert.EndsWith("\n", File.ReadAllText(tiny.At("full/labels.jsonl")));
        Cli.Run(tiny.Folder, Label("full")).Succeeded();
        Cli.Run(tiny.Folder, Label("roomy")).Succeeded();
        Assert.Equal(File.ReadAllText(tiny.At("roomy/labels.jsonl")), File.ReadAllText(tiny.At("full/labels.jsonl")));
    }

    private string Recipe(string text)
    {
        File.WriteAllText(tiny.At("recipe.json"), text);
        return "recipe.json";
    }
}
