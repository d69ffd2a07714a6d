using Pav.Models.Chat;
using Pav.Models.Tokenizers;

namespace Pav.Models;

/// <summary>
/// How a problem is put to a model, a text in which <c>{problem}</c> stands for the problem's own, and where its answers and their steps
/// end.
/// </summary>
public sealed record PromptTemplate
{
    private const string Hole = "{problem}";

    public PromptTemplate(string text) =>
        Text = text.Contains(Hole, StringComparison.Ordinal)
            ? text : throw new UserError($"the prompt template \"{text}\" has no {Hole} in it; put it where the problem's text belongs");

    public string Text { get; }

    /// <summary>The chat model's way to be asked, in which the text is the user's message; null: the text is the prompt.</summary>
    public ChatFrame? Chat { get; init; }

    public StepEnd StepEnd { get; init; } = StepEnd.Newline;

    /// <summary>Texts after which a trace is over.</summary>
    public TraceStops TraceStops { get; init; } = TraceStops.None;

    public string Fill(Problem problem)
    {
        var asked = Text.Replace(Hole, problem.Text, StringComparison.Ordinal);
        try
        {
            return Chat?.Render(asked) ?? asked;
        }
        catch (UserError e)
        {
            throw new UserError($"{e.Message} (with problem {problem.Id})", e);
        }
    }

    /// <summary>The prompt's ids, begin-of-sequence included where the tokenizer asks for it.</summary>
    public int[] Encode(Tokenizer tokenizer, Problem problem) => tokenizer.Encode(Fill(problem), addSpecial: true);

    /// <summary>
    /// The prompt of a conversation by the chat template: the text stands around each message of the user, as around a problem, and the
    /// assistant is next. An error where there is no chat template, or where it refuses the messages.
    /// </summary>
    public string FillChat(IReadOnlyList<ChatMessage> messages) => Chat is null
        ? throw new InvalidOperationException("a prompt template without a chat template puts one problem, and no conversation")
        : Chat.Render([.. messages.Select(m => m.Role != "user" ? m
            : m with { Content = Text.Replace(Hole, m.Content, StringComparison.Ordinal) })]);

    /// <summary>What the policy continues: the problem's own prompt where it has one, else the template with its text.</summary>
    public string PolicyPrompt(Problem problem) => problem.Written?.Text ?? Fill(problem);

    /// <summary>The same in ids.</summary>
    public int[] PolicyIds(Tokenizer tokenizer, Problem problem) =>
        problem.Written?.Ids is { } ids ? [.. ids] : tokenizer.Encode(PolicyPrompt(problem), addSpecial: true);
}
