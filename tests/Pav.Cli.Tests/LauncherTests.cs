using System.Diagnostics;

namespace Pav.Cli.Tests;

/// <summary>Functions of the launcher, in folders with names that a shell may split.</summary>
public sealed class LauncherTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public static TheoryData<string> Names => [.. new[] { "My Work", "Ann's", "the \"new\" one", "two\nlines", "ends\n", "-rf", "$HOME", "a;b" }];

    public void Dispose() => temporary.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void OldBuildsAreRemovedAndNothingElse(string name)
    {
        var builds = Path.Combine(Checkout(name), "artifacts", "cli");
        foreach (var word in name.Split([' ', '\n', ';'], StringSplitOptions.RemoveEmptyEntries)) temporary.Write($"{word}/kept", "");
        foreach (var other in new[] { "notes", "9 9" }) Directory.CreateDirectory(Path.Combine(builds, "..", other));
        for (var i = 1; i <= 5; i++)
        {
            Directory.CreateDirectory(Path.Combine(builds, $"10{i}"));
            Directory.SetLastWriteTimeUtc(Path.Combine(builds, $"10{i}"), DateTime.UnixEpoch.AddDays(i));
        }

        var left = Entries().Except([Path.Combine(builds, "101"), Path.Combine(builds, "102")]).ToList();
        Bash(name, "prune_builds \"$out/cli\"");
        Assert.Equal(left, Entries());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AChangedFileChangesTheFingerprint(string name)
    {
        var source = Path.Combine(Checkout(name), "src", "a b's.cs");
        Directory.CreateDirectory(Path.GetDirectoryName(source)!);
        File.WriteAllText(source, "one");
        var first = Bash(name, "fingerprint \"$root\"/src");
        Assert.Equal(first, Bash(name, "fingerprint \"$root\"/src"));
        File.WriteAllText(source, "two");
        Assert.NotEqual(first, Bash(name, "fingerprint \"$root\"/src"));
    }

    private List<string> Entries() => [.. Directory.EnumerateFileSystemEntries(temporary.At(""), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private string Checkout(string name)
    {
        var folder = temporary.At($"{name}/pav");
        Directory.CreateDirectory(folder);
        File.Copy(LauncherOfThisCheckout, Path.Combine(folder, "pav"), overwrite: true);
        return folder;
    }

    /// <summary>What a line prints after the launcher was sourced.</summary>
    private string Bash(string name, string line)
    {
        string[] arguments = ["-c", $"source \"$1\"; {line}", "bash", temporary.At($"{name}/pav/pav")];
        var start = new ProcessStartInfo("bash", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEnd(), process.StandardError.ReadToEnd());
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
        return output;
    }

    private static string LauncherOfThisCheckout => Home.Find("pav")!;
}
