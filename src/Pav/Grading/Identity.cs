using System.Numerics;
using static Pav.Grading.Expression;

namespace Pav.Grading;

/// <summary>
/// Are two expressions equal whatever their variables are? Quotients of polynomials are told apart modulo the prime 2⁶¹ − 1 at
/// pseudo-random points (Schwartz, Zippel), and are equal only if they are so as exact rational numbers at other points; constants are
/// compared exactly. Roots and functions are evaluated in complex numbers at real points, to nine digits. π and e are as good as variables
/// in the former.
/// </summary>
internal static class Identity
{
    private const ulong Prime = (1UL << 61) - 1;
    private const int Points = 3;
    private const double Close = 1e-9;

    public static bool Holds(Expression a, Expression b, Work work)
    {
        for (var point = 0; point < Points; point++)
        {
            if (Modulo(a, point, work) is not { } left || Modulo(b, point, work) is not { } right)
                return (ExactValue.Constant(a, work), ExactValue.Constant(b, work)) is ({ } x, { } y) ? x == y : Numerically(a, b, work);
            if (left != right) return false;
        }

        return Exactly(a, b, work);
    }

    /// <summary>Equal at points of whole numbers below 2²⁰; not equal also where that is too long to be worked out.</summary>
    private static bool Exactly(Expression a, Expression b, Work work)
    {
        var conclusive = 0;
        for (var point = Points; point < 3 * Points && conclusive < Points; point++)
        {
            Number? Variable(string name) => Whole(1 + (Hash(name, point) >> 44));
            if (ExactValue.Find(a, Variable, work) is not { } left || ExactValue.Find(b, Variable, work) is not { } right) continue;
            if (left != right) return false;
            conclusive += !a.HasSymbol && !b.HasSymbol ? Points : 1;
        }

        return conclusive >= Points;
    }

    /// <summary>Is one a number times the other? Neither may be 0 everywhere.</summary>
    public static bool Proportional(Expression a, Expression b, Work work)
    {
        Number? Variable(string name) => Whole(1 + (Hash(name, 3 * Points) >> 44));
        if (ExactValue.Find(a, Variable, work) is { Top.IsZero: false } x && ExactValue.Find(b, Variable, work) is { Top.IsZero: false } y)
            return Holds(a, new Product(Ratio(x.Top * y.Bottom, x.Bottom * y.Top), b), work);
        var (left, right) = (Value(a, 0, work).Value, Value(b, 0, work).Value);
        return left != 0 && right != 0 && Complex.IsFinite(left / right) && (left / right) is { Imaginary: 0 } ratio
            && Holds(a, new Product(FromDouble(ratio.Real), b), work);
    }

    private static Number FromDouble(double value) => Ratio(new BigInteger(value * (1L << 40)), BigInteger.One << 40);

    /// <summary>The value of an expression without variables, if it is real and finite.</summary>
    public static double? Constant(Expression e, Work work)
    {
        var (first, second) = (Value(e, 0, work), Value(e, 1, work));
        return first.Value == second.Value && double.IsFinite(first.Value.Real)
            && Math.Abs(first.Value.Imaginary) <= Close * Math.Abs(first.Value.Real) ? first.Value.Real : null;
    }

    private static bool Numerically(Expression a, Expression b, Work work)
    {
        var conclusive = 0;
        for (var point = 0; point < Points + 2; point++)
        {
            var (left, right) = (Value(a, point, work), Value(b, point, work));
            if (!Complex.IsFinite(left.Value) || !Complex.IsFinite(right.Value)) continue;
            var scale = Math.Max(Complex.Abs(left.Value), Complex.Abs(right.Value));
            var noise = 1e-13 * Math.Max(left.Largest, right.Largest);
            if (Complex.Abs(left.Value - right.Value) > Math.Max(Close * scale, noise)) return false;
            conclusive++;
        }

        return conclusive >= 2;
    }

    /// <summary>A variable's value at a point; the same for the same name.</summary>
    private static ulong Hash(string name, int point) => Seeds.Derive(0, name, "variable", point);

    // Modulo the prime; null where that is not defined.

    private static ulong? Modulo(Expression e, int point, Work work)
    {
        work.Spend();
        switch (e)
        {
            case Number n:
                return Times(Residue(n.Top), Inverse(Residue(n.Bottom), work));
            case Symbol { Name: "i" }:
                return null;
            case Symbol s:
                return Hash(s.Name, point) % Prime;
            case Sum s:
                return Modulo(s.Left, point, work) is { } left && Modulo(s.Right, point, work) is { } right ? (left + right) % Prime : null;
            case Product p:
                return Modulo(p.Left, point, work) is { } first ? Times(first, Modulo(p.Right, point, work)) : null;
            case Quotient q:
                return Modulo(q.Bottom, point, work) is { } bottom and > 0 && Modulo(q.Top, point, work) is { } top
                    ? Times(top, Inverse(bottom, work)) : null;
            case Power p:
                if (Integer(p.Exponent, work) is not { } exponent || Modulo(p.Base, point, work) is not { } root
                    || (root == 0 && exponent <= 0)) return null;
                var magnitude = Pow(root, (ulong)Math.Abs(exponent), work);
                return exponent < 0 ? Inverse(magnitude, work) : magnitude;
            case Call { Function: "!" } f:
                return Integer(f.Argument, work) is { } count and >= 0 and <= 3000 ? Factorial((int)count, work) : null;
            default:
                return null;
        }
    }

    private static ulong Residue(BigInteger value) => (ulong)(value % Prime is var rest && rest.Sign < 0 ? rest + Prime : rest);

    private static ulong? Times(ulong a, ulong? b) => b is { } other ? (ulong)((UInt128)a * other % Prime) : null;

    private static ulong? Inverse(ulong value, Work work) => value == 1 ? 1 : value == 0 ? null : Pow(value, Prime - 2, work);

    private static ulong Pow(ulong value, ulong exponent, Work work)
    {
        work.Spend(40);
        UInt128 result = 1, power = value;
        for (; exponent > 0; exponent >>= 1)
        {
            if ((exponent & 1) == 1) result = result * power % Prime;
            power = power * power % Prime;
        }

        return (ulong)result;
    }

    private static ulong Factorial(int n, Work work)
    {
        work.Spend(n);
        return Enumerable.Range(1, n).Aggregate(1UL, (product, k) => Times(product, (ulong)k)!.Value);
    }

    /// <summary>The whole number that an expression of whole numbers is, if it is small enough to be an exponent.</summary>
    private static long? Integer(Expression e, Work work)
    {
        work.Spend();
        const long most = 1L << 31;
        Int128? value = e switch
        {
            Number { IsWhole: true } n when BigInteger.Abs(n.Top) <= most => (long)n.Top,
            Sum s => Integer(s.Left, work) + Integer(s.Right, work),
            Product p => (Int128?)Integer(p.Left, work) * Integer(p.Right, work),
            Power p when Integer(p.Base, work) is { } b && Integer(p.Exponent, work) is { } n and >= 0 and <= 31 =>
                Enumerable.Repeat(b, (int)n).Aggregate((Int128)1, (x, y) => Int128.Abs(x) > most ? x : x * y),
            _ => null,
        };
        return value is { } v && Int128.Abs(v) <= most ? (long)v : null;
    }

    // In complex numbers, with the largest magnitude met on the way, which bounds the rounding error.

    private static (Complex Value, double Largest) Value(Expression e, int point, Work work)
    {
        work.Spend(2);
        switch (e)
        {
            case Number n:
                return Met(ToDouble(n), 0);
            case Symbol s:
                return Met(s.Name switch { "pi" => Math.PI, "e" => Math.E, "i" => Complex.ImaginaryOne, _ =>
                    4 * Seeds.Uniform(Hash(s.Name, point), 0) - 2 }, 0);
            case Sum s:
                var (left, right) = (Value(s.Left, point, work), Value(s.Right, point, work));
                return Met(left.Value + right.Value, Math.Max(left.Largest, right.Largest));
            case Product p:
                var (first, second) = (Value(p.Left, point, work), Value(p.Right, point, work));
                return Met(first.Value * second.Value, Math.Max(Relative(first), Relative(second))
                    * Complex.Abs(first.Value * second.Value));
            case Quotient q:
                var (top, bottom) = (Value(q.Top, point, work), Value(q.Bottom, point, work));
                return Met(top.Value / bottom.Value, Math.Max(Relative(top), Relative(bottom)) * Complex.Abs(top.Value / bottom.Value));
            case Power p:
                var (raised, exponent) = (Value(p.Base, point, work), Value(p.Exponent, point, work));
                var power = OddRoot(p.Exponent) is { } sign && raised.Value is { Real: < 0, Imaginary: 0 }
                    ? sign * Math.Pow(-raised.Value.Real, exponent.Value.Real) : Raised(raised.Value, exponent.Value);
                return Met(power, Relative(raised) * Complex.Abs(power));
            case Root r:
                var under = Value(r.Of, point, work);
                var root = r.Order % 2 == 1 && under.Value is { Real: < 0, Imaginary: 0 } negative
                    ? -Math.Pow(-negative.Real, 1.0 / r.Order) : r.Order == 2
                    ? Complex.Sqrt(under.Value) : Complex.Pow(under.Value, 1.0 / r.Order);
                return Met(root, Relative(under) * Complex.Abs(root));
            case Call c:
                var argument = Value(c.Argument, point, work);
                var result = Applied(c, argument.Value, work);
                return Met(result, Math.Max(argument.Largest, Relative(argument) * Complex.Abs(result)));
            default:
                throw new UnreadableAnswer();
        }
    }

    private static double ToDouble(Number n) =>
        n.Top.GetBitLength() < 1000 && n.Bottom.GetBitLength() < 1000
            ? (double)n.Top / (double)n.Bottom : n.Top.Sign * Math.Exp(BigInteger.Log(BigInteger.Abs(n.Top)) - BigInteger.Log(n.Bottom));

    private static (Complex, double) Met(Complex value, double largest) => (value, Math.Max(Complex.Abs(value), largest));

    /// <summary>How many times larger the numbers on the way were than what is left of them.</summary>
    private static double Relative((Complex Value, double Largest) x) => Complex.Abs(x.Value) is var size and > 0 ? x.Largest / size : 1;

    /// <summary>x^{2/3} of a negative number is real, as ∛x² is: its sign; null for other exponents.</summary>
    private static double? OddRoot(Expression exponent) =>
        exponent.WrittenFraction is var (top, bottom) && !bottom.IsOne && !bottom.IsEven ? (top.IsEven ? 1 : -1) : null;

    private static Complex Raised(Complex number, Complex exponent)
    {
        if (exponent.Imaginary != 0 || exponent.Real != Math.Round(exponent.Real) || Math.Abs(exponent.Real) > 64)
            return Complex.Pow(number, exponent);
        var result = Complex.One;
        for (var k = 0; k < Math.Abs(exponent.Real); k++) result *= number;
        return exponent.Real < 0 ? 1 / result : result;
    }

    private static Complex Applied(Call call, Complex x, Work work) => call.Function switch
    {
        "sin" => Complex.Sin(x),
        "cos" => Complex.Cos(x),
        "tan" => Complex.Tan(x),
        "cot" => 1 / Complex.Tan(x),
        "sec" => 1 / Complex.Cos(x),
        "csc" => 1 / Complex.Sin(x),
        "arcsin" => Complex.Asin(x),
        "arccos" => Complex.Acos(x),
        "arctan" => Complex.Atan(x),
        "sinh" => Complex.Sinh(x),
        "cosh" => Complex.Cosh(x),
        "tanh" => Complex.Tanh(x),
        "log" or "ln" => Complex.Log(x),
        "lg" => Complex.Log10(x),
        "exp" => Complex.Exp(x),
        "abs" => Complex.Abs(x),
        "!" => Integer(call.Argument, work) is { } n and >= 0 and <= 170
            ? Enumerable.Range(1, (int)n).Aggregate(1.0, (product, k) => product * k) : double.NaN,
        _ => throw new UnreadableAnswer(),
    };
}
