using System.Runtime.CompilerServices;

namespace Pav.Serve.Searches;

/// <summary>A search begins; node 0 is its problem.</summary>
internal sealed record SearchStarted(
    string Problem, string ProblemId, string Model, string Method, string Label, int N, double? Alpha, string? Prover, ulong Seed);

/// <summary>A step was drawn.</summary>
/// <param name="Tree">Which of the search's trees it is in, from 1; null where they are samples that share nothing.</param>
/// <param name="DuplicateOf">The equal step that was there before; this one is paid for and goes no further.</param>
internal sealed record NodeCreated(int Id, int Parent, int? Tree, int Depth, string Step, int Tokens, int? DuplicateOf);

/// <summary>A step has its values.</summary>
internal sealed record NodeScored(int Id, double Q, double QMu, double A, double Reward);

/// <summary>A step was kept, or pruned.</summary>
internal sealed record NodeSettled(int Id);

/// <summary>A trace ends here.</summary>
/// <param name="Answer">As the grader reads it; null: none.</param>
/// <param name="Correct">1 or 0 where the reference answer is known.</param>
internal sealed record NodeFinished(int Id, string? Answer, int? Correct);

/// <summary>What the search has cost.</summary>
internal sealed record Spent(int PromptTokens, long GeneratedTokens, long ScoredTokens, long AnswerTokens);

/// <summary>The search is over.</summary>
/// <param name="Chosen">The node whose trace answers; null where it is none of those told.</param>
/// <param name="Path">From the problem to it.</param>
internal sealed record SearchDone(
    int? Chosen, IReadOnlyList<int> Path, string Text, string? Answer, int? Correct, double? Q, string FinishReason, Spent Usage,
    double Seconds, SearchTree? Tree);

/// <summary>Tells a search's tree while it grows: every node has a number, in the order in which they are told.</summary>
/// <param name="asked">The search.</param>
/// <param name="grader">Reads the answers of traces.</param>
/// <param name="send">Gets the events with their names, from one thread at a time.</param>
internal sealed class SearchEvents(Asked asked, Grader grader, Action<object, string> send)
{
    private readonly Lock gate = new();
    private readonly Dictionary<object, int> ids = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<int, int> parents = [];
    private readonly ConditionalWeakTable<StepTree, object> trees = [];
    private int treesTold, last;
    private bool rootScored;

    private int? Correct(Prefix trace) => asked.Problem.Answer == "" ? null : grader.Rex(trace);

    /// <summary>A search that has a tree tells of one of its steps.</summary>
    public void Tell(StepNews news)
    {
        lock (gate)
        {
            var node = news.Node;
            switch (news.Change)
            {
                case StepChange.Drawn:
                    Create(node, node.Parent!, Tree(news.Tree), node.Prefix, node.Twin is null ? null : ids[node.Twin]);
                    break;
                case StepChange.Scored:
                    ScoreRoot(news.Tree.Root.Q, news.Tree.Root.QMu);
                    send(new NodeScored(ids[node], node.Q, node.QMu, node.A, node.Reward), "node.scored");
                    break;
                case StepChange.Settled when node.Fate is Fate.Finished:
                    send(new NodeFinished(ids[node], grader.Extract(node.Prefix.Text), Correct(node.Prefix)), "node.finished");
                    break;
                case StepChange.Settled when node.Fate is Fate.Kept or Fate.Pruned:
                    send(new NodeSettled(ids[node]), node.Fate == Fate.Kept ? "node.kept" : "node.pruned");
                    break;
            }
        }
    }

    /// <summary>A trace that is drawn by itself has a new step.</summary>
    public void Grew(Prefix prefix)
    {
        lock (gate)
        {
            foreach (var step in prefix.Path().Skip(1).Where(p => !ids.ContainsKey(p))) Create(step, step.Parent!, null, step, null);
            if (prefix.Ended) send(new NodeFinished(ids[prefix], grader.Extract(prefix.Text), Correct(prefix)), "node.finished");
        }
    }

    /// <summary>A trace that was drawn by itself has its values.</summary>
    public void Judged(Prefix prefix, Scored scored)
    {
        lock (gate)
        {
            if (!ids.ContainsKey(prefix)) return;
            var prover = asked.Options.Prover is { Verifier: null } known ? known : null;
            double Mu(int depth) => prover?.FromPolicy(scored.Q[depth]) ?? scored.Q[depth];
            ScoreRoot(scored.Q[0], Mu(0));
            foreach (var step in prefix.Path().Skip(1))
            {
                var (q, mu, a) = (scored.Q[step.Depth], Mu(step.Depth), Mu(step.Depth) - Mu(step.Depth - 1));
                send(new NodeScored(ids[step], q, mu, a, EffectiveReward.Compute(q, a, asked.Options.Alpha)), "node.scored");
            }
        }
    }

    /// <summary>The way from the problem to the trace that answers.</summary>
    public IReadOnlyList<int> Path(Answer answer)
    {
        lock (gate)
        {
            if (!ids.TryGetValue((object?)answer.Node ?? answer.Trace, out var id)) return [];
            var path = new List<int> { id };
            while (parents.TryGetValue(path[^1], out var parent)) path.Add(parent);
            path.Reverse();
            return path;
        }
    }

    private void Create(object key, object parent, int? tree, Prefix prefix, int? twin)
    {
        var id = ids[key] = ++last;
        parents[id] = ids.GetValueOrDefault(parent);
        send(new NodeCreated(id, parents[id], tree, prefix.Depth, prefix.Step, prefix.TokenCount, twin), "node.created");
    }

    private void ScoreRoot(double q, double mu)
    {
        if (rootScored) return;
        rootScored = true;
        send(new NodeScored(0, q, mu, 0, q), "node.scored");
    }

    private int Tree(StepTree tree) => (int)trees.GetValue(tree, _ => ++treesTold);
}
