using Pav.Report.Reproduction;

namespace Pav.Report.Tests.Reproduction;

public class RivalsTests
{
    /// <summary>Measures every 10 iterations and 1000 tokens after what came before; of 10 held-out problems so many are right.</summary>
    private static RivalCurve Curve(ulong seed, double before, params int[] right) => new(
        new(seed, [.. right.Select((r, i) => new RlPoint(10 * i, 500 * i, before + 1000 * i, r / 10.0))]),
        [.. right.Select(r => Enumerable.Range(0, 10).Select(p => p < r ? 1.0 : 0).ToArray())]);

    [Fact]
    public void Every_kind_of_token_has_its_weight()
    {
        var counts = new RlTokens(Generated: 100, Rollouts: 300, Labels: 1000, Scored: 200, Updated: 150, Learned: 50);
        Assert.Equal(100 + 300 + 1000 + 0.5 * 200 + 4 * 150 + 0.5 * 3 * 50, new TokenWeights(0.5).Total(counts));
        Assert.Equal(2175, new TokenWeights(0.5).Total(counts));
        Assert.Equal(2350, new TokenWeights().Total(counts));
    }

    [Fact]
    public void A_ratio_is_a_geometric_mean_with_both_intervals()
    {
        RivalCurve[] a = [Curve(1, 0, 0, 8, 8), Curve(2, 0, 0, 4, 8)], b = [Curve(1, 0, 0, 2, 4), Curve(2, 0, 0, 2, 4)];
        var r = RivalRatio.From(a, b, 0.4, p => p.Iteration)!;
        // 20 over 5 and 20 over 10.
        Assert.Equal(Math.Sqrt(4 * 2), r.Student!.Value, 9);
        Assert.Equal((2, 2, 0, 0, 0), (r.Seeds, r.Reached, r.Never, r.FromStart, r.AtLeast));
        var half = 12.706 * Math.Log(2) / 2;
        Assert.Equal(Math.Sqrt(8) * Math.Exp(-half), r.Student.Low!.Value, 3);
        // Drawing seeds alone gives 2, 8^½ and 4; problems move each.
        Assert.True(r.Low is > 1 and <= 2 && r.High >= 4, $"{r.Low} to {r.High}");
        Assert.Null(r.AtMost);
        Assert.False(r.IsAbove(1)); // Student's interval is wide
        Assert.True(RivalRatio.From([.. a, Curve(3, 0, 0, 8, 8), Curve(4, 0, 0, 8, 8)],
            [.. b, Curve(3, 0, 0, 2, 4), Curve(4, 0, 0, 2, 4)], 0.4, p => p.Iteration)!.IsAbove(1));
        Assert.Null(RivalRatio.From(a, [Curve(9, 0, 0, 1)], 0.4, p => p.Iteration));
    }

    [Fact]
    public void What_came_before_counts_in_tokens()
    {
        var r = RivalRatio.From([Curve(1, 3000, 0, 4, 8)], [Curve(1, 0, 0, 2, 4)], 0.4, p => p.AllTokens)!;
        Assert.Equal(2000.0 / 4000, r.Student!.Value, 9);
    }

    [Fact]
    public void Seeds_that_never_get_there_are_bounds()
    {
        // a after 5 and b after 20; a never and b after 20; one begins there; a after 10 and b, in 40, never.
        RivalCurve[] a = [Curve(1, 0, 0, 8, 8), Curve(2, 0, 0, 1, 1), Curve(3, 0, 5, 5, 5), Curve(4, 0, 0, 4)];
        RivalCurve[] b = [Curve(1, 0, 0, 2, 4), Curve(2, 0, 0, 2, 4), Curve(3, 0, 3, 6, 5), Curve(4, 0, 0, 0, 0, 0, 1)];
        var r = RivalRatio.From(a, b, 0.4, p => p.Iteration)!;
        Assert.Equal((4, 2, 1, 1, 1), (r.Seeds, r.Reached, r.Never, r.FromStart, r.AtLeast));
        Assert.Equal(4, r.Student!.Value, 9);
        // With a's end of 20 on the second seed: (4·4·1)^⅓.
        Assert.Equal(Math.Pow(16, 1.0 / 3), r.AtMost!.Value, 9);
        Assert.False(r.IsAbove(0));
        // Where neither gets there nothing bounds the mean.
        var none = RivalRatio.From([Curve(1, 0, 0, 1), Curve(2, 0, 0, 8)], [Curve(1, 0, 0, 2), Curve(2, 0, 0, 4)], 0.4, p => p.Iteration)!;
        Assert.Equal((1, 1, 2.0), (none.Reached, none.Never, Math.Round(none.Student!.Value, 9)));
        Assert.Null(none.AtMost);
    }

    [Fact]
    public void A_cost_to_a_level_says_how_many_seeds_it_stands_for()
    {
        var c = CostToReach.From([Curve(1, 0, 0, 2, 4, 4, 4), Curve(2, 0, 0, 0, 0, 0, 0)], 0.3, p => p.Iteration);
        Assert.Equal((1, 2), (c.Reached, c.Seeds));
        Assert.Equal(15, c.Value!.Value, 9);
        Assert.Equal(Math.Sqrt(15 * 40), c.AtLeast, 9);
        var none = CostToReach.From([Curve(1, 0, 0, 2)], 0.3, p => p.Iteration);
        Assert.Equal((0, 10.0), (none.Reached, Math.Round(none.AtLeast, 9)));
        Assert.Null(none.Value);
    }

    /// <summary>Both of a's and b's last measures are at 4 of 10: on problems drawn with fewer of these four neither gets there (0.38 of
    /// the draws), which is no gain, and no draw to leave out.</summary>
    [Fact]
    public void A_draw_of_problems_on_which_a_never_gets_there_counts()
    {
        RivalCurve[] a = [.. Enumerable.Range(1, 4).Select(s => Curve((ulong)s, 0, 0, 4))];
        RivalCurve[] b = [.. Enumerable.Range(1, 4).Select(s => Curve((ulong)s, 0, 0, 0, 0, 0, 4))];
        var r = RivalRatio.From(a, b, 0.4, p => p.Iteration)!;
        Assert.Equal((4, 4.0, 0), (r.Reached, Math.Round(r.Student!.Value, 9), r.Never));
        Assert.Equal(1, r.Low!.Value, 9);
        Assert.False(r.IsAbove(1));
        // A seed on which a never gets there is named, and is in neither interval.
        var further = RivalRatio.From([.. a, Curve(5, 0, 0, 0)], [.. b, Curve(5, 0, 0, 0, 0, 0, 4)], 0.4, p => p.Iteration)!;
        Assert.Equal((4, 1), (further.Reached, further.Never));
        Assert.Equal((r.Low, r.High), (further.Low, further.High));
    }

    private static RivalArm Arm(string id, bool progress, double before, params int[] right) => new(
        id, id.ToUpperInvariant(), progress, "rate 0.001", [.. Enumerable.Range(1, 4).Select(s => Curve((ulong)s, before, right))],
        [.. Enumerable.Range(1, 4).Select(_ => (IReadOnlyList<TestTally>)[.. Enumerable.Range(0, 10)
            .Select(p => new TestTally($"p{p}", p < right[^1] ? 2 : 0, 2, p >= right[^1]))])], 0.3);

    private static readonly int[] Slow = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6], Fast = [0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];

    private static FigureSummary Figure(params RivalArm[] pav) => RivalsFigure.From([new("5 traps or more",
        [Arm("orm", false, 0, Slow), Arm("vineppo3", false, 0, Slow), Arm("vineppo9", false, 0, Slow), .. pav])],
        new("test", ["s"], 10, 4, 0, 0));

    [Fact]
    public void The_claim_needs_iterations_and_tokens()
    {
        Assert.Equal(FigureVerdict.Reproduced, Figure(Arm("self", true, 0, Fast)).Verdict);
        Assert.Equal(FigureVerdict.Partly, Figure(Arm("pav", true, 50_000, Fast)).Verdict);
        Assert.Equal(FigureVerdict.NotReproduced, Figure(Arm("pav", true, 0, Slow)).Verdict);
        // A ceiling that is not counted proves nothing.
        Assert.Equal(FigureVerdict.NotReproduced, Figure(Arm("pav", true, 0, Slow), Arm("oracle", false, 0, Fast)).Verdict);
    }

    [Fact]
    public void Beside_a_way_whose_settings_chance_chose_nothing_is_claimed()
    {
        RivalArm ByChance(string id) => Arm(id, false, 0, Slow) with { Tried = 0.02 };
        FigureSummary Raced(params RivalArm[] others) => RivalsFigure.From(
            [new("8 traps or more", [.. others, Arm("self", true, 0, Fast)])], new("test", ["s"], 10, 4, 0, 0));
        var rollouts = Raced(Arm("orm", false, 0, Slow), Arm("vineppo3", false, 0, Slow), ByChance("vineppo9"));
        Assert.Equal(FigureVerdict.Partly, rollouts.Verdict);
        Assert.Contains("8 traps or more, VINEPPO9: none of the tries that choose for it had begun to learn, so its "
            + "settings are not tuned, and others may do better.", rollouts.Notes);
        Assert.Equal("rate 0.001 (not tuned)", rollouts.Table!.Rows[2][2]);
        Assert.Equal(FigureVerdict.NotReproduced,
            Raced(ByChance("orm"), Arm("vineppo3", false, 0, Slow), Arm("vineppo9", false, 0, Slow)).Verdict);
    }

    [Fact]
    public void The_table_has_a_row_for_each_way()
    {
        var figure = Figure(Arm("self", true, 0, Fast));
        Assert.Equal(["ORM", "VINEPPO3", "VINEPPO9", "SELF"], figure.Table!.Rows.Select(r => r[1]));
        Assert.All(figure.Table.Rows, r => Assert.Equal(figure.Table.Columns.Count, r.Count));
        Assert.Equal("90.0% [70.0, 100.0]", figure.Table.Rows[3][3]);
        Assert.Equal("6 iterations, 0.00 M tokens", figure.Table.Rows[3][4]);
        Assert.Equal("not reached (0 of 4)", figure.Table.Rows[0][5]);
        Assert.StartsWith("17.7 (t [17.7, 17.7]) [", figure.Table.Rows[3][6], StringComparison.Ordinal);
        Assert.Equal("", figure.Table.Rows[0][6]);
        Assert.Equal("0.01 M", figure.Table.Rows[3][^1]);
        Assert.Equal(17.7, figure.Findings[0].Value!.Value, 6);
        Assert.Equal(30, figure.Findings[^1].Value!.Value * 100, 6);
        Assert.Contains("| difficulty | way |", ResultsDocument.Markdown([figure]), StringComparison.Ordinal);
        Assert.Equal((4, true), (figure.Panels[0].Lines.Count, figure.Panels[0].LogX));
    }
}
