using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pav.Models.Tokenizers;

/// <summary>An object inside a tokenizer.json, with the words to say where something in it is wrong.</summary>
internal readonly record struct TokenizerJson(string File, string Where, JsonObject Object)
{
    public string Type => Text("type") ?? throw Wrong("has no \"type\"");

    public string? Text(string name) => Get<string>(name);

    public bool Flag(string name, bool whenAbsent = false) => Get<bool?>(name) ?? whenAbsent;

    public bool Has(string name) => Object[name] is not null;

    public TokenizerJson? Child(string name) => Object[name] switch
    {
        null => null,
        JsonObject child => this with { Where = $"{Where}{(Where.Length > 0 ? "." : "")}{name}", Object = child },
        _ => throw Wrong($"\"{name}\" is not an object"),
    };

    public TokenizerJson Required(string name) => Child(name) ?? throw Wrong($"has no \"{name}\"");

    public IEnumerable<TokenizerJson> Children(string name)
    {
        var self = this;
        return Object[name] switch
        {
            null => [],
            JsonArray list => list.Select((node, i) => node is JsonObject child
                ? self with { Where = $"{self.Where}{(self.Where.Length > 0 ? "." : "")}{name}[{i}]", Object = child }
                : throw self.Wrong($"\"{name}\"[{i}] is not an object")),
            _ => throw Wrong($"\"{name}\" is not a list"),
        };
    }

    /// <summary>A component that is not known would make a tokenizer that runs and is wrong: it is refused.</summary>
    public UserError Unknown(params string[] known) => Wrong($"the type \"{Type}\" is not supported; supported are {string.Join(", ", known)}");

    public UserError Wrong(string what) => new($"{File}: {(Where.Length > 0 ? Where + ": " : "")}{what}");

    public T? Get<T>(string name)
    {
        try
        {
            return Object[name] is { } node ? node.Deserialize<T>() : default;
        }
        catch (JsonException)
        {
            throw Wrong($"\"{name}\" is not what it should be: {Object[name]!.ToJsonString()}");
        }
    }
}
