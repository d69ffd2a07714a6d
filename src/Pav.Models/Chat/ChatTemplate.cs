using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Pav.Models.Files;
using Pav.Models.Tokenizers;

namespace Pav.Models.Chat;

/// <summary>A message of a conversation; the role is <c>system</c>, <c>user</c> or <c>assistant</c>, or what else a template knows.</summary>
public sealed record ChatMessage(string Role, string Content);

/// <summary>
/// How problems are put to a chat model: with its template, as the user's message in a conversation. It stands in the records beside a
/// checkpoint, so that a trained one is asked as it learned.
/// </summary>
/// <param name="Template">In Jinja.</param>
/// <param name="Tokens">The special tokens that it names.</param>
/// <param name="System">The system message; none where empty.</param>
/// <param name="Thinking">Qwen3's switch; null: the template's default.</param>
/// <param name="BosIsAdded">The tokenizer puts the begin-of-sequence token before every text, so it is left out of the text.</param>
public sealed record ChatFrame(string Template, IReadOnlyDictionary<string, string> Tokens, string System = "", bool? Thinking = null,
    bool BosIsAdded = false)
{
    private ChatTemplate? parsed;

    /// <summary>The prompt, up to where the assistant is to answer.</summary>
    public string Render(string user) => Render([new("user", user)]);

    /// <summary>A conversation's prompt; its own system message goes before <see cref="System"/>.</summary>
    public string Render(IReadOnlyList<ChatMessage> messages)
    {
        parsed ??= new(Template, Tokens, "the chat template");
        var usual = System != "" && messages.All(m => m.Role != "system") ? [new("system", System)] : (ChatMessage[])[];
        var text = parsed.Render([.. usual, .. messages], thinking: Thinking);
        return BosIsAdded && Tokens.GetValueOrDefault("bos_token") is { } bos && text.StartsWith(bos, StringComparison.Ordinal)
            ? text[bos.Length..] : text;
    }
}

/// <summary>
/// How a chat model wants conversations written: the template of chat_template.jinja or of tokenizer_config.json. Prompts do not change
/// from day to day: to templates that ask for the date it is
/// the one that Llama 3's fall back on, 26 July 2024.
/// </summary>
public sealed partial class ChatTemplate
{
    /// <summary>MostRange is that of Jinja's sandbox.</summary>
    private const int MostLetters = 1_000_000, MostRange = 100_000;

    private const string FileName = "chat_template.jinja", ConfigName = "tokenizer_config.json";

    private static readonly string[] SpecialTokens = ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token",
        "mask_token"];

    private readonly JinjaStatement template;
    private readonly string source, where;
    private readonly IReadOnlyDictionary<string, string> tokens;

    /// <param name="source">The template.</param>
    /// <param name="config">Where the special tokens are named.</param>
    /// <param name="where">For messages.</param>
    public ChatTemplate(string source, JsonObject config, string where)
        : this(source, SpecialTokens.Select(name => (name, Text: Special(config, name))).Where(t => t.Text is not null)
            .ToDictionary(t => t.name, t => t.Text!), where)
    {
    }

    /// <param name="source">The template.</param>
    /// <param name="tokens">Special tokens by their names.</param>
    /// <param name="where">For messages.</param>
    public ChatTemplate(string source, IReadOnlyDictionary<string, string> tokens, string where)
    {
        (this.source, this.tokens, this.where) = (source, tokens, where);
        if (source.Length > MostLetters)
            throw new UserError($"{where}: a chat template of {source.Length:N0} letters is not supported; {MostLetters:N0} are the most");
        template = new JinjaParser(new JinjaTokens(source, Unsupported).Read(), Unsupported).Template();
    }

    /// <summary>Of a checkpoint's folder; chat_template.jinja goes before the other.</summary>
    public static ChatTemplate Load(string folder)
    {
        var (file, named) = (Path.Combine(folder, FileName), Path.Combine(folder, ConfigName));
        var config = File.Exists(named) ? Json.Read<JsonObject>(named) : [];
        if (File.Exists(file)) return new(File.ReadAllText(file), config, file);
        var found = config["chat_template"] is JsonArray several
            ? several.OfType<JsonObject>().FirstOrDefault(t => (string?)t["name"] == "default")?["template"] : config["chat_template"];
        return found is JsonValue text ? new((string)text!, config, $"{named} (chat_template)")
            : throw new UserError($"{folder} has no chat template, neither {FileName} nor one in {ConfigName}; leave out --chat, or give "
                + "a model that was taught to chat");
    }

    /// <summary>The conversation as text, up to where the assistant is to answer.</summary>
    /// <param name="messages">Of system, user and assistant.</param>
    /// <param name="answer">Whether the assistant is next.</param>
    /// <param name="thinking">Qwen3's switch; null: the template's default.</param>
    public string Render(IReadOnlyList<ChatMessage> messages, bool answer = true, bool? thinking = null)
    {
        var scope = new JinjaScope(new JinjaBudget());
        scope.Set("messages", messages.Select(object? (m) => new JinjaMap { ["role"] = m.Role, ["content"] = m.Content }).ToList());
        scope.Set("add_generation_prompt", answer);
        scope.Set("tools", null);
        scope.Set("documents", null);
        if (thinking is { } on) scope.Set("enable_thinking", on);
        foreach (var (name, token) in tokens) scope.Set(name, token);
        scope.Set("raise_exception", (JinjaCallable)((arguments, _) => throw new UserError($"{where}: the chat template refuses these "
            + $"messages: {arguments.At(0, "message")}")));
        scope.Set("namespace", (JinjaCallable)Namespace);
        scope.Set("dict", (JinjaCallable)((arguments, spot) => arguments.Plain.Count > 0
            ? throw spot.Fail("dict with a value that has no name") : JinjaFunctions.Mapping(arguments)));
        scope.Set("range", (JinjaCallable)((arguments, spot) => arguments.Named.Count > 0
            ? throw spot.Fail("range with these arguments") : Range([.. arguments.Plain.Select(a => JinjaValue.Whole(a, spot))], spot)));
        scope.Set("strftime_now",
            (JinjaCallable)((arguments, spot) =>
            DatePart().Replace(arguments.At(0, "format") as string ?? throw spot.Fail("strftime_now without a format"), part =>
            Date(part.Value, spot))));
        var output = new StringBuilder();
        template(scope, output);
        return output.ToString();
    }

    /// <summary>The template with all that it reads besides the user's message.</summary>
    /// <param name="system">None where empty.</param>
    /// <param name="tokenizer">Asked for only where there is a begin-of-sequence token.</param>
    /// <param name="thinking">Qwen3's switch; null: the template's default.</param>
    public ChatFrame Frame(string system, Func<Tokenizer> tokenizer, bool? thinking = null)
    {
        var added = tokens.ContainsKey("bos_token") && tokenizer() is var known && known.Bos is { } id
            && known.Encode("").FirstOrDefault(-1) == id;
        return new(source, tokens, system, thinking, added);
    }

    private static string? Special(JsonObject config, string name) =>
        config[name] switch { JsonValue value => (string?)value, JsonObject token => (string?)token["content"], _ => null };

    private static object Namespace(JinjaValues arguments, JinjaSpot spot)
    {
        var fields = new Dictionary<string, object?>();
        if (arguments.Plain is [JinjaMap map])
            foreach (var (key, value) in map) fields[key as string ?? throw spot.Fail("a namespace with a field that has no name")] = value;
        else if (arguments.Plain.Count > 0) throw spot.Fail("namespace with these arguments");
        foreach (var (name, value) in arguments.Named) fields[name] = value;
        return new JinjaNamespace(fields);
    }

    private static List<object?> Range(long[] given, JinjaSpot spot)
    {
        var (from, to, by) = given switch { [var n] => (0L, n, 1L), [var a, var b] => (a, b, 1L), [var a, var b, var c] when c != 0 =>
            (a, b, c), _ => throw spot.Fail("range with these arguments") };
        var count = Int128.Max(0, ((Int128)to - from + by - Math.Sign(by)) / by);
        if (count > MostRange) throw spot.Fail($"a range of more than {MostRange:N0} numbers");
        spot.Make((long)count);
        return [.. Enumerable.Range(0, (int)count).Select(i => (object?)(from + i * by))];
    }

    private static string Date(string part, JinjaSpot spot) => part switch
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
        _ => throw spot.Fail($"strftime_now with {part}"),
    };

    [GeneratedRegex("%.?")]
    private static partial Regex DatePart();

    private UserError Unsupported(int line, string what) =>
        new($"{where}, line {line} of the chat template: {what} is not supported; leave out --chat and write the prompt with --template");
}
