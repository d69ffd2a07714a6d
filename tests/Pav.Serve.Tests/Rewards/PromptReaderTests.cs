using Pav.Models;
using Pav.Models.Chat;
using Pav.Serve.Rewards;
using Pav.Serve.Wire;

namespace Pav.Serve.Tests.Rewards;

public class PromptReaderTests
{
    private const string ChatMl = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    private static readonly string[] Specials = ["<|im_start|>", "<|im_end|>", "<eos>"];

    private static readonly PromptReader Plain = new([new("{problem}\n"), new("Checked:\n{problem}\n")], Specials);

    private static readonly PromptReader Chat = new(
        [new("Solve: {problem}") { Chat = new ChatFrame(ChatMl, new Dictionary<string, string>(), "Be brief.") }], Specials);

    [Theory]
    [InlineData("Start 1\n1: +2", "Start 1\n1: +2")]
    [InlineData("Start 1\n1: +2\n", "Start 1\n1: +2")]
    public void A_plain_prompt_is_the_problem_without_what_ends_it(string prompt, string problem) =>
        Assert.Equal(problem, Plain.Problem(prompt, "prompt"));

    [Theory]
    [InlineData("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nSolve: 2+2<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData("<|im_start|>system\nAnother, longer.<|im_end|>\n<|im_start|>user\nSolve: 2+2<|im_end|>\n<|im_start|>assistant\n<think>\n")]
    [InlineData("<|im_start|>user\nSolve: 2+2<|im_end|>\n")]
    public void A_chat_prompt_is_what_the_user_says(string prompt) => Assert.Equal("2+2", Chat.Problem(prompt, "prompt"));

    [Fact]
    public void A_problem_without_any_template_is_taken_as_it_is() => Assert.Equal("2+2", Chat.Problem("2+2", "prompt"));

    [Fact]
    public void A_chat_template_that_is_not_known_is_an_error_that_says_what_to_do()
    {
        var error = Assert.Throws<ApiError>(() => Plain.Problem("<|start_header_id|>user<|end_header_id|>\n\n2+2<|eot_id|>", "prompts[3]"));
        Assert.Equal(422, error.Status);
        Assert.StartsWith("prompts[3] is written in a chat template", error.Message);
    }

    [Fact]
    public void Problem_and_response_of_one_text()
    {
        const string text = "<|im_start|>system\nX<|im_end|>\n<|im_start|>user\nSolve: 2+2<|im_end|>\n<|im_start|>assistant\n"
            + "2+2=4\nso 4<|im_end|>\n";
        Assert.Equal(("2+2", "2+2=4\nso 4<|im_end|>\n"), Chat.Split(text, "input"));
        Assert.Equal(("2+2", "4\n"), new PromptReader([new("Q: {problem}\nA: ")], Specials).Split("Q: 2+2\nA: 4\n", "input"));
        Assert.Contains("messages", Assert.Throws<ApiError>(() => Chat.Split("2+2=4", "input")).Message);
    }

    [Theory, InlineData("so 4<|im_end|>\n", 4), InlineData("so 4\n<eos>", 5), InlineData("so 4<|im_end|> <eos><eos>", 4)]
    [InlineData("so 4", 4), InlineData("", 0)]
    public void Special_tokens_at_the_end_are_no_text(string response, int end) => Assert.Equal(end, Plain.End(response));
}
