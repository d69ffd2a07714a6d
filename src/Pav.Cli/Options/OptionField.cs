using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pav.Cli.Options;

/// <summary>One property of an options record: its flag, its name in recipes and manifests, its text and JSON forms, its range.</summary>
internal sealed class OptionField
{
    private readonly PropertyInfo property;
    private readonly PropertyInfo[] groups;
    private readonly Type element;

    /// <param name="groups">Through which groups the property is reached, the outermost first.</param>
    /// <param name="property">Of the innermost group, or of the record itself.</param>
    /// <param name="flag">What it says of itself.</param>
    /// <param name="defaults">A record of defaults, the outermost.</param>
    public OptionField(PropertyInfo[] groups, PropertyInfo property, FlagAttribute flag, object defaults)
    {
        (this.groups, this.property) = (groups, property);
        Flag = flag;
        SnakeName = Split(property.Name, '_');
        FlagName = "--" + Split(property.Name, '-');
        IsList = property.PropertyType.IsArray;
        var type = IsList ? property.PropertyType.GetElementType()! : property.PropertyType;
        element = Nullable.GetUnderlyingType(type) ?? type;
        Default = Get(defaults);
    }

    public FlagAttribute Flag { get; }

    /// <summary>Its heading in help; null where the record that declares it names none.</summary>
    public string? Section => property.DeclaringType!.GetCustomAttribute<SectionAttribute>()?.Title;

    public string SnakeName { get; }

    public string FlagName { get; }

    /// <summary>What messages call it: --max-tokens, or FIGURE where it stands without a flag.</summary>
    public string ShownName => Flag.Positional ? SnakeName.ToUpperInvariant() : FlagName;

    public bool IsList { get; }

    public bool IsSwitch => element == typeof(bool);

    public object? Default { get; }

    public object? Get(object options) => property.GetValue(Group(options));

    public void Set(object options, object? value)
    {
        Check(value);
        property.SetValue(Group(options), value, BindingFlags.DoNotWrapExceptions, null, null, null);
    }

    /// <summary>What help says after the description: what is accepted, and what holds when the flag is absent.</summary>
    public string Accepts()
    {
        var parts = new List<string>();
        if (Flag.Choices != "") parts.Add((IsList ? "any of " : "") + Flag.Choices.Replace("|", ", "));
        else if (!double.IsInfinity(Flag.Min) || !double.IsInfinity(Flag.Max)) parts.Add(Range());
        if (Flag.Required) parts.Add("required");
        else if (IsSwitch) parts.Add("default: off");
        else if (Default is not null and not "" and not Array { Length: 0 }) parts.Add($"default: {Text(Default)}");
        return parts.Count == 0 ? "" : $" [{string.Join("; ", parts)}]";
    }

    public string ValueName => (element != typeof(string) ? "N" : Flag.Choices != "" ? "WORD" : Flag.Input || property.Name == "Out"
        ? "PATH" : "TEXT") + (IsList ? ",…" : "");

    /// <summary>The value that a flag's text stands for; lists are separated by commas.</summary>
    public object Parse(string text)
    {
        if (!IsList) return ParseOne(text);
        var items = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return ToArray([.. items.Select(ParseOne)]);
    }

    public object? FromJson(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Null) return Default is null ? null : throw Wrong("null");
        if (!IsList) return ParseOne(Scalar(json));
        if (json.ValueKind != JsonValueKind.Array) return Parse(Scalar(json));
        return ToArray([.. json.EnumerateArray().Select(e => ParseOne(Scalar(e)))]);
    }

    public JsonNode? ToJson(object options) => JsonSerializer.SerializeToNode(Get(options), property.PropertyType);

    public static string Text(object? value) => value switch
    {
        null => "none",
        bool b => b ? "on" : "off",
        Array items => string.Join(",", items.Cast<object>().Select(Text)),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    /// <summary>"NCov" with '-' is "n-cov".</summary>
    public static string Split(string pascal, char separator)
    {
        var text = new StringBuilder();
        for (var i = 0; i < pascal.Length; i++)
        {
            var next = i + 1 < pascal.Length && char.IsLower(pascal[i + 1]);
            if (i > 0 && char.IsUpper(pascal[i]) && (next || char.IsLower(pascal[i - 1]) || char.IsDigit(pascal[i - 1])))
                text.Append(separator);
            text.Append(char.ToLowerInvariant(pascal[i]));
        }
        return text.ToString();
    }

    /// <summary>The record that has the property.</summary>
    private object Group(object options) => groups.Aggregate(options, (outer, group) => group.GetValue(outer)!);

    private object ParseOne(string text)
    {
        var c = CultureInfo.InvariantCulture;
        if (element == typeof(string)) return Flag.Read(WithoutPrefix(text));
        if (element == typeof(bool)) return text switch { "true" or "on" => true, "false" or "off" => false, _ => throw Wrong(text) };
        if (element == typeof(int)) return int.TryParse(text, NumberStyles.AllowLeadingSign, c, out var i) ? i : throw Wrong(text);
        if (element == typeof(long)) return long.TryParse(text, NumberStyles.AllowLeadingSign, c, out var l) ? l : throw Wrong(text);
        if (element == typeof(ulong)) return ulong.TryParse(text, NumberStyles.None, c, out var u) ? u : throw Wrong(text);
        if (element == typeof(double))
            return double.TryParse(text, NumberStyles.Float, c, out var d) && double.IsFinite(d) ? d : throw Wrong(text);
        throw new NotSupportedException($"{property.Name}: options of type {element} are not supported");
    }

    private string WithoutPrefix(string text) =>
        Flag.Prefix != "" && text.StartsWith(Flag.Prefix, StringComparison.OrdinalIgnoreCase)
            && Flag.Choices.Split('|').Contains(text[Flag.Prefix.Length..]) ? text[Flag.Prefix.Length..] : text;

    private Array ToArray(object[] items)
    {
        var array = Array.CreateInstance(element, items.Length);
        for (var i = 0; i < items.Length; i++) array.SetValue(items[i], i);
        return array;
    }

    private void Check(object? value)
    {
        foreach (var item in value is Array items ? items.Cast<object>() : value is null ? [] : [value])
        {
            if (item is string word && !Flag.Allows(word)) throw Wrong(word);
            if (item is int or long or ulong or double)
            {
                var number = Convert.ToDouble(item, CultureInfo.InvariantCulture);
                if (number < Flag.Min || number > Flag.Max || (Flag.AboveMin && number <= Flag.Min)) throw Wrong(Text(item));
            }
        }
    }

    private UserError Wrong(string given)
    {
        var kind = element == typeof(bool) ? "on or off" : element == typeof(double) ? "a number" : element == typeof(string)
            ? Flag.Kind : element == typeof(ulong) ? "a whole number from 0" : "a whole number";
        var allowed = Flag.Choices != "" ? $"one of {Flag.Choices.Replace("|", ", ")}"
            : double.IsInfinity(Flag.Min) && double.IsInfinity(Flag.Max) ? kind : $"{kind} {Range()}";
        return new UserError($"{ShownName} is '{given}', but must be {allowed}{(IsList ? " (or several, separated by commas)" : "")}.");
    }

    private string Range()
    {
        var low = Flag.AboveMin ? $"above {Text(Flag.Min)}" : $"from {Text(Flag.Min)}";
        return double.IsInfinity(Flag.Max) ? low : double.IsInfinity(Flag.Min) ? $"up to {Text(Flag.Max)}" : $"{low} to {Text(Flag.Max)}";
    }

    private static string Scalar(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => json.GetString()!,
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => json.GetRawText(),
    };
}
