namespace Pav.Models.Cpu;

/// <summary>How many threads the CPU's engine takes where a caller does not say.</summary>
internal static class Threads
{
    private static readonly AsyncLocal<int> Kept = new();

    /// <summary>What the user chose; 0: nothing. Kept for the work that sets it and what that calls, not for work beside it.</summary>
    public static int Chosen => Kept.Value;

    /// <summary>As many as the user chose, else as OMP_NUM_THREADS says, else as there are processors.</summary>
    public static int Count
    {
        get => Chosen > 0 ? Chosen : int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), out var given) && given > 0 ? given
            : Environment.ProcessorCount;
        set => Kept.Value = value;
    }
}
