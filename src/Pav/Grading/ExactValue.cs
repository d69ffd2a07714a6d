using System.Numerics;
using static Pav.Grading.Expression;

namespace Pav.Grading;

/// <summary>
/// Expressions of numbers, + − × ÷, whole powers and factorials, worked out exactly: quotients of whole numbers without a bound of 64
/// bits.
/// </summary>
internal static class ExactValue
{
    private const long MostBits = 40_000;

    /// <summary>
    /// The value with every variable replaced by a number; null where it has none, or none that is rational or short enough.
    /// </summary>
    public static Number? Find(Expression e, Func<string, Number?> variable, Work work)
    {
        work.Spend();
        switch (e)
        {
            case Number n:
                return n;
            case Symbol s:
                return variable(s.Name);
            case Sum s:
                return Find(s.Left, variable, work) is { } a && Find(s.Right, variable, work) is { } b
                    ? Made((a.Top * b.Bottom) + (b.Top * a.Bottom), a.Bottom * b.Bottom, work) : null;
            case Product p:
                return Find(p.Left, variable, work) is { } left && Find(p.Right, variable, work) is { } right
                    ? Made(left.Top * right.Top, left.Bottom * right.Bottom, work) : null;
            case Quotient q:
                return Find(q.Bottom, variable, work) is { Top.IsZero: false } bottom && Find(q.Top, variable, work) is { } top
                    ? Made(top.Top * bottom.Bottom, top.Bottom * bottom.Top, work) : null;
            case Power p:
                return Constant(p.Exponent, work) is { IsWhole: true } exponent && Find(p.Base, variable, work) is { } number
                    ? Raised(number, exponent.Top, work) : null;
            case Call { Function: "!" } f:
                return Constant(f.Argument, work) is { IsWhole: true, Top.Sign: >= 0 } count && count.Top <= 3000
                    ? Factorial((int)count.Top, work) : null;
            case Call { Function: "abs" } f:
                return Find(f.Argument, variable, work) is { } inside ? inside with { Top = BigInteger.Abs(inside.Top) } : null;
            default:
                return null;
        }
    }

    /// <summary>The value of an expression without variables.</summary>
    public static Number? Constant(Expression e, Work work) => Find(e, _ => null, work);

    /// <summary>A number where the expression is one.</summary>
    public static Expression Folded(Expression e, Work work) => Constant(e, work) ?? e;

    private static Number? Made(BigInteger top, BigInteger bottom, Work work)
    {
        var bits = top.GetBitLength() + bottom.GetBitLength();
        work.Spend((int)Math.Min(bits / 64, 10_000));
        return bits > MostBits ? null : Ratio(top, bottom);
    }

    private static Number? Raised(Number number, BigInteger exponent, Work work)
    {
        if (number.Top.IsZero) return exponent.Sign > 0 ? number : null;
        var bits = Math.Max(number.Top.GetBitLength(), number.Bottom.GetBitLength());
        if (BigInteger.Abs(exponent) * bits > MostBits) return number.Bottom.IsOne && BigInteger.Abs(number.Top).IsOne
            ? (exponent.IsEven ? Whole(1) : number) : null;
        var power = (int)BigInteger.Abs(exponent);
        var (top, bottom) = (BigInteger.Pow(number.Top, power), BigInteger.Pow(number.Bottom, power));
        return exponent.Sign < 0 ? Made(bottom, top, work) : Made(top, bottom, work);
    }

    private static Number Factorial(int n, Work work)
    {
        work.Spend(n);
        return Whole(Enumerable.Range(1, n).Aggregate(BigInteger.One, (product, k) => product * k));
    }
}
