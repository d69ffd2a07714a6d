using System.Text.Json;
using Pav.Models;
using Pav.Models.Chat;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>What a chat's messages ask: the user's last message is the problem, and all of them are the policy's prompt.</summary>
internal static class Conversation
{
    private const int MostMessages = 1000;

    private const string NoTemplate =
        "the policy has no chat template (pav serve --chat on), so it is asked one problem, without a history";

    private const string User = "user", Instruction = "system", Assistant = "assistant";

    /// <summary>
    /// A policy with a chat template is asked by that. Without one it was taught to be asked once: system messages then stand before the
    /// user's only one, and earlier turns are refused.
    /// </summary>
    public static Question Read(Body body, PromptTemplate template)
    {
        var given = body.Objects("messages") ?? throw body.Wrong("messages", "is missing");
        if (given.Count > MostMessages) throw body.Wrong("messages", $"must be at most {MostMessages}");
        ChatMessage[] messages = [.. given.Select(m => Message(m, template.Chat is not null))];
        if (messages.Length == 0 || messages.All(m => m.Role != User)) throw body.Wrong("messages", "must hold a message of the user");
        if (messages[^1].Role == Assistant)
            throw given[^1].Wrong("role", "must be user in the last message: a begun answer is continued by /v1/completions, not here");
        var problem = messages.Last(m => m.Role == User).Content;
        if (template.Chat is null) return Single(body, messages, problem, template);
        if (messages.Length == 1) return new(problem);
        try
        {
            return new(problem, new(template.FillChat(messages)));
        }
        catch (UserError e)
        {
            throw ApiError.Wrong("messages", e.Message, e);
        }
    }

    private static Question Single(Body body, ChatMessage[] messages, string problem, PromptTemplate template)
    {
        if (messages.Count(m => m.Role == User) > 1)
            throw body.Wrong("messages", $"must hold one message of the user: {NoTemplate}");
        string[] before = [.. messages.Where(m => m.Role == Instruction && m.Content != "").Select(m => m.Content)];
        return before.Length == 0 ? new(problem)
            : new(problem, new(template.Fill(new Problem("", string.Join("\n\n", [.. before, problem]), ""))));
    }

    private static ChatMessage Message(Body message, bool turns)
    {
        if (message.Has("tool_calls") || message.Has("function_call"))
            throw message.Wrong(message.Has("tool_calls") ? "tool_calls" : "function_call", "is not honoured: this server calls no tools");
        return message.Text("role") switch
        {
            Instruction or "developer" => new(Instruction, Text(message)),
            User => new(User, Text(message)),
            Assistant when turns => new(Assistant, Text(message)),
            Assistant => throw message.Wrong("role", $"is of an earlier turn, which cannot be shown: {NoTemplate}"),
            "tool" or "function" => throw message.Wrong("role", "is of a tool, and this server calls none"),
            _ => throw message.Wrong("role", "must be system, developer, user or assistant"),
        };
    }

    /// <summary>A message's text: a text, or a list of parts of the type text.</summary>
    private static string Text(Body message)
    {
        var content = message.Find("content") ?? throw message.Wrong("content", "is missing");
        if (content.ValueKind == JsonValueKind.String) return content.GetString()!;
        if (content.ValueKind != JsonValueKind.Array)
            throw message.Wrong("content", "must be a text or a list of parts of the type text");
        var parts = message.Objects("content")!;
        if (parts.FirstOrDefault(part => part.Text("type") != "text") is { } other)
            throw other.Wrong("type", other.Text("type") is { } kind ? $"is '{kind}', and this server reads text only" : "is missing");
        return string.Concat(parts.Select(part => part.Text("text") ?? throw part.Wrong("text", "is missing")));
    }
}
