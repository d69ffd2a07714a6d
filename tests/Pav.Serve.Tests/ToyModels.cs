using Pav.Models;
using Pav.Models.Tokenizers;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests;

/// <summary>Models, rooms and draws for tests.</summary>
internal static class Toys
{
    public static ServedModels Models(ToyPolicy policy, ToyVerifier? verifier = null, bool remote = false) =>
        new("toy", policy, Grader.Numeric, new PromptTemplate("{problem}\n"))
        {
            IsRemote = remote, Verifier = verifier ?? new(), Outcome = new ToyVerifier("toy-outcome"),
            Defaults = new() { Prover = Prover.BestOf(4), Alpha = 0.5 },
        };

    /// <summary>A few words, and marks of chats as special tokens.</summary>
    public static Tokenizer ChatTokenizer { get; } = Tokenizer.WordLevel(
        ["a", "b", "x", "2", " +", " 2", "<|assistant|>", "<|assistant|>y"], "<|end|>", "<|user|>");

    public static Problem Problem(string text) => new(text, text, "");

    public static Draw Draw(string text, ulong seed) => new(Prefix.Root(Problem(text)), seed);
}
