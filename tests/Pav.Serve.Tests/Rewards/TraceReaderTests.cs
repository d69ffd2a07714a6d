using Pav.Models.Tokenizers;
using Pav.Serve.Rewards;
using Pav.Serve.Wire;

namespace Pav.Serve.Tests.Rewards;

public class TraceReaderTests
{
    private static readonly Tokenizer Words = Tokenizer.WordLevel(["\n", "2+2", " =", " 4", "so"]); // <eos> 0, <pad> 1, then these
    private static readonly Problem Problem = RewardModels.Problem("2+2?", null);
    private static readonly TraceReader Reader = new(StepEnd.Newline, new([new("{problem}\n")], PromptReader.Specials(Words)), Words);

    [Fact]
    public void Steps_of_a_text_with_their_characters_and_tokens()
    {
        var read = Reader.FromText(Problem, "2+2 = 4\nso 4<eos>", count: true);
        Assert.Equal(["2+2 = 4\n", "so 4"], read.Prefix.Steps);
        Assert.Equal([new(0, 8, 0, 4), new(8, 12, 4, 6)], read.Spans);
        Assert.True(read.Prefix.Ended);
    }

    [Fact]
    public void Steps_of_ids_are_those_that_the_policy_ended()
    {
        // "2+2 = 4 \n" "so 4 \n" and the end-of-sequence, which after a step's end is a step of its own.
        var read = Reader.FromIds(Problem, [3, 4, 5, 2, 6, 5, 2, 0], "response_ids");
        Assert.Equal(["2+2 = 4\n", "so 4\n", ""], read.Prefix.Steps);
        Assert.Equal([new(0, 8, 0, 4), new(8, 13, 4, 7), new(13, 13, 7, 8)], read.Spans);
        Assert.Equal([new(0, 8, 0, 4), new(8, 12, 4, 7)], Reader.FromIds(Problem, [3, 4, 5, 2, 6, 5, 0], "response_ids").Spans);
    }

    [Fact]
    public void Characters_are_code_points_as_Python_counts_them()
    {
        var read = new TraceReader(StepEnd.Newline, new([], []), null).FromText(Problem, "😀é\n∑", count: true);
        Assert.Equal([new(0, 3, null, null), new(3, 4, null, null)], read.Spans);
    }

    [Fact]
    public void An_empty_response_has_no_step()
    {
        Assert.Empty(Reader.FromText(Problem, "").Spans);
        Assert.Empty(Reader.FromIds(Problem, [], "response_ids").Spans);
        Assert.Empty(Reader.FromText(Problem, "<eos>").Spans);
    }

    [Theory, InlineData(-1), InlineData(99)]
    public void An_id_that_is_no_token_is_named(int id) =>
        Assert.Contains($"the id {id}", Assert.Throws<ApiError>(() => Reader.FromIds(Problem, [3, id], "response_ids")).Message);

    [Fact]
    public void Equal_problems_of_two_requests_are_one_and_others_are_not()
    {
        Assert.Equal(RewardModels.Problem("2+2?", null).Id, Problem.Id);
        Assert.NotEqual(RewardModels.Problem("2+3?", null).Id, Problem.Id);
    }
}
