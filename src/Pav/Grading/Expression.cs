using System.Numerics;

namespace Pav.Grading;

/// <summary>An algebraic expression of an answer.</summary>
internal abstract record Expression
{
    /// <summary>A decimal number, exactly: a quotient of whole numbers.</summary>
    public sealed record Number(BigInteger Top, BigInteger Bottom) : Expression
    {
        public bool IsWhole => Bottom.IsOne;
    }

    public sealed record Symbol(string Name) : Expression;

    public sealed record Sum(Expression Left, Expression Right) : Expression;

    public sealed record Product(Expression Left, Expression Right) : Expression;

    public sealed record Quotient(Expression Top, Expression Bottom) : Expression;

    public sealed record Power(Expression Base, Expression Exponent) : Expression;

    /// <summary>The root of that whole order, real for odd orders of real numbers.</summary>
    public sealed record Root(int Order, Expression Of) : Expression;

    /// <summary>sin, log, abs, ! …</summary>
    public sealed record Call(string Function, Expression Argument) : Expression;

    public static Number Whole(BigInteger value) => new(value, BigInteger.One);

    /// <summary>Lowest terms; the sign stands above.</summary>
    public static Number Ratio(BigInteger top, BigInteger bottom)
    {
        var common = BigInteger.GreatestCommonDivisor(top, bottom);
        if (bottom.Sign < 0) common = -common;
        return new(top / common, bottom / common);
    }

    /// <summary>−x; a number and a fraction of numbers keep their shape.</summary>
    public static Expression Negative(Expression x) => x switch
    {
        Number n => n with { Top = -n.Top },
        Quotient { Top: Number top } q => q with { Top = Negative(top) },
        _ => new Product(Whole(-1), x),
    };

    /// <summary>The fraction of whole numbers that was written down, its sign above; null for anything else.</summary>
    public (BigInteger Top, BigInteger Bottom)? WrittenFraction =>
        this is Quotient { Top: Number { IsWhole: true } top, Bottom: Number { IsWhole: true } bottom } && !bottom.Top.IsZero
            ? (top.Top * bottom.Top.Sign, BigInteger.Abs(bottom.Top)) : null;

    public IReadOnlyList<Expression> Parts => this switch
    {
        Sum s => [s.Left, s.Right],
        Product p => [p.Left, p.Right],
        Quotient q => [q.Top, q.Bottom],
        Power p => [p.Base, p.Exponent],
        Root r => [r.Of],
        Call c => [c.Argument],
        _ => [],
    };

    public bool HasSymbol => this is Symbol || Parts.Any(part => part.HasSymbol);

    /// <summary>Does a number stand in it?</summary>
    public bool HasNumber => this is Number || Parts.Any(part => part.HasNumber);
}
