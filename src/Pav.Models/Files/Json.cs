using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Pav.Models.Files;

/// <summary>How this program's own files are written: snake_case names, absent values left out, text readable. What cannot be absent is
/// required when they are read.</summary>
internal static class Json
{
    /// <summary>Trees of steps stand deep; each of their nodes takes two levels.</summary>
    private const int MaxDepth = 512;

    public static JsonSerializerOptions Line { get; } = Make(false);

    public static JsonSerializerOptions Indented { get; } = Make(true);

    private static JsonSerializerOptions Make(bool indented) => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
        MaxDepth = MaxDepth,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LetNullsBeAbsent } },
        WriteIndented = indented,
    };

    private static void LetNullsBeAbsent(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
            if (property.AssociatedParameter is { } parameter
                && (parameter.IsNullable || Nullable.GetUnderlyingType(parameter.ParameterType) is not null)) property.IsRequired = false;
    }

    /// <summary>Reads one JSON file; what is wrong with it is told with its name.</summary>
    public static T Read<T>(string path)
    {
        var bytes = InputFile.Bytes(path);
        return JsonText.Parse<T>(path, bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes.AsSpan(Encoding.UTF8.Preamble.Length)
            : bytes);
    }
}
