using System.IO.Compression;
using System.Text.Json;
using Pav.Grading;

namespace Pav.Tests.Grading;

/// <summary>The graders that go by another's name give that one's verdicts.</summary>
public class ReferenceGraderTests
{
    /// <summary>The cases of hendrycks/math, <c>math_equivalence_test.py</c> (MIT), and the percent sign that it does not drop.</summary>
    [Theory]
    [InlineData(@"\tfrac{1}{2} + \frac1{72}", @"\\frac{1}{2} + 2/3", false)]
    [InlineData("10, 4, -2", "4, 10, -2", false)]
    [InlineData("10, 4, 2", "4, 12, 2", false)]
    [InlineData(@"\tfrac{1}{2} +\! \frac1{72}", @"\\dfrac{1}{2} +\frac{1}{72}", true)]
    [InlineData(@"10\text{ units}", "10 ", true)]
    [InlineData(@"10\text{ units}", "100 ", false)]
    [InlineData("10", @"\$10", true)]
    [InlineData(@"\left(x-2\right)\left(x+2\right)", "(x-2)(x+2)", true)]
    [InlineData("0.1, 4, 2", "4, .1, 2", false)]
    [InlineData("0.1", ".1", true)]
    [InlineData(@"10\%", "10", true)]
    [InlineData("10%", "10", false)]
    [InlineData(@"10\sqrt{3} + \sqrt4", @"10\sqrt3 + \sqrt{4}", true)]
    [InlineData(@"\frac34i", @"\frac{3}{4}i", true)]
    [InlineData(@"\tfrac83", @"\frac{8}{3}", true)]
    [InlineData("5x - 7y + 11z + 4 = 0", "x + y - z + 2 = 0", false)]
    [InlineData("1/2", @"\frac{1}{2}", true)]
    public void Cases_of_Hendrycks(string a, string b, bool same) =>
        Assert.Equal((same, same), (Grader.HendrycksMath.Same(a, b), Grader.HendrycksMath.Same(b, a)));

    /// <summary>
    /// Verdicts of openai/prm800k's Python code with sympy on 5,000 pairs. The six that differ are its floating-point numbers: 5/6. −
    /// 5/6 is not 0 there.
    /// </summary>
    [Fact]
    public void Verdicts_of_PRM800K()
    {
        var pairs = Read("prm800k.json.gz");
        var others = pairs.Where(p => Grader.Prm800k.Same(p[0], p[1]) != (p[2] == "1")).ToList();
        Assert.Equal(5000, pairs.Length);
        Assert.InRange(others.Count, 0, 6);
        Assert.All(others, p => Assert.Contains('.', p[0] + p[1]));
    }

    /// <summary>The cases in Qwen2.5-Math's <c>evaluation/grader.py</c> (MIT), with its verdicts.</summary>
    [Fact]
    public void Cases_of_Qwen() =>
        Assert.All(Read("qwen.json.gz"), p => Assert.True(Grader.Qwen.Same(p[0], p[1]) == (p[2] == "1"), $"{p[0]} and {p[1]}: {p[2]}"));

    private static string[][] Read(string name)
    {
        using var file = new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "fixtures", name)),
            CompressionMode.Decompress);
        return JsonSerializer.Deserialize<string[][]>(file)!;
    }
}
