using System.Runtime.CompilerServices;

namespace Pav.Serve.Tests.Rewards;

/// <summary>A fact that needs python3 with NumPy, and says so where there is none.</summary>
public sealed class PythonFactAttribute : FactAttribute
{
    public PythonFactAttribute()
    {
        if (Python is null) Skip = "there is no python3 with NumPy (Debian: python3-numpy) to test the shims of integrations/ with";
    }

    public static string? Python { get; } =
        new[] { "python3", "/usr/bin/python3" }.FirstOrDefault(p => Programs.Run(p, "-c", "import numpy").Code == 0);
}

public class ShimTests
{
    private static string Folder([CallerFilePath] string source = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(source)!, "..", "..", "..", "integrations"));

    [PythonFact]
    public void The_shims_compute_what_they_say()
    {
        string[] arguments = ["-B", "-m", "unittest", "discover", "-s", Path.Combine(Folder(), "tests")];
        var (code, said) = Programs.Run(PythonFactAttribute.Python!, arguments);
        Assert.True(code == 0, said);
        Assert.Contains("Ran ", said);
    }

    [PythonFact]
    public async Task The_client_of_the_shims_speaks_to_the_server()
    {
        await using var client = await RewardClient.Start(new ToldVerifier(0.5, 0.75, 0.25), models => models with { Tokenizer = null });
        var program = "import sys, os; sys.path.insert(0, sys.argv[1]); os.environ['PAV_URL'] = sys.argv[2]; import pav_client, pav_credit;"
            + "found = pav_client.score_steps([{'prompt': '2+2', 'response': 'a\\U0001F600\\nAnswer: 4', 'label': '4'}])[0];"
            + "decode = lambda ids: ''.join(chr(i) for i in ids);"
            + "print(found['outcome'], pav_credit.token_steps(decode, [ord(c) for c in 'a\\U0001F600\\nAnswer: 4'], found['steps']))";
        var (code, said) = await Python(program);
        Assert.Equal((0, "1 ([3, 12], [0.25, -0.5])"), (code, said.Trim()));
        var (refused, why) = await Python(program.Replace("'response': ", "'answer': ", StringComparison.Ordinal));
        Assert.Equal(1, refused);
        Assert.Contains("samples[0].response or response_ids is needed", why);

        Task<(int Code, string Said)> Python(string text) =>
            Task.Run(() => Programs.Run(PythonFactAttribute.Python!, "-B", "-c", text, Folder(), client.Url));
    }

    [Fact]
    public void Every_shim_is_short_and_says_what_it_was_written_for()
    {
        foreach (var file in Directory.GetFiles(Folder(), "pav_*.py"))
        {
            Assert.True(File.ReadLines(file).Count() < 100, $"{file} has 100 lines or more");
            if (Path.GetFileName(file) is "pav_client.py" or "pav_credit.py") continue;
            var text = File.ReadAllText(file);
            Assert.Contains("Written for ", text);
            Assert.Contains("not run inside", text.ReplaceLineEndings(" "));
        }
    }
}
