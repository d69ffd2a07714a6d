using System.Collections;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pav.Cli.Tests.Report;

/// <summary>TypeScript interfaces of records, as the report serialises them: snake_case names, absent values null, enums as their
/// texts.</summary>
internal sealed class PageTypes
{
    private const string Heading = """
        // What `pav report` embeds in the page. Written from the C# records by PageTypesTests, do not edit:
        // PAV_WRITE_TYPES=1 dotnet test tests/Pav.Cli.Tests --filter PageTypes

        /** Text where a number would lose digits (above 2^53). */
        export type Seed = number | string

        /** Options and settings as their files have them. */
        export type Settings = Record<string, unknown>

        """;

    private static readonly NullabilityInfoContext Nullability = new();
    private readonly SortedDictionary<string, string> enums = new(StringComparer.Ordinal);
    private readonly List<(string Name, string Text)> interfaces = [];
    private readonly Dictionary<string, Type> named = [];

    /// <summary>The types that a record needs, itself first.</summary>
    public static string From(Type root)
    {
        var types = new PageTypes();
        types.Name(root);
        return new StringBuilder(Heading).AppendJoin("", types.enums.Values).AppendJoin("", types.interfaces.Select(i => i.Text))
            .ToString();
    }

    private string Name(Type type)
    {
        if (!named.TryAdd(type.Name, type))
        {
            if (named[type.Name] != type)
                throw new InvalidOperationException($"{type} and {named[type.Name]} have the same name on the page");
            return type.Name;
        }

        if (type.IsEnum)
        {
            enums[type.Name] = $"\nexport type {type.Name} = "
                + $"{string.Join(" | ", type.GetFields(BindingFlags.Static | BindingFlags.Public).Select(f => $"'{Text(f)}'"))}\n";
            return type.Name;
        }

        interfaces.Add((type.Name, ""));
        var place = interfaces.Count - 1;
        var given = type.GetConstructors().SelectMany(c => c.GetParameters()).Select(p => p.Name!)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.GetIndexParameters().Length == 0 && (p.SetMethod is not null || given.Contains(p.Name)))
            .Select(p => $"  {Text(p)}{Field(p)}\n");
        interfaces[place] = (type.Name, $"\nexport interface {type.Name} {{\n{string.Concat(properties)}}}\n");
        return type.Name;
    }

    private static string Text(FieldInfo value) =>
        value.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()?.Name ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(value.Name);

    private static string Text(PropertyInfo property) =>
        property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);

    private string Field(PropertyInfo property)
    {
        var text = Value(property.PropertyType, Nullability.Create(property));
        if (property.GetCustomAttribute<JsonIgnoreAttribute>()?.Condition == JsonIgnoreCondition.WhenWritingNull) return $"?: {text}";
        // A measure that could not be computed is NaN, which JSON has not.
        return property.DeclaringType == typeof(Interval) ? $": {text} | null" : $": {text}";
    }

    private string Value(Type type, NullabilityInfo? info)
    {
        var inner = Nullable.GetUnderlyingType(type);
        var text = Bare(inner ?? type, info);
        return inner is not null || (!type.IsValueType && info?.ReadState == NullabilityState.Nullable) ? $"{text} | null" : text;
    }

    private string Bare(Type type, NullabilityInfo? info)
    {
        if (type == typeof(string) || type == typeof(DateTimeOffset)) return "string";
        if (type == typeof(bool)) return "boolean";
        if (type == typeof(ulong)) return "Seed";
        if (type == typeof(JsonElement) || type == typeof(object)) return "Settings";
        if (type.IsPrimitive) return "number";
        var arguments = type.GetGenericArguments();
        if (arguments.Length == 2) return $"Record<string, {Value(arguments[1], info?.GenericTypeArguments[1])}>";
        if (!typeof(IEnumerable).IsAssignableFrom(type)) return Name(type);
        var element = type.IsArray ? Value(type.GetElementType()!, info?.ElementType) : Value(arguments[0], info?.GenericTypeArguments[0]);
        return element.Contains(' ') ? $"({element})[]" : $"{element}[]";
    }
}
