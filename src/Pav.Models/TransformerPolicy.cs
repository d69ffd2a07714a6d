using Pav.Models.Decoders;
using Pav.Models.Engine;
using Pav.Models.Inference;
using Pav.Models.Tokenizers;

namespace Pav.Models;

/// <summary>A language model as a policy: π or μ. Its weights are copied from the model; later changes to that do not reach it.</summary>
public sealed class TransformerPolicy : IPolicy, IDisposable
{
    private readonly Tokenizer tokenizer;
    private readonly PromptTemplate template;
    private readonly IDrawingEngine engine;
    private readonly HashSet<int> eos;
    private readonly StepChain steps;
    private readonly SemaphoreSlim gate = new(1);

    /// <param name="name">Told in results.</param>
    /// <param name="model">With a language-model head.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="template">How a problem is put to it.</param>
    /// <param name="options">Memory, slots, threads.</param>
    public TransformerPolicy(string name, DecoderModel model, Tokenizer tokenizer, PromptTemplate template, EngineOptions? options = null)
        : this(name, Runner.Create(model, options ?? new()), tokenizer, template, options ?? new())
    {
    }

    private TransformerPolicy(string name, IRunner runner, Tokenizer tokenizer, PromptTemplate template, EngineOptions options)
        : this(name, Ends(name, runner, tokenizer), eos => SideBySide.Over(name, runner, options, eos.Contains), tokenizer, template)
    {
    }

    /// <param name="name">Told in results.</param>
    /// <param name="eos">Ids that end a trace.</param>
    /// <param name="engine">Draws ids until one of those.</param>
    /// <param name="tokenizer">Of the ids.</param>
    /// <param name="template">How a problem is put to the model.</param>
    internal TransformerPolicy(string name, HashSet<int> eos, Func<HashSet<int>, IDrawingEngine> engine, Tokenizer tokenizer,
        PromptTemplate template)
    {
        (Name, this.eos, this.tokenizer, this.template) = (name, eos, tokenizer, template);
        this.engine = engine(eos);
        steps = new(tokenizer, template.StepEnd, this.engine.Outputs, template.TraceStops);
    }

    private static HashSet<int> Ends(string name, IRunner runner, Tokenizer tokenizer)
    {
        if (runner.Config.Head != DecoderHead.CausalLM) throw new UserError($"{name} is a verifier's checkpoint (a score head), and a "
            + "policy needs a language model; give another folder");
        return [.. runner.Config.Eos, .. tokenizer.Eos is { } known ? (int[])[known] : []];
    }

    /// <summary>Opens a checkpoint's folder; its weights are never in memory twice.</summary>
    public static TransformerPolicy Load(string name, string folder, PromptTemplate template, EngineOptions? options = null) =>
        new(name, Runner.Open(folder, options ?? new()), Tokenizer.Load(folder), template, options ?? new());

    public string Name { get; }

    /// <summary>Tokens of prompts and earlier steps computed so far; what is shared or still cached counts once.</summary>
    public long PrefilledTokens => engine.Prefilled;

    /// <summary>Tokens sampled so far.</summary>
    public long GeneratedTokens => engine.Generated;

    /// <summary>Bytes of key-value memory taken so far; at most the budget.</summary>
    public long CacheBytes => engine.CacheBytes;

    /// <summary>Told how many draws have just finished, on one of the engine's threads; of a call in the end all.</summary>
    public Action<int>? Drawn { get; set; }

    public async Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling,
        CancellationToken cancel = default)
    {
        await gate.WaitAsync(cancel);
        try
        {
            return await Task.Run(() => Extended(draws, until, sampling, cancel), cancel);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>The log-probabilities of a trace's tokens, by one pass over them.</summary>
    /// <param name="trace">Of any policy; ids that are not this tokenizer's are encoded anew.</param>
    /// <param name="after">So many of its first steps are passed over.</param>
    /// <param name="top">Most likely tokens to tell in each place, at least 0.</param>
    /// <param name="cancel">Stops it.</param>
    public async Task<TraceLogprobs> Logprobs(Prefix trace, int after, int top, CancellationToken cancel = default)
    {
        var path = trace.Path();
        var steps = path.Skip(after + 1).Select(p => StepIds.From(tokenizer, p.Step, p.Tokens)).ToList();
        int[] ids = [.. steps.SelectMany(s => s)];
        if (ids.Length == 0) return new([.. steps.Select(_ => Array.Empty<TokenLogprobs>())], 0);
        await gate.WaitAsync(cancel);
        try
        {
            var context = path.Take(after + 1).Select(Stretch).ToArray();
            var (tokens, read) = await Task.Run(() => engine.Logprobs(context, ids, top, cancel), cancel);
            var from = 0;
            return new([.. steps.Select(s => tokens[from..(from += s.Length)])], read);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Most tokens of a prompt with its answer.</summary>
    public int MaxTokens => engine.MaxPositions;

    private Prefix[] Extended(IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel)
    {
        sampling.Check();
        var results = new Prefix[draws.Count];
        var stretches = new Dictionary<Prefix, int[][]>(ReferenceEqualityComparer.Instance);
        List<int> drawn = [];
        List<IdDraw> work = [];
        for (var i = 0; i < draws.Count; i++)
        {
            var (prefix, seed) = draws[i];
            if (prefix.Ended)
            {
                results[i] = prefix;
                continue;
            }

            var context = Context(prefix);
            var prompt = context[0].Length;
            var used = context.Sum(c => c.Length) - prompt;
            if (prompt >= engine.MaxPositions) throw new UserError($"problem {prefix.Problem.Id}: its prompt has {prompt} tokens "
                + $"and the model's max_position_embeddings is {engine.MaxPositions}");
            if (prompt == 0) throw new UserError($"problem {prefix.Problem.Id}: its prompt has no token; a model needs one to begin with");
            var limit = Math.Min(sampling.MaxTokens, engine.MaxPositions - prompt) - used;
            if (limit > 0)
            {
                drawn.Add(i);
                work.Add(new(context, limit, seed, steps.Reader(prefix), prefix.Half ? prefix.Tokens.Count : 0));
            }
            else results[i] = prefix.Half ? prefix.Parent!.Then(prefix.Step, prefix.Tokens, ended: true) : prefix.Then("", ended: true);
        }

        if (work.Count < draws.Count) Drawn?.Invoke(draws.Count - work.Count);
        var sampled = engine.Run(work, until, sampling, Drawn, cancel);
        for (var w = 0; w < work.Count; w++)
        {
            var (tokens, ends) = (sampled[w], eos.Contains(sampled[w][^1]));
            var prefix = draws[drawn[w]].Prefix;
            results[drawn[w]] = steps.Append(prefix, tokens, ends, ends || tokens.Length == work[w].Limit, sampling.StepTokens > 0);
        }

        return results;

        int[][] Context(Prefix prefix) =>
            stretches.TryGetValue(prefix, out var known) ? known
            : stretches[prefix] = prefix.Parent is null ? [Stretch(prefix)] : [.. Context(prefix.Parent), Stretch(prefix)];
    }

    /// <summary>Ids of the prompt, or of a step.</summary>
    private int[] Stretch(Prefix node) => node.Parent is null
        ? template.PolicyIds(tokenizer, node.Problem) : StepIds.From(tokenizer, node.Step, node.Tokens);

    public void Dispose()
    {
        engine.Dispose();
        gate.Dispose();
    }
}
