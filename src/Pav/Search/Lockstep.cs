namespace Pav;

/// <summary>
/// Runs many searches at once, each written as if it were alone. A search asks for draws and scores and waits; when every search waits, all
/// that was asked is answered in one call of the policy and one of each verifier. So a search is read top to bottom and still runs in
/// batches, over problems, trees and methods alike. Answers do not depend on the company: a draw depends on its prefix and seed, a score on
/// its prefix.
/// </summary>
/// <remarks>Searches run one at a time, never in parallel, and may wait for nothing but each other, draws and scores.</remarks>
public sealed class Lockstep(IPolicy policy, CancellationToken cancel = default)
{
    private readonly Questions<(Until Until, Sampling Sampling), Draw, Prefix> draws = new(null);
    private readonly Questions<IVerifier, Prefix, Scored> scores = new(ReferenceEqualityComparer.Instance);

    /// <summary>Extends every draw; answer i belongs to draw i.</summary>
    public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> asked, Until until, Sampling sampling) =>
        draws.Ask((until, sampling), asked);

    /// <summary>Scores every step of every prefix.</summary>
    public Task<IReadOnlyList<Scored>> Score(IVerifier verifier, IReadOnlyList<Prefix> prefixes) => scores.Ask(verifier, prefixes);

    /// <summary>Runs all searches to their ends; answers in their order.</summary>
    public Task<T[]> Run<T>(IEnumerable<Func<Task<T>>> searches) => Task.Run(async () =>
    {
        var running = searches.Select(search => search()).ToList();
        while (running.Find(task => task.IsFaulted) is null && (draws.Any || scores.Any))
        {
            cancel.ThrowIfCancellationRequested();
            await draws.Answer((key, asked) => policy.Extend(asked, key.Until, key.Sampling, cancel));
            await scores.Answer((verifier, asked) => verifier.Score(asked, cancel));
        }

        if (running.Find(task => task.IsFaulted) is { } failed) await failed;
        if (running.Exists(task => !task.IsCompleted))
            throw new InvalidOperationException("a search waits for something other than a draw or a score");
        return await Task.WhenAll(running);
    }, cancel);

    /// <summary>What was asked since the last answer, by what can be answered together.</summary>
    private sealed class Questions<TKey, TAsked, TAnswer>(IEqualityComparer<TKey>? comparer) where TKey : notnull
    {
        private sealed record Question(IReadOnlyList<TAsked> Asked, TaskCompletionSource<IReadOnlyList<TAnswer>> Answer);

        private readonly Dictionary<TKey, List<Question>> open = new(comparer);

        public bool Any => open.Count > 0;

        public Task<IReadOnlyList<TAnswer>> Ask(TKey key, IReadOnlyList<TAsked> asked)
        {
            if (asked.Count == 0) return Task.FromResult<IReadOnlyList<TAnswer>>([]);
            var question = new Question(asked, new());
            if (!open.TryGetValue(key, out var questions)) open[key] = questions = [];
            questions.Add(question);
            return question.Answer.Task;
        }

        /// <summary>Answers all questions. A search goes on as soon as it has its answer, and what it asks then is for the next
        /// call.</summary>
        public async Task Answer(Func<TKey, IReadOnlyList<TAsked>, Task<IReadOnlyList<TAnswer>>> call)
        {
            var now = open.ToList();
            open.Clear();
            foreach (var (key, questions) in now)
            {
                var answers = await call(key, [.. questions.SelectMany(q => q.Asked)]);
                foreach (var (question, slice) in questions.Zip(answers.SplitBy(questions.Select(q => q.Asked.Count))))
                    question.Answer.SetResult(slice);
            }
        }
    }
}
