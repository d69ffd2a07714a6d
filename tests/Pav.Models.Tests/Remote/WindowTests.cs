using Pav.Models.Remote;

namespace Pav.Models.Tests.Remote;

public sealed class WindowTests
{
    [Fact]
    public void Grows_while_it_is_full_and_answers_are_as_quick_as_ever()
    {
        var window = new Window(64);
        var start = window.Size;
        for (var i = 0; i < 200; i++) window.Answered(0.1, 10, full: false);
        Assert.Equal(start, window.Size);
        for (var i = 0; i < 200; i++) window.Answered(0.1, 10, full: true);
        Assert.Equal(64, window.Size);
    }

    [Fact]
    public void Many_429s_to_one_window_of_requests_halve_it_once()
    {
        var window = new Window(64);
        for (var i = 0; i < 200; i++) window.Answered(0.1, 10, full: true);
        for (var i = 0; i < 30; i++) window.Busy();
        Assert.Equal(32, window.Size);
        for (var i = 0; i < 40; i++) window.Answered(0.1, 10, full: true);
        Assert.InRange(window.Size, 32, 34);
        window.Busy();
        Assert.InRange(window.Size, 16, 17);
    }

    [Fact]
    public void Settles_below_the_load_at_which_a_queueing_server_becomes_slow()
    {
        // A server that works on 16 requests at once: more of them only wait.
        var window = new Window(1000);
        for (var i = 0; i < 20000; i++) window.Answered(Math.Max(1, window.Size / 16.0), 10, full: true);
        Assert.InRange(window.Size, 16, 80);
    }

    [Fact]
    public void One_is_the_least() => Assert.Equal(1, Emptied().Size);

    private static Window Emptied()
    {
        var window = new Window(8);
        for (var i = 0; i < 100; i++)
        {
            window.Busy();
            window.Answered(1, 1, full: true);
        }

        for (var i = 0; i < 10; i++) window.Busy();
        window.Reset();
        return window;
    }
}
