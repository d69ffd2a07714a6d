using System.Net;
using Pav.Models.Tokenizers;
using Pav.Models.Engine;

namespace Pav.Models.Remote;

/// <summary>
/// A model on inference servers as a policy. With the model's tokenizer at hand, prompts and steps go to and fro as ids; without it as
/// text, and then a step has no ids and its
/// tokens are counted by the server's usage. Where the servers honour seeds, equal draws give equal answers as everywhere; where they do
/// not, results are right in distribution only.
/// </summary>
public sealed class RemotePolicy : IPolicy, IDisposable
{
    private const int LettersOfToken = 4;

    private readonly RemoteOptions options;
    private readonly PromptTemplate template;
    private readonly Tokenizer? tokenizer;
    private readonly StepChain? steps;
    private readonly HttpClient http;
    private readonly EndpointPool pool;
    private readonly SampleWatch watch = new();
    private readonly CancellationTokenSource runTimeout = new();
    private readonly Losses losses = new();
    private int perRequest = 1;
    private bool ids;
    private int seedBits;
    private int? context;
    private int reserve;

    private RemotePolicy(RemoteOptions options, PromptTemplate template, Tokenizer? tokenizer, Problem problem)
    {
        (this.options, this.template, this.tokenizer) = (options, template, tokenizer);
        steps = tokenizer is null ? null : new(tokenizer, template.StepEnd, stops: template.TraceStops);
        http = new(new SocketsHttpHandler
        {
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), ConnectTimeout = TimeSpan.FromSeconds(10), AllowAutoRedirect = false,
                UseCookies = false, UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
        }) { Timeout = Timeout.InfiniteTimeSpan };
        pool = new(options, http, new(options, PromptOf(Prefix.Root(problem)), tokenizer), Fits);
        if (options.RunTimeout > 0) runTimeout.CancelAfter(TimeSpan.FromSeconds(options.RunTimeout));
    }

    public string Name { get; private set; } = "";

    /// <summary>Told how many draws have just finished, on any thread; of a call in the end all.</summary>
    public Action<int>? Drawn { get; set; }

    /// <summary>What the servers are that have been used, in the order in which they joined.</summary>
    public IReadOnlyList<Capabilities> Servers { get; private set; } = [];

    /// <summary>What was spent, by endpoint.</summary>
    public IReadOnlyList<EndpointTally> Tallies => [.. pool.Endpoints.Select(e => e.Tally)];

    /// <summary>Where the counts of tokens come from, the worst of the servers.</summary>
    public TokenCounts Tokens => Servers.Count == 0 ? TokenCounts.Told : Servers.Max(s => s.Tokens);

    /// <summary>Why no answers come; null while they do.</summary>
    public string? Waiting => pool.Waiting;

    /// <summary>Draws that got no usable answer.</summary>
    public LostDraws Lost => losses.Told();

    /// <summary>What an endpoint that cannot be used, or failed last time, has said; null where all is well.</summary>
    internal string? Complaint(string url) => pool.Endpoints.FirstOrDefault(e => e.Url.ToString() == url)?.Health.LastError;

    /// <summary>Something that spoils the samples; null while nothing was found.</summary>
    public string? Finding => watch.Finding();

    /// <summary>What a user should know of the key.</summary>
    public IEnumerable<string> KeyWarnings()
    {
        var key = options.Key ?? ApiKey.None;
        if (key.Warning is { } warning) yield return warning;
        foreach (var endpoint in pool.Endpoints.Where(e => key.IsExposedTo(e.Url)))
            yield return $"the key goes to {endpoint.Url} by plain http, where others on the way can read it; use https, or a tunnel";
    }

    /// <summary>Asks the servers what they are, with the prompt of a problem, and settles how they are used.</summary>
    public static async Task<RemotePolicy> Open(RemoteOptions options, PromptTemplate template, Tokenizer? tokenizer, Problem problem,
        CancellationToken cancel = default)
    {
        options.Check();
        var policy = new RemotePolicy(options, template, tokenizer, problem);
        try
        {
            await policy.pool.Open(policy.Settle, cancel);
            return policy;
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    public async Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling,
        CancellationToken cancel = default)
    {
        sampling.Check();
        if (sampling.StepTokens > 0 || draws.Any(d => d.Prefix.Half))
            throw new UserError("inference servers answer with whole steps, and this search stops within one; give a folder as --policy");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, runTimeout.Token);
        var results = new Prefix[draws.Count];
        try
        {
            var groups = Enumerable.Range(0, draws.Count).GroupBy(i => draws[i].Prefix).Select(g => OfPrefix(g.Key, [.. g], stop));
            await Task.WhenAll([.. groups]);
            if (results.All(r => r.Lost)) losses.CheckAny();
            return results;
        }
        catch (OperationCanceledException) when (runTimeout.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new UserError($"stopped after the {options.RunTimeout:0.###} s of --run-timeout; start the same command again to go on");
        }

        async Task OfPrefix(Prefix prefix, int[] indices, CancellationTokenSource all)
        {
            try
            {
                await Continue(prefix, indices, draws, until, sampling, results, all.Token);
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
    private async Task Continue(Prefix prefix, int[] indices, IReadOnlyList<Draw> draws, Until until, Sampling sampling, Prefix[] results,
        CancellationToken cancel)
    {
        if (prefix.Ended)
        {
            foreach (var i in indices) results[i] = prefix;
            Drawn?.Invoke(indices.Length);
            return;
        }

        var prompt = PromptOf(prefix);
        if (prefix.Depth == 0 && prompt.Ids is { } known && context is { } most && known.Length + reserve >= most)
        {
            LoseAll(indices, $"its prompt has {known.Length} tokens, and the servers' context is {most}");
            return;
        }

        var limit = Limit(prefix, prompt, sampling);
        var key = Seeds.Derive(0, prefix.Problem.Id, "route", 0);
        var greedy = sampling.Temperature == 0;
        var requests = (greedy ? [[indices[0]]] : indices.Chunk(perRequest)).Select(chunk => One(chunk, perRequest, limit)).ToList();
        var samples = (await Task.WhenAll(requests)).SelectMany(s => s).ToList();
        if (greedy)
        {
            foreach (var i in indices) results[i] = results[indices[0]];
            if (indices.Length > 1) Drawn?.Invoke(indices.Length - 1);
        }
        else if (until == Until.TraceEnd && samples.Count > 1 && Servers.Count > 1) watch.Add(samples);

        void LoseAll(int[] chunk, string reason, bool doesNotFit = true)
        {
            losses.Add(prefix.Problem.Id, chunk.Length, reason, doesNotFit);
            foreach (var i in chunk) results[i] = prefix.Lose();
            Drawn?.Invoke(chunk.Length);
        }

        async Task<IEnumerable<(Endpoint, string)>> One(int[] chunk, int n, int left)
        {
            if (left <= 0)
            {
                foreach (var i in chunk) results[i] = prefix.Then("", ended: true);
                Drawn?.Invoke(chunk.Length);
                return [];
            }

            var seed = SeedOf(draws[chunk[0]].Seed, seedBits, n);
            var request = new CompletionRequest(Name, prompt, chunk.Length, left, seed, until, sampling)
            {
                StepEnd = template.StepEnd, TraceStops = template.TraceStops,
            };
            try
            {
                var (completion, server) = await pool.Send(request, key, cancel);
                for (var c = 0; c < chunk.Length; c++) results[chunk[c]] = Then(prefix, Counted(completion.Choices[c]), left);
                losses.Answered();
                Drawn?.Invoke(chunk.Length);
                return completion.Choices.Select(c => (server, c.Text));
            }
            catch (EndpointException e) when (e.Fault == Fault.TooLong && e.Room < left && (e.Room > 0 || prefix.Depth > 0))
            {
                return await One(chunk, n, e.Room!.Value);
            }
            catch (EndpointException e) when (e.Fault == Fault.TooLong && prefix.Depth == 0)
            {
                LoseAll(chunk, e.Message);
                return [];
            }
            catch (EndpointException e) when (chunk.Length > 1 && (e.Fault == Fault.NoText || e.Final))
            {
                return (await Task.WhenAll(chunk.Select(i => One([i], 1, left)))).SelectMany(s => s);
            }
            catch (EndpointException e) when (e.Fault == Fault.NoText)
            {
                // What the model wrote is no text, so no answer: the trace ends there.
                results[chunk[0]] = prefix.Then("\uFFFD", ended: true);
                Drawn?.Invoke(1);
                return [];
            }
            catch (EndpointException e)
            {
                LoseAll(chunk, e.Message, e.Fault == Fault.TooLong);
                return [];
            }
        }
    }

    /// <summary>Where the server tells no tokens, those of the text, with the end of a trace for one more.</summary>
    private Choice Counted(Choice choice)
    {
        if (choice.Tokens > 0 || choice.Text == "" || tokenizer is null) return choice;
        var ids = tokenizer.Encode(choice.Text, addSpecial: false, continues: true).Length;
        return choice with { Tokens = choice.Ending == Ending.Trace ? ids + 1 : ids };
    }

    private Prompt PromptOf(Prefix prefix)
    {
        var text = template.PolicyPrompt(prefix.Problem) + prefix.Text;
        if (tokenizer is null || (Servers.Count > 0 && !ids)) return new(text, null);
        var path = prefix.Path();
        return new(text,
            [.. template.PolicyIds(tokenizer, prefix.Problem), .. path.Skip(1).SelectMany(p => StepIds.From(tokenizer, p.Step, p.Tokens))]);
    }

    /// <summary>
    /// Tokens that are left to a trace. Where nothing counts tokens, four letters are taken for one, so that traces drawn step by step end
    /// at all.
    /// </summary>
    private int Limit(Prefix prefix, Prompt prompt, Sampling sampling)
    {
        int Spent(Prefix step) => step.TokenCount > 0 ? step.TokenCount
            : tokenizer is not null ? StepIds.From(tokenizer, step.Step, []).Length
            : Tokens == TokenCounts.Unknown ? (step.Step.Length + LettersOfToken - 1) / LettersOfToken
            : 0;
        var left = sampling.MaxTokens - prefix.Path().Sum(Spent);
        if (context is not { } most) return left;
        return Math.Min(left, most - reserve - (prompt.Ids?.Length ?? 1));
    }

    /// <summary>Do the ids lack the end of a step that the text has? Some servers leave out the token that stopped them.</summary>
    private bool LacksEnd(Choice choice, int[] drawn) =>
        choice.Ending == Ending.Step && StepIds.Text(tokenizer!, drawn) is var text && text.Length < choice.Text.Length
            && choice.Text.StartsWith(text, StringComparison.Ordinal);

    private Prefix Then(Prefix prefix, Choice choice, int limit)
    {
        var ended = choice.Ending != Ending.Step;
        if (choice.Ids is { Length: > 0 } drawn && steps is not null && !LacksEnd(choice, drawn))
        {
            var eos = choice.Ending == Ending.Trace
                && (drawn[^1] == tokenizer!.Eos || StepIds.Text(tokenizer, drawn) != choice.Text || tokenizer.Decode([drawn[^1]]) == "");

            // Some servers leave the end-of-sequence out of the ids: to stop after a step's end is a last step without text all the same.
            if (choice.Ending == Ending.Trace && !eos
                && choice.Text != "" && template.StepEnd.In(template.StepEnd.Split(choice.Text)[^1]))
                return steps.Append(prefix, drawn, false, false).Then("", ended: true);
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
            throw new UserError($"{twins.A.Url} and {twins.B.Url} answer different seeds with the same samples: they heed no seeds and "
                + "share one of their own, so their completions are not independent; start each with a seed of its own");
        var models = servers.Select(s => s.Model).Distinct().ToList();
        if (models.Count > 1)
            throw new UserError($"the endpoints serve different models ({string.Join(", ", models)}); choose one with --model");
        if (options.Hedge > 0 && servers.FirstOrDefault(s => s.Seeds != SeedUse.Honoured) is { } careless)
            throw new UserError($"--hedge needs servers that honour seeds, and {careless.Url} does not: the faster of two different "
                + "samples is the shorter one more often, which would bias the labels");
        Name = servers[0].Model;
        ids = servers.All(s => s.TokenIds);
        seedBits = servers.Min(s => s.Dialect.SeedBits);
        context = servers.Min(s => s.Context);
        reserve = servers.Max(s => s.Dialect.ContextReserve);
        perRequest = servers.Any(s => s.SeedsOfN == ChoiceSeeds.Alike) ? 1 : Math.Min(options.PerRequest, servers.Min(s => s.MostN));
        Servers = servers;
    }

    /// <summary>An endpoint that joins later, or comes back, must be as able as those that settled how requests are made.</summary>
    private Capabilities Fits(Endpoint endpoint, Capabilities found)
    {
        if (Servers.Count == 0) return found;
        if (found.Model != Name) throw endpoint.Failed(Fault.Refused, $"serves {found.Model} and not {Name}");
        var less = (ids && !found.TokenIds) || found.MostN < perRequest || found.Dialect.SeedBits < seedBits
            || (perRequest > 1 && found.SeedsOfN == ChoiceSeeds.Alike)
            || (options.Hedge > 0 && found.Seeds != SeedUse.Honoured) || found.Context < context || found.Dialect.ContextReserve > reserve
            || (found.Tokens == TokenCounts.Unknown && Tokens != TokenCounts.Unknown);
        if (less) throw endpoint.Failed(Fault.Refused, "cannot do what the endpoints that were there at the start can");
        var others = Servers.Where(s => s.Url != found.Url).ToList();
        if (SampleWatch.Twins([.. others, found]) is { } twins)
            throw endpoint.Failed(Fault.Refused, $"answers with the samples of {(twins.A == found ? twins.B : twins.A).Url}, though it "
                + "was given other seeds: they heed none and share one of their own; start each with a seed of its own");
        Servers = [.. others, found];
        return found;
    }
}
