using Pav.Models.Inference;

namespace Pav.Models.Tests.Cpu;

public class CrewTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Each_part_is_done_once_and_before_the_next_thing_begins(int size)
    {
        var crew = new Crew(size);
        var done = new int[7];
        for (var call = 0; call < 20; call++)
        {
            crew.Open();
            for (var turn = 0; turn < 50; turn++)
            {
                var expected = call * 50 + turn;
                crew.Do(done.Length, p =>
                {
                    Assert.All(done, d => Assert.InRange(d, expected, expected + 1));
                    done[p]++;
                });
                Assert.All(done, d => Assert.Equal(expected + 1, d));
            }

            crew.Close();
        }
    }

    [Fact]
    public void What_a_part_throws_comes_out_when_all_are_done()
    {
        var crew = new Crew(3);
        var done = 0;
        crew.Open();
        var thrown = Assert.Throws<InvalidOperationException>(() => crew.Do(6, p =>
        {
            Interlocked.Increment(ref done);
            if (p == 2) throw new InvalidOperationException("part 2");
        }));
        crew.Close();
        Assert.Equal("part 2", thrown.Message);
        Assert.Equal(6, done);
    }
}
