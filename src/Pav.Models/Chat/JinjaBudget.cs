using System.Runtime.CompilerServices;

namespace Pav.Models.Chat;

/// <summary>
/// What one rendering may still spend, so that no template takes all time or all memory. A template of a real model spends a few
/// thousandths of it.
/// </summary>
internal sealed class JinjaBudget
{
    public const int MostSteps = 1_000_000, MostMade = 100_000_000, MostCalls = 100, MostDepth = 100;

    private long steps, made;

    /// <summary>Macros that are being called.</summary>
    public int Calls { get; set; }

    public bool Step() => ++steps <= MostSteps;

    /// <summary>So many letters or list items are about to be made.</summary>
    public bool Make(long size) => (made += size) <= MostMade;
}

/// <summary>A line of a template while it runs: whom to blame, and what is left to spend.</summary>
internal readonly record struct JinjaSpot(int Line, Func<int, string, UserError> Wrong, JinjaBudget Budget)
{
    public UserError Fail(string what) => Wrong(Line, what);

    /// <summary>Takes a step; one that is too deep in others for the stack is refused too.</summary>
    public void Step()
    {
        if (!Budget.Step()) throw Fail($"a rendering of more than {JinjaBudget.MostSteps:N0} steps");
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw Fail("a template that goes so deep");
    }

    /// <summary>Before letters or list items are made.</summary>
    public void Make(long size)
    {
        if (!Budget.Make(size)) throw Fail($"a rendering that makes more than {JinjaBudget.MostMade:N0} letters and list items");
    }

    /// <summary>A text that is made here, or looked through from end to end.</summary>
    public string Made(string text)
    {
        Make(text.Length);
        return text;
    }

    /// <summary>Before going into a value that another one holds.</summary>
    public void Enter(int depth)
    {
        Step();
        if (depth > JinjaBudget.MostDepth) throw Fail($"a value that holds itself, or others more than {JinjaBudget.MostDepth} deep,");
    }
}
