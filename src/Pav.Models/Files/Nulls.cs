namespace Pav.Models.Files;

/// <summary>Finds nulls in a row that was read: a file can hold them where the type has none.</summary>
internal static class Nulls
{
    /// <summary>The complaint about the first field that is null or is a list with a null in it; null where there is none.</summary>
    public static string? In(params ReadOnlySpan<(string Name, object? Value)> fields)
    {
        foreach (var (name, value) in fields)
        {
            if (value is null) return $"{name} is null";
            if (value is IEnumerable<object?> list && list.Contains(null)) return $"{name} holds a null";
        }

        return null;
    }
}
