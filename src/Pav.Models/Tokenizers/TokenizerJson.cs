using System.Text.Json;

namespace Pav.Models.Tokenizers;

/// <summary>An object inside a tokenizer.json, with the words to say where something in it is wrong.</summary>
internal readonly record struct TokenizerJson(string File, string Where, JsonElement Json)
{
    private const int MostIds = 1 << 22;

    public string Type => Text("type") ?? throw Wrong("has no \"type\"");

    public bool Has(string name) => Find(name) is not null;

    public string? Text(string name) => Get(name, JsonValueKind.String)?.GetString();

    public bool Flag(string name, bool whenAbsent = false) => Find(name) switch
    {
        null => whenAbsent,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Unexpected(name),
    };

    public int? Int(string name) => Get(name, JsonValueKind.Number) is not { } number ? null : number.TryGetInt32(out var value)
        ? value : throw Unexpected(name);

    /// <summary>The value of a name; null where it is absent or null.</summary>
    public JsonElement? Find(string name) => Json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
        ? value : null;

    public TokenizerJson? Child(string name) => Get(name, JsonValueKind.Object) is { } child
        ? this with { Where = Under(name), Json = child } : null;

    public TokenizerJson Required(string name) => Child(name) ?? throw Wrong($"has no \"{name}\"");

    public IReadOnlyList<TokenizerJson> Children(string name)
    {
        if (Get(name, JsonValueKind.Array) is not { } list) return [];
        var self = this;
        return [.. list.EnumerateArray().Select((child, i) => child.ValueKind == JsonValueKind.Object
            ? self with { Where = $"{self.Under(name)}[{i}]", Json = child } : throw self.Wrong($"\"{name}\"[{i}] is not an object"))];
    }

    /// <summary>An id, before an array is made for it: no vocabulary is near this large.</summary>
    public int Checked(int id, string token) => id is >= 0 and < MostIds
        ? id : throw Wrong($"the id of \"{token}\" is {id}; ids are from 0 to {MostIds - 1}");

    /// <summary>A component that is not known would make a tokenizer that runs and is wrong: it is refused.</summary>
    public UserError Unknown(params string[] known) =>
        Wrong($"the type \"{Type}\" is not supported; supported are {string.Join(", ", known)}");

    public UserError Wrong(string what) => new($"{File}: {(Where.Length > 0 ? Where + ": " : "")}{what}");

    private JsonElement? Get(string name, JsonValueKind kind) => Find(name) is not { } value ? null : value.ValueKind == kind
        ? value : throw Unexpected(name);

    private string Under(string name) => $"{Where}{(Where.Length > 0 ? "." : "")}{name}";

    private UserError Unexpected(string name) => Wrong($"\"{name}\" is not what it should be: "
        + $"{(Json.GetProperty(name).GetRawText() is { Length: > 60 } text ? text[..60] + " …" : Json.GetProperty(name).GetRawText())}");
}
