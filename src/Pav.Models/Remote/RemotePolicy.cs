using System.Net;
using Pav.Models.Tokenizers;

namespace Pav.Models.Remote;

/// <summary>
/// A model on inference servers as a policy. With the model's tokenizer at hand, prompts and steps go to and fro as ids; without it as text, and then a step has no ids and its
/// tokens are counted by the server's usage. Where the servers honour seeds, equal draws give equal answers as everywhere; where they do not, results are right in distribution only.
/// </summary>
public sealed class RemotePolicy : IPolicy, IDisposable
{
    private readonly RemoteOptions options;
    private readonly PromptTemplate template;
    private readonly Tokenizer? tokenizer;
    private readonly StepChain? steps;
    private readonly HttpClient http;
    private readonly EndpointPool pool;
    private readonly SampleWatch watch = new();
    private readonly CancellationTokenSource runTimeout = new();
    private int perRequest = 1;
    private bool ids;
    private int seedBits;
    private int? context;

    private RemotePolicy(RemoteOptions options, PromptTemplate template, Tokenizer? tokenizer, Problem problem)
    {
        (this.options, this.template, this.tokenizer) = (options, template, tokenizer);
        steps = tokenizer is null ? null : new(tokenizer, template.StepEnd, stops: template.TraceStops);
        http = new(new SocketsHttpHandler
        {
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), ConnectTimeout = TimeSpan.FromSeconds(10), AllowAutoRedirect = false, UseCookies = false, UseProxy = false, AutomaticDecompression = DecompressionMethods.None,
        }) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = 1 << 28 };
        var probe = new Probe(options, PromptOf(Prefix.Root(problem)), tokenizer);
        pool = new(options, http, async (endpoint, cancel) => Fits(endpoint, await probe.Ask(endpoint, cancel)));
        if (options.RunTimeout > 0) runTimeout.CancelAfter(TimeSpan.FromSeconds(options.RunTimeout));
    }

    public string Name { get; private set; } = "";

    /// <summary>Told how many draws have just finished, on any thread; of a call in the end all.</summary>
    public Action<int>? Drawn { get; set; }

    /// <summary>What the servers are, as found when the policy was opened.</summary>
    public IReadOnlyList<Capabilities> Servers { get; private set; } = [];

    /// <summary>What was spent, by endpoint.</summary>
    public IReadOnlyList<EndpointTally> Tallies => [.. pool.Endpoints.Select(e => e.Tally)];

    /// <summary>What an endpoint that cannot be used, or failed last time, has said; null where all is well.</summary>
    internal string? Complaint(string url) => pool.Endpoints.FirstOrDefault(e => e.Url.ToString() == url)?.LastError;

    /// <summary>Something that spoils the samples; null while nothing was found.</summary>
    public string? Finding => watch.Finding();

    /// <summary>Asks the servers what they are, with the prompt of a problem, and settles how they are used.</summary>
    public static async Task<RemotePolicy> Open(RemoteOptions options, PromptTemplate template, Tokenizer? tokenizer, Problem problem, CancellationToken cancel = default)
    {
        options.Check();
        var policy = new RemotePolicy(options, template, tokenizer, problem);
        try
        {
            await policy.pool.Open(cancel);
            policy.Settle([.. policy.pool.Endpoints.Select(e => e.Capabilities).OfType<Capabilities>()]);
            return policy;
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    public async Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default)
    {
        if (sampling.Temperature < 0 || sampling.TopK < 0 || sampling.TopP is <= 0 or > 1 || sampling.MaxTokens < 1)
            throw new UserError($"{sampling} is out of range: temperature ≥ 0, top-k ≥ 0, 0 < top-p ≤ 1, at least one token");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, runTimeout.Token);
        var results = new Prefix[draws.Count];
        try
        {
            var groups = Enumerable.Range(0, draws.Count).GroupBy(i => draws[i].Prefix).Select(g => OfPrefix(g.Key, [.. g], stop));
            await Task.WhenAll([.. groups]);
            return results;
        }
        catch (OperationCanceledException) when (runTimeout.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new UserError($"stopped after the {options.RunTimeout:0.###} s of --run-timeout; start the same command again to go on");
        }

        async Task OfPrefix(Prefix prefix, int[] mine, CancellationTokenSource all)
        {
            try
            {
                await Continue(prefix, mine, draws, until, sampling, results, all.Token);
            }
            catch
            {
                await all.CancelAsync();
                throw;
            }
        }
    }

    public void Dispose()
    {
        pool.Dispose();
        http.Dispose();
        runTimeout.Dispose();
    }

    /// <summary>The seed of a request: with n &gt; 1 ranges of n seeds are either the same or disjoint.</summary>
    internal static ulong SeedOf(ulong seed, int bits, int n = 1)
    {
        var low = 0;
        while (1 << low < n) low++;
        return seed >> (64 - bits) >> low << low;
    }

    /// <summary>All draws of one prefix. Greedy ones are all the same draw.</summary>
    private async Task Continue(Prefix prefix, int[] mine, IReadOnlyList<Draw> draws, Until until, Sampling sampling, Prefix[] results, CancellationToken cancel)
    {
        var prompt = prefix.Ended ? null : PromptOf(prefix);
        var limit = prompt is null ? 0 : Limit(prefix, prompt, sampling);
        if (prompt is null || limit <= 0)
        {
            foreach (var i in mine) results[i] = prefix.Ended ? prefix : prefix.Then("", ended: true);
            Drawn?.Invoke(mine.Length);
            return;
        }

        var key = Seeds.Of(0, prefix.Problem.Id, "route", 0);
        var greedy = sampling.Temperature == 0;
        var requests = (greedy ? [[mine[0]]] : mine.Chunk(perRequest)).Select(chunk => One(chunk, 0)).ToList();
        var samples = (await Task.WhenAll(requests)).SelectMany(s => s).ToList();
        if (greedy)
        {
            foreach (var i in mine) results[i] = results[mine[0]];
            if (mine.Length > 1) Drawn?.Invoke(mine.Length - 1);
        }
        else if (until == Until.TraceEnd && samples.Count > 1 && Servers.Count > 1) watch.Add(samples);

        async Task<IEnumerable<(Endpoint, string)>> One(int[] chunk, int depth)
        {
            var request = new CompletionRequest(Name, prompt, chunk.Length, limit, SeedOf(draws[chunk[0]].Seed, seedBits, depth == 0 ? perRequest : 1), until, sampling) { StepEnd = template.StepEnd, TraceStops = template.TraceStops };
            try
            {
                var (completion, from) = await pool.Send(request, key, cancel);
                for (var c = 0; c < chunk.Length; c++) results[chunk[c]] = Then(prefix, completion.Choices[c], limit);
                Drawn?.Invoke(chunk.Length);
                return completion.Choices.Select(c => (from, c.Text));
            }
            catch (EndpointException e) when (e.Fault == Fault.NoText && chunk.Length > 1)
            {
                return (await Task.WhenAll(chunk.Select(i => One([i], 1)))).SelectMany(s => s);
            }
            catch (EndpointException e) when (e.Fault == Fault.NoText)
            {
                // What the model wrote is no text, so no answer: the trace ends there.
                results[chunk[0]] = prefix.Then("\uFFFD", ended: true);
                Drawn?.Invoke(1);
                return [];
            }
        }
    }

    private Prompt PromptOf(Prefix prefix)
    {
        var text = template.Fill(prefix.Problem) + prefix.Text;
        if (tokenizer is null || (Servers.Count > 0 && !ids)) return new(text, null);
        var path = prefix.Path();
        return new(text, [.. template.Encode(tokenizer, prefix.Problem), .. path.Skip(1).SelectMany(p => StepIds.Of(tokenizer, p.Step, p.Tokens))]);
    }

    /// <summary>Tokens that are left to a trace.</summary>
    private int Limit(Prefix prefix, Prompt prompt, Sampling sampling)
    {
        var left = sampling.MaxTokens - prefix.Path().Sum(p => p.TokenCount > 0 || tokenizer is null ? p.TokenCount : StepIds.Of(tokenizer, p.Step, []).Length);
        if (context is not { } most || prompt.Ids is null) return left;
        if (prefix.Depth == 0 && prompt.Ids.Length >= most) throw new UserError($"problem {prefix.Problem.Id}: its prompt has {prompt.Ids.Length} tokens and the servers' context is {most}");
        return Math.Min(left, most - prompt.Ids.Length);
    }

    private Prefix Then(Prefix prefix, Choice choice, int limit)
    {
        var ended = choice.Ending != Ending.Step;
        if (choice.Ids is { Length: > 0 } drawn && steps is not null)
        {
            var eos = choice.Ending == Ending.Trace && (drawn[^1] == tokenizer!.Eos || StepIds.Text(tokenizer, drawn) != choice.Text || tokenizer.Decode([drawn[^1]]) == "");
            return steps.Append(prefix, drawn, eos, ended || drawn.Length >= limit);
        }

        // Without ids the count of tokens is that of all steps together: each gets its share by length.
        List<string> texts = [.. template.StepEnd.Split(choice.Text)];
        if (texts.Count == 0) return prefix.Then("", ended: ended, tokenCount: choice.Tokens);

        // The choice to stop after a step's end is a last step without text.
        if (choice.Ending == Ending.Trace && template.StepEnd.In(texts[^1])) texts.Add("");
        long before = 0, given = 0;
        for (var s = 0; s < texts.Count; s++)
        {
            if (template.TraceStops.In(template.TraceStops.Tail(prefix), texts[s]) is { } stop)
            {
                var upToStop = choice.Ending == Ending.Stop ? choice.Tokens : choice.Tokens * (before + stop.End) / choice.Text.Length;
                return prefix.Then(texts[s][..stop.Cut], ended: true, tokenCount: (int)(upToStop - given));
            }

            before += texts[s].Length;
            var upTo = choice.Tokens * before / choice.Text.Length;
            prefix = prefix.Then(texts[s], ended: ended && s == texts.Count - 1, tokenCount: (int)(upTo - given));
            given = upTo;
        }

        return prefix;
    }

    private void Settle(IReadOnlyList<Capabilities> servers)
    {
        if (SampleWatch.Twins(servers) is { } twins)
            throw new UserError($"{twins.A.Url} and {twins.B.Url} answer different seeds with the same samples: they heed no seeds and share one of their own, so their completions are not independent; start each with a seed of its own");
        if (servers.Select(s => s.Model).Distinct().Count() > 1) throw new UserError($"the endpoints serve different models ({string.Join(", ", servers.Select(s => s.Model).Distinct())}); choose one with --model");
        if (options.Hedge > 0 && servers.FirstOrDefault(s => s.Seeds != Capabilities.Honoured) is { } careless)
            throw new UserError($"--hedge needs servers that honour seeds, and {careless.Url} does not: the faster of two different samples is the shorter one more often, which would bias the labels");
        Name = servers[0].Model;
        ids = servers.All(s => s.TokenIds);
        seedBits = servers.Min(s => s.Dialect.SeedBits);
        context = servers.Min(s => s.Context);
        perRequest = servers.Any(s => s.SeedsOfN == Capabilities.Alike) ? 1 : Math.Min(options.PerRequest, servers.Min(s => s.MostN));
        Servers = servers;
    }

    /// <summary>An endpoint that joins later must be as able as those that settled how requests are made.</summary>
    private Capabilities Fits(Endpoint endpoint, Capabilities found)
    {
        if (Servers.Count == 0) return found;
        if (found.Model != Name) throw endpoint.Failed(Fault.Refused, $"serves {found.Model} and not {Name}");
        if ((ids && !found.TokenIds) || found.MostN < perRequest || found.Dialect.SeedBits < seedBits || (perRequest > 1 && found.SeedsOfN == Capabilities.Alike) || (options.Hedge > 0 && found.Seeds != Capabilities.Honoured))
            throw endpoint.Failed(Fault.Refused, "cannot do what the endpoints that were there at the start can");
        if (SampleWatch.Twins([.. Servers.Where(s => s.Url != found.Url), found]) is { } twins)
            throw endpoint.Failed(Fault.Refused, $"answers with the samples of {(twins.A == found ? twins.B : twins.A).Url}, though it was given other seeds: they heed none and share one of their own; start each with a seed of its own");
        return found;
    }
}
