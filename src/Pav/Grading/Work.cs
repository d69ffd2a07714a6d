namespace Pav.Grading;

/// <summary>Bounds one comparison by steps, not by a clock: the same pair of answers always ends the same way.</summary>
internal sealed class Work(int steps)
{
    private int left = steps;

    public void Spend(int amount = 1)
    {
        left -= amount;
        if (left < 0) throw new UnreadableAnswer();
    }
}

/// <summary>An answer that is no expression, or that is too long to compare by value.</summary>
internal sealed class UnreadableAnswer : Exception;
