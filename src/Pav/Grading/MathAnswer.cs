using System.Numerics;
using static Pav.Grading.Answer;

namespace Pav.Grading;

/// <summary>How far apart two answers may be.</summary>
/// <param name="Written">A whole number must be written out, and fractions be the same in form: 6/3 is not 2, nor 2/4 1/2 (PRM800K's rule, which keeps unfinished work from being right).</param>
/// <param name="RelativeTolerance">Numbers this near are equal.</param>
/// <param name="Percentages">Plain numbers may be off by a factor of 100: percent signs.</param>
/// <param name="AnyBrackets">(1, 2) and [1, 2] are the same.</param>
internal sealed record MathRules(bool Written, double RelativeTolerance, bool Percentages, bool AnyBrackets)
{
    /// <summary>As PRM800K's grader is.</summary>
    public static MathRules Strict { get; } = new(true, 0, false, false);

    /// <summary>As Qwen2.5-Math's grader is.</summary>
    public static MathRules Tolerant { get; } = new(false, 1e-4, true, true);
}

/// <summary>Equality of mathematical answers: as texts, as sequences of tokens, in structure and value. Bounded by counted work; what cannot be read is equal to its like only.</summary>
internal static class MathAnswer
{
    /// <summary>Longer answers are compared as texts alone.</summary>
    private const int LongestRead = 1000;

    private const int MostSteps = 60_000;

    /// <summary>A plain number without its looks, else the answer as <see cref="Hendrycks"/> normalises it.</summary>
    public static string Key(string answer) => answer.Length <= LongestRead && NumberText.Whole(answer) is { } number ? number : Hendrycks.Normalise(answer);

    public static bool Same(string answer, string reference, MathRules rules)
    {
        if (Hendrycks.Same(answer, reference)) return true;
        if (answer.Length > LongestRead || reference.Length > LongestRead) return false;
        var (given, wanted) = (AnswerLexer.Read(Bare(answer)), AnswerLexer.Read(Bare(reference)));
        if (given.Count == 0 || wanted.Count == 0) return false;
        if (given.Select(Text).SequenceEqual(wanted.Select(Text), StringComparer.OrdinalIgnoreCase)) return true;
        try
        {
            var work = new Work(MostSteps);
            return new Comparison(rules, work).Equal(AnswerParser.Parse(given, work), AnswerParser.Parse(wanted, work));
        }
        catch (UnreadableAnswer)
        {
            return false;
        }

        static string Text(Token token) => token.Kind == TokenKind.Number ? NumberText.Whole(token.Text) ?? token.Text : token.Text;
    }

    /// <summary>Without marks of emphasis around it and the full stop after it.</summary>
    private static string Bare(string text) => text.Trim().Trim('*', '`', '"').TrimEnd('.').Trim();

    private sealed class Comparison(MathRules rules, Work work)
    {
        public bool Equal(Answer given, Answer wanted)
        {
            work.Spend();
            switch (given, wanted)
            {
                case (Relation a, Relation b):
                    return Related(a.Ascending, b.Ascending);
                case (Relation a, _):
                    return Right(a) is { } right && Equal(right, wanted);
                case (_, Relation b):
                    return Right(b) is { } value && Equal(given, value);
                case (Sequence a, Sequence b):
                    return Sequences(a, b);
                case (Words a, Words b):
                    return a.Text == b.Text;
                case (Value a, Value b):
                    return Values(a.Of, b.Of);
                default:
                    return false;
            }
        }

        /// <summary>What stands after "x =", "f(x) =" or "x ∈"; null for relations that say more.</summary>
        private static Answer? Right(Relation relation)
        {
            var named = relation.Sides[0] is Words or Value { Of: Expression.Symbol or Expression.Product { Left: Expression.Symbol } };
            return named && relation.Signs.All(s => s == "=" || (s == "in" && relation.Signs.Count == 1)) ? relation.Sides[^1] : null;
        }

        private bool Related(Relation a, Relation b)
        {
            if (a.Signs.SequenceEqual(b.Signs) && a.Sides.Zip(b.Sides).All(s => Equal(s.First, s.Second))) return true;
            return a.Signs is ["="] && b.Signs is ["="] && Difference(a) is { } left && Difference(b) is { } right && (Identity.Of(left, right, work) || Identity.Of(Expression.Negative(left), right, work));
        }

        private static Expression? Difference(Relation equation) =>
            equation.Sides is [Value left, Value right] ? new Expression.Sum(left.Of, Expression.Negative(right.Of)) : null;

        private bool Sequences(Sequence a, Sequence b)
        {
            if (a.Items.Count != b.Items.Count) return false;
            if (a.InAnyOrder && b.InAnyOrder) return InSomeOrder(a.Items, b.Items);
            var alike = (a.Open, a.Close) == (b.Open, b.Close) || (rules.AnyBrackets && IsBracket(a) && IsBracket(b));
            return alike && a.Items.Zip(b.Items).All(s => Equal(s.First, s.Second));
        }

        private static bool IsBracket(Sequence s) => s.Open is "(" or "[" or "";

        private bool InSomeOrder(IReadOnlyList<Answer> a, IReadOnlyList<Answer> b)
        {
            var left = b.ToList();
            foreach (var item in a)
            {
                var same = left.FindIndex(other => Equal(item, other));
                if (same < 0) return false;
                left.RemoveAt(same);
            }

            return true;
        }

        private bool Values(Expression given, Expression wanted)
        {
            if (rules.Written)
            {
                if (given.IsWrittenWhole != wanted.IsWrittenWhole) return false;
                if (given.WrittenFraction is { } a && wanted.WrittenFraction is { } b) return a == b;
            }

            return Identity.Of(given, wanted, work) || (rules.RelativeTolerance > 0 && Near(given, wanted));
        }

        private bool Near(Expression given, Expression wanted)
        {
            if (Identity.Constant(given, work) is not { } value || Identity.Constant(wanted, work) is not { } reference) return false;
            var plain = rules.Percentages && given is Expression.Number && wanted is Expression.Number;
            return (plain ? new[] { reference, reference / 100, reference * 100 } : [reference]).Any(r => Math.Abs(value - r) <= rules.RelativeTolerance * Math.Max(Math.Abs(value), Math.Abs(r)));
        }
    }
}
