using Pav.Models;
using Pav.Models.Inference;

namespace Pav.Gguf.Tests;

/// <summary>A GGUF file as a policy: draws that depend on prefix and seed alone, and the same model as in pav's own engine.</summary>
public sealed class GgufPolicyTests(Fixture fixture) : IClassFixture<Fixture>
{
    private static readonly Sampling Sampling = new(MaxTokens: 60);

    private static Draw[] Draws(IEnumerable<Prefix> prefixes, int each) =>
        [.. prefixes.SelectMany(p => Enumerable.Range(0, each).Select(k => new Draw(p, Seeds.Derive(1, p.Problem.Id + p.Text, "t", k))))];

    private static Draw[] Draws(int problems, int each) => Draws(Fixture.Problems(problems).Select(Prefix.Root), each);

    private static string Told(Prefix prefix) =>
        string.Join("|", prefix.Path().Select(p => $"{p.Step}({string.Join(",", p.Tokens)}){(p.Ended ? "." : "")}"));

    private static async Task<string[]> Told(TransformerPolicy policy, IReadOnlyList<Draw> draws, Until until, Sampling sampling) =>
        [.. (await policy.Extend(draws, until, sampling)).Select(Told)];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_draw_depends_on_its_prefix_and_seed_and_on_nothing_else(bool quantised)
    {
        var file = quantised ? fixture.Quantised : fixture.Exact;
        using var many = fixture.Here(file: file);
        using var few = fixture.Here(new(64 << 20, Slots: 3, Threads: 1), file: file);
        var draws = Draws(6, 5);
        var together = await Told(many, draws, Until.TraceEnd, Sampling);
        Assert.Equal(together.Length, together.Distinct().Count());
        Assert.Equal(together, await Told(few, draws, Until.TraceEnd, Sampling));
        Assert.Equal(together.Reverse(), await Told(many, [.. draws.Reverse()], Until.TraceEnd, Sampling));
        using var alone = fixture.Here(file: file);
        foreach (var i in (int[])[0, 7, 29]) Assert.Equal(together[i], (await Told(alone, [draws[i]], Until.TraceEnd, Sampling))[0]);
    }
}
