using Pav.Models.Decoders;

namespace Pav.Cli.Tests;

public sealed class MergeTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    [Fact]
    public void AnAdapterIsTrainedMergedAndRunEitherWay()
    {
        var trained = Cli.Run(
            tiny.Folder, "train", "sft", "--model", "model", "--count", "50", "--steps", "6", "--batch", "8", "--rate", "0.1", "--warmup",
                "1", "--lora-rank", "2", "--lora-targets", "q_proj,up_proj",
            "--recompute", "--accumulate", "2", "--pack", "--out", "sft").Succeeded();
        Assert.Contains("Memory of a step:", trained.Error + trained.Out);
        Assert.False(File.Exists(tiny.At("sft/checkpoints/best/model.safetensors")));
        Cli.Run(tiny.Folder, "merge", "--model", "sft", "--out", "whole").Succeeded();
        Assert.False(File.Exists(tiny.At("whole/adapter_config.json")));
        using var whole = DecoderCheckpoint.Load(tiny.At("whole"));
        using var before = DecoderCheckpoint.Load(tiny.At("model"));
        var changed = whole.Parameters.Where(p => !p.Value.to_array<float>().SequenceEqual(before.Parameters[p.Key].to_array<float>()))
            .Select(p => p.Key);
        Assert.Equal(["model.layers.0.mlp.up_proj.weight", "model.layers.0.self_attn.q_proj.weight"], changed);

        foreach (var policy in new[] { "sft", "whole" })
            Cli.Run(tiny.Folder, "search", "--policy", policy, "--problems", "test.jsonl", "--n", "1,2", "--max-tokens", "20", "--out",
                $"search-{policy}").Succeeded();
        Assert.Equal(File.ReadLines(tiny.At("search-sft/search.jsonl")).Count(), File.ReadLines(tiny.At("search-whole/search.jsonl"))
            .Count());
        Assert.Contains("is not empty", Cli.Run(tiny.Folder, "merge", "--model", "sft", "--out", "whole").Sentence(1));
        Assert.Contains("nothing to merge", Cli.Run(tiny.Folder, "merge", "--model", "model", "--out", "other").Sentence(1));
        Assert.False(Directory.Exists(tiny.At("other")));
    }

    [Fact]
    public void RlTrainsAnAdapterToo()
    {
        string[] Rl(string rank) =>
        [
            "rl", "--policy", "model", "--problems", "train.jsonl", "--reward", "orm", "--iterations", "2", "--batch", "2", "--samples",
                "2",
            "--max-tokens", "12", "--lora-rank", rank, "--lora-targets", "q_proj", "--device", "cpu", "--out", "rl",
        ];
        Cli.Run(tiny.Folder, Rl("2")).Succeeded();
        Assert.False(File.Exists(tiny.At("rl/checkpoints/last/model.safetensors")));
        using var trained = DecoderCheckpoint.Load(tiny.At("rl/checkpoints/last"));
        Assert.Equal(2, trained.Lora!.Rank);
        Assert.Contains("--lora-rank 2, not 4", Cli.Run(tiny.Folder, Rl("4")).Sentence(1));
        Cli.Run(tiny.Folder, "merge", "--model", "rl/checkpoints/last", "--out", "rl-whole").Succeeded();
    }
}
