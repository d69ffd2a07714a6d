using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Models.Chat;

/// <summary>Python's <c>'{0} of {total:.2f}'.format(…)</c> and <c>'%d of %s' % (…)</c>.</summary>
internal static partial class JinjaFormat
{
    private const int MostDecimals = 1000;

    public static string Braces(string format, JinjaValues arguments, JinjaSpot spot)
    {
        var text = new StringBuilder();
        var next = 0;
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] is '{' or '}' && i + 1 < format.Length && format[i + 1] == format[i]) text.Append(format[i++]);
            else if (format[i] == '}') throw spot.Fail("a format with a single '}'");
            else if (format[i] != '{') text.Append(format[i]);
            else
            {
                var end = format.IndexOf('}', i);
                var field = Field().Match(end < 0 ? format[i..] : format[i..(end + 1)]);
                if (!field.Success) throw spot.Fail($"the format field {(end < 0 ? format[i..] : format[i..(end + 1)])}");
                var value = Named(field.Groups["name"].Value);
                foreach (Capture step in field.Groups["step"].Captures)
                {
                    var key = step.Value.Trim('.', '[', ']');
                    value = step.Value[0] == '.'
                        ? JinjaValue.Attribute(value, key, spot)
                        : JinjaValue.Item(value, long.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                        ? index : key, spot);
                }

                if (field.Groups["as"].Success) value = field.Groups["as"].Value == "r" ? Repr(value, spot) : JinjaWriter.Text(value, spot);
                text.Append(Specified(value, field.Groups["spec"].Value, spot));
                i = end;
            }
        }

        return spot.Made(text.ToString());

        object? Named(string name)
        {
            if (name != "" && !char.IsAsciiDigit(name[0]))
                return arguments.Named.TryGetValue(name, out var given)
                    ? given : throw spot.Fail($"a format with {{{name}}}, which is not given,");
            if (name == "" ? next < 0 : next > 0) throw spot.Fail("a format with numbered and unnumbered fields");
            var place = name == "" ? next++ : int.TryParse(name, CultureInfo.InvariantCulture, out var number) ? number : int.MaxValue;
            if (name != "") next = -1;
            return place < arguments.Plain.Count
                ? arguments.Plain[place] : throw spot.Fail($"a format with field {place} of {arguments.Plain.Count} values");
        }
    }

    public static string Percent(string format, object? given, JinjaSpot spot)
    {
        IReadOnlyList<object?> values = given is JinjaTuple several ? several : [given];
        var next = 0;
        var text = Conversion().Replace(format, field =>
        {
            if (field.Value == "%%") return "%";
            if (!field.Groups["type"].Success) throw spot.Fail($"the conversion '{field.Value}'");
            object? value;
            if (field.Groups["key"] is { Success: true } key)
                value = given is JinjaMap map && map.TryGetValue(key.Value, out var found)
                    ? found : throw spot.Fail($"a format with %({key.Value}), which is not given,");
            else value = next < values.Count ? values[next++] : throw spot.Fail("a format with more fields than values");
            var (flags, type) = (field.Groups["flags"].Value, field.Groups["type"].Value);
            value = type switch { "s" => JinjaWriter.Text(value, spot), "r" => Repr(value, spot), "d" or "i" when value is double x =>
                Truncated(x, spot), _ => value };
            var left = flags.Contains('-');
            var sign = flags.Contains('+') ? "+" : flags.Contains(' ') ? " " : "";
            var zero = flags.Contains('0') && !left;
            var (align, size) = (left ? "<" : zero ? "" : ">", $"{field.Groups["width"]}{field.Groups["precision"]}");
            return type is "s" or "r"
                ? Specified(value, $"{(left ? '<' : '>')}{size}", spot)
                : Specified(value, $"{align}{sign}{(zero ? "0" : "")}{size}{type.Replace('i', 'd')}", spot);
        });
        return next < values.Count && given is not JinjaMap ? throw spot.Fail("a format with more values than fields") : spot.Made(text);
    }

    private static long Truncated(double x, JinjaSpot spot) =>
        Math.Abs(x) < 9e18 ? (long)x : throw spot.Fail("a whole number beyond 64 bits");

    private static string Repr(object? value, JinjaSpot spot) => value is string s ? JinjaWriter.Repr(s) : JinjaWriter.Text(value, spot);

    /// <summary>A value by Python's format language: [[fill]align][sign][0][width][,][.precision][type].</summary>
    private static string Specified(object? value, string given, JinjaSpot spot)
    {
        if (given == "") return JinjaWriter.Text(value, spot);
        var spec = Spec().Match(given);
        UserError Refused() => spot.Fail($"the format '{given}' of {JinjaValue.Kind(value)}");
        if (!spec.Success
            || !(int.TryParse($"0{spec.Groups["width"]}", CultureInfo.InvariantCulture, out var width)
            && int.TryParse($"0{spec.Groups["precision"].Value.TrimStart('.')}", CultureInfo.InvariantCulture, out var precision)))
            throw Refused();
        var (type, exact, zero) = (spec.Groups["type"].Value, spec.Groups["precision"].Success, spec.Groups["zero"].Success);
        var (number, negative, text) = (true, false, "");
        switch (value)
        {
            case string s when type is "" or "s" && !spec.Groups["sign"].Success && !spec.Groups["comma"].Success:
                (number, text) = (false, exact ? string.Concat(JinjaValue.Runes(s).Take(precision)) : s);
                break;
            case long or bool when type is "" or "d" or "x" or "X" && !exact:
                var n = new BigInteger(JinjaValue.Whole(value, spot));
                (negative, text) = (n < 0, type is "x" or "X"
                    ? Hexadecimal(BigInteger.Abs(n), type) : BigInteger.Abs(n).ToString(CultureInfo.InvariantCulture));
                if (spec.Groups["comma"].Success && type is "x" or "X") throw Refused();
                break;
            case long or double or bool when type is "f" or "F" or "%" && precision <= MostDecimals
                && Convert.ToDouble(value, CultureInfo.InvariantCulture) is var x && double.IsFinite(x):
                var (factor, mark) = type == "%" ? (100, "%") : (1, "");
                (negative, text) = (double.IsNegative(x), Fixed(Math.Abs(factor * x), exact ? precision : 6) + mark);
                break;
            case double real when type == "" && !exact && JinjaWriter.Real(Math.Abs(real)) is var shortest
                && (!spec.Groups["comma"].Success || !shortest.Contains('e')):
                (negative, text) = (double.IsNegative(real), shortest);
                break;
            default: throw Refused();
        }

        var sign = !number ? "" : negative ? "-" : spec.Groups["sign"].Value.Trim('-');
        if (spec.Groups["comma"].Success)
        {
            var whole = text.TakeWhile(char.IsAsciiDigit).Count();
            if (zero) throw Refused();
            for (var i = whole - 3; i > 0; i -= 3) text = text.Insert(i, ",");
        }

        var align = spec.Groups["align"] is { Success: true } a ? a.Value[0] : zero ? '=' : number ? '>' : '<';
        var fill = spec.Groups["fill"].Success ? spec.Groups["fill"].Value : zero ? "0" : " ";
        if (align == '=' && !number) throw Refused();
        var missing = width - sign.Length - (int)JinjaValue.Length(text, spot);
        spot.Make(Math.Max(0, missing) + text.Length);
        string Filled(int count) => count <= 0 ? "" : new StringBuilder().Insert(0, fill, count).ToString();
        return align switch { '<' => sign + text + Filled(missing), '>' => Filled(missing) + sign + text, '=' =>
            sign + Filled(missing) + text, _ => Filled(missing / 2) + sign + text + Filled(missing - missing / 2) };
    }

    private static string Hexadecimal(BigInteger n, string type) =>
        n.ToString(type, CultureInfo.InvariantCulture).TrimStart('0') is var digits && digits == "" ? "0" : digits;

    /// <summary>The number to so many decimals, halves to even.</summary>
    private static string Fixed(double x, int decimals)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52) & 0x7ff;
        var mantissa = new BigInteger((bits & ((1L << 52) - 1)) | (exponent > 0 ? 1L << 52 : 0)) * BigInteger.Pow(10, decimals);
        var shift = Math.Max(exponent, 1) - 1075;
        if (shift >= 0) mantissa <<= shift;
        else
        {
            var (quotient, rest) = BigInteger.DivRem(mantissa, BigInteger.One << -shift);
            var half = (rest << 1).CompareTo(BigInteger.One << -shift);
            mantissa = quotient + (half > 0 || (half == 0 && !quotient.IsEven) ? 1 : 0);
        }

        var digits = mantissa.ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        return decimals == 0 ? digits : $"{digits[..^decimals]}.{digits[^decimals..]}";
    }

    [GeneratedRegex(@"^\{(?<name>\w*)(?<step>\.\w+|\[[^\[\]{}]+\])*(?:!(?<as>[rs]))?(?::(?<spec>[^{}]*))?\}$")]
    private static partial Regex Field();

    [GeneratedRegex(
        @"^(?:(?<fill>[^{}])?(?<align>[<>=^]))?(?<sign>[-+ ])?(?<zero>0)?(?<width>\d+)?(?<comma>,)?(?<precision>\.\d+)?(?<type>[a-zA-Z%])?$")]
    private static partial Regex Spec();

    [GeneratedRegex(@"%(?:%|(?:\((?<key>[^()]*)\))?(?<flags>[-+ 0]*)(?<width>\d+)?(?<precision>\.\d+)?(?<type>[sdirfFxX]))?")]
    private static partial Regex Conversion();
}
