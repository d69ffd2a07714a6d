using System.Text.RegularExpressions;
using static Pav.Grading.Answer;

namespace Pav.Grading;

/// <summary>How far apart two answers may be.</summary>
/// <param name="RelativeTolerance">Numbers this near are equal; those in a matrix where they are so to three decimals.</param>
/// <param name="Percentages">Plain numbers may be off by a factor of 100: percent signs.</param>
/// <param name="AnyBrackets">(1, 2) and [1, 2] are the same.</param>
/// <param name="Meaning">Right rather than faithful to another grader: see <see cref="Meaning"/>.</param>
internal sealed record MathRules(double RelativeTolerance, bool Percentages, bool AnyBrackets, bool Meaning)
{
    /// <summary>As Qwen2.5-Math's grader is.</summary>
    public static MathRules Tolerant { get; } = new(1e-4, true, true, false);

    /// <summary>What two answers mean: the recommended rules.</summary>
    public static MathRules Right { get; } = new(0, false, false, true);
}

/// <summary>Equality of mathematical answers: as texts, as sequences of tokens, in structure and value. Bounded by counted work; what
/// cannot be read is equal to its like only.</summary>
internal static partial class MathAnswer
{
    /// <summary>Longer answers are compared as texts alone.</summary>
    private const int LongestRead = 1000;

    private const int MostSteps = 60_000;

    /// <summary>A plain number without its looks, else the answer as <see cref="Hendrycks"/> normalises it.</summary>
    public static string Key(string answer) => answer.Length <= LongestRead && NumberText.Whole(answer) is { } number
        ? number : Hendrycks.Normalise(answer);

    /// <summary>
    /// The same, but for answers of which the normalisation would cut off a part: "12 \text{ or } 13" and "12 = 13" stay as they are.
    /// </summary>
    public static string WholeKey(string answer) => Cut.IsMatch(answer) ? answer.Trim() : Key(answer);

    [GeneratedRegex(@"\\text\{ |\d\s*=")]
    private static partial Regex Cut { get; }

    public static bool Same(string answer, string reference, MathRules rules)
    {
        if (string.IsNullOrWhiteSpace(answer) || string.IsNullOrWhiteSpace(reference)) return false;
        if (answer.AsSpan().Trim().SequenceEqual(reference.AsSpan().Trim())) return true;
        if (!rules.Meaning && !Cut.IsMatch(answer) && !Cut.IsMatch(reference) && Hendrycks.Same(answer, reference)) return true;
        if (answer.Length > LongestRead || reference.Length > LongestRead) return false;
        if (rules.Meaning) (answer, reference) = (Plain(answer), Plain(reference));
        if (SameRead(answer, reference, rules, listed: false)) return true;
        return rules.Meaning && Bracketed.IsMatch(answer) && Bracketed.IsMatch(reference)
            && SameRead(answer, reference, rules, listed: true);
    }

    private static bool SameRead(string answer, string reference, MathRules rules, bool listed)
    {
        var (given, wanted) = (AnswerLexer.Read(Bare(answer), listed), AnswerLexer.Read(Bare(reference), listed));
        if (given.Count == 0 || wanted.Count == 0) return false;
        if (SameTokens(given, wanted, rules)
            || (rules.Meaning && (DecimalComma(answer, reference) || DecimalComma(reference, answer)))) return true;
        try
        {
            var work = new Work(MostSteps);
            var (a, b) = (AnswerParser.Parse(given, work), AnswerParser.Parse(wanted, work));
            return new Comparison(rules, work).Equal(a, b)
                || (rules.Meaning && Meaning.SamePercentage(a, Percent.IsMatch(answer), b, Percent.IsMatch(reference)));
        }
        catch (UnreadableAnswer)
        {
            return false;
        }
    }

    /// <summary>Case counts among letters that may be variables: R − r is not r − R.</summary>
    private static bool SameTokens(List<Token> given, List<Token> wanted, MathRules rules)
    {
        return given.Count == wanted.Count
            && given.Zip(wanted).All(pair => pair.First.Kind == pair.Second.Kind && Same(pair.First, pair.Second));

        bool Same(Token a, Token b) => a.Kind == TokenKind.Number ? NumberText.Whole(a.Text) is { } number
            ? number == NumberText.Whole(b.Text) : a.Text == b.Text
            : string.Equals(a.Text, b.Text, rules.Meaning && given.Count > 1 ? StringComparison.Ordinal
                : StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Without marks of emphasis around it and the full stop after it.</summary>
    private static string Bare(string text) => text.Trim().Trim('*', '`', '"').TrimEnd('.').Trim();

    /// <summary>12,5 is 12.5 where the other is a decimal number, and two answers elsewhere.</summary>
    private static bool DecimalComma(string comma, string point) =>
        Bare(comma).Trim('$', ' ') is var bare && WithComma.IsMatch(bare) && NumberText.Whole(point) is { } number
            && number.Contains('.') && number == NumberText.Whole(bare.Replace(',', '.'));

    [GeneratedRegex(@"^[-+]?(\d+,\d{1,2}|0,\d+)$")]
    private static partial Regex WithComma { get; }

    /// <summary>1 234 567 without its spaces.</summary>
    private static string Plain(string answer)
    {
        var bare = Bare(answer).Trim('$').Trim();
        return SpacedThousands.IsMatch(bare) ? bare.Replace(" ", "") : BracedComma.Replace(answer, "{,}");
    }

    [GeneratedRegex(@" ?\{, ?\} ?")]
    private static partial Regex BracedComma { get; }

    /// <summary>A comma between digits and three digits, in brackets: of thousands, or of two numbers.</summary>
    [GeneratedRegex(@"[(\[{].*\d,|[(\[{].*,.*\d")]
    private static partial Regex Bracketed { get; }

    [GeneratedRegex(@"^[-+]?\d{1,3}( \d{3})+$")]
    private static partial Regex SpacedThousands { get; }

    [GeneratedRegex(@"%|\bpercent|\bpct\b")]
    private static partial Regex Percent { get; }

    internal sealed class Comparison(MathRules rules, Work work)
    {
        private bool inMatrix;

        public bool Equal(Answer given, Answer wanted)
        {
            work.Spend();
            if (rules.Meaning) (given, wanted) = Meaning.Alike(given, wanted, this, work);
            if (rules.Meaning && given is Sequence { Open: "" } said && wanted is not Sequence { InAnyOrder: true }
                && said.Items.All(item => Equal(item, wanted))) return true;
            switch (given, wanted)
            {
                case (Relation a, Relation b):
                    return Related(a.Ascending, b.Ascending);
                case (Relation a, _):
                    return Right(a) is { } right && Equal(right, wanted);
                case (_, Relation b):
                    return Right(b) is { } value && Equal(given, value);
                case (Words a, Value b):
                    return Spelled(b, a.Text);
                case (Value a, Words b):
                    return Spelled(a, b.Text);
                case (Sequence a, Sequence b):
                    return rules.Meaning ? Sequences(Meaning.Tuples(a), Meaning.Tuples(b)) : Sequences(a, b);
                case (Words a, Words b):
                    return a.Text == b.Text;
                case (Value a, Value b):
                    return rules.Meaning ? Meaning.SameValues(a, b, work) : Values(a.Of, b.Of);
                default:
                    return false;
            }
        }

        private static bool Spelled(Value value, string word) => value.Letters.Length > 0
            && value.Letters.Equals(word, StringComparison.OrdinalIgnoreCase);

        /// <summary>What stands after "x =", "f(x) =" or "x ∈"; null for relations that say more.</summary>
        private Answer? Right(Relation relation)
        {
            if (rules.Meaning) return Meaning.RightSide(relation, work);
            var named = relation.Sides[0] is Words or Value { Of: Expression.Symbol or Expression.Product { Left: Expression.Symbol } };
            return named && relation.Signs.All(s => s is "=" or "~" || (s == "in" && relation.Signs.Count == 1)) ? relation.Sides[^1]
                : null;
        }

        private bool Related(Relation a, Relation b)
        {
            if (a.Signs.SequenceEqual(b.Signs) && a.Sides.Zip(b.Sides).All(s => Equal(s.First, s.Second))) return true;
            if (rules.Meaning) return Meaning.SameRelations(a, b, this, work);
            return a.Signs is ["="] && b.Signs is ["="] && Difference(a) is { } left && Difference(b) is { } right
                && (Identity.Holds(left, right, work) || Identity.Holds(Expression.Negative(left), right, work));
        }

        private static Expression? Difference(Relation equation) =>
            equation.Sides is [Value left, Value right] ? new Expression.Sum(left.Of, Expression.Negative(right.Of)) : null;

        private bool Sequences(Sequence a, Sequence b)
        {
            if (rules.Meaning && a.InAnyOrder && b.InAnyOrder && a.Items.Count > b.Items.Count) return Repeated(a.Items, b.Items);
            if (a.Items.Count != b.Items.Count) return false;
            if (rules.Meaning && Meaning.InOneOrder(a, b)) return a.Items.Zip(b.Items).All(s => Equal(s.First, s.Second));
            if (a.InAnyOrder && b.InAnyOrder) return InSomeOrder(a.Items, b.Items);
            if (a.Open == "matrix") inMatrix = !rules.Meaning;
            var alike = (a.Open, a.Close) == (b.Open, b.Close) || (rules.AnyBrackets && IsBracket(a) && IsBracket(b));
            return alike && a.Items.Zip(b.Items).All(s => Equal(s.First, s.Second));
        }

        private static bool IsBracket(Sequence s) => s.Open is "(" or "[" or "";

        /// <summary>Nothing is given but what is wanted, and all of that: who says an answer twice has said no other.</summary>
        private bool Repeated(IReadOnlyList<Answer> given, IReadOnlyList<Answer> wanted) =>
            given.All(item => wanted.Any(other => Equal(item, other))) && wanted.All(other => given.Any(item => Equal(item, other)));

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
            if (inMatrix && Identity.Constant(given, work) is { } value
                && Identity.Constant(wanted, work) is { } reference) return Math.Round(value, 3) == Math.Round(reference, 3);
            return Identity.Holds(given, wanted, work) || (rules.RelativeTolerance > 0 && Near(given, wanted));
        }

        private bool Near(Expression given, Expression wanted)
        {
            if (Identity.Constant(given, work) is not { } value || Identity.Constant(wanted, work) is not { } reference) return false;
            var plain = rules.Percentages && given is Expression.Number && wanted is Expression.Number;
            return (plain ? new[] { reference, reference / 100, reference * 100 } : [reference])
                .Any(r => Math.Abs(value - r) <= rules.RelativeTolerance * Math.Max(Math.Abs(value), Math.Abs(r)));
        }
    }
}
