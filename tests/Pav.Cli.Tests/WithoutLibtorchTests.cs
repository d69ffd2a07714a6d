namespace Pav.Cli.Tests;

/// <summary>The whole way on the CPU where no libtorch can be loaded.</summary>
public sealed class WithoutLibtorchTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private Cli.Ended Run(params string[] arguments) => Cli.RunWithoutLibtorch(tiny.Folder, arguments);

    [Fact]
    public void LabellingTrainingSearchAndRlNeedNone()
    {
        Run("pretrain", "--steps", "3", "--batch", "4", "--valid-documents", "3", "--out", "pretrained").Succeeded();
        Run("label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "2", "--n-mc", "2", "--max-tokens", "60", "--out", "labels").Succeeded();
        Run("train", "verifier", "--model", "model", "--labels", "labels", "--problems", "train.jsonl", "--held-out", "0.3", "--steps", "4", "--warmup", "1", "--lora-rank", "2",
            "--out", "verifier").Succeeded();
        Run("merge", "--model", "verifier", "--out", "merged").Succeeded();
        Run("train", "sft", "--model", "model", "--count", "20", "--steps", "3", "--warmup", "1", "--batch", "2", "--out", "sft").Succeeded();
        Run("search", "--policy", "sft", "--verifier", "verifier", "--problems", "test.jsonl", "--n", "1,2", "--max-tokens", "60", "--out", "search").Succeeded();
        Run("rl", "--policy", "model", "--verifier", "merged", "--reward", "pav", "--problems", "train.jsonl", "--iterations", "2", "--batch", "2", "--samples", "2", "--max-tokens", "60",
            "--out", "rl").Succeeded();
        Run("didactic", "--seeds", "1", "--planted", "2", "--iterations", "10", "--outcome-iterations", "10", "--rollouts", "0", "--gammas", "10", "--lengths", "3").Succeeded();
        Assert.Contains("none, which only --device cuda", Run("doctor").Succeeded().Out);
    }

    [Fact]
    public void WhereItIsAskedForOneSentenceSaysHowToHaveIt() =>
        Assert.Contains("--device torch", Run("evaluate", "--device", "torch", "--policy", "model", "--problems", "test.jsonl", "--out", "evaluated", "--quiet").Sentence(1));
}
