using FsCheck;
using FsCheck.Fluent;

namespace Pav.Tests;

public class StepEndTests
{
    private static readonly Arbitrary<string> Texts = Gen.Elements("a", "b", ". ", ".", "\n", "\n\n", "\n\n\n", " ", "é", "\r", "𝟙", "##")
        .ListOf().Select(string.Concat).ToArbitrary();

    public static TheoryData<string> Ends => ["newline", "blank-line", @"\.\s", @"\n+", "##", "[^ -~]", "é|\n\n"];

    [Theory, MemberData(nameof(Ends))]
    public void Steps_are_the_shortest_texts_that_hold_the_end_and_join_to_the_whole(string name)
    {
        var end = StepEnd.Parse(name);
        Prop.ForAll(Texts, text =>
        {
            var steps = end.Split(text);
            return string.Concat(steps) == text && steps.SkipLast(1).All(s => end.In(s))
                && steps.All(s => s.Length > 0 && !end.In(s.AsSpan(0, s.Length - (s.Length > 1 && char.IsLowSurrogate(s[^1]) ? 2 : 1))));
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("blank-line", "a\nb\n\nc\n\n\nd", new[] { "a\nb\n\n", "c\n\n", "\nd" })]
    [InlineData(@"\.\s", "1.5 is it. So\nyes.\nno", new[] { "1.5 is it. ", "So\nyes.\n", "no" })]
    [InlineData(@"\n+", "a\n\nb", new[] { "a\n", "\n", "b" })]
    [InlineData("##", "a###", new[] { "a##", "#" })]
    public void A_text_is_cut_at_its_first_ends(string name, string text, string[] steps) =>
        Assert.Equal(steps, StepEnd.Parse(name).Split(text));

    [Theory]
    [InlineData(null, "newline", "\n")]
    [InlineData(@"\n", "newline", "\n")]
    [InlineData(@"\n\n", "blank-line", "\n\n")]
    [InlineData(@"\n---\n", @"\n---\n", "\n---\n")]
    [InlineData(" ки", " ки", " ки")]
    [InlineData(@"\.", @"\.", ".")]
    [InlineData(@"\.\s", @"\.\s", null)]
    [InlineData("a+", "a+", null)]
    public void An_end_has_a_name_and_perhaps_one_text(string? given, string name, string? literal)
    {
        var end = StepEnd.Parse(given);
        Assert.Equal((name, literal), (end.Name, end.Literal));
        Assert.Equal(name == "newline" ? null : name, end.Recorded);
        Assert.Equal(end.Name, StepEnd.Parse(end.Recorded).Name);
    }

    [Theory]
    [InlineData("(", "is not a regular expression")]
    [InlineData("x*", "matches an empty text")]
    [InlineData("a$", "has $, which depends on what follows")]
    [InlineData(@"a\b", @"has \b, which depends on what follows")]
    [InlineData(@"\n(?=Step)", "looks around")]
    public void A_pattern_that_cannot_be_told_while_a_step_is_written_is_refused(string pattern, string why) =>
        Assert.Contains(why, Assert.Throws<UserError>(() => StepEnd.Parse(pattern)).Message);

    [Fact]
    public void Steps_without_their_end_get_it_where_it_is_one_text()
    {
        Assert.Equal("a b\n\n", StepEnd.BlankLine.Close(" a b\n"));
        Assert.Contains("a pattern with several texts", Assert.Throws<UserError>(() => StepEnd.Parse("[.!]").Close("a")).Message);
    }
}
