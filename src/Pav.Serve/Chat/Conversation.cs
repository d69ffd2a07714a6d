using System.Text.Json;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>The problem that a chat's messages put.</summary>
internal static class Conversation
{
    private const int MostMessages = 100;

    /// <summary>
    /// The user's message, and before it, on lines of their own, what system messages say. A conversation of several turns is refused: the
    /// policy was taught to be asked once.
    /// </summary>
    public static string Problem(Body body)
    {
        var messages = body.Objects("messages") ?? throw body.Wrong("messages", "is missing");
        if (messages.Count > MostMessages) throw body.Wrong("messages", $"must be at most {MostMessages}");
        List<string> before = [], asked = [];
        foreach (var message in messages)
        {
            switch (message.Text("role"))
            {
                case "system" or "developer":
                    before.Add(Text(message));
                    break;
                case "user":
                    asked.Add(Text(message));
                    break;
                case "assistant" or "tool" or "function":
                    throw message.Wrong("role", "is of an earlier turn; this server answers one message of the user, without a history");
                default:
                    throw message.Wrong("role", "must be system, developer or user");
            }
        }

        if (asked.Count != 1) throw body.Wrong("messages", "must hold one message of the user");
        return string.Join("\n\n", [.. before.Where(text => text != ""), asked[0]]);
    }

    /// <summary>A message's text: a text, or a list of parts of the type text.</summary>
    private static string Text(Body message)
    {
        var content = message.Find("content") ?? throw message.Wrong("content", "is missing");
        if (content.ValueKind == JsonValueKind.String) return content.GetString()!;
        var parts = message.Objects("content")!;
        if (parts.FirstOrDefault(part => part.Text("type") != "text") is { } other)
            throw other.Wrong("type", "must be text: this server reads text only");
        return string.Concat(parts.Select(part => part.Text("text") ?? throw part.Wrong("text", "is missing")));
    }
}
