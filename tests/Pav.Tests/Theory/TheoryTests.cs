namespace Pav.Tests.Theory;

public class TheoryTests
{
    private static readonly Lazy<IReadOnlyList<TheoryResult>> Results = new(() => TheoryChecks.Run(new()));

    private static TheoryResult Result(string name) => Assert.Single(Results.Value, r => r.Name == name);

    // Two steps of two tokens, the first leaf right and the last; π takes the first token with 3/4.
    private static readonly TokenTree Tree = new(2, 2, [1, 0, 0, 1]);
    private static readonly double[] Policy = [0.75, 0.25, 0.75, 0.25, 0.75, 0.25], Uniform = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5];

    [Fact]
    public void A_tree_worked_by_hand()
    {
        var values = Tree.Values(Policy);
        Assert.Equal([0.625, 0.75, 0.25, 1, 0, 0, 1], values);
        Assert.Equal([0.125, -0.375, 0.25, -0.75, -0.25, 0.75], Tree.Advantages(values));
        Assert.Equal([1, 0.75, 0.25], Tree.Occupancy(Policy));
        var terms = ImprovementTerms.From(Tree, Policy, values, Tree.Values(Uniform));
        Assert.Equal((0.234375, 0.1875, 0.1875), (terms.PolicyVariance, terms.ProverVariance, terms.Alignment));
        Assert.Equal(terms.PolicyVariance + terms.ProverVariance - 2 * terms.Alignment, terms.Disagreement, 12);
        var next = Tree.NaturalGradientStep(Policy, Tree.Q(values), 1);
        Assert.Equal(3 * Math.Exp(0.5) / (3 * Math.Exp(0.5) + 1), next[0], 12);
        Assert.Equal(4, Tree.Traces().Count());
        var (states, steps, leaf) = Tree.Traces().ElementAt(2);
        Assert.Equal([0, 2, 1, 0, 5], [.. states, .. steps, leaf]);
    }

    [Fact]
    public void The_gradient_of_outcome_is_that_of_the_value()
    {
        var values = Tree.Values(Policy);
        var gradient = TraceGradient.From(Tree, Policy, (states, _, leaf) => [.. states.Select(_ => values[leaf])]).Mean;
        for (var i = 0; i < Policy.Length; i++)
        {
            double ValueAt(double logit)
            {
                var signal = new double[Policy.Length];
                signal[i] = logit;
                return Tree.Values(Tree.NaturalGradientStep(Policy, signal, 1))[0];
            }

            Assert.Equal((ValueAt(1e-5) - ValueAt(-1e-5)) / 2e-5, gradient[i], 9);
        }
    }

    [Theory]
    [InlineData("Telescoping", "largest_error", 1e-12)]
    [InlineData("A^π adds nothing (Sec. 3.2)", "largest_error", 1e-12)]
    [InlineData("Q^μ in place of A^μ", "largest_error", 1e-12)]
    [InlineData("Return-to-go (App. G)", "largest_error", 1e-12)]
    [InlineData("First-order law", "largest_error", 1e-3)]
    public void Exact_results(string name, string number, double bound)
    {
        Assert.InRange(Result(name).Numbers[number], 0, bound);
        Assert.Equal(Verdict.Holds, Result(name).Verdict);
    }

    [Fact]
    public void The_printed_bound_fails_often_and_the_law_says_where()
    {
        var numbers = Result("Theorem 3.1 as printed").Numbers;
        Assert.InRange(numbers["fails_at_the_problem"], 50, 200);
        Assert.Equal(numbers["trees"], numbers["explained"]);
        Assert.InRange(Result("First-order law").Numbers["median_error_with_minus"], 0.5, 2);
    }

    [Fact]
    public void Best_of_K_where_it_is_rarely_right()
    {
        var dist = Result("Remark 3.1, distinguishability").Numbers;
        Assert.InRange(dist["low_at_0.005"], 0.98, 1.02);
        Assert.InRange(dist["high_at_0.005"], 0.98, 1.02);
        Assert.InRange(dist["low_at_1"], 0, 0.5);
        var alignment = Result("Remark 3.1, alignment").Numbers;
        Assert.InRange(alignment["low"], 0, 1);
        Assert.InRange(alignment["high"], 0, 1);
        Assert.InRange(alignment["low_at_0.005"], 0.98, 1);
    }

    [Fact]
    public void Value_as_reward_has_the_larger_variance_too()
    {
        var result = Result("Q^μ in place of A^μ");
        Assert.Equal((200, true), (result.Numbers["larger_variance"], result.Numbers["median_variance_ratio"] > 1));
        // In the smallest trees Q^μ can be the reward of smaller variance: then the claim holds in part.
        var small = TheoryChecks.Run(new() { Trees = 50, Steps = 2, Depth = 1 }).Single(r => r.Name == result.Name);
        Assert.InRange(small.Numbers["larger_variance"], 1, 49);
        Assert.Equal(Verdict.WithinLimits, small.Verdict);
    }

    [Fact]
    public void Without_a_case_there_is_no_verdict()
    {
        var options = new TheoryOptions { Trees = 2, Steps = 2, Depth = 1 };
        var runs = Enumerable.Range(1, 20).Select(seed => TheoryChecks.Run(options with { Seed = (ulong)seed })).ToList();
        var weaker = runs.Select(run => run.Single(r => r.Name == "Proposition F.1")).ToList();
        Assert.All(weaker, r => Assert.Equal(r.Numbers["weaker"] == 0, r.VerdictText == "no case"));
        Assert.Contains(weaker, r => r.Verdict == Verdict.NoCase);
        Assert.Contains(weaker, r => r.Verdict == Verdict.WithinLimits);
        var results = runs.SelectMany(r => r).ToList();
        Assert.All(results, r => Assert.DoesNotContain("Infinity", r.Found, StringComparison.Ordinal));
        Assert.All(results, r => Assert.DoesNotContain("NaN", r.Found, StringComparison.Ordinal));
        Assert.DoesNotContain(results, r => r.Numbers.Values.Any(n => !double.IsFinite(n)));
    }

    [Fact]
    public void The_document_shows_what_the_command_prints()
    {
        var document = File.ReadAllText(Repository("docs/theory.md"));
        Assert.Equal(TheoryResult.Markdown(Results.Value), Between(document, "<!-- pav theory --markdown -->\n", "<!-- end -->"));
        var map = MapDiagram.Markdown(MapDiagram.Draw(200, 1));
        Assert.Equal(map, Between(document, "<!-- pav theory --progress --markdown -->\n", "<!-- end of map -->"));
    }

    private static string Between(string document, string begin, string end) =>
        document[(document.IndexOf(begin, StringComparison.Ordinal) + begin.Length)..document.IndexOf(end, StringComparison.Ordinal)];

    private static string Repository(string path)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, path))) return Path.Combine(directory.FullName, path);
        throw new FileNotFoundException(path);
    }
}
