using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Models.Tokenizers;

namespace Pav.Models;

/// <summary>
/// A language model with a score head as a verifier: Q = σ(scale·score + bias) at the last id of the prompt and of every step. All steps of
/// a trace are scored
/// in one pass; what was scored before and is still held is not read again, so a beam costs its new steps only.
/// </summary>
public sealed class TransformerVerifier : ILoadedVerifier
{
    /// <summary>Ids that one call of the runner reads.</summary>
    private const int TokensAtOnce = 4096;

    private readonly VerifierEncoding encoding;
    private readonly ScoreCalibration calibration;
    private readonly IRunner runner;
    private readonly KvTree tree;
    private readonly SemaphoreSlim gate = new(1);
    private Caution caution = Caution.None;

    /// <param name="name">Told in results.</param>
    /// <param name="model">With a score head of one label (σ of the score), or of two (σ of their difference).</param>
    /// <param name="encoding">How traces become ids; the same as in training.</param>
    /// <param name="options">Memory and threads.</param>
    /// <param name="calibration">From scores to probabilities; without it, σ.</param>
    /// <param name="heads">Labels of the head that are judges, not right and wrong; null: they are these.</param>
    public TransformerVerifier(
        string name, DecoderModel model, VerifierEncoding encoding, EngineOptions? options = null, ScoreCalibration? calibration = null,
            int? heads = null)
        : this(name, Runner.Create(model, options ?? new()), encoding, calibration, heads)
    {
    }

    private TransformerVerifier(string name, IRunner runner, VerifierEncoding encoding, ScoreCalibration? calibration, int? heads)
    {
        this.runner = runner;
        if (runner.Config.Head == DecoderHead.CausalLM)
            throw new UserError($"{name} is a language model's checkpoint, and a verifier needs a score head; {VerifierRecord.Instead}");
        if (heads is not null && heads != runner.Config.Labels)
            throw new UserError($"{name} has {runner.Config.Labels} labels, and its verifier.json says that it has {heads} heads");
        if (heads is null && runner.Config.Labels > 2)
            throw new UserError($"{name} has {runner.Config.Labels} labels, and a verifier has one or two");
        (Name, Judges) = (name, heads ?? 1);
        this.encoding = encoding;
        this.calibration = calibration ?? new(1, 0);
        tree = new(runner);
    }

    /// <summary>Opens a checkpoint's folder with its <c>verifier.json</c>.</summary>
    /// <param name="name">Told in results.</param>
    /// <param name="folder">Of a verifier.</param>
    /// <param name="options">Memory, threads, device.</param>
    public static TransformerVerifier Load(string name, string folder, EngineOptions? options = null)
    {
        var record = VerifierRecord.Load(folder);
        var tokenizer = Tokenizer.Load(folder);
        record.Answers?.Check(tokenizer, folder);
        var runner = Runner.Open(folder, options ?? new(), record.Answers);
        return new(name, runner, new(tokenizer, record.Template, record.Mark, record.AfterMark, runner.Config.Eos), record.Calibration,
            record.Heads)
        {
            Caution = record.Caution ?? Caution.None,
        };
    }

    public string Name { get; }

    public int Judges { get; }

    public Caution Caution
    {
        get => caution;
        set
        {
            caution = value;
            tree.Clear();
        }
    }

    /// <summary>How it reads traces.</summary>
    public VerifierEncoding Encoding => encoding;

    /// <summary>The most tokens that it reads of problem and response together.</summary>
    public int MaxTokens => runner.Config.MaxPositions;

    /// <summary>Tokens read so far; what was still held did not count.</summary>
    public long ScoredTokens => tree.Computed;

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        await gate.WaitAsync(cancel);
        try
        {
            return await Task.Run(() => Scores(prefixes, cancel), cancel);
        }
        finally
        {
            gate.Release();
        }
    }

    public void Reset() => tree.Clear();

    private Scored[] Scores(IReadOnlyList<Prefix> prefixes, CancellationToken cancel)
    {
        var results = new Scored[prefixes.Count];
        var known = new Dictionary<Prefix, int[]>(ReferenceEqualityComparer.Instance);
        List<(int Index, KvNode[] Nodes, int Tokens)> wave = [];
        List<(KvNode Node, int Row, int? Judge)> computing = [];
        try
        {
            for (var i = 0; i < prefixes.Count; i++)
            {
                var nodes = Nodes(encoding.Stretches(prefixes[i], known));
                if (nodes[^1].End > runner.Config.MaxPositions)
                    throw new UserError($"problem {prefixes[i].Problem.Id}: a trace of {nodes[^1].End} tokens is longer than "
                        + $"max_position_embeddings = {runner.Config.MaxPositions} of {Name}; leave it out, or take a verifier with a "
                        + "longer context");
                if (!Reserve(nodes[^1]))
                {
                    Finish();
                    if (!Reserve(nodes[^1]))
                        throw new UserError($"problem {prefixes[i].Problem.Id}: scoring a trace of {nodes[^1].End} tokens needs more "
                            + $"key-value cache than the budget of {runner.Pool.Capacity * runner.Pool.BlockBytes:N0} bytes; raise the "
                            + "cache budget");
                }

                var before = tree.Computed;
                var judge = Judges > 1 ? caution.Draw(prefixes[i].Problem.Text, Judges) : null;
                foreach (var node in nodes)
                    if (!node.Complete) computing.Add((node, tree.Extend(node), judge));
                wave.Add((i, nodes, (int)(tree.Computed - before)));
                if (runner.Pending >= TokensAtOnce) Finish();
            }

            Finish();
            tree.Trim();
            return results;
        }
        catch
        {
            // What was added and not run must not pass for computed.
            runner.Clear();
            tree.Clear();
            throw;
        }

        bool Reserve(KvNode node)
        {
            KvTree.Pin(node, 1);
            if (tree.MakeRoom(tree.BlocksMissing(node))) return true;
            KvTree.Pin(node, -1);
            return false;
        }

        void Finish()
        {
            cancel.ThrowIfCancellationRequested();
            runner.Run();
            foreach (var (node, row, judge) in computing) node.Values = [(float)Probability(runner.Output(row), judge)];
            computing.Clear();
            foreach (var (index, nodes, tokens) in wave)
            {
                results[index] = new([.. nodes.Select(n => (double)n.Values![0])], tokens);
                KvTree.Pin(nodes[^1], -1);
            }

            wave.Clear();
        }
    }

    /// <summary>The node at which each stretch ends; a stretch without ids ends where the one before it does.</summary>
    private KvNode[] Nodes(int[][] stretches)
    {
        var path = tree.Find(stretches).Path().ToArray();
        var nodes = new KvNode[stretches.Length];
        for (var (h, position) = (0, -1); h < stretches.Length; h++) nodes[h] = path[stretches[h].Length > 0 ? ++position : position];
        return nodes;
    }

    /// <param name="score">Of every label.</param>
    /// <param name="judge">The head that judges alone; null: all together.</param>
    private double Probability(ReadOnlySpan<float> score, int? judge)
    {
        if (judge is { } alone) return calibration.Probability(score[alone]);
        if (Judges == 1) return calibration.Probability(score.Length == 1 ? score[0] : score[1] - score[0]);
        Span<double> judged = stackalloc double[score.Length];
        var mean = 0.0;
        for (var k = 0; k < score.Length; k++)
        {
            judged[k] = calibration.Probability(score[k]);
            mean += (double)score[k] / score.Length;
        }

        return caution.Apply(calibration.Probability(mean), judged);
    }

    public void Dispose()
    {
        tree.Clear();
        runner.Dispose();
        gate.Dispose();
    }
}
