using Pav.Torch;

namespace Pav.Models.Tests.Torch;

public class MachineFactsTests
{
    private const string Reference = "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0";
    private const string OpenBlas = "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3";
    private const string LibtorchCpu = "/usr/lib/x86_64-linux-gnu/libtorch_cpu.so.1.13.0";

    [Theory]
    [InlineData(Reference, true)]
    [InlineData(OpenBlas, false)]
    [InlineData("/opt/torch/lib/libmkl_core.so.2", false)]
    public void The_mapped_library_tells_the_reference_blas(string path, bool slow)
    {
        var facts = MachineFacts.BlasOf([LibtorchCpu, path]);
        Assert.Equal(path, facts.Library);
        Assert.Equal(slow, facts.IsSlowReference);
    }

    [Fact]
    public void A_libtorch_with_its_own_blas_is_not_slow() => Assert.False(MachineFacts.BlasOf([LibtorchCpu]).IsSlowReference);

    [Fact]
    public void Maps_lines_give_each_library_once() => Assert.Equal([Reference], MachineFacts.MappedLibraries(
    [
        $"7f00-7f01 r--p 00000000 08:01 1 {Reference}",
        $"7f01-7f02 r-xp 00001000 08:01 1 {Reference}",
        "7f02-7f03 rw-p 00000000 00:00 0 [heap]",
        "7f04-7f05 rw-p 00000000 00:00 0",
    ]));

    [Fact]
    public void This_machine_has_a_libtorch_and_a_rate()
    {
        var facts = MachineFacts.Gather();
        Assert.Contains("libtorch_cpu.so", facts.LibtorchPath);
        Assert.Equal("cpu", facts.Devices[0]);
        Assert.True(facts.Threads >= 1);
        Assert.True(facts.GemmGflops > 0.1);
    }
}
