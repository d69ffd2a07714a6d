namespace Pav.Tests.Metrics;

public class RefreshVerdictTests
{
    private static Judged[] Pair(string problem, double right, double wrong) => [new(problem, right, true), new(problem, wrong, false)];

    /// <summary>Of p, with one pair, the wins fall from 1 to 0; of q, with two, they stay at 1; r has no pair.</summary>
    [Fact]
    public void Worked_difference()
    {
        Judged[] before = [.. Pair("p", 0.9, 0.1), .. Pair("q", 0.5, 0.6), new("q", 0.2, false), new("r", 0.3, true)];
        Judged[] after = [.. Pair("p", 0.1, 0.9), .. Pair("q", 0.5, 0.4), new("q", 0.7, false), new("r", 0.9, true)];
        var (difference, problems) = Auc.PairedDifference(before, after);
        Assert.Equal(-1.0 / 3, difference.Value, 12);
        Assert.Equal(2, problems);
        // Drawn twice, p alone gives −1 and q alone 0.
        Assert.Equal((-1, 0), (difference.Low, difference.High));
        Assert.Throws<ArgumentException>(() => Auc.PairedDifference(before, after[1..]));
    }

    private static RefreshVerdict Judge(int fall, int rise, int stay)
    {
        var all = Enumerable.Range(0, fall + rise + stay).ToList();
        return RefreshVerdict.From(
            [.. all.SelectMany(i => i < fall || i >= fall + rise ? Pair($"{i}", 0.9, 0.1) : Pair($"{i}", 0.1, 0.9))],
            [.. all.SelectMany(i => i < fall ? Pair($"{i}", 0.1, 0.9) : Pair($"{i}", 0.9, 0.1))]);
    }

    [Fact]
    public void Refused_is_what_falls_by_more_than_the_noise()
    {
        Assert.Equal(new RefreshVerdict(1, 0, -1, -1, 6, true), Judge(6, 0, 0));
        Assert.False(Judge(5, 0, 0).Refused); // too few to tell
        Assert.True(Judge(9, 0, 11).Refused);
        Assert.False(Judge(9, 5, 6).Refused);
        Assert.False(Judge(1, 0, 19).Refused);
        Assert.False(Judge(0, 8, 0).Refused);
        Assert.False(Judge(0, 0, 8).Refused);
        Assert.Equal(new RefreshVerdict(null, null, null, null, 0, false), RefreshVerdict.From([new("p", 1, true)], [new("p", 0, true)]));
    }

    /// <summary>Of ten pairs, all in the right order are 1, and six 0.6, whose interval holds 0.5; five pairs are too few.</summary>
    [Fact]
    public void A_verifier_from_scratch_must_tell_right_from_wrong()
    {
        RefreshVerdict From(int right, int all) => RefreshVerdict.FromScratch(
            [.. Enumerable.Range(0, all).SelectMany(i => i < right ? Pair($"{i}", 0.9, 0.1) : Pair($"{i}", 0.1, 0.9))]);
        Assert.Equal(new RefreshVerdict(null, 1, 1, 1, 10, false), From(10, 10));
        Assert.True(From(6, 10) is { Refused: true, After: 0.6, Low: < 0.5, High: > 0.5, Problems: 10 });
        Assert.True(From(5, 5) is { Refused: true, After: 1 });
        Assert.True(From(55, 100) is { Refused: true });
        Assert.True(From(65, 100) is { Refused: false, Low: > 0.5 });
        Assert.Equal(new RefreshVerdict(null, null, null, null, 0, true), RefreshVerdict.FromScratch([new("p", 1, true)]));
    }

    /// <summary>One that knows nothing is seldom taken into use.</summary>
    [Theory, InlineData(8), InlineData(24)]
    public void A_verifier_that_knows_nothing_is_seldom_used(int problems)
    {
        const int trials = 400;
        var used = Enumerable.Range(0, trials).Count(t => !RefreshVerdict.FromScratch(
        [
            .. from p in Enumerable.Range(0, problems)
               from i in Enumerable.Range(0, 6)
               select new Judged($"{p}", Seeds.Uniform(Seeds.Derive((ulong)t, $"{p}", "nothing", i), 0), i % 2 == 1),
        ]).Refused);
        Assert.InRange(used / (double)trials, 0, 0.07);
    }

    /// <summary>Of two verifiers that are equally good, independent noise about the same signal, one in forty refreshes is refused at the
    /// nominal level; the percentile interval of few problems is too narrow and refuses up to twice as many.</summary>
    [Theory, InlineData(8), InlineData(24)]
    public void An_equally_good_verifier_is_seldom_refused(int problems)
    {
        const int trials = 400;
        Judged[] Scores(int trial, string who) =>
        [
            .. from p in Enumerable.Range(0, problems)
               from i in Enumerable.Range(0, 6)
               select new Judged($"{p}", (0.4 * (i % 2)) + Seeds.Uniform(Seeds.Derive((ulong)trial, $"{p}", who, i), 0), i % 2 == 1),
        ];
        var refused = Enumerable.Range(0, trials).Count(t => RefreshVerdict.From(Scores(t, "before"), Scores(t, "after")).Refused);
        Assert.InRange(refused / (double)trials, 0.005, 0.07);
    }
}
