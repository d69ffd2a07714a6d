using System.Text.RegularExpressions;
using Pav;

/// <summary>A scripted policy: adds the numbers of a problem one after the other, and slips in three of ten sums.</summary>
internal sealed class Adder : IPolicy
{
    public string Name => "adder";

    public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<Prefix>>([.. draws.Select(draw => Write(draw, until))]);

    private static Prefix Write(Draw draw, Until until)
    {
        var prefix = draw.Prefix;
        for (var k = 0; !prefix.Ended && (k == 0 || until == Until.TraceEnd); k++) prefix = Next(prefix, Seeds.Uniform(draw.Seed, k));
        return prefix;
    }

    private static Prefix Next(Prefix prefix, double chance)
    {
        var terms = Numbers(prefix.Problem.Text);
        var sum = prefix.Depth == 0 ? terms[0] : Numbers(prefix.Step)[^1];
        if (prefix.Depth == terms.Length - 1) return prefix.Then($"Answer: {sum}", ended: true, tokenCount: 2);
        var term = terms[prefix.Depth + 1];
        return prefix.Then($"{sum} + {term} = {sum + term + (chance < 0.15 ? 1 : chance < 0.3 ? 10 : 0)}\n", tokenCount: 5);
    }

    private static int[] Numbers(string text) => [.. Regex.Matches(text, @"\d+").Select(m => int.Parse(m.Value))];
}
