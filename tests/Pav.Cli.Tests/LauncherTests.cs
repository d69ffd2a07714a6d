using System.Diagnostics;
using Pav.Cli.Installation;

namespace Pav.Cli.Tests;

/// <summary>Functions of the launcher, in folders with names that a shell may split.</summary>
public sealed class LauncherTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public static TheoryData<string> Names =>
        [.. new[] { "My Work", "Ann's", "the \"new\" one", "two\nlines", "ends\n", "-rf", "$HOME", "a;b" }];

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

    [Theory]
    [InlineData("My Work", null)]
    [InlineData("Ann's (x) & Bob, $HOME", null)]
    [InlineData("-rf", null)]
    [InlineData("two\nlines", "a newline")]
    [InlineData("ends\n", "a newline")]
    [InlineData("the \"new\" one", "\"")]
    [InlineData("a;b", ";")]
    [InlineData("50%", "%")]
    [InlineData("a:b", ":")]
    [InlineData("$(x)", "$(")]
    public void FoldersThatCompilersMisreadAreRefusedAtOnce(string name, string? misread)
    {
        Checkout(name);
        var sentence = Bash(name, "obstacle").TrimEnd();
        Assert.Equal(misread is null ? "" : $"compilers misread {misread}", sentence.Split(" in the name")[0].Split(" or another")[0]);
        Assert.DoesNotContain('\n', sentence);
    }

    [Theory]
    [InlineData("label those: pav label --policy X", "label those: ./pav label --policy X")]
    [InlineData("see 'pav doctor'.", "see './pav doctor'.")]
    [InlineData("pav trains; another pav process; /opt/pav label, ./pav label",
        "pav trains; another pav process; /opt/pav label, ./pav label")]
    public void CommandsInMessagesAreThoseThatAreTyped(string text, string typed) => Assert.Equal(typed, Home.Typed(text, "./pav"));

    [Theory]
    [InlineData("No usable version of libssl was found", true)]
    [InlineData("error NU1301: The SSL connection could not be established", true)]
    [InlineData("error CS1002: ; expected", false)]
    public void ABuildThatCannotDownloadNamesThePackages(string output, bool told)
    {
        Checkout("a b");
        var ended = Try("a b", $"mkdir -p \"$out\"; quietly \"building\" bash -c 'echo \"{output}\"; exit 1'");
        Assert.NotEqual(0, ended.Code);
        Assert.Contains(output, ended.Error);
        Assert.Equal(told, ended.Error.Contains("sudo apt-get install openssl ca-certificates"));
    }

    [Fact]
    public void OnlyWhatIsMissingIsNamed()
    {
        Checkout("a b");
        Assert.Equal("cmake, npm: cmake npm\n", Without("cmake", "npm"));
        Assert.Equal("a C++ compiler, make: g++ make\n", Without("c++", "make"));
        Assert.Equal(": \n", Without());

        string Without(params string[] tools) => Bash("a b", $$"""
            find_torch() { :; }
            has() { case " {{string.Join(' ', tools)}} " in *" $1 "*) return 1 ;; esac; }
            look_for shim web
            echo "$(sentence): ${packages[*]}"
            """);
    }

    [Fact]
    public void WithoutRightsAUserIsToldWhatToInstall()
    {
        Checkout("a b");
        var ended = Try("a b", """id() { echo 1000; }; lacks=("cmake" "a C++ compiler") packages=(cmake g++); install""");
        Assert.Equal("pav: building pav needs cmake, a C++ compiler; install with: sudo apt-get install cmake g++", ended.Sentence(1));
        ended = Try("a b", """id() { echo 1000; }; lacks=("a fast BLAS") packages=("$fast_blas"); install""");
        Assert.Equal(0, ended.Code);
        Assert.Contains("slower without a fast BLAS", ended.Error);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("--help", true)]
    [InlineData("doctor --fast", true)]
    [InlineData("train sft --help", true)]
    [InlineData("--version", true)]
    [InlineData("label --out doctor", false)]
    [InlineData("demo", false)]
    public void CommandsThatOnlyAskAreKnown(string words, bool expected)
    {
        Checkout("a b");
        Assert.Equal(expected ? 0 : 1, Try("a b", $"only_looks {words}").Code);
    }

    [Theory]
    [InlineData("label --policy model.gguf", true)]
    [InlineData("label --policy=runs/Model-Q4_K_M.GGUF --out labels", true)]
    [InlineData("label --policy gguf --out labels.gguf.d", false)]
    public void AGgufFileAsksForLlamaOfTheVersionThatIsDeclared(string words, bool expected)
    {
        var versions = Path.Combine(Checkout("a b"), "Directory.Packages.props");
        Assert.Equal(expected ? 0 : 1, Try("a b", $"wants_gguf {words}").Code);
        File.WriteAllText(versions, "<Project>\n    <LlamaSharpVersion>1.2.3</LlamaSharpVersion>\n</Project>\n");
        Assert.Equal("package download LLamaSharp.Backend.Cpu@1.2.3 --output /nowhere\n", Bash("a b", """
            mkdir -p "$out"
            dotnet() { echo "$@"; }
            unset PAV_LLAMA
            NUGET_PACKAGES=/nowhere
            gguf_is_current || build_gguf
            cat "$log"
            """));
    }

    [Theory]
    [InlineData("You must install or update .NET", "", "the .NET SDK 10 is missing (found: none)")]
    [InlineData("", "9.0.100 [/usr]", "the .NET SDK 10 is missing (found: 9.0.100)")]
    [InlineData("No usable version of libssl was found", "10.0.401 [/usr]", "the .NET SDK does not start: No usable version of libssl")]
    public void AnSdkThatIsThereAndFailsIsNotMissing(string error, string found, string expected)
    {
        Checkout("a b");
        var dotnet = $$"""dotnet() { if [ "$1" = --list-sdks ]; then echo "{{found}}"; else echo "{{error}}"; return 1; fi; }; obstacle""";
        Assert.StartsWith(expected, Bash("a b", dotnet));
    }

    [Fact]
    public void AnSdkWithoutIcuIsTakenAsItIs()
    {
        Checkout("a b");
        Assert.Equal("", Bash("a b", """
            unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT
            dotnet() { [ "${DOTNET_SYSTEM_GLOBALIZATION_INVARIANT:-}" = 1 ] || { echo "Couldn't find a valid ICU package"; return 1; }; }
            adapt
            obstacle
            """));
    }

    [Fact]
    public void TestsShowHowFarTheyAreAndEndWithTheirSum()
    {
        foreach (var project in new[] { "One", "Two" }) temporary.Write($"a b/pav/tests/{project}/{project}.csproj", "");
        Checkout("a b");
        var ended = Try("a b", """
            dotnet() {
              local name; name=$(basename "$2")
              echo "  Passed $name.A [1 ms]"; echo "  Passed $name.B [1 ms]"
              [ "$name" = One ] || { echo "  Failed $name.C [1 ms]"; bad=1; }
              echo "<Counters total=\"3\" passed=\"2\" failed=\"${bad:-0}\" />" >"$out/tests/$name.trx"
              sleep 1
              return ${bad:-0}
            }
            eval "$(declare -f show_progress | sed 's/-ge 30/-ge 0/')"
            run_tests
            """);
        Assert.Equal((1, "4 passed, 1 failed"), (ended.Code, ended.Out.TrimEnd().Split('\n')[^1]));
        Assert.Contains("  Failed Two.C", ended.Out);
        Assert.DoesNotContain("  Passed", ended.Out);
        Assert.Matches(@"pav: tests: One 2 passed.*; 0:0\d min", ended.Error);
        Assert.Contains("Two 2 passed, 1 failed", ended.Error);
    }

    private List<string> Entries() =>
        [.. Directory.EnumerateFileSystemEntries(temporary.At(""), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

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
        var ended = Try(name, line);
        Assert.True(ended.Code == 0, ended.Error);
        return ended.Out;
    }

    private Cli.Ended Try(string name, string line)
    {
        string[] arguments = ["-c", $"source \"$1\"; {line}", "bash", temporary.At($"{name}/pav/pav")];
        var start = new ProcessStartInfo("bash", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        return Cli.Wait(Process.Start(start)!);
    }

    private static string LauncherOfThisCheckout => Home.Find("pav")!;
}
