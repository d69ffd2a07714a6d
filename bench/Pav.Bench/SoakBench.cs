namespace Pav.Bench;

/// <summary>Later.</summary>
internal static class SoakBench
{
    public static Task Run(string folder, int requests) => throw new NotSupportedException(folder + requests);
}
