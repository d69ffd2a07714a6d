using Pav.Models.Remote;

namespace Pav.Models.Tests.Remote;

public sealed class EndpointHealthTests
{
    private static readonly Capabilities Found = new("http://a/v1", "vllm", null, "m", null, StopText.Returned, true, SeedUse.Honoured,
        null, 1, TokenCounts.Told);

    private readonly ManualTime time = new();
    private readonly EndpointHealth health;

    public EndpointHealthTests() => health = new(new("http://a/v1") { Time = time });

    private sealed class ManualTime : TimeProvider
    {
        private long now = 1;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => now;

        public void Pass(double seconds) => now += (long)(seconds * 1000);
    }

    private static EndpointException Failure(Fault fault, int status = 0, double? retryAfter = null) =>
        new(fault, "no") { Status = status, RetryAfter = retryAfter is { } s ? TimeSpan.FromSeconds(s) : null };

    [Fact]
    public void It_is_asked_what_it_is_before_it_is_used()
    {
        Assert.True(health.WantsProbe);
        Assert.False(health.Usable);
        health.Probing();
        Assert.False(health.WantsProbe);
        health.Join(Found);
        Assert.True(health.Usable && health.HasRoom);
    }

    [Fact]
    public void One_that_does_not_say_what_it_is_is_asked_again_later_and_later()
    {
        double before = 0;
        for (var times = 0; times < 6; times++)
        {
            Assert.True(health.WantsProbe);
            health.Probing();
            health.ProbeFailed(Failure(Fault.Malformed));
            Assert.False(health.WantsProbe);
            double waited = 0;
            for (; !health.WantsProbe; waited += 0.01) time.Pass(0.01);
            Assert.InRange(waited, before * 0.59, 13);
            before = waited;
        }

        Assert.InRange(before, 7, 13);
    }

    [Fact]
    public void Three_broken_connections_set_it_aside_and_it_comes_back_by_an_answer()
    {
        health.Join(Found);
        for (var i = 0; i < 2; i++) health.Failed(Failure(Fault.Network));
        Assert.True(health.Usable);
        health.Failed(Failure(Fault.Network));
        Assert.False(health.Usable);
        time.Pass(2);
        Assert.False(health.Usable);
        Assert.True(health.WantsProbe);
        health.Probing();
        health.Join(Found);
        Assert.True(health.Usable);
        Assert.Null(health.LastError);
    }

    [Theory]
    [InlineData(Fault.Malformed)]
    [InlineData(Fault.Server)]
    [InlineData(Fault.Timeout)]
    public void Three_bad_answers_make_it_doubted_and_a_question_decides(Enum fault)
    {
        health.Join(Found);
        for (var i = 0; i < 3; i++) health.Failed(Failure((Fault)fault));
        Assert.True(health.Doubted && health.Usable);
        health.Checked(true);
        Assert.False(health.Doubted);
        for (var i = 0; i < 3; i++) health.Failed(Failure((Fault)fault));
        health.Checked(false);
        Assert.False(health.Usable || health.Doubted);
    }

    [Fact]
    public void A_good_answer_between_failures_forgives_them()
    {
        health.Join(Found);
        for (var i = 0; i < 20; i++)
        {
            health.Failed(Failure(Fault.Server));
            health.Failed(Failure(Fault.Network));
            health.Answered(1, 10);
        }

        Assert.True(health.Usable && !health.Doubted);
    }

    [Fact]
    public void Retry_after_is_kept_to()
    {
        health.Join(Found);
        health.Busy(Failure(Fault.Busy, 429, 7));
        time.Pass(6.9);
        Assert.False(health.Usable);
        time.Pass(0.2);
        Assert.True(health.Usable);
    }

    [Fact]
    public void A_refusal_lasts_a_minute_or_shortly_where_it_was_used_before()
    {
        health.Probing();
        health.ProbeFailed(Failure(Fault.Refused, 401));
        time.Pass(59);
        Assert.False(health.WantsProbe);
        time.Pass(2);
        Assert.True(health.WantsProbe);
        health.Join(Found);
        health.Failed(Failure(Fault.Refused, 404));
        Assert.True(health.Refused && !health.Usable);
        time.Pass(2);
        Assert.True(health.WantsProbe);
    }

    [Fact]
    public void Requests_that_did_not_fit_together_are_not_sent_together_again_for_a_while()
    {
        var window = new Window(64);
        while (window.Size < 12) window.Answered(0.1, 10, full: true);
        Assert.True(window.TooMany());
        for (var i = 0; i < 11; i++) Assert.False(window.TooMany());
        Assert.Equal(6, window.Size);
        for (var i = 0; i < 300; i++) window.Answered(0.1, 10, full: true);
        Assert.Equal(11, window.Size);
        for (var i = 0; i < 5000; i++) window.Answered(0.1, 10, full: true);
        Assert.InRange(window.Size, 13, 20);
    }
}
