using Pav.Models.Inference;

namespace Pav.Models;

/// <summary>A verifier that was opened: one model, or several that judge together.</summary>
public interface ILoadedVerifier : IVerifier, IDisposable
{
    /// <summary>How many judges there are: score heads, or verifiers.</summary>
    int Judges { get; }

    /// <summary>How their disagreement lowers a value; what was scored before is forgotten when it changes.</summary>
    Caution Caution { get; set; }
}

/// <summary>Opens verifiers' folders.</summary>
public static class LoadedVerifier
{
    /// <summary>The checkpoint of a verifier that is one model; a verifier of several has none that could be trained further.</summary>
    public static string Checkpoint(string folder) => VerifierRecord.Load(folder).Members switch
    {
        null or { Count: 0 } => folder,
        [var member] => Checkpoint(Path.Combine(folder, member)),
        var many => throw new UserError($"{folder} is {many.Count} verifiers that judge together, and one is needed to train further: "
            + $"give a member of it"),
    };

    /// <summary>The verifier of a folder's <c>verifier.json</c>: the checkpoint there, or the members that it names.</summary>
    /// <param name="name">Told in results.</param>
    /// <param name="folder">Of a verifier.</param>
    /// <param name="options">Memory, threads, device.</param>
    public static ILoadedVerifier Open(string name, string folder, EngineOptions? options = null)
    {
        var record = VerifierRecord.Load(folder);
        if (record.Members is not { Count: > 0 } members) return TransformerVerifier.Load(name, folder, options);
        var opened = new List<ILoadedVerifier>();
        try
        {
            foreach (var member in members) opened.Add(Open(name, Path.Combine(folder, member), options));
        }
        catch
        {
            foreach (var verifier in opened) verifier.Dispose();
            throw;
        }

        if (opened.Count > 1) return new VerifierEnsemble(name, opened) { Caution = record.Caution ?? Caution.None };
        if (record.Caution is { } caution) opened[0].Caution = caution;
        return opened[0];
    }
}

/// <summary>Several verifiers that judge together, each by itself: the mean of their values, lowered where they disagree.</summary>
public sealed class VerifierEnsemble(string name, IReadOnlyList<ILoadedVerifier> members) : ILoadedVerifier
{
    public string Name => name;

    public int Judges => members.Count;

    public Caution Caution { get; set; } = Caution.None;

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        if (Caution.DrawnBy is not null) return await ScoreDrawn(prefixes, cancel);
        var scored = new List<IReadOnlyList<Scored>>();
        foreach (var member in members) scored.Add(await member.Score(prefixes, cancel));
        return [.. prefixes.Select((_, i) => new Scored(
            [.. scored[0][i].Q.Select((_, h) => Together([.. scored.Select(s => s[i].Q[h])]))], scored.Sum(s => s[i].Tokens)))];
    }

    public void Reset()
    {
        foreach (var member in members) member.Reset();
    }

    public void Dispose()
    {
        foreach (var member in members) member.Dispose();
    }

    /// <summary>Each problem by the member that is drawn for it; the others read nothing of it.</summary>
    private async Task<IReadOnlyList<Scored>> ScoreDrawn(IReadOnlyList<Prefix> prefixes, CancellationToken cancel)
    {
        var scored = new Scored[prefixes.Count];
        int Judge(int i) => Caution.Draw(prefixes[i].Problem.Text, members.Count)!.Value;
        foreach (var group in Enumerable.Range(0, prefixes.Count).GroupBy(Judge))
        {
            var answers = await members[group.Key].Score([.. group.Select(i => prefixes[i])], cancel);
            foreach (var (i, answer) in group.Zip(answers)) scored[i] = answer;
        }

        return scored;
    }

    private double Together(double[] values) => Caution.Apply(values.Average(), values);
}
