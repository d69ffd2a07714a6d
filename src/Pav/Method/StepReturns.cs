namespace Pav;

/// <summary>A trace's Rex and the dense part of each step's return (<see cref="Returns.Dense"/>): <c>R_h = Rex + Dense[h −
/// 1]</c>.</summary>
public sealed record StepReturns(int Rex, double[] Dense)
{
    public double At(int step) => Rex + Dense[step];
}
