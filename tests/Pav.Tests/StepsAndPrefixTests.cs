using FsCheck;
using FsCheck.Fluent;

namespace Pav.Tests;

public class StepsAndPrefixTests
{
    private static readonly Arbitrary<string> Texts = Gen.Elements("a", "bc", "\n", " ", "é", "\r", "𝟙").ListOf().Select(string.Concat)
        .ToArbitrary();

    private static readonly Arbitrary<List<string>> StepLists = Gen.Elements("a\n", "b\n", "ab\n", "\n").ListOf().Select(l => l.ToList())
        .ToArbitrary();

    [Fact]
    public void Splitting_and_joining_gives_the_text_back() =>
        Prop.ForAll(Texts, text => string.Concat(StepEnd.Newline.Split(text)) == text).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_step_but_the_last_ends_with_its_only_newline() =>
        Prop.ForAll(Texts, text =>
        {
            var steps = StepEnd.Newline.Split(text);
            return steps.All(s => s.Length > 0 && !StepEnd.Newline.In(s.AsSpan(0, s.Length - 1)))
                && steps.SkipLast(1).All(s => StepEnd.Newline.In(s));
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(new int[0], new string[0])]
    [InlineData(new[] { 5, 10, 6, 7 }, new[] { "5 10", "6 7" })]
    [InlineData(new[] { 5, 10, 0 }, new[] { "5 10", "0" })]      // an end right after a newline
    [InlineData(new[] { 5, 0 }, new[] { "5 0" })]
    [InlineData(new[] { 10, 10, 5, 10 }, new[] { "10", "10", "5 10" })]
    public void Ids_are_cut_after_those_that_end_a_step(int[] ids, string[] expected) =>
        Assert.Equal(expected, StepEnd.OfIds(ids, id => id == 10).Select(range => string.Join(" ", ids[range])));

    [Fact]
    public void Equal_prefixes_have_equal_steps_and_hashes() =>
        Prop.ForAll(StepLists, StepLists, (a, b) =>
        {
            var (p, q) = (Build("x", a), Build("x", b));
            var same = p.Equals(q) == a.SequenceEqual(b) && p.Equals(Build("x", a)) && p.GetHashCode() == Build("x", a).GetHashCode();
            return same && !p.Equals(Build("y", a)) && !p.Then("c", ended: true).Equals(p.Then("c")) && p.Text == string.Concat(a);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_path_leads_from_the_problem_to_the_prefix() =>
        Prop.ForAll(StepLists, steps =>
        {
            var prefix = Build("x", steps);
            var path = prefix.Path();
            return path.Count == steps.Count + 1 && path[0].Depth == 0 && ReferenceEquals(path[^1], prefix)
                && prefix.Steps.SequenceEqual(steps);
        }).QuickCheckThrowOnFailure();

    private static Prefix Build(string problem, IEnumerable<string> steps) =>
        steps.Aggregate(Prefix.Root(new(problem, "text", "1")), (p, s) => p.Then(s));
}
