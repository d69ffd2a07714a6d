using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Pav.Models.Files;

/// <summary>How this program's own files are written: snake_case names, absent values left out, text readable. What cannot be absent is required when they are read.</summary>
public static class Json
{
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
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LetNullsBeAbsent } },
        WriteIndented = indented,
    };

    private static void LetNullsBeAbsent(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
            if (property.AssociatedParameter is { } parameter && (parameter.IsNullable || Nullable.GetUnderlyingType(parameter.ParameterType) is not null)) property.IsRequired = false;
    }

    /// <summary>Reads one JSON file; what is wrong with it is told with its name.</summary>
    public static T Read<T>(string path)
    {
        using var stream = InputFile.Open(path);
        try
        {
            return JsonSerializer.Deserialize<T>(stream, Line) ?? throw new UserError($"{path}: holds no value");
        }
        catch (JsonException e)
        {
            throw new UserError($"{path}:{(e.LineNumber ?? 0) + 1}: {e.Message}", e);
        }
        catch (InvalidDataException e)
        {
            throw InputFile.Broken(path, e);
        }
    }
}
