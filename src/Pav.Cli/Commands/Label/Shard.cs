using System.Globalization;

namespace Pav.Cli.Commands.Label;

/// <summary>A machine's part of the problems: those whose place in the file leaves Index when divided by Count.</summary>
internal readonly record struct Shard(int Index, int Count)
{
    /// <summary>What starts many processes tells each of them which it is, and (not Kubernetes) how many there are.</summary>
    private static readonly (string Index, string Count)[] Launchers = [("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"),
        ("JOB_COMPLETION_INDEX", "")];

    public static Shard All { get; } = new(0, 1);

    /// <summary>"3/16": the fourth of sixteen. "auto": as the environment says; "auto/16" where it does not say how many there
    /// are.</summary>
    public static Shard Parse(string text, Func<string, string?>? environment = null)
    {
        if (text == "") return All;
        var parts = text.Split('/');
        if (parts[0] == "auto" && parts.Length <= 2)
        {
            environment ??= Environment.GetEnvironmentVariable;
            var found = Launchers.FirstOrDefault(l => environment(l.Index) is not (null or ""));
            if (found.Index is null) throw new UserError($"--shard {text}: none of {string.Join(", ", Launchers.Select(l => l.Index))} "
                + "is set; write the shard out, as in 3/16.");
            var count = parts.Length == 2 ? parts[1] : found.Count == "" ? "" : environment(found.Count) ?? "";
            if (count == "") throw new UserError($"--shard auto: {found.Index} is set, but not how many shards there are; write auto/16.");
            return Parse($"{environment(found.Index)}/{count}", text);
        }

        return Parse(text, text);
    }

    public IEnumerable<T> Select<T>(IEnumerable<T> all)
    {
        var (index, count) = this;
        return all.Where((_, i) => i % count == index);
    }

    public override string ToString() => $"{Index}/{Count}";

    private static Shard Parse(string text, string given)
    {
        var parts = text.Split('/');
        static int? Number(string s) => int.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : null;
        return parts.Length == 2 && Number(parts[0]) is { } index && Number(parts[1]) is { } count && index < count
            ? new(index, count)
            : throw new UserError($"--shard {given}{(given == text ? "" : $" ({text})")} is no part of a whole: write INDEX/COUNT with "
                + "INDEX from 0 to COUNT − 1.");
    }
}
