namespace Pav;

/// <summary>
/// Beam search over steps by Q^π or by the effective reward Q^π + α·A^μ (Sec. 4.1). From each prefix of the beam some next steps are
/// sampled (at the root n times as many), equal ones are merged, and the n best of these and the finished traces are kept, until all are
/// finished.
/// </summary>
public sealed record BeamSearch : SizedSearch
{
    /// <summary>Names the randomness; beams under different names share nothing.</summary>
    public string Stream { get; init; } = "beam";

    /// <summary>Steps between two scores: each candidate is so many steps long (variable granularity, arXiv 2505.11730).</summary>
    public int Every { get; init; } = 1;

    /// <summary>A step's Q is read so many greedy steps later; these are paid for and thrown away (0: at the step's own end).</summary>
    public int Ahead { get; init; }

    /// <summary>Candidates are half drawn and scored first, and the worst are not finished (<see cref="StepTree.DrawEarly"/>).</summary>
    public bool Early { get; init; }

    public override Needs Needs => Early ? base.Needs | Needs.HalfSteps : base.Needs;

    protected override async Task<Found> Run(SearchSite site, int n)
    {
        var tree = site.Tree(Stream);
        IReadOnlyList<StepNode> beam = [tree.Root];
        while (beam.Any(tree.IsOpen))
        {
            var asked = beam.Where(tree.IsOpen).Select(b => (b, b.Parent is null ? n * site.Candidates : site.Candidates));
            var steps = Early ? await tree.DrawEarly(asked, ByProgress) : await tree.Draw(asked);
            for (var k = 1; k < Every; k++)
            {
                var further = await tree.Draw(steps.Where(tree.IsOpen).Select(s => (s, 1)));
                steps = [.. steps.Where(s => !tree.IsOpen(s)), .. further];
            }

            await tree.Score(steps, ByProgress, Ahead > 0 ? await tree.Ahead(steps, Ahead) : null);
            beam = tree.Prune([.. beam.Where(b => b.Ended), .. steps], n);
        }

        return Found.In(tree, n, beam);
    }
}
