using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Models.Training;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Models;

/// <summary>Qwen 3.5's text models against NumPy's account of them (tests/numpy-qwen35.py).</summary>
public sealed class Qwen35Tests
{
    public static TheoryData<string> Folders => ["qwen35", "qwen35-yarn"];

    private static string At(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", "numpy", name);

    private static (int[] Ids, float[] Logits) Expected(string name)
    {
        using var scope = NewDisposeScope();
        using var file = new SafetensorsFile(Path.Combine(At(name), "expected.safetensors"));
        return ([.. file.Read("ids").to_array<float>().Select(id => (int)id)], file.Read("logits").to_array<float>());
    }

    /// <summary>Logits at every position, of the ids in segments of a size, all in one call or each alone.</summary>
    private static float[] Logits(IRunner runner, int[] ids, int size, bool together)
    {
        List<float> logits = [];
        List<int> rows = [];
        KvSegment? segment = null;
        foreach (var part in ids.Chunk(size))
        {
            segment = new(runner.Pool, segment);
            foreach (var id in part)
            {
                rows.Add(runner.Add(segment, [id]));
                if (!together) Run();
            }
        }

        Run();
        return [.. logits];

        void Run()
        {
            runner.Run();
            foreach (var row in rows) logits.AddRange(runner.Output(row));
            rows.Clear();
        }
    }

    /// <summary>Some entries of every weight's gradient, against NumPy's differences of its own losses in float64.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Gradients_are_those_of_NumPy(string name)
    {
        using var model = DecoderCheckpoint.Load(At(name));
        using var trainer = Trainer.From(model);
        trainer.Accumulate(NextToken.Batch([new TokenRow(Expected(name).Ids, 1)], new()).Parts.Single());
        var gradients = trainer.Gradients().ToDictionary();
        using var scope = NewDisposeScope();
        using var file = new SafetensorsFile(Path.Combine(At(name), "expected.safetensors"));
        var names = file.Entries.Keys.Where(key => key.StartsWith("slope.", StringComparison.Ordinal)).Select(key => key[6..]).ToList();
        Assert.Equal(gradients.Keys.Where(key => key != "lm_head.weight").Order(), names.Select(key => "model." + key).Order());
        foreach (var weight in names)
        {
            var (found, places) = (gradients["model." + weight], file.Read("at." + weight).to_array<float>());
            var size = found.Max(Math.Abs);
            Assert.True(size > 0, weight);
            foreach (var (place, slope) in places.Zip(file.Read("slope." + weight).to_array<float>()))
                Assert.True(Math.Abs(found[(int)place] - slope) < 1e-3 * Math.Max(size, 0.01),
                    $"{weight}[{place}]: {found[(int)place]}, and NumPy has {slope}");
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Sampling_gives_the_same(string name)
    {
        var (ids, logits) = Expected(name);
        using var runner = Runner.Open(At(name), new(1 << 24, Threads: 2));
        foreach (var size in new[] { 64, 9, 1 })
        {
            var found = Logits(runner, ids, size, together: false);
            Assert.Equal(logits.Length, found.Length);
            Assert.InRange(logits.Zip(found, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4);
        }
    }
}
