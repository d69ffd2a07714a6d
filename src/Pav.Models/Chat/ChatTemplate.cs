using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Pav.Models.Files;
using Pav.Models.Tokenizers;

namespace Pav.Models.Chat;

public sealed record ChatMessage(string Role, string Content);

/// <summary>
/// How a chat model wants conversations written: the template of chat_template.jinja or of tokenizer_config.json. Prompts do not change from day to day: to templates that ask for the date it is
/// the one that Llama 3's fall back on, 26 July 2024.
/// </summary>
public sealed partial class ChatTemplate
{
    private const string FileName = "chat_template.jinja", ConfigName = "tokenizer_config.json";

    private static readonly string[] SpecialTokens = ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"];

    private readonly JinjaStatement template;
    private readonly JsonObject config;
    private readonly string where;

    /// <param name="source">The template.</param>
    /// <param name="config">Where the special tokens are named.</param>
    /// <param name="where">For messages.</param>
    public ChatTemplate(string source, JsonObject config, string where)
    {
        (this.config, this.where) = (config, where);
        template = new JinjaParser(new JinjaTokens(source, Unsupported).Read(), Unsupported).Template();
    }

    /// <summary>Of a checkpoint's folder; chat_template.jinja goes before the other.</summary>
    public static ChatTemplate Load(string folder)
    {
        var (file, named) = (Path.Combine(folder, FileName), Path.Combine(folder, ConfigName));
        var config = File.Exists(named) ? Json.Read<JsonObject>(named) : [];
        if (File.Exists(file)) return new(File.ReadAllText(file), config, file);
        var found = config["chat_template"] is JsonArray several ? several.OfType<JsonObject>().FirstOrDefault(t => (string?)t["name"] == "default")?["template"] : config["chat_template"];
        return found is JsonValue text ? new((string)text!, config, $"{named} (chat_template)")
            : throw new UserError($"{folder} has no chat template, neither {FileName} nor one in {ConfigName}; leave out --chat, or give a model that was taught to chat");
    }

    /// <summary>The conversation as text, up to where the assistant is to answer.</summary>
    /// <param name="messages">Of system, user and assistant.</param>
    /// <param name="answer">Whether the assistant is next.</param>
    /// <param name="thinking">Qwen3's switch; null: the template's default.</param>
    public string Render(IReadOnlyList<ChatMessage> messages, bool answer = true, bool? thinking = null)
    {
        var scope = new JinjaScope(null);
        scope.Set("messages", messages.Select(object? (m) => new Dictionary<string, object?> { ["role"] = m.Role, ["content"] = m.Content }).ToList());
        scope.Set("add_generation_prompt", answer);
        scope.Set("tools", null);
        scope.Set("documents", null);
        if (thinking is { } on) scope.Set("enable_thinking", on);
        foreach (var name in SpecialTokens)
            if (Special(name) is { } token) scope.Set(name, token);
        scope.Set("raise_exception", (JinjaCallable)((arguments, _) => throw new UserError($"{where}: the chat template refuses these messages: {arguments.At(0, "message")}")));
        scope.Set("namespace", (JinjaCallable)((arguments, _) => new JinjaNamespace(arguments.Named.ToDictionary())));
        scope.Set("range", (JinjaCallable)((arguments, fail) => Range([.. arguments.Plain.Select(a => JinjaValue.Whole(a, fail))], fail)));
        scope.Set("strftime_now", (JinjaCallable)((arguments, fail) => DatePart().Replace(arguments.At(0, "format") as string ?? throw fail("strftime_now without a format"), part => Date(part.Value, fail))));
        var output = new StringBuilder();
        template(scope, output);
        return output.ToString();
    }

    /// <summary>
    /// The prompt of a problem: a system message (if any), then the user's, and the beginning of the answer. A begin-of-sequence token that the tokenizer puts before every text is left out of it.
    /// </summary>
    /// <param name="user">The user's message; {problem} stands for the problem's text.</param>
    /// <param name="system">None where empty.</param>
    /// <param name="tokenizer">Asked for only where the text begins with its begin-of-sequence token.</param>
    /// <param name="thinking">Qwen3's switch; null: the template's default.</param>
    public PromptTemplate Prompt(string user, string system, Func<Tokenizer> tokenizer, bool? thinking = null)
    {
        ChatMessage[] messages = [.. system == "" ? [] : (ChatMessage[])[new("system", system)], new("user", user)];
        var text = Render(messages, thinking: thinking);
        if (Special("bos_token") is { } bos && text.StartsWith(bos, StringComparison.Ordinal) && tokenizer() is var own && own.Bos is { } id && own.Encode("").FirstOrDefault(-1) == id) text = text[bos.Length..];
        return new(text);
    }

    private string? Special(string name) => config[name] switch { JsonValue value => (string?)value, JsonObject token => (string?)token["content"], _ => null };

    private static object Range(long[] given, Func<string, UserError> fail)
    {
        var (from, to, by) = given switch { [var n] => (0L, n, 1L), [var a, var b] => (a, b, 1L), [var a, var b, var c] when c != 0 => (a, b, c), _ => throw fail("range with these arguments") };
        var numbers = new List<object?>();
        for (var i = from; (by > 0 ? i < to : i > to) && numbers.Count < 100_000; i += by) numbers.Add(i);
        return numbers;
    }

    private static string Date(string part, Func<string, UserError> fail) => part switch
    {
        "%d" => "26",
        "%m" => "07",
        "%y" => "24",
        "%Y" => "2024",
        "%b" => "Jul",
        "%B" => "July",
        "%a" => "Fri",
        "%A" => "Friday",
        "%H" or "%M" or "%S" => "00",
        "%%" => "%",
        _ => throw fail($"strftime_now with {part}"),
    };

    [GeneratedRegex("%.?")]
    private static partial Regex DatePart();

    private UserError Unsupported(int line, string what) => new($"{where}, line {line} of the chat template: {what} is not supported; leave out --chat and write the prompt with --template");
}
