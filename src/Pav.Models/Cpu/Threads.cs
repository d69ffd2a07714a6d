namespace Pav.Models.Cpu;

/// <summary>How many threads the CPU's engine takes where a caller does not say.</summary>
internal static class Threads
{
    /// <summary>What the user chose; 0: nothing.</summary>
    public static int Chosen { get; private set; }

    /// <summary>As many as the user chose, else as OMP_NUM_THREADS says, else as there are processors.</summary>
    public static int Count
    {
        get => Chosen > 0 ? Chosen : int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), out var given) && given > 0 ? given
            : Environment.ProcessorCount;
        set => Chosen = value;
    }
}
