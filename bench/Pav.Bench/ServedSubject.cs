using System.Diagnostics;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Serve.Rooms;

namespace Pav.Bench;

/// <summary>A policy and a random verifier of its size, what is asked of them, and how long they were at work.</summary>
internal sealed class ServedSubject : IDisposable
{
    /// <summary>What clients ask for by turns.</summary>
    public static readonly (string Model, SearchMethod Method, int N)[] Kinds =
        [("served", SearchMethods.Sample, 1), ("served:beam-4", SearchMethods.BeamByQ, 4)];

    private readonly TransformerPolicy policy;
    private readonly TransformerVerifier verifier;

    /// <param name="folder">The policy's.</param>
    /// <param name="maxTokens">Of a trace.</param>
    public ServedSubject(string folder, int maxTokens = 80)
    {
        var (template, tokenizer) = (new PromptTemplate("{problem}\n"), Tokenizer.Load(folder));
        policy = TransformerPolicy.Load("served", folder, template, new(160 << 20));
        var config = DecoderConfig.Load(folder) with { Head = DecoderHead.SequenceClassification, Labels = 1 };
        using (var model = DecoderModel.RandomInit(config, 5))
            verifier = new("random", model, new(tokenizer, template), new(160 << 20), new(40, 0));
        (Policy, Verifier) = (new(policy), new(verifier));
        Models = new("served", Policy, Grader.Numeric, template)
        {
            Verifier = Verifier, Tokenizer = tokenizer,
            Defaults = new() { Sampling = new(MaxTokens: maxTokens), Prover = Prover.BestOf(4) },
        };
    }

    public ServedModels Models { get; }

    public WatchedPolicy Policy { get; }

    public WatchedVerifier Verifier { get; }

    public SearchTools Tools => new(Policy, Models.Grader, Verifier);

    /// <summary>Seconds in which the policy or the verifier was at work; they are so by turns.</summary>
    public double Busy => Policy.Time.TotalSeconds + Verifier.Time.TotalSeconds;

    /// <summary>Bytes of the policy's caches.</summary>
    public long CacheBytes => policy.CacheBytes;

    public void Dispose()
    {
        policy.Dispose();
        verifier.Dispose();
    }
}

/// <summary>Measures what a policy is asked.</summary>
internal sealed class WatchedPolicy(IPolicy inner) : IPolicy
{
    public string Name => inner.Name;

    public TimeSpan Time { get; private set; }

    public long Calls { get; private set; }

    /// <summary>Draws of all calls.</summary>
    public long Asked { get; private set; }

    public async Task<IReadOnlyList<Prefix>> Extend(
        IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default)
    {
        var clock = Stopwatch.StartNew();
        var results = await inner.Extend(draws, until, sampling, cancel);
        (Time, Calls, Asked) = (Time + clock.Elapsed, Calls + 1, Asked + draws.Count);
        return results;
    }
}

/// <summary>Measures what a verifier is asked.</summary>
internal sealed class WatchedVerifier(IVerifier inner) : IVerifier
{
    public string Name => inner.Name;

    public TimeSpan Time { get; private set; }

    public long Calls { get; private set; }

    /// <summary>Prefixes of all calls.</summary>
    public long Asked { get; private set; }

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        var clock = Stopwatch.StartNew();
        var results = await inner.Score(prefixes, cancel);
        (Time, Calls, Asked) = (Time + clock.Elapsed, Calls + 1, Asked + prefixes.Count);
        return results;
    }

    public void Reset() => inner.Reset();
}
