namespace Pav.Grading;

/// <summary>
/// Units in words. Two that are known and not the same make two answers different; a missing or an unknown one says nothing.
/// </summary>
internal static class Units
{
    private static readonly Dictionary<string, string> Known = new string[]
    {
        "mm millimeter millimeters millimetre millimetres", "cm centimeter centimeters centimetre centimetres",
        "m meter meters metre metres", "km kilometer kilometers kilometre kilometres",
        "in inch inches", "ft foot feet", "yd yard yards", "mi mile miles", "g gm gram grams", "kg kilogram kilograms", "oz ounce ounces",
        "lb lbs pound pounds",
        "sec second seconds", "min minute minutes", "hr hrs hour hours", "day days", "week weeks", "month months", "year years",
        "cent cents", "dollar dollars",
    }.SelectMany(line => line.Split(' ').Select(word => (word, Name: line.Split(' ')[0]))).ToDictionary(u => u.word, u => u.Name);

    public static bool Differ(string a, string b) => Find(a) is { Count: > 0 } left && Find(b) is { Count: > 0 } right
        && !left.SequenceEqual(right);

    private static List<string> Find(string unit) => [.. unit.Split(' ', '/').Where(Known.ContainsKey).Select(word => Known[word])];
}
