using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Tokenizers;
using Pav.Models.Training;

namespace Pav.Models.Tests.Training;

/// <summary>A refresh that makes a verifier worse.</summary>
public class RefusedRefreshTests
{
    private static readonly Tokenizer Words = Tokenizer.WordLevel(["Q:", "A:", "\n", .. Enumerable.Range(0, 10).Select(i => $" {i}")]);

    private static readonly PromptTemplate Template = new("Q:{problem}");

    private static readonly Problem[] Problems =
        [.. Enumerable.Range(0, 40).Select(i => new Problem($"p{i}", $" {i / 10} {i % 10}", "7"))];

    private static readonly Grader Sevens =
        new("sevens", 1, text => text.Contains(" 7", StringComparison.Ordinal) ? "7" : null, s => s, (a, b) => a == b);

    /// <summary>A verifier that has seen enough of the start's traces to tell right from wrong.</summary>
    private static string Taught(TempFolder temporary)
    {
        using var model = TrainingTests.Tiny(Words);
        model.Save(temporary["start"]);
        Words.Save(temporary["start"]);
        using var policy = new TransformerPolicy("π", model, Words, Template);
        var lines = Problems.SelectMany(problem => SampledLabels.From(
            policy.Extend([.. Enumerable.Range(0, 16).Select(i => new Draw(Prefix.Root(problem), Seeds.Derive(1, problem.Id, "", i)))],
                Until.TraceEnd, new(MaxTokens: 6)).GetAwaiter().GetResult(), "π", Sevens, null)).ToLookup(l => l.Problem is "p0" or "p1");
        VerifierTraining.Run(
            new(VerifierKind.Value, temporary["start"], Template, Problems.ToDictionary(p => p.Id), [.. lines[false]], [.. lines[true]]),
            new() { Steps = 150, Batch = 32, Rate = 3e-3, EvaluateEvery = 150, CheckpointEvery = 150 }, temporary["taught"]);
        return Path.Combine(temporary["taught"], "checkpoints", "best");
    }

    [Fact]
    public void A_refresh_that_ruins_the_verifier_is_refused_and_a_killed_run_decides_alike()
    {
        using var temporary = new TempFolder();
        var verifier = Taught(temporary);
        var options = new RlOptions
        {
            Iterations = 8, Batch = 20, Samples = 8, MaxTokens = 6, MatchAlpha = true, Rate = 1e-3, PassTokens = 64, EvaluateEvery = 8,
            CheckpointEvery = 4, GuardWindow = 4, Baseline = RlBaseline.LeaveOneOut,
        };
        List<(int Iteration, RefreshVerdict Verdict)> Run(string name, int every, double rate, int killAt = -1)
        {
            var said = new List<(int, RefreshVerdict)>();
            var training = new TrainOptions { Steps = 4, Batch = 8, Rate = rate, EvaluateEvery = 4, CheckpointEvery = 1 };
            using var prover = new ProverRefresh(temporary[name], verifier, [2, 8], Problems, Sevens,
                new(every, 40, new() { NMc = 0, Sampling = new(MaxTokens: 6) }, training,
                    every == 0 ? null : new(temporary["start"], Template)),
                new(), (iteration, verdict) => said.Add((iteration, verdict)));
            var task = new RlTask
            {
                Name = "π", Start = () => TrainingTests.Tiny(Words), Tokenizer = Words, Template = Template, Grader = Sevens,
                Problems = Problems, SaveBeside = Words.Save, Prover = prover.At, Sampled = prover.Keep,
            };
            void Loop() => RlLoop.Run(task, options, temporary[name], p =>
            {
                if (p.Row.Iteration == killAt) throw new InvalidOperationException("killed");
            });
            if (killAt >= 0) Assert.Throws<InvalidOperationException>(Loop);
            else Loop();
            return said;
        }

        byte[] Bytes(string run, string file) => File.ReadAllBytes(Path.Combine(temporary[run], file));
        void Same(string one, string other, params string[] files) => Assert.All(files, f => Assert.Equal(Bytes(one, f), Bytes(other, f)));
        const string weights = "checkpoints/last/model.safetensors";

        var said = Run("ruined", 3, 5);
        Assert.Equal([3, 6], said.Select(s => s.Iteration));
        Assert.All(said, s => Assert.True(s.Verdict is { Refused: true, Problems: >= 6, High: < 0, Before: > 0.8 }, $"{s.Verdict}"));

        // Nothing but the first verifier was ever used; the training of those that were refused is counted.
        Run("fixed", 0, 5);
        Same("fixed", "ruined", weights);
        List<RlRow> Rows(string run) => [.. JsonLines.Read<RlRow>(Path.Combine(temporary[run], RlLoop.MetricsName))];
        Assert.Equal(Rows("fixed"), Rows("ruined").Select(r => r with { VerifierTokens = 0 }));
        Assert.True(Rows("ruined")[^1].VerifierTokens > 0);

        // Killed before a refresh and right after one, whose verdict the checkpoint does not know of.
        Assert.Equal([3], Run("killed", 3, 5, killAt: 3).Select(s => s.Iteration));
        Assert.Equal([6], Run("killed", 3, 5, killAt: 6).Select(s => s.Iteration));
        File.Delete(Path.Combine(temporary["killed"], "refresh/00006/verdict.json"));
        Run("killed", 3, 5);
        Same("ruined", "killed", RlLoop.MetricsName, weights, "refresh/00003/verdict.json", "refresh/00006/verdict.json");

        var kept = Run("kept", 3, 1e-4);
        Assert.All(kept, s => Assert.False(s.Verdict.Refused, $"{s.Verdict}"));
        Assert.NotEqual(Bytes("fixed", RlLoop.MetricsName), Bytes("kept", RlLoop.MetricsName));
    }
}
