using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Pav.Serve.Wire;

/// <summary>
/// The fields of a request's JSON object. A field that is absent or null is null; one of the wrong type or out of its range is an error
/// that names it. Every field that is asked for counts as known.
/// </summary>
internal sealed class Body
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32 };

    private readonly JsonElement fields;
    private readonly string path;
    private readonly HashSet<string> known = [];
    private readonly Dictionary<string, Body> inner = [];

    private Body(JsonElement fields, string path) => (this.fields, this.path) = (fields, path);

    /// <summary>Fields that nobody has asked for, here and in the objects inside.</summary>
    public IEnumerable<string> Unknown => fields.EnumerateObject().Select(p => p.Name).Where(name => !known.Contains(name))
        .Select(name => path + name).Concat(inner.Values.SelectMany(part => part.Unknown));

    /// <summary>Reads the whole body of a request.</summary>
    public static async Task<Body> Read(HttpContext context)
    {
        if (!context.Request.HasJsonContentType()) throw ApiError.NotJson();
        RefuseLarge(context);
        try
        {
            using var document = await JsonDocument.ParseAsync(context.Request.Body, Strict, context.RequestAborted);
            Check(document.RootElement);
            return From(document.RootElement.Clone());
        }
        catch (JsonException e)
        {
            throw ApiError.Unreadable($"the body is not JSON: {e.Message}", e);
        }
    }

    /// <summary>
    /// Refuses a body that says it is too large before any of it is read. With its limit gone the server reads on for a moment after the
    /// reply, so that a client that sends all of it before it listens is not cut off and gets the reply.
    /// </summary>
    private static void RefuseLarge(HttpContext context)
    {
        var limit = context.Features.Get<IHttpMaxRequestBodySizeFeature>();
        if (limit is not { IsReadOnly: false } || !(context.Request.ContentLength > limit.MaxRequestBodySize)) return;
        limit.MaxRequestBodySize = null;
        throw ApiError.TooLarge();
    }

    public static Body From(JsonElement json) =>
        json.ValueKind == JsonValueKind.Object ? new(json, "") : throw ApiError.Unreadable("the body must be one JSON object");

    /// <summary>
    /// The fields of an address's query. A value that is a number, true or false is one; the texts named are texts in any case.
    /// </summary>
    public static Body From(IQueryCollection query, IReadOnlySet<string> texts)
    {
        var fields = new JsonObject();
        foreach (var (name, values) in query)
        {
            var value = values.ToString();
            fields[name] = texts.Contains(name) ? value
                : bool.TryParse(value, out var flag) ? flag
                : long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole
                : double.TryParse(value, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number
                : value;
        }

        return From(JsonSerializer.SerializeToElement(fields));
    }

    public bool Has(string name) => Find(name) is not null;

    public string? Text(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, "must be a text");

    /// <summary>A text, or a list of them.</summary>
    public IReadOnlyList<string>? Texts(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? [value.GetString()!]
        : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(item => item.GetString()!)]
            : throw Wrong(name, "must be a text or a list of texts");

    public bool? Switch(string name) => Find(name) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, "must be true or false");

    /// <summary>A number from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public double? Number(string name, double min, double max) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= min && number <= max
            ? number : throw Wrong(name, $"must be a number from {min} to {max}");

    /// <summary>A whole number from <paramref name="min"/> to <paramref name="max"/>.</summary>
    public long? Whole(string name, long min, long max) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= min && number <= max
            ? number : throw Wrong(name, $"must be a whole number from {min} to {max}");

    /// <summary>An object inside this one.</summary>
    public Body? Object(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? inner[name] = new(value, $"{path}{name}.") : throw Wrong(name, "must be an object");

    /// <summary>A list of objects.</summary>
    public IReadOnlyList<Body>? Objects(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Object)
            ? [.. value.EnumerateArray().Select((item, i) => new Body(item, $"{path}{name}[{i}]."))]
            : throw Wrong(name, "must be a list of objects");

    /// <summary>A field as it is; null where it is absent or null.</summary>
    public JsonElement? Find(string name)
    {
        known.Add(name);
        return fields.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>An error that names a field of this object.</summary>
    public ApiError Wrong(string name, string what) => ApiError.Wrong(Path(name), $"{Path(name)} {what}");

    /// <summary>A field's name with those of the objects that it is in: pav.n.</summary>
    public string Path(string name) => path + name;

    /// <summary>Half a character in a text is an error now and not when the text is read.</summary>
    private static void Check(JsonElement json)
    {
        try
        {
            switch (json.ValueKind)
            {
                case JsonValueKind.String:
                    json.GetString();
                    break;
                case JsonValueKind.Array:
                    foreach (var item in json.EnumerateArray()) Check(item);
                    break;
                case JsonValueKind.Object:
                    foreach (var property in json.EnumerateObject())
                    {
                        _ = property.Name;
                        Check(property.Value);
                    }

                    break;
            }
        }
        catch (InvalidOperationException e)
        {
            throw ApiError.Unreadable("a text holds half a character (\"\\ud800\" without its other half) or bytes that are no UTF-8", e);
        }
    }
}
