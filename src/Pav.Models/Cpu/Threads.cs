namespace Pav.Models.Cpu;

/// <summary>How many threads the CPU's engine takes where a caller does not say.</summary>
public static class Threads
{
    private static int chosen;

    /// <summary>As many as there are processors, unless the user chose.</summary>
    public static int Count
    {
        get => chosen > 0 ? chosen : Environment.ProcessorCount;
        set => chosen = value;
    }
}
