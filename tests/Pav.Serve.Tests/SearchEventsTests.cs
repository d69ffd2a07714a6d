using System.Text.Json.Nodes;

namespace Pav.Serve.Tests;

public class SearchEventsTests
{
    private static async Task<IReadOnlyList<(string? Name, JsonNode Data)>> Watch(string method, int n)
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var (events, _) = await served.Stream(
            "/v1/search", $$"""{"problem":"2 + 2","method":"{{method}}","n":{{n}},"seed":3,"answer":"1","alpha":0.5,"trace":true}""");
        return events;
    }

    [Theory]
    [InlineData("beam-pav", 4), InlineData("beam-q", 2), InlineData("forest", 3), InlineData("mcts-pav", 6), InlineData("weighted-vote", 5)]
    [InlineData("rebase", 4), InlineData("dvts", 3), InlineData("particles", 4), InlineData("lookahead", 2), InlineData("beam-every-2", 2)]
    [InlineData("growing-beam", 4), InlineData("sample", 1), InlineData("best-of-n-pav", 3)]
    public async Task Events_are_a_tree_that_grows_and_ends_in_the_answer(string method, int n)
    {
        var events = await Watch(method, n);
        Assert.Equal("search.start", events[0].Name);
        Assert.Equal("search.done", events[^1].Name);
        var (steps, finished) = (new Dictionary<int, (int Parent, string Step)> { [0] = (-1, "") }, new HashSet<int>());
        foreach (var (name, data) in events.Skip(1).SkipLast(1))
        {
            var id = (int)data["id"]!;
            if (name == "node.created")
            {
                Assert.True(steps.ContainsKey((int)data["parent"]!) && !steps.ContainsKey(id));
                steps[id] = ((int)data["parent"]!, (string)data["step"]!);
                Assert.InRange((int)data["tokens"]!, 1, 3);
            }
            else
            {
                Assert.Contains(name, (string[])["node.scored", "node.kept", "node.pruned", "node.finished"]);
                Assert.True(steps.ContainsKey(id), $"{name} of {id}");
                if (name == "node.finished") finished.Add(id);
            }
        }

        var done = events[^1].Data;
        var path = done["path"]!.AsArray().Select(p => (int)p!).ToList();
        Assert.Equal((0, (int)done["chosen"]!), (path[0], path[^1]));
        Assert.Contains(path[^1], finished);
        Assert.Equal((string?)done["text"], string.Concat(path.Select(p => steps[p].Step)));
        Assert.Equal(path.SkipLast(1), path.Skip(1).Select(p => steps[p].Parent));
        Assert.True((long)done["usage"]!["generated_tokens"]! >= (long)done["usage"]!["answer_tokens"]!);
        Assert.NotNull(done["correct"]);
    }

    [Fact]
    public async Task Scores_are_those_of_the_tree()
    {
        var events = await Watch("beam-pav", 4);
        var scored = events.Where(e => e.Name == "node.scored").ToDictionary(e => (int)e.Data["id"]!, e => e.Data);
        var nodes = events[^1].Data["tree"]!["nodes"]!.AsArray()
            .Where(node => (string?)node!["fate"] != "duplicate" && node["q"] is not null).ToList();
        Assert.Equal(nodes.Count, scored.Count);
        foreach (var node in nodes)
        {
            var told = scored[(int)node!["id"]!];
            Assert.Equal((double)node["q"]!, (double)told["q"]!);
            Assert.Equal((double)node["a"]!, (double)told["a"]!);
            Assert.Equal((double)node["score"]!, (double)told["reward"]!);
        }
    }

    [Fact]
    public async Task Scores_of_whole_traces_are_by_the_prover()
    {
        var events = await Watch("best-of-n-pav", 3);
        var made = events.Where(e => e.Name == "node.created").ToDictionary(e => (int)e.Data["id"]!, e => (int)e.Data["parent"]!);
        var scored = events.Where(e => e.Name == "node.scored").ToDictionary(e => (int)e.Data["id"]!, e => e.Data);
        Assert.Equal(made.Keys.Append(0).Order(), scored.Keys.Order());
        foreach (var (id, parent) in made)
        {
            var (q, a) = ((double)scored[id]["q"]!, Mu(id) - Mu(parent));
            Assert.Equal((Mu(id), a, q + 0.5 * a), ((double)scored[id]["q_mu"]!, (double)scored[id]["a"]!, (double)scored[id]["reward"]!));
        }

        // The best of four, which is the server's prover.
        double Mu(int id) => Prover.BestOf(4).FromPolicy((double)scored[id]["q"]!);
    }

    [Fact]
    public async Task What_the_events_leave_kept_or_pruned_is_the_fate_in_the_tree()
    {
        foreach (var method in new[] { "beam-q", "mcts", "dvts", "rebase", "particles", "beam-every-2" })
        {
            var events = await Watch(method, 4);
            var fates = new Dictionary<int, string>();
            foreach (var (name, data) in events)
                if (name is "node.kept" or "node.pruned" or "node.finished") fates[(int)data["id"]!] = name[5..];
            foreach (var node in events[^1].Data["tree"]!["nodes"]!.AsArray())
                if ((string?)node!["fate"] is "kept" or "pruned" or "finished")
                    Assert.Equal((string?)node["fate"], fates[(int)node["id"]!]);
        }
    }

    [Fact]
    public async Task A_search_can_be_asked_by_its_address()
    {
        await using var served = await Served.Start(Toys.Models(new()));
        var text = await served.Http.GetStringAsync("/v1/search?problem=12&method=beam-q&n=2&seed=5&alpha=0.5");
        Assert.StartsWith("event: search.start\ndata: {\"problem\":\"12\"", text);
        Assert.Contains("event: search.done\n", text);
    }
}
