using System.Runtime.CompilerServices;

namespace Pav.Cli.Running;

/// <summary>A piece of work that may need others to be finished before.</summary>
/// <param name="Needs">Names of these; one that is no job of the schedule is taken to be there.</param>
/// <param name="Length">How long it is expected to take, in any unit; 0: no more than a moment.</param>
/// <param name="Run">Does it, as one of so many that run at the same time: 1 where nothing else can until it is finished.</param>
internal sealed record Job(string Name, IReadOnlyCollection<string> Needs, double Length, Func<int, CancellationToken, Task> Run);

/// <summary>Jobs that do not depend on each other run at the same time.</summary>
internal static class Schedule
{
    /// <summary>
    /// Runs all jobs, at most so many at once; of those that can begin, the one with the most work from it to the end comes first, but none
    /// before what takes only a moment. Gives each when it is finished. A job that fails, a cancellation and a caller that stops listening
    /// stop the others; what comes of that is thrown when all of them have stopped.
    /// </summary>
    public static async IAsyncEnumerable<Job> Run(
        IReadOnlyList<Job> jobs, int atOnce, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var ahead = Ahead(jobs);
        var waiting = jobs.OrderByDescending(j => ahead[j.Name]).ToList();
        var (open, running) = (jobs.Select(j => j.Name).ToHashSet(), new Dictionary<Task, Job>());
        try
        {
            while (open.Count > 0)
            {
                cancel.ThrowIfCancellationRequested();
                var able = waiting.Where(j => !j.Needs.Any(open.Contains)).ToList();
                // What begins beside another keeps to its share of the machine to its end: not for the sake of a moment.
                if (able.Concat(running.Values).Any(j => j.Length == 0)) able.RemoveAll(j => j.Length > 0);
                var ready = able.Take(atOnce - running.Count).ToList();
                var among = running.Count + ready.Count > 1 ? atOnce : 1;
                foreach (var job in ready)
                {
                    waiting.Remove(job);
                    running.Add(Task.Run(() => job.Run(among, stop.Token), CancellationToken.None), job);
                }

                var task = await Task.WhenAny(running.Keys);
                running.Remove(task, out var ended);
                await task;
                open.Remove(ended!.Name);
                yield return ended;
            }
        }
        finally
        {
            await stop.CancelAsync();
            foreach (var task in running.Keys) await Task.WhenAny(task);
        }
    }

    /// <summary>For each job its own length and those of the longest chain of jobs that wait for it.</summary>
    private static Dictionary<string, double> Ahead(IReadOnlyList<Job> jobs)
    {
        var after = jobs.SelectMany(j => j.Needs.Select(need => (need, j))).ToLookup(x => x.need, x => x.j);
        var (known, begun) = (new Dictionary<string, double>(), new HashSet<string>());
        foreach (var job in jobs) From(job);
        return known;

        double From(Job job)
        {
            if (known.TryGetValue(job.Name, out var value)) return value;
            if (!begun.Add(job.Name)) throw new InvalidOperationException($"{job.Name} waits for itself");
            return known[job.Name] = job.Length + after[job.Name].Select(From).DefaultIfEmpty().Max();
        }
    }
}
