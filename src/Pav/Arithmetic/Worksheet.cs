using System.Globalization;
using System.Text;

namespace Pav.Arithmetic;

/// <summary>One operation on the running value: one of <c>+2 +3 +6 +8 -2 -4 -7 -9 x2 x3</c>. Few, so that a small model knows all facts by
/// heart.</summary>
internal readonly record struct Operation(char Sign, int Operand)
{
    public int Apply(int value) => Sign switch { '+' => value + Operand, '-' => value - Operand, _ => value * Operand };

    public override string ToString() => $"{Sign}{Operand.ToString(CultureInfo.InvariantCulture)}";

    internal static readonly Operation[] All =
        [new('+', 2), new('+', 3), new('+', 6), new('+', 8), new('-', 2), new('-', 4), new('-', 7), new('-', 9), new('x', 2), new('x', 3)];
}

/// <summary>One numbered line of a worksheet; a line to be skipped is a distractor: it must leave the value as it is.</summary>
internal readonly record struct WorksheetLine(Operation Operation, bool Skip);

/// <summary>Which part of the problems a worksheet belongs to, decided by its content, so that the parts are disjoint.</summary>
internal enum Split { Train, Valid, Test }

/// <summary>
/// An embedded problem: a start value and 5 to 10 numbered operations, some of which say "skip". Values stay in 0..49.
/// The level is the number of lines.
/// </summary>
internal sealed record Worksheet(int Start, IReadOnlyList<WorksheetLine> Lines)
{
    public const int MinLevel = 5, MaxLevel = 10, Values = 50;

    private const double SkipShare = 0.25;

    public int Answer => Lines.Aggregate(Start, (v, line) => line.Skip ? v : line.Operation.Apply(v));

    /// <summary>The problem's text: <c>Start 17\n1: +8\n2: skip -7\n3: x2</c>.</summary>
    public string Text
    {
        get
        {
            var text = new StringBuilder($"Start {Start}");
            for (var k = 0; k < Lines.Count; k++) text.Append($"\n{k + 1}: {(Lines[k].Skip ? "skip " : "")}{Lines[k].Operation}");
            return text.ToString();
        }
    }

    /// <summary>A tenth of all contents is for validation, a tenth for tests.</summary>
    public Split Split => (Seeds.Derive(0, Text, "split", 0) % 10) switch { 0 => Split.Test, 1 => Split.Valid, _ => Split.Train };

    public Problem ToProblem() =>
        new($"ws-{Seeds.Derive(0, Text, "id", 0):x16}", Text, Answer.ToString(CultureInfo.InvariantCulture), Lines.Count);

    /// <summary>
    /// The index-th worksheet of a seed within a split; <paramref name="level"/> 0 draws it from 5..10. At least <paramref name="traps"/>
    /// of its lines tempt to a mistake.
    /// </summary>
    public static Worksheet Draw(ulong seed, long index, Split split, int level = 0, int traps = 0)
    {
        var random = new SeededRandom(Seeds.Derive(seed, "", "worksheet", index));
        while (true)
        {
            var sheet = TryDraw(random, level == 0 ? MinLevel + random.Below(MaxLevel - MinLevel + 1) : level);
            if (sheet is not null && sheet.Split == split && (traps == 0 || Student.Traps(sheet) >= traps)) return sheet;
        }
    }

    private static Worksheet? TryDraw(SeededRandom random, int level)
    {
        var start = 5 + random.Below(40);
        var value = start;
        var lines = new List<WorksheetLine>(level);
        for (var k = 0; k < level; k++)
        {
            var operation = random.Pick(Operation.All);
            if (random.Chance(SkipShare))
            {
                lines.Add(new(operation, true));
                continue;
            }

            for (var tries = 0; operation.Apply(value) is < 0 or >= Values; tries++)
            {
                if (tries == 20) return null;
                operation = random.Pick(Operation.All);
            }

            value = operation.Apply(value);
            lines.Add(new(operation, false));
        }

        return new(start, lines);
    }

    /// <summary>Distinct problems of a split, in a fixed order that depends on the seed alone; level 0 mixes all levels. See <see
    /// cref="Draw"/>.</summary>
    public static IEnumerable<Problem> Problems(ulong seed, Split split, int level = 0, int traps = 0)
    {
        var seen = new HashSet<string>();
        for (var i = 0L; ; i++)
        {
            var problem = Draw(seed, i, split, level, traps).ToProblem();
            if (seen.Add(problem.Id)) yield return problem;
        }
    }
}

internal sealed class SeededRandom(ulong seed)
{
    private long drawn;

    public double Next() => Seeds.Uniform(seed, drawn++);

    public int Below(int bound) => (int)(Next() * bound);

    public bool Chance(double p) => Next() < p;

    public T Pick<T>(T[] items) => items[Below(items.Length)];
}
