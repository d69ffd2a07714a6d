using Spectre.Console;

namespace Pav.Cli.Terminal;

/// <summary>
/// What a command says to a person: sentences, and progress with rate and time left. Goes to stdout, or to stderr when stdout
/// is for one JSON object. Live where that is a terminal, else a plain line when something has changed.
/// </summary>
/// <param name="name">Stands before every line; for one of several commands that run at the same time.</param>
internal sealed class Reporter(TextWriter human, bool live, bool quiet, int width = int.MaxValue, string name = "")
{
    private const string Bar = " | ";
    private static readonly TimeSpan Worthwhile = TimeSpan.FromSeconds(2);

    /// <summary>Where a bar is being drawn; what is said meanwhile goes above it.</summary>
    private volatile IAnsiConsole? barred;

    /// <summary>How often plain lines look for a change.</summary>
    internal TimeSpan Look { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After how long without a change a plain line says what the work waits for.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    public static Reporter For(bool json, bool quiet)
    {
        var terminal = !(json ? Console.IsErrorRedirected : Console.IsOutputRedirected);
        var live = terminal && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        var width = terminal && Console.WindowWidth is > 0 and var columns ? columns : int.MaxValue;
        return new(json ? Console.Error : Console.Out, live, quiet, width);
    }

    /// <summary>For a command that runs beside others: in plain lines that bear its name, fewer of them.</summary>
    public Reporter Beside(string command) =>
        new(human, live: false, quiet, width == int.MaxValue ? width : Math.Max(20, width - command.Length - Bar.Length), command)
        {
            Look = 4 * Look,
        };

    /// <summary>Columns of the terminal; of anything else there is no end.</summary>
    public int Width => width;

    /// <summary>What the command's policies draw, for progress within a batch.</summary>
    public DrawCount Draws { get; } = new();

    /// <summary>Says what work waits for, where it waits.</summary>
    public Func<string?>? Waiting { get; set; }

    /// <summary>May colours be used?</summary>
    public bool Colours => live && !quiet && Environment.GetEnvironmentVariable("NO_COLOR") is null or "";

    /// <summary>Prints a text, whatever it holds, as text.</summary>
    public void Say(string text) => SayColoured(Printable.From(text));

    /// <summary>Prints a text whose escapes are pav's own colours.</summary>
    public void SayColoured(string text)
    {
        if (quiet) return;
        if (name != "") foreach (var line in text.Split('\n').Where(l => l.Trim() != "")) human.WriteLine($"{name}{Bar}{line}");
        else if (barred is { } console) console.WriteLine(text);
        else human.WriteLine(text);
    }

    /// <summary>Runs long work and shows how far it is; the work reports through its <see cref="Tracker"/>.</summary>
    public async Task<T> Track<T>(string title, long total, string unit, Func<Tracker, Task<T>> work, long done = 0)
    {
        var tracker = new Tracker(title, total, unit, done, Draws);
        var result = quiet ? await Task.Run(() => work(tracker))
            : live && barred is null ? await Live(tracker, work)
            : await InLines(tracker, work);
        if (tracker.Elapsed > Worthwhile) Say(tracker.Closing());
        return result;
    }

    private async Task<T> InLines<T>(Tracker tracker, Func<Tracker, Task<T>> work)
    {
        var (told, since) = (tracker.State, TimeSpan.Zero);
        var running = Task.Run(() => work(tracker));
        while (await Task.WhenAny(running, Task.Delay(Look)) != running)
        {
            since += Look;
            var changed = tracker.State != told;
            if (!changed && since < Patience) continue;
            Say(WithCause(changed ? tracker.Line() : tracker.WaitingLine()));
            (told, since) = (tracker.State, TimeSpan.Zero);
        }
        return await running;
    }

    private string WithCause(string line) => Waiting?.Invoke() is { } cause ? $"{line}; {cause}" : line;

    private async Task<T> Live<T>(Tracker tracker, Func<Tracker, Task<T>> work)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(human), Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes,
        });
        console.Profile.Width = Math.Min(width, 1000);
        var line = BarLine.For(console.Profile.Width);
        barred = console;
        try
        {
            return await console.Progress().AutoClear(true)
                .Columns(
                    new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = line.Bar },
                        new PercentageColumn())
                .StartAsync(async context =>
                {
                    var bar = context.AddTask(Described(), maxValue: 1);
                    var running = Task.Run(() => work(tracker));
                    while (await Task.WhenAny(running, Task.Delay(200)) != running)
                    {
                        bar.Value = tracker.Share;
                        bar.Description = Described();
                    }
                    return await running;
                });
        }
        finally
        {
            barred = null;
        }

        string Described() => Markup.Escape(Printable.From(WithCause(line.Describe(tracker))));
    }
}
