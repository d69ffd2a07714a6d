using Pav.Models;

namespace Pav.Serve.Tests;

/// <summary>A fact that needs node and npm, and says so where one is missing.</summary>
public sealed class NodeFactAttribute : FactAttribute
{
    public NodeFactAttribute()
    {
        foreach (var program in (string[])["node", "npm"])
            if (Programs.Run(program, "--version").Code == 127)
                Skip = $"there is no {program} (Debian: nodejs, npm) to run npm's client with";
    }
}

/// <summary>The official client of npm, unchanged.</summary>
public class NodeClientTests
{
    [NodeFact]
    public async Task It_reads_all_that_the_server_says()
    {
        await using var served = await Served.Start(Toys.Models(new()), new() { Key = "secret" });
        await Run(served, "client.mjs");
    }

    [NodeFact]
    public async Task It_asks_in_several_turns_and_reads_log_probabilities()
    {
        const string jinja = "{% for m in messages %}{{ m.content }}\n{% endfor %}";
        var template = new PromptTemplate("{problem}") { Chat = new(jinja, new Dictionary<string, string>()) };
        using var policy = RealModelTests.Policy(template);
        using var verifier = RealModelTests.Verifier();
        await using var served = await Served.Start(
            RealModelTests.Models(policy, verifier) with { Template = template }, new() { Key = "secret" });
        await Run(served, "turns.mjs", RealModelTests.Name, LogprobTests.Problem);
    }

    private static async Task Run(Served served, string script, params string[] more)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "node");
        if (!Directory.Exists(Path.Combine(folder, "node_modules", "openai")))
        {
            var (code, why) = Programs.Run("npm", "--prefix", folder, "ci", "--no-audit", "--no-fund", "--ignore-scripts");
            Assert.True(code == 0, why);
        }

        var (ended, said) = await Task.Run(() =>
            Programs.Run("node", [Path.Combine(folder, script), served.Server.Url + "/v1", "secret", .. more]));
        Assert.True(ended == 0, said);
        Assert.Contains("all is well", said);
        Assert.Empty(served.Log.Errors);
    }
}
