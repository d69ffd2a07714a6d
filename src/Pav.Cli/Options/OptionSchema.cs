using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json.Nodes;
using Pav.Cli.Installation;

namespace Pav.Cli.Options;

/// <summary>
/// The options of one command, read off its record: the same list serves as flags, recipe keys, manifest and report table.
/// </summary>
internal sealed class OptionSchema
{
    private static readonly ConcurrentDictionary<Type, OptionSchema> Known = new();
    private readonly Type type;

    private OptionSchema(Type type)
    {
        this.type = type;
        var defaults = Activator.CreateInstance(type)!;
        Fields = [.. FieldsIn(type, [], defaults).OrderByDescending(f => f.Flag.Required)];
        if (Fields.GroupBy(f => f.FlagName).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new InvalidOperationException($"{type.Name} has two options {twice.Key}");
    }

    public IReadOnlyList<OptionField> Fields { get; }

    public static OptionSchema From(Type type) => Known.GetOrAdd(type, t => new OptionSchema(t));

    /// <summary>A record from recipes' values, later ones over earlier ones, and over them the flags' texts; every value checked.</summary>
    public object Bind(IEnumerable<Recipe> recipes, IReadOnlyDictionary<string, string> flags)
    {
        var options = Activator.CreateInstance(type)!;
        foreach (var recipe in recipes) Apply(recipe, options);
        foreach (var (name, text) in flags)
        {
            var field = Fields.First(f => f.FlagName == name);
            field.Set(options, field.Parse(text));
        }
        if (Fields.FirstOrDefault(f => f.Flag.Required && (f.Get(options) is null or "" or Array { Length: 0 })) is { } missing)
            throw new UserError($"{missing.ShownName} is missing ({missing.Flag.Description}).");
        return options;
    }

    private void Apply(Recipe recipe, object options)
    {
        foreach (var (key, value) in recipe.Values)
        {
            var field = Fields.FirstOrDefault(f => f.SnakeName == key);
            var hint = Nearest.Hint(key, Fields.Select(f => f.SnakeName));
            if (field is null) throw new UserError($"{recipe.Source}: option '{key}' is not known{(hint == "" ? "." : hint)}");
            try
            {
                field.Set(options, field.FromJson(value));
            }
            catch (UserError e)
            {
                throw new UserError($"{recipe.Source}: {e.Message}", e);
            }
        }
    }

    /// <summary>A record with the same values.</summary>
    public object Copy(object options)
    {
        var copy = Activator.CreateInstance(type)!;
        foreach (var field in Fields) field.Set(copy, field.Get(options));
        return copy;
    }

    /// <summary>All options under their snake_case names, defaults included.</summary>
    public JsonObject ToJson(object options)
    {
        var json = new JsonObject();
        foreach (var field in Fields) json[field.SnakeName] = field.ToJson(options);
        return json;
    }

    /// <summary>The options that differ from their defaults, as a user would type them.</summary>
    public string CommandLine(object options) => string.Join(" ", Fields
        .Where(f => OptionField.Text(f.Get(options)) != OptionField.Text(f.Default))
        .Select(f => f.IsSwitch
            ? f.FlagName : $"{(f.Flag.Positional ? "" : $"{f.FlagName} ")}{Shell.Quote(OptionField.Text(f.Get(options)))}"));

    /// <summary>A record's own options, and where it has a group of them, the group's.</summary>
    private static IEnumerable<OptionField> FieldsIn(Type type, PropertyInfo[] groups, object defaults)
    {
        foreach (var property in Lineage(type)
            .SelectMany(t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)))
        {
            if (property.GetCustomAttribute<FlagAttribute>() is { } flag) yield return new OptionField(groups, property, flag, defaults);
            else if (property.IsDefined(typeof(OptionGroupAttribute)))
                foreach (var field in FieldsIn(property.PropertyType, [.. groups, property], defaults)) yield return field;
        }
    }

    private static IEnumerable<Type> Lineage(Type type)
    {
        for (var t = type; t != null && t != typeof(object); t = t.BaseType) yield return t;
    }
}
