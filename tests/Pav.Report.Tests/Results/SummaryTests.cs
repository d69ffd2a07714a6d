using System.Text.Json;

namespace Pav.Report.Tests.Results;

public class SummaryTests
{
    /// <summary>Rows of ten problems of which the first <paramref name="right"/> are right.</summary>
    private static IEnumerable<SearchRow> Rows(string method, int n, int right, long tokens, string? prover = null, ulong seed = 1) =>
        Enumerable.Range(0, 10).Select(i => new SearchRow
        {
            Problem = $"p{i}", Level = 0, Method = method, N = n, Alpha = prover is null ? null : 0.5, Prover = prover, Seed = seed,
            Correct = i < right ? 1 : 0, Pass = i < right + 1 ? 1 : 0, Candidates = n, Distinct = n, Answer = "1",
            GeneratedTokens = tokens, ScoredTokens = 0, Seconds = 0.1,
        });

    private static Summary SummaryFrom(params IEnumerable<SearchRow>[] rows) => Summary.From([.. rows.SelectMany(r => r)], [], null, 1, 2);

    [Fact]
    public void Worked_comparisons()
    {
        var summary = SummaryFrom(
            Rows("best-of-n-orm", 1, 4, 100), Rows("best-of-n-orm", 4, 6, 400),
            Rows("beam-pav", 1, 3, 50, "bo4"), Rows("beam-pav", 4, 7, 200, "bo4"));
        var equal = Assert.Single(summary.Comparisons, c => c.Claim == "equal-tokens"); // 50 tokens lie outside the curve
        Assert.Equal(("beam-pav bo4 alpha=0.5 n=4", "best-of-n-orm"), (equal.A, equal.B));
        Assert.Equal(0.7 - 0.5, equal.Difference, 12);
        Assert.True(equal.Low < 0.2 && 0.2 < equal.High);
        Assert.Equal(200, equal.TokensA);
        var reach = Assert.Single(summary.Comparisons, c => c.Claim == "tokens-to-reach");
        Assert.Equal(2.83, reach.Difference, 2);
        Assert.Equal(141.4, reach.TokensA!.Value, 1);
        Assert.Equal((400, "best-of-n-orm n=4"), (reach.TokensB, reach.B));
    }

    [Fact]
    public void At_a_measured_point_a_curve_is_what_was_measured()
    {
        var summary = SummaryFrom(Rows("best-of-n-q", 1, 4, 100), Rows("best-of-n-q", 4, 6, 400), Rows("beam-q", 1, 5, 100),
            Rows("beam-q", 2, 5, 400));
        Assert.Equal([0.1, -0.1], summary.Comparisons.Where(c => c.Claim == "equal-tokens").Select(c => Math.Round(c.Difference, 12)));
    }

    [Fact]
    public void A_search_of_fewer_problems_is_compared_on_these()
    {
        var summary = SummaryFrom(Rows("best-of-n-q", 1, 4, 100), Rows("best-of-n-q", 4, 6, 400), Rows("oracle-beam-q", 1, 5, 400).Take(5));
        // both are right on the first five
        Assert.Equal(0, Assert.Single(summary.Comparisons, c => c.Claim == "equal-tokens").Difference, 12);
        Assert.Empty(SummaryFrom(Rows("best-of-n-q", 1, 4, 100).Take(5), Rows("beam-q", 1, 5, 100)).Comparisons);
    }

    [Fact]
    public void A_beam_that_never_gets_there_says_so_and_a_peak_is_reported_apart()
    {
        var summary = SummaryFrom(
            Rows("best-of-n-orm", 1, 4, 100), Rows("best-of-n-orm", 4, 9, 400), Rows("best-of-n-orm", 16, 6, 1600),
            Rows("beam-q", 1, 6, 200), Rows("beam-q", 2, 8, 400));
        var reach = Assert.Single(summary.Comparisons, c => c.Claim == "tokens-to-reach");
        // Best-of-N is at 0.6 after 100·4^(0.2/0.5) = 174.1 tokens already, not first at its largest N: the beam of 1, 0.6 at 200, saves
        // nothing.
        Assert.Equal((0.871, 200, 174.1), (Math.Round(reach.Difference, 3), reach.TokensA, Math.Round(reach.TokensB, 1)));
        Assert.True(reach.High <= 2); // in no sample does best-of-N need more than its 400 tokens
        var peak = Assert.Single(summary.Comparisons, c => c.Claim == "tokens-to-reach-peak");
        Assert.Equal((0, null, 400, "best-of-n-orm n=4"), (peak.Difference, peak.TokensA, peak.TokensB, peak.B));
        Assert.Equal(-0.1, summary.Comparisons.Single(c => c.A == "beam-q n=2" && c.Claim == "equal-tokens").Difference, 12);
    }

    [Fact]
    public void A_beam_on_the_effective_reward_is_compared_with_the_same_on_Q()
    {
        var summary = SummaryFrom(
            Rows("beam-q", 2, 4, 100), Rows("beam-q", 4, 5, 200), Rows("beam-pav", 2, 6, 100, "bo4"), Rows("beam-pav", 4, 7, 200, "bo4"),
                Rows("oracle-beam-q", 2, 8, 100));
        Assert.All(summary.Comparisons, c => Assert.Equal(("beam-pav bo4", "beam-q"), (c.A[..12], c.B[..6])));
        var added = summary.Comparisons.Where(c => c.Claim == "equal-tokens").Select(c => c.Difference).ToList();
        Assert.Equal(2, added.Count);
        Assert.All(added, difference => Assert.Equal(0.2, difference, 12));
    }

    [Fact]
    public void Methods_average_over_seeds_and_intervals_are_over_problems()
    {
        var summary = SummaryFrom(
            Rows("sample", 1, 2, 10), Rows("sample", 1, 4, 20, seed: 2), Rows("greedy", 1, 3, 10), Rows("best-of-n-orm", 64, 5, 640),
                Rows("majority", 64, 4, 640));
        var sample = summary.Methods[0];
        Assert.Equal(("sample", 10, 2, 15.0), (sample.Method, sample.Problems, sample.Seeds, sample.GeneratedTokens));
        Assert.Equal(0.3, sample.Accuracy, 12);
        Assert.Equal(0.4, sample.Pass, 12);
        Assert.True(sample.Low is >= 0 and < 0.2 && sample.High is > 0.4 and < 0.8); // seeds with 0.2 and 0.4 are drawn again too
        Assert.Equal((0.3, 0.3, 0.5), (Math.Round(summary.Base.Sample!.Value, 9), summary.Base.Greedy, summary.Base.Pass64));
        Assert.Null(SummaryFrom(Rows("beam-q", 1, 1, 1)).Base.Greedy);
    }

    [Fact]
    public void Rows_of_an_unfinished_search_are_refused()
    {
        var rows = Rows("sample", 1, 2, 10).Concat(Rows("sample", 2, 2, 10).Skip(1)).ToList();
        Assert.Contains("p0", Assert.Throws<UserError>(() => Summary.From(rows, [], null, 0, 0)).Message);
    }

    [Fact]
    public void A_summary_survives_its_file()
    {
        var summary = SummaryFrom(Rows("best-of-n-orm", 1, 4, 100), Rows("best-of-n-orm", 4, 6, 400), Rows("beam-q", 1, 3, 150));
        var text = JsonSerializer.Serialize(summary);
        Assert.Equal(["methods", "comparisons", "verifiers", "base", "settings", "seconds", "peak_memory_mb"],
            JsonDocument.Parse(text).RootElement.EnumerateObject().Select(p => p.Name));
        var back = JsonSerializer.Deserialize<Summary>(text)!;
        Assert.Equal(text, JsonSerializer.Serialize(back));
        Assert.Equal(("Beam on Q", MethodKind.Beam), (back.Methods[^1].Label, back.Methods[^1].Kind));
        Assert.Equal(["best-of-n-orm", "best-of-n-q"], back.Methods[^1].CompareWith);
        Assert.Equal(summary.Comparisons, back.Comparisons);
    }
}
