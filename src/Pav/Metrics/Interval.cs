namespace Pav;

/// <summary>A value with its 95% interval.</summary>
public readonly record struct Interval(double Value, double Low, double High);
