using System.Text;
using Pav.Models.Tokenizers;

namespace Pav.Models;

/// <summary>
/// How a verifier reads a trace, in training and in scoring: the prompt's ids, then each step's, encoded by itself; its score is read at
/// the last
/// id of the prompt (V) and of each step (Q). Ids that stand for no text, end-of-sequence among them, are not read: a trace known as text
/// only has none.
/// </summary>
/// <param name="tokenizer">The verifier's.</param>
/// <param name="template">The verifier's; it may differ from the policy's.</param>
/// <param name="mark">Ends each step in place of its newline, and is where it is scored: <see cref="VerifierRecord"/>'s Mark.</param>
/// <param name="afterMark">Text between a step's mark and the next step.</param>
/// <param name="ends">The model's end-of-sequence ids.</param>
public sealed class VerifierEncoding(Tokenizer tokenizer, PromptTemplate template, string? mark = null, string? afterMark = null,
    IReadOnlyList<int>? ends = null)
{
    /// <summary>
    /// Where steps are text, the prompt's last spaces go with the first of them: tokenizers join a space to the word after it.
    /// </summary>
    private readonly PromptTemplate prompts = mark is null ? template : new(template.Text.TrimEnd(' ')) { StepEnd = template.StepEnd };

    private readonly string beforeFirst = mark is null ? "" : template.Text[template.Text.TrimEnd(' ').Length..];

    /// <summary>The verifier's.</summary>
    public Tokenizer Tokenizer => tokenizer;

    /// <summary>How a problem is put to it.</summary>
    public PromptTemplate Template => template;

    /// <summary>Ids of the prompt and of each step: Depth + 1 stretches.</summary>
    /// <param name="prefix">Its steps as a policy wrote them, or as text.</param>
    /// <param name="known">Keeps the ids of states, for prefixes that share their past; null: nothing is kept.</param>
    public int[][] Stretches(Prefix prefix, Dictionary<Prefix, int[]>? known = null) => [.. prefix.Path().Select(state =>
    {
        if (known is null) return Ids(state);
        if (!known.TryGetValue(state, out var ids)) known[state] = ids = Ids(state);
        return ids;
    })];

    /// <summary>
    /// A number of ids that a trace has at most, without encoding it: an id stands for at least one byte of the text, or for the prompt's
    /// beginning or end. Only a tokenizer that rewrites a text as a longer one may need more.
    /// </summary>
    public int MostTokens(Prefix prefix)
    {
        const int around = 4;
        var marks = Encoding.UTF8.GetByteCount(mark + afterMark + beforeFirst);
        return Encoding.UTF8.GetByteCount(prompts.Fill(prefix.Problem)) + around
            + prefix.Path().Skip(1).Sum(state => Encoding.UTF8.GetByteCount(state.Step) + marks);
    }

    /// <summary>The joined ids and, for h = 0 … Depth, the position at which q[h] is read.</summary>
    public (int[] Ids, int[] ReadAt) Encode(Prefix prefix)
    {
        var stretches = Stretches(prefix);
        var readAt = new int[stretches.Length];
        for (var (h, end) = (0, 0); h < stretches.Length; h++) readAt[h] = (end += stretches[h].Length) - 1;
        return ([.. stretches.SelectMany(s => s)], readAt);
    }

    private int[] Ids(Prefix node)
    {
        if (node.Parent is null)
        {
            var prompt = prompts.Encode(tokenizer, node.Problem);
            return prompt.Length > 0
                ? prompt : throw new UserError($"problem {node.Problem.Id}: its prompt has no token; a verifier needs one to read V from");
        }

        if (mark is not null)
            return tokenizer.Encode((node.Parent.Parent is null ? beforeFirst : afterMark) + node.Step.TrimEnd('\n') + mark,
                addSpecial: false, continues: true);
        return StepIds.From(tokenizer, node.Step,
            [.. node.Tokens.Where(id => id != tokenizer.Eos && !tokenizer.IsSpecial(id) && !(ends?.Contains(id) ?? false))]);
    }
}
