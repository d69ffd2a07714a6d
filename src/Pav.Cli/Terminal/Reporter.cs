using Spectre.Console;

namespace Pav.Cli.Terminal;

/// <summary>
/// What a command says to a person: sentences, and progress with rate and time left. Goes to stdout, or to stderr when stdout
/// is for one JSON object. Live where that is a terminal, else a plain line every few seconds.
/// </summary>
internal sealed class Reporter(TextWriter human, bool live, bool quiet)
{
    private static readonly TimeSpan Plain = TimeSpan.FromSeconds(5), Worthwhile = TimeSpan.FromSeconds(2);

    public static Reporter For(bool json, bool quiet)
    {
        var terminal = !(json ? Console.IsErrorRedirected : Console.IsOutputRedirected) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        return new(json ? Console.Error : Console.Out, terminal, quiet);
    }

    public TextWriter Human => quiet ? TextWriter.Null : human;

    /// <summary>Says what work waits for, where it waits.</summary>
    public Func<string?>? Waiting { get; set; }

    /// <summary>May colours be used?</summary>
    public bool Colours => live && !quiet && Environment.GetEnvironmentVariable("NO_COLOR") is null or "";

    public void Say(string text) => Human.WriteLine(text);

    /// <summary>Runs long work and shows how far it is; the work reports through its <see cref="Tracker"/>.</summary>
    public async Task<T> Track<T>(string title, long total, string unit, Func<Tracker, Task<T>> work, long done = 0)
    {
        var tracker = new Tracker(title, total, unit, done);
        var result = quiet ? await Task.Run(() => work(tracker)) : live ? await Live(tracker, work) : await InLines(tracker, work);
        if (tracker.Elapsed > Worthwhile) Say(tracker.Closing());
        return result;
    }

    private async Task<T> InLines<T>(Tracker tracker, Func<Tracker, Task<T>> work)
    {
        var running = Task.Run(() => work(tracker));
        while (await Task.WhenAny(running, Task.Delay(Plain)) != running) Say(WithCause(tracker.Line()));
        return await running;
    }

    private string WithCause(string line) => Waiting?.Invoke() is { } cause ? $"{line}; {cause}" : line;

    private async Task<T> Live<T>(Tracker tracker, Func<Tracker, Task<T>> work)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(human) });
        return await console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask(Markup.Escape(tracker.Title), maxValue: Math.Max(1, tracker.Total));
                var running = Task.Run(() => work(tracker));
                while (await Task.WhenAny(running, Task.Delay(200)) != running)
                {
                    bar.Value = tracker.Done;
                    bar.Description = Markup.Escape(WithCause($"{tracker.Title} {tracker.Speed()}"));
                }
                return await running;
            });
    }
}
