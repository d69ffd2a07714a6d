using System.Numerics;
using static Pav.Grading.Answer;

namespace Pav.Grading;

/// <summary>
/// What the grader `math` adds to a comparison in structure and value: names of what an answer is ("x =", "|AB| ="), sets of solutions in
/// any notation, equations up to a factor, words. And what it refuses: arithmetic that is not done, an equation that is not solved, other
/// units.
/// </summary>
internal static class Meaning
{
    private static readonly string[] NumberWords = "zero one two three four five six seven eight nine ten eleven twelve".Split(' ');

    private static readonly HashSet<string> AllReals = ["all real numbers", "all reals", "real numbers", "reals"];

    /// <summary>
    /// Both in one notation where they are told in two: inequalities and intervals, a set of one and its element, words and what they
    /// name.
    /// </summary>
    public static (Answer Given, Answer Wanted) Alike(Answer given, Answer wanted, MathAnswer.Comparison comparison, Work work)
    {
        (given, wanted) = (Named(given), Named(wanted));
        if (IsSet(given) && !IsSet(wanted)) wanted = Solutions(wanted, comparison, work) ?? wanted;
        if (IsSet(wanted) && !IsSet(given)) given = Solutions(given, comparison, work) ?? given;
        return (Element(given, wanted), Element(wanted, given));
    }

    private static Answer Named(Answer answer) => answer switch
    {
        Words w when Array.IndexOf(NumberWords, w.Text) is var value and >= 0 => new Value(Expression.Whole(value)),
        Words w when AllReals.Contains(w.Text) => Everything,
        Value { Of: Expression.Symbol { Name: "bbR" } } => Everything,
        _ => answer,
    };

    private static Answer Element(Answer set, Answer other) => set is Sequence { Open: "{", Items: [var one] } && other is not Sequence
        ? one : set;

    // Sets of solutions.

    private static readonly Expression Infinity = new Expression.Symbol("infty");

    private static Sequence Everything { get; } = new("(", ")", [new Value(Expression.Negative(Infinity)), new Value(Infinity)]);

    private static bool IsSet(Answer answer) => answer is Sequence { Open: "(" or "[", Items.Count: 2 } or Sequence { Open: "cup" };

    /// <summary>The interval of a solved inequality, the union of two that leave a gap; null for anything else.</summary>
    private static Sequence? Solutions(Answer answer, MathAnswer.Comparison comparison, Work work)
    {
        if (answer is Relation relation) return Interval(relation)?.Set;
        if (answer is not Sequence { Open: "", Items: [Relation first, Relation second] } || Interval(first) is not { } a
            || Interval(second) is not { } b) return null;
        if (!comparison.Equal(a.Name, b.Name) || a.Set.Open == "cup" || b.Set.Open == "cup") return null;
        var (low, high) = IsInfinite(a.Set.Items[0]) ? (a.Set, b.Set) : (b.Set, a.Set);
        return Bound(low.Items[1], work) is { } end && Bound(high.Items[0], work) is { } start && end <= start
            ? new Sequence("cup", "", [low, high]) : null;
    }

    private static bool IsInfinite(Answer bound) =>
        bound is Value { Of: Expression.Product { Right: Expression.Symbol { Name: "infty" } } };

    private static double? Bound(Answer bound, Work work) => bound is Value v ? Identity.Constant(v.Of, work) : null;

    /// <summary>A name between bounds that it does not stand in: x &gt; 5, −2 ≤ x ≤ 7, −x &gt; −1, x ≠ 3.</summary>
    private static (Value Name, Sequence Set)? Interval(Relation relation)
    {
        var r = relation.Ascending;
        if (r.Sides.Any(s => s is not Value)) return null;
        var sides = r.Sides.Cast<Value>().ToList();
        var name = sides.FindIndex(s => IsPlainName(Positive(s).Of));
        if (name < 0) return null;
        var variable = Positive(sides[name]);
        if (sides.Where((s, i) => i != name).Any(s => Mentions(s.Of, variable.Of))) return null;
        if (variable != sides[name])
        {
            if (r.Signs.Count != 1) return null;
            var bound = new Value(Expression.Negative(sides[1 - name].Of));
            name = 1 - name;
            sides = name == 1 ? [bound, variable] : [variable, bound];
        }

        if (variable.Of is Expression.Call { Function: "abs", Argument: var inside })
            return IsPlainName(inside) && Magnitude(r, name) is { } set ? (new Value(inside), set) : null;
        return (r.Signs, name) switch
        {
            (["!="], _) => (variable, new Sequence("cup", "",
                [Open(Everything.Items[0], sides[1 - name]), Open(sides[1 - name], Everything.Items[1])])),
            (["<" or "<="], 0) => (variable, new("(", Close(r.Signs[0]), [Everything.Items[0], sides[1]])),
            (["<" or "<="], 1) => (variable, new(Opening(r.Signs[0]), ")", [sides[0], Everything.Items[1]])),
            (["<" or "<=", "<" or "<="], 1) => (variable, new(Opening(r.Signs[0]), Close(r.Signs[1]), [sides[0], sides[2]])),
            _ => null,
        };

        static Sequence Open(Answer low, Answer high) => new("(", ")", [low, high]);
        static string Opening(string sign) => sign == "<" ? "(" : "[";
        static string Close(string sign) => sign == "<" ? ")" : "]";
    }

    /// <summary>The numbers whose magnitude stands there between bounds.</summary>
    private static Sequence? Magnitude(Relation r, int name)
    {
        var (low, high) = name == 0 ? (null, r.Sides[1]) : (r.Sides[0], r.Sides.ElementAtOrDefault(2));
        if (r.Signs.Any(s => s is not ("<" or "<="))) return null;
        var (inner, outer) = (r.Signs[0] == "<" ? ")" : "]", r.Signs[^1] == "<" ? ")" : "]");
        if (low is null) return new(Opening(outer), outer, [Minus(high!), high!]);
        if (high is null) outer = ")";
        var (from, to) = (high ?? Everything.Items[1], low);
        return new("cup", "", [new Sequence(Opening(outer), inner, [Minus(from), Minus(to)]),
            new Sequence(Opening(inner), outer, [to, from])]);

        static Answer Minus(Answer bound) => new Value(Expression.Negative(((Value)bound).Of));
        static string Opening(string close) => close == ")" ? "(" : "[";
    }

    private static Value Positive(Value side) =>
        side.Of is Expression.Product { Left: Expression.Number { IsWhole: true } minus, Right: var rest } && minus.Top == -1 ? new(rest)
        : side;

    private static bool Mentions(Expression where, Expression what) => where == what || where.Parts.Any(part => Mentions(part, what));

    // Equations.

    /// <summary>
    /// What is left of "x = 5", "x = 2 + 3 = 5 ≈ 5.0" or "10/2 = 5": the last exact side after a name, or after sides of the same
    /// value. Null for an equation to be solved.
    /// </summary>
    public static Answer? RightSide(Relation relation, Work work)
    {
        if (relation.Signs is ["in"]) return IsName(relation.Sides[0]) ? relation.Sides[1] : null;
        if (relation.Signs.Any(s => s is not ("=" or "~"))) return null;
        var exact = relation.Signs.TakeWhile(s => s == "=").Count();
        if (relation.Sides is [Value { Of: not Expression.Symbol } value, Value { Of: Expression.Symbol } last]
            && IsName(last)) return value;
        if (relation.Sides.Take(Math.Max(exact, 1)).Any(IsName)) return relation.Sides[exact > 0 ? exact : relation.Sides.Count - 1];
        var constants = relation.Sides.Take(exact + 1).OfType<Value>().Where(v => Identity.Constant(v.Of, work) is not null).ToList();
        if (constants.Count != exact + 1) return null;
        return constants.Zip(constants.Skip(1)).All(pair => Identity.Holds(pair.First.Of, pair.Second.Of, work)) ? constants[^1] : null;
    }

    /// <summary>
    /// The same thing named with the same value; the same set of solutions; or equations in several variables that differ by a
    /// factor.
    /// </summary>
    public static bool SameRelations(Relation a, Relation b, MathAnswer.Comparison comparison, Work work)
    {
        if (a.Signs is ["in"] || b.Signs is ["in"])
        {
            if (a.Signs is ["in"] && RightSide(a, work) is { } set) return comparison.Equal(set, b.Signs is ["in"] ? b.Sides[1] : b);
            return RightSide(b, work) is { } other && comparison.Equal(a, other);
        }

        if (Interval(a) is { } given && Interval(b) is { } wanted) return comparison.Equal(given.Name, wanted.Name)
            && comparison.Equal(given.Set, wanted.Set);
        if (IsName(a.Sides[0]) && IsName(b.Sides[0]) && comparison.Equal(a.Sides[0], b.Sides[0]) && RightSide(a, work) is { } left
            && RightSide(b, work) is { } right && comparison.Equal(left, right)) return true;
        if (a.Signs is not ["="] || b.Signs is not ["="] || Difference(a) is not { } first || Difference(b) is not { } second) return false;
        if (Variables(first).Union(Variables(second)).Count() > 1) return Identity.Proportional(first, second, work);
        return a.Sides.Concat(b.Sides).Any(s => s is Value { Of: Expression.Symbol }) && comparison.Equal(a.Sides[0], b.Sides[1])
            && comparison.Equal(a.Sides[1], b.Sides[0]);
    }

    private static Expression? Difference(Relation equation) =>
        equation.Sides is [Value left, Value right] ? new Expression.Sum(left.Of, Expression.Negative(right.Of)) : null;

    private static IEnumerable<string> Variables(Expression e) =>
        (e is Expression.Symbol { Name: not ("pi" or "e" or "i") } s ? [s.Name] : e.Parts.SelectMany(Variables)).Distinct();

    /// <summary>"p = 5, q = 2; p = 7, q = 2" as the pairs (5, 2), (7, 2); anything else as it is.</summary>
    public static Sequence Tuples(Sequence list)
    {
        if (list.Open != "" || !list.Items.All(i => i is Relation { Signs: ["="] } r && IsName(r.Sides[0]))) return list;
        var named = list.Items.Cast<Relation>().ToList();
        var width = named.Skip(1).TakeWhile(r => !Equals(r.Sides[0], named[0].Sides[0])).Count() + 1;
        if (width < 2 || width == named.Count || named.Count % width != 0
            || named.Where((r, i) => !Equals(r.Sides[0], named[i % width].Sides[0])).Any()) return list;
        return new("", "", [.. named.Chunk(width).Select(chunk => new Sequence("(", ")", [.. chunk.Select(r => r.Sides[1])]))]);
    }

    /// <summary>"x = 1, y = 2" against "1, 2" or (1, 2): names that differ give the order. And 1, 2 given for (1, 2).</summary>
    public static bool InOneOrder(Sequence a, Sequence b)
    {
        return (Names(a) && Bare(b)) || (Bare(a) && Names(b)) || (a.Open == "" && b is { Open: "(", Close: ")" });

        static bool Names(Sequence s) => s.Open == "" && s.Items.All(i => i is Relation { Signs: ["="] } r && IsName(r.Sides[0]))
            && s.Items.Select(i => ((Relation)i).Sides[0]).Distinct().Count() > 1;
        static bool Bare(Sequence s) => s is { Open: "" or "{" } or { Open: "(", Close: ")" } && !s.Items.Any(i => i is Relation);
    }

    /// <summary>
    /// What an answer may be called: x, AB, f(x), f⁻¹(x), |AB|, ∠ABC, NO/BO, a:b, (x, y). No sum, no coefficient: 2x + z = 1 is no
    /// answer yet.
    /// </summary>
    private static bool IsName(Answer side) => side switch
    {
        Words => true,
        Value v => IsName(v.Of),
        Sequence { Open: "(" or ":" or "" } s => s.Items.All(IsName),
        _ => false,
    };

    private static bool IsName(Expression e) => e switch
    {
        Expression.Symbol s => s.Name is not ("pi" or "infty" or "emptyset"),
        Expression.Product { Left: Expression.Symbol, Right: Expression.Number } => true,
        Expression.Product p => IsName(p.Left) && IsName(p.Right),
        Expression.Quotient q => IsName(q.Top) && IsName(q.Bottom),
        Expression.Power { Base: Expression.Symbol, Exponent: Expression.Number { IsWhole: true } exponent } => exponent.Top == -1,
        Expression.Call c => IsName(c.Argument) || c.Argument is Expression.Number,
        _ => false,
    };

    private static bool IsPlainName(Expression e) => e is Expression.Symbol { Name: not ("pi" or "infty" or "e") } 
        or Expression.Product { Left: Expression.Symbol,
            Right: Expression.Symbol or Expression.Number } or Expression.Call { Function: "abs", Argument: Expression.Symbol };

    // Values.

    public static bool SameValues(Value given, Value wanted, Work work)
    {
        if (Units.Differ(given.Unit, wanted.Unit)) return false;
        if (given.Letters.Length == 1 && wanted.Letters.Length == 1) return given.Letters == wanted.Letters;
        var decimals = wanted.Of is Expression.Number { IsWhole: false };
        if (IsWorkedOut(wanted.Of) && !IsWorkedOut(given.Of) && !(decimals && ExactValue.Constant(given.Of, work) is null)) return false;
        return Identity.Holds(given.Of, wanted.Of, work) || Rounds(given.Of, wanted.Of, work) || Rounds(wanted.Of, given.Of, work);
    }

    /// <summary>28% is 28, and 0.28 too.</summary>
    public static bool SamePercentage(Answer given, bool givenIsPercent, Answer wanted, bool wantedIsPercent)
    {
        if (givenIsPercent == wantedIsPercent || given is not Value { Of: Expression.Number a }
            || wanted is not Value { Of: Expression.Number b }) return false;
        return givenIsPercent ? Expression.Ratio(a.Top, a.Bottom * 100) == b : Expression.Ratio(b.Top, b.Bottom * 100) == a;
    }

    /// <summary>A number with nothing left to do: 5, −2.5, 3/4, 2½, 6.02·10²³.</summary>
    private static bool IsWorkedOut(Expression e) => e switch
    {
        Expression.Number => true,
        Expression.Quotient { Top: Expression.Number, Bottom: Expression.Number } => true,
        Expression.Sum { Left: Expression.Number { IsWhole: true }, Right: Expression.Quotient { WrittenFraction: not null } } => true,
        Expression.Product { Left: Expression.Number { IsWhole: true } sign, Right: var rest } when sign.Top == -1 => IsWorkedOut(rest),
        Expression.Product { Left: Expression.Number, Right: Expression.Power power } => IsPowerOfTen(power),
        Expression.Power power => IsPowerOfTen(power),
        _ => false,
    };

    private static bool IsPowerOfTen(Expression.Power power) =>
        power is { Base: Expression.Number { IsWhole: true } ten, Exponent: Expression.Number { IsWhole: true } } && ten.Top == 10;

    /// <summary>A decimal of six digits or more is the other, which is none, rounded.</summary>
    private static bool Rounds(Expression rounded, Expression exact, Work work)
    {
        if (rounded is not Expression.Number { IsWhole: false } number || exact is Expression.Number
            || Identity.Constant(exact, work) is not { } value) return false;
        var unit = BigInteger.One;
        while (!(unit % number.Bottom).IsZero)
        {
            if (unit > BigInteger.Pow(10, 30)) return false;
            unit *= 10;
        }

        var digits = BigInteger.Abs(number.Top * (unit / number.Bottom));
        return digits >= 100_000 && Math.Abs(value - ((double)number.Top / (double)number.Bottom)) <= (0.5 / (double)unit)
            + (1e-15 * Math.Abs(value));
    }
}
