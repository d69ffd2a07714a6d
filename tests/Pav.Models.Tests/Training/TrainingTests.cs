using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Tokenizers;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Models.Tests.Training;

public class TrainingTests
{
    private static readonly Tokenizer Words = Tokenizer.WordLevel(["Q:", "A:", "\n", .. Enumerable.Range(0, 10).Select(i => $" {i}")]);

    internal static DecoderModel Tiny(Tokenizer tokenizer, ulong seed = 1) => DecoderModel.RandomInit(new DecoderConfig
    {
        VocabSize = tokenizer.Size, HiddenSize = 32, IntermediateSize = 64, Layers = 2, Heads = 4, KvHeads = 4, HeadSize = 8,
            MaxPositions = 64, Eos = [tokenizer.Eos!.Value], TiedEmbeddings = true,
    }, seed);

    /// <summary>"Q: d … d\nA: d" repeats its digit a varying number of times.</summary>
    private static string Document(long index)
    {
        var (digit, times) = (Seeds.Derive(3, "", "digit", index) % 10, 1 + (int)(Seeds.Derive(3, "", "times", index) % 6));
        return $"Q:{string.Concat(Enumerable.Repeat($" {digit}", times))}\nA: {digit}";
    }

    private static TrainResult Train(string folder, TrainOptions options, long stopAfter = long.MaxValue)
    {
        using var stop = new CancellationTokenSource();
        var task = Pretraining.Task(() => Tiny(Words), Words, Document, Enumerable.Range(1, 20).Select(i => Document(1_000_000 + i)),
            options);
        return TrainingLoop.Run(task, options, folder, p => { if (p.Step == stopAfter) stop.Cancel(); }, stop.Token);
    }

    private static List<string> Log(string folder) => [.. JsonLines.Read<JsonObject>(Path.Combine(folder, "log.jsonl")).Select(row =>
    {
        row.Remove("seconds");
        return row.ToJsonString();
    })];

    private static long LiveTensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return torch.live_tensors;
    }

    private static byte[] Weights(string folder, string which) =>
        File.ReadAllBytes(Path.Combine(folder, "checkpoints", which, "model.safetensors"));

    [Fact]
    public void A_killed_and_a_cancelled_run_resume_to_the_same_log_and_weights()
    {
        using var temporary = new TempFolder();
        var options = new TrainOptions
        {
            Steps = 30, Batch = 4, Rate = 3e-3, Warmup = 5, LogEvery = 3, EvaluateEvery = 7, CheckpointEvery = 8,
        };
        var whole = Train(temporary["whole"], options);
        Assert.True(whole.Finished);

        var before = Train(temporary["cancelled"], options, stopAfter: 13);
        Assert.Equal((false, 13L), (before.Finished, before.Steps));
        var after = Train(temporary["cancelled"], options);
        Assert.Equal((true, whole.Loss, whole.BestScore, whole.BestStep, whole.Tokens),
            (after.Finished, after.Loss, after.BestScore, after.BestStep, after.Tokens));

        // A kill: the process is gone at step 21, the last checkpoint is of step 16, and log.jsonl has rows beyond it and a torn line.
        var killed = Assert.Throws<InvalidOperationException>(() => TrainingLoop.Run(
            Pretraining.Task(() => Tiny(Words), Words, Document, Enumerable.Range(1, 20).Select(i => Document(1_000_000 + i)), options),
            options, temporary["killed"], p => { if (p.Step == 22) throw new InvalidOperationException("killed"); }));
        Assert.Equal("killed", killed.Message);
        File.AppendAllText(Path.Combine(temporary["killed"], "log.jsonl"), "{\"step\":22,\"lo");
        Train(temporary["killed"], options);

        foreach (var resumed in new[] { "cancelled", "killed" })
        {
            Assert.Equal(Log(temporary["whole"]), Log(temporary[resumed]));
            foreach (var which in new[] { "last", "best" })
                Assert.Equal(Weights(temporary["whole"], which), Weights(temporary[resumed], which));
        }

        var (again, rows) = (Train(temporary["whole"], options), Log(temporary["whole"])); // finished already
        Assert.Equal((true, whole.Loss, whole.BestScore, whole.Steps), (again.Finished, again.Loss, again.BestScore, again.Steps));
        Assert.Equal(Log(temporary["killed"]), rows);
        Assert.Contains("other settings", Assert.Throws<UserError>(() => Train(temporary["killed"], options with { Rate = 1e-3 })).Message);
    }

    [Fact]
    public void The_loss_falls_and_no_tensor_is_left_over()
    {
        using var temporary = new TempFolder();
        var live = LiveTensors();
        Train(temporary["run"], new TrainOptions { Steps = 150, Batch = 16, Rate = 5e-3, Warmup = 10, EvaluateEvery = 50 });
        Assert.Equal(live, LiveTensors());
        var log = JsonLines.Read<JsonObject>(temporary["run/log.jsonl"]).ToList();
        Assert.True((double)log[0]["loss"]! > 2 && (double)log[^1]["valid_loss"]! < 1.2, $"{log[0]} → {log[^1]}");
        Assert.Equal(Words.Encode("Q: 1"), Tokenizer.Load(temporary["run/checkpoints/best"]).Encode("Q: 1"));
    }

    [Fact]
    public void Fine_tuning_learns_completions_only_and_keeps_the_most_accurate_checkpoint()
    {
        using var temporary = new TempFolder();
        Demonstration[] train = [.. Enumerable.Range(0, 10).Select(d => new Demonstration($"Q: {d} {(d * 7 + 3) % 10}\n", $"A: {d}"))];
        var options = new TrainOptions { Steps = 6, Batch = 5, Rate = 1e-3, EvaluateEvery = 2 };
        var accuracies = new Queue<double>([0.2, 0.5, 0.4]);
        var result = TrainingLoop.Run(FineTuning.Task(() => Tiny(Words), Words, train, train, options, _ => accuracies.Dequeue()), options,
            temporary["run"]);
        Assert.Equal((4L, 0.5), (result.BestStep, result.BestScore));
        Assert.NotEqual(Weights(temporary["run"], "last"), Weights(temporary["run"], "best"));

        var row = TokenRow.From(Words, train[3]);
        Assert.Equal("A: 3<eos>", Words.Decode(row.Ids[row.LearnFrom..], skipSpecial: false));
    }

    [Fact]
    public void Rejection_fine_tuning_takes_each_correct_text_once()
    {
        LabelledTrace Trace(int index, string step, int rex) =>
            new("p", "π", "random", index, [step], [[]], rex, null, "exact", [0, 1], [0, rex]);
        var traces = new[] { Trace(0, "A: 1", 1), Trace(1, "A: 2", 0), Trace(2, "A: 1", 1), Trace(3, "A: 3", 1) };
        var problems = new Dictionary<string, Problem> { ["p"] = new("p", "1 1", "1") };
        var all = FineTuning.CorrectTraces(traces, problems, new PromptTemplate("Q: {problem}\n"));
        Assert.Equal([("Q: 1 1\n", "A: 1"), ("Q: 1 1\n", "A: 3")], all.Select(d => (d.Prompt, d.Completion)));
        Assert.Equal(["A: 1"], FineTuning.CorrectTraces(traces, problems, new PromptTemplate("Q: {problem}\n"), perProblem: 1)
            .Select(d => d.Completion));
    }

    [Fact]
    public void A_pass_meets_each_row_at_most_once_in_batches_of_similar_length()
    {
        int[] lengths = [.. Enumerable.Range(0, 103).Select(i => 1 + (int)(Seeds.Derive(0, "", "length", i) % 50))];
        var batches = new EpochBatches(lengths, 10, seed: 5);
        var pass = Enumerable.Range(0, 10).Select(step => batches.At(step)).ToList();
        Assert.Equal(100, pass.SelectMany(b => b).Distinct().Count());
        Assert.All(pass, b => Assert.Equal(10, b.Length));
        Assert.True(pass.Sum(b => 10 * b.Max(i => lengths[i])) < 1.25 * pass.Sum(b => b.Sum(i => lengths[i])));
        Assert.NotEqual(pass[0], batches.At(10));
        Assert.Equal(pass[7], new EpochBatches(lengths, 10, seed: 5).At(7));
    }
}
