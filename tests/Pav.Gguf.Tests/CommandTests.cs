using System.Text.Json.Nodes;
using Process = Pav.Cli.Tests.Cli;
using Pav.Models.Files;

namespace Pav.Gguf.Tests;

/// <summary>A GGUF file behind the commands, as a process of its own.</summary>
public sealed class CommandTests : IClassFixture<Fixture>
{
    private readonly Fixture fixture;

    public CommandTests(Fixture fixture)
    {
        this.fixture = fixture;
        Problems.Write(fixture.At("problems.jsonl"), Fixture.Problems(6));
    }

    private Process.Ended Run(params string[] arguments) => Process.Run(fixture.At(""), arguments);

    private string[] Label(string policy, string to, params string[] more) =>
        ["label", "--policy", policy, "--problems", "problems.jsonl", "--n-cov", "2", "--n-mc", "2", "--max-tokens", "60", "--threads", "1",
            "--out", to, .. more];

    [Fact]
    public void Label_evaluate_and_guided_search_run_with_a_verifier_of_another_tokenizer()
    {
        Run(Label("exact.gguf", "labels")).Succeeded();
        Assert.Equal(12, File.ReadAllLines(fixture.At("labels/labels.jsonl")).Length);
        Run("evaluate", "--policy", "quantised.gguf", "--problems", "problems.jsonl", "--samples", "2", "--max-tokens", "60", "--threads",
            "1", "--out", "evaluated").Succeeded();
        OtherWords.Save(fixture.At("other"));
        Run("train", "verifier", "--model", "other", "--labels", "labels", "--problems", "problems.jsonl", "--held-out", "0.3", "--steps",
            "2", "--warmup", "1", "--threads", "1", "--out", "verifier").Succeeded();
        Run("search", "--policy", "exact.gguf", "--verifier", "verifier", "--problems", "problems.jsonl", "--n", "1,2", "--beam", "2",
            "--temperature", "0.2", "--max-tokens", "60", "--threads", "1", "--out", "search").Succeeded();
        var methods = JsonNode.Parse(File.ReadAllText(fixture.At("search/summary.json")))!["methods"]!.AsArray();
        Assert.Contains(methods, m => (string?)m!["method"] == "beam-q");
        Assert.All(methods, m => Assert.True((double)m!["generated_tokens"]! > 0));
    }

    [Theory]
    [InlineData("--policy 'nowhere.gguf': there is no such file", "label", "--policy", "nowhere.gguf")]
    [InlineData("leave the option out", "label", "--policy", "exact.gguf", "--device", "torch")]
    [InlineData("training and verifiers take a Hugging Face folder", "rl", "--policy", "exact.gguf", "--reward", "orm")]
    [InlineData("training and verifiers take a Hugging Face folder", "search", "--policy", "exact.gguf", "--verifier", "exact.gguf")]
    [InlineData("has no chat template", "label", "--policy", "exact.gguf", "--chat", "on")]
    public void What_a_file_cannot_do_is_said(string sentence, params string[] arguments) =>
        Assert.Contains(sentence, Run([.. arguments, "--problems", "problems.jsonl", "--out", "refused"]).Sentence(1));

    [Fact]
    public void Without_the_libraries_a_sentence_says_how_to_have_them()
    {
        Environment.SetEnvironmentVariable("NUGET_PACKAGES", fixture.At("packages"));
        try
        {
            Assert.Contains($"dotnet package download LLamaSharp.Backend.Cpu@{LlamaLibrary.Version}",
                Run(Label("exact.gguf", "none")).Sentence(1));
            Directory.CreateDirectory(fixture.At($"packages/llamasharp.backend.cpu/{LlamaLibrary.Version}"));
            Assert.Contains("has no llama.cpp for this platform", Run(Label("exact.gguf", "none")).Sentence(1));
            Environment.SetEnvironmentVariable(LlamaLibrary.Variable, fixture.At("packages"));
            Assert.Contains("PAV_LLAMA is ", Run(Label("exact.gguf", "none")).Sentence(1));
            File.WriteAllText(fixture.At("packages/libllama.so"), "not a library");
            File.WriteAllText(fixture.At("packages/libggml-base.so"), "not a library");
            Assert.Contains("cannot be loaded", Run(Label("exact.gguf", "none")).Sentence(1));
        }
        finally
        {
            Environment.SetEnvironmentVariable("NUGET_PACKAGES", null);
            Environment.SetEnvironmentVariable(LlamaLibrary.Variable, null);
        }
    }
}
