namespace Pav.Arithmetic;

/// <summary>A written step.</summary>
/// <param name="Text">Its text with the newline.</param>
/// <param name="Right">Is it right, given the value before it?</param>
/// <param name="OnTrack">Is the value that it reaches the right one there, so that the answer can still come out right?</param>
internal readonly record struct WrittenStep(string Text, bool Right, bool OnTrack);

/// <summary>
/// Writes solutions of worksheets. A careful student makes no mistakes; a sloppy one has misconceptions: the same carry, borrow or
/// distractor goes wrong with probability <see cref="Slip"/> wherever it occurs, so greedy decoding of a model that imitates him repeats
/// them.
/// Steps are <c>1: +8 = 15 .</c>, <c>2: skip = 15 .</c>, the useless <c>so: keep = 15 .</c>, and <c>fix: +8 = 25 .</c>, which does the last
/// line again.
/// The full stop is where a corrected text has its mark: lines of equal length let a small model find the line before by its distance.
/// </summary>
internal static class Student
{
    /// <summary>Probability that a misconception strikes where it can.</summary>
    public const double Slip = 0.6;

    private const double RandomSlip = 0.01, AfterRight = 0.05, RepairAfterWrong = 0.2;

    /// <summary>The wrong result that a misconception gives for a fact; null where there is none or it leaves 0..49.</summary>
    public static int? Misconception(int value, Operation operation)
    {
        var (right, units) = (operation.Apply(value), value % 10);
        int? wrong = operation switch
        {
            { Sign: '+', Operand: >= 5 and var d } when units + d >= 10 => right - 10,
            { Sign: '-', Operand: >= 5 and var d } when units < d => value - units + (d - units),
            { Sign: 'x', Operand: 2 } when units >= 5 => right - 10,
            { Sign: 'x', Operand: 3 } when units >= 4 => value * 2,
            _ => null,
        };
        return wrong is >= 0 and < Worksheet.Values ? wrong : null;
    }

    /// <summary>True where the sloppy student is tempted to carry out a line that says skip.</summary>
    public static bool Tempted(WorksheetLine line) => line.Skip && line.Operation.Operand >= 5;

    /// <summary>On how many lines of a worksheet, worked rightly so far, a misconception can strike: what makes it hard.</summary>
    public static int Traps(Worksheet sheet)
    {
        var (value, traps) = (sheet.Start, 0);
        foreach (var line in sheet.Lines)
        {
            if (line.Skip ? Tempted(line) : Misconception(value, line.Operation) is not null) traps++;
            if (!line.Skip) value = line.Operation.Apply(value);
        }

        return traps;
    }

    /// <summary>The steps of one solution and the answer written at its end; all chance comes from <paramref name="seed"/>.</summary>
    public static (IReadOnlyList<WrittenStep> Steps, int Answer) Solve(Worksheet sheet, bool careful, ulong seed)
    {
        var random = new SeededRandom(seed);
        var steps = new List<WrittenStep>();
        var (value, truth) = (sheet.Start, sheet.Start);
        for (var k = 0; k < sheet.Lines.Count; k++)
        {
            var (line, before) = (sheet.Lines[k], value);
            var skips = line.Skip && (careful || !Tempted(line) || !random.Chance(Slip));
            value = skips ? before : Work(before, line.Operation, careful, random);
            var right = value == (line.Skip ? before : line.Operation.Apply(before));
            truth = line.Skip ? truth : line.Operation.Apply(truth);
            steps.Add(new($"{k + 1}: {(skips ? "skip" : line.Operation)} = {value} .\n", right, value == truth));

            if (!random.Chance(right ? AfterRight : RepairAfterWrong)) continue;
            if (right && !careful && random.Chance(0.5))
            {
                steps.Add(new($"so: keep = {value} .\n", true, value == truth));
                continue;
            }

            value = line.Skip ? before : Work(before, line.Operation, careful, random);
            steps.Add(new($"fix: {(line.Skip ? "skip" : line.Operation)} = {value} .\n", line.Skip
                || value == line.Operation.Apply(before), value == truth));
        }

        return (steps, value);
    }

    private static int Work(int value, Operation operation, bool careful, SeededRandom random)
    {
        var result = operation.Apply(value);
        if (!careful)
        {
            if (Misconception(value, operation) is { } wrong && random.Chance(Slip)) result = wrong;
            else if (random.Chance(RandomSlip)) result += random.Chance(0.5) ? 1 : -1;
        }

        return Math.Clamp(result, 0, Worksheet.Values - 1);
    }
}
