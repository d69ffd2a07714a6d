using Pav.Cli.Commands.Label;
using Pav.Cli.Commands.ProblemFiles;
using Pav.Cli.Commands.Reproduce;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;

namespace Pav.Cli.Tests;

public sealed class ScheduleTests
{
    /// <summary>Jobs whose ends the test says; it sees which have begun, and among how many.</summary>
    private sealed class Stage
    {
        private readonly Dictionary<string, TaskCompletionSource> ends = [];
        private readonly Lock gate = new();
        private readonly List<string> begun = [];

        public List<string> Finished { get; } = [];

        public List<string> Stopped { get; } = [];

        public Job Job(string name, double length, params string[] needs) => new(name, needs, length, async (among, cancel) =>
        {
            lock (gate)
            {
                begun.Add($"{name}/{among}");
                ends[name] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            try
            {
                await ends[name].Task.WaitAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                lock (gate) Stopped.Add(name);
                throw;
            }
        });

        public async Task Run(IReadOnlyList<Job> jobs, int atOnce, CancellationToken cancel = default)
        {
            await foreach (var job in Schedule.Run(jobs, atOnce, cancel)) Finished.Add(job.Name);
        }

        /// <summary>Waits until exactly these have begun since the last time, in any order.</summary>
        public async Task Begin(params string[] names)
        {
            for (var i = 0; i < 500; i++)
            {
                lock (gate)
                    if (begun.Count >= names.Length) break;
                await Task.Delay(10);
            }

            await Task.Delay(20);
            lock (gate)
            {
                Assert.Equal(names.Order(), begun.Order());
                begun.Clear();
            }
        }

        public void End(string name) => ends[name].SetResult();

        public void Fail(string name, Exception e) => ends[name].SetException(e);
    }

    [Fact]
    public async Task JobsBeginWhenWhatTheyNeedIsFinishedTheLongestChainFirst()
    {
        var stage = new Stage();
        // c and what waits for it take 1 + 9, longer than b; d is the shortest of all.
        var running = stage.Run([stage.Job("a", 1), stage.Job("b", 5, "a"), stage.Job("c", 1, "a"), stage.Job("d", 2, "a"),
            stage.Job("e", 9, "c", "elsewhere")], 2);
        await stage.Begin("a/1");
        stage.End("a");
        await stage.Begin("b/2", "c/2");
        stage.End("c");
        await stage.Begin("e/2");
        stage.End("b");
        await stage.Begin("d/2");
        stage.End("e");
        stage.End("d");
        await running;
        Assert.Equal(["a", "c", "b"], stage.Finished.Take(3));
        Assert.Equal(["d", "e"], stage.Finished.Skip(3).Order());
    }

    [Fact]
    public async Task OneAtATimeEachHasTheMachineForItself()
    {
        var stage = new Stage();
        var running = stage.Run([stage.Job("short", 1), stage.Job("long", 2)], 1);
        await stage.Begin("long/1");
        stage.End("long");
        await stage.Begin("short/1");
        stage.End("short");
        await running;
    }

    /// <summary>Else the longer one would keep to half of the machine long after the other is over.</summary>
    [Fact]
    public async Task NothingLongerBeginsBesideWhatTakesAMoment()
    {
        var stage = new Stage();
        var running = stage.Run([stage.Job("long", 9), stage.Job("done", 0), stage.Job("file", 0), stage.Job("gate", 0, "long"),
            stage.Job("last", 5, "long"), stage.Job("beside", 1, "done")], 2);
        await stage.Begin("done/2", "file/2");
        stage.End("done");
        await stage.Begin();
        stage.End("file");
        await stage.Begin("long/2", "beside/2");
        stage.End("long");
        await stage.Begin("gate/2");
        stage.End("gate");
        await stage.Begin("last/2");
        stage.End("beside");
        stage.End("last");
        await running;
    }

    [Fact]
    public async Task AFailureStopsTheOthersAndIsThrownOnce()
    {
        var stage = new Stage();
        var running = stage.Run([stage.Job("bad", 3), stage.Job("good", 2), stage.Job("later", 1)], 2);
        await stage.Begin("bad/2", "good/2");
        stage.Fail("bad", new UserError("bad: no space"));
        Assert.Equal("bad: no space", (await Assert.ThrowsAsync<UserError>(() => running)).Message);
        Assert.Equal(["good"], stage.Stopped);
        Assert.Empty(stage.Finished);
        await stage.Begin();
    }

    [Fact]
    public async Task ACancellationStopsAll()
    {
        using var cancel = new CancellationTokenSource();
        var stage = new Stage();
        var running = stage.Run([stage.Job("a", 1), stage.Job("b", 1), stage.Job("c", 1)], 2, cancel.Token);
        await stage.Begin("a/2", "b/2");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal(["a", "b"], stage.Stopped.Order());
        await stage.Begin();
    }

    [Fact]
    public async Task WhoStopsListeningStopsAll()
    {
        var stage = new Stage();
        var running = Task.Run(async () =>
        {
            await foreach (var job in Schedule.Run([stage.Job("a", 2), stage.Job("b", 1)], 2, default))
                throw new UserError($"{job.Name} cannot be summed up");
        });
        await stage.Begin("a/2", "b/2");
        stage.End("a");
        Assert.Equal("a cannot be summed up", (await Assert.ThrowsAsync<UserError>(() => running)).Message);
        Assert.Equal(["b"], stage.Stopped);
    }

    [Fact]
    public async Task JobsThatWaitForEachOtherAreRefused()
    {
        var stage = new Stage();
        await Assert.ThrowsAsync<InvalidOperationException>(() => stage.Run([stage.Job("a", 1, "b"), stage.Job("b", 1, "a")], 2));
    }

    [Fact]
    public void OneOfTwoHasHalfTheThreadsAndMemory()
    {
        var schema = OptionSchema.From(typeof(LabelSettings));
        var options = new LabelSettings { Policy = "p", Problems = "q.jsonl", Threads = 4, MemoryMb = 600, NCov = 3, Seed = 7, Out = "o",
            Prompt = new() { System = "Be brief." } };
        Assert.Same(options, Sharing.Share(schema, options, 1));
        Assert.Equal(options with { Threads = 2 }, Sharing.Share(schema, options, 2));
        Assert.Equal(4, options.Threads);
        Assert.Equal(1, ((LabelSettings)Sharing.Share(schema, options with { Threads = 1 }, 2)).Threads);
        Assert.Equal((1, 2, 2, 1), (Sharing.AtOnce(1), Sharing.AtOnce(2), Sharing.AtOnce(8), Sharing.AtOnce(8, "cuda")));
    }

    [Fact]
    public async Task AFailureBearsTheNameOfItsPart()
    {
        var options = new ProblemsSettings { Out = "never.jsonl", Level = 5, Traps = 6 };
        var error = await Assert.ThrowsAsync<UserError>(() => Sharing.RunOnce(
            "problems-test", ProblemsCommand.Spec, options, "", 2, new(TextWriter.Null, live: false, quiet: true), default));
        Assert.StartsWith("problems-test: --traps is 6, but", error.Message);
    }

    [Fact]
    public async Task ThreadsAreThoseOfTheWorkThatSetsThem()
    {
        async Task<int> Set(int threads)
        {
            Checkpoint.Threads(threads);
            await Task.Delay(20);
            return await Task.Run(() => Models.Cpu.Threads.Count);
        }

        var counts = await Task.WhenAll(Set(3), Set(5));
        Assert.Equal([3, 5], counts);
        Assert.Equal(0, Models.Cpu.Threads.Chosen);
    }

    [Fact]
    public void LinesOfOneOfSeveralBearItsName()
    {
        var text = new StringWriter();
        new Reporter(text, live: true, quiet: false).Beside("labels").Say("\none\n\ntwo");
        Assert.Equal(["labels | one", "labels | two"], text.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>What only a file of an earlier part tells is read when the part begins.</summary>
    [Fact]
    public void OptionsMayBeSettledLate()
    {
        var told = 0;
        var part = new Part("rl", "", LabelCommand.Spec, new LabelSettings { Seed = 1 }, "out/rl", ["choice"],
            o => (LabelSettings)o with { Seed = (ulong)told });
        told = 9;
        Assert.Equal((1UL, 9UL), (((LabelSettings)part.Options).Seed, ((LabelSettings)part.Settled()).Seed));
    }
}
