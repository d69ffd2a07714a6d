namespace Pav;

/// <summary>A problem x with its reference answer y*. <c>Level</c> is a difficulty (0 = unknown).</summary>
public sealed record Problem(string Id, string Text, string Answer, int Level = 0);
