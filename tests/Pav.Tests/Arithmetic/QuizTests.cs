using Pav.Arithmetic;

namespace Pav.Tests.Arithmetic;

public class QuizTests
{
    // 17 +8 = 25 (carry), 25 -7 = 18 (borrow), skip +6, 18 x2 = 36 (carry), 36 -9 = 27 (borrow): every line is a trap.
    private static readonly Quiz Quiz = new(
        new(17, [new(new('+', 8), false), new(new('-', 7), false), new(new('+', 6), true), new(new('x', 2), false),
            new(new('-', 9), false)]),
        [27, 17, 33, 21]);

    private static readonly string[] Right =
        ["1: +8 = 25 .\n", "2: -7 = 18 .\n", "3: skip = 18 .\n", "4: x2 = 36 .\n", "5: -9 = 27 .\n", "Answer: 27"];

    [Fact]
    public void Text_and_answer()
    {
        Assert.Equal("Start 17\n1: +8\n2: -7\n3: skip +6\n4: x2\n5: -9\nso: 27 17 33 21", Quiz.Text);
        Assert.Equal(("27", 5), (Quiz.ToProblem().Answer, Quiz.ToProblem().Level));
        Assert.Equal(5, Student.Traps(Quiz.Sheet));
    }

    [Fact]
    public void Values_by_hand()
    {
        // At the start 0.3 · ¼ + 0.7 · 0.6⁵; after h right lines 0.6^(5 − h); after a guess ¼, whatever follows; after a mistake 0.
        Assert.Equal(0.129432, Guesser.Value(Quiz, []), 12);
        for (var h = 1; h <= 5; h++) Assert.Equal(Math.Pow(0.6, 5 - h), Guesser.Value(Quiz, Right[..h]), 12);
        Assert.Equal(1, Guesser.Value(Quiz, Right));
        Assert.Equal(0.25, Guesser.Value(Quiz, ["so: skip = 27 .\n"]));
        Assert.Equal(0.25, Guesser.Value(Quiz, ["so: skip = 33 .\n", "fix: x2 = 33 .\n"]));
        Assert.Equal(0, Guesser.Value(Quiz, ["1: +8 = 15 .\n"]));
    }

    [Fact]
    public void Values_are_those_of_what_he_writes()
    {
        const int quizzes = 400, traces = 50;
        var (guessed, right, expected) = (0, 0.0, 0.0);
        foreach (var quiz in Quiz.Distinct(2, Split.Train).Take(quizzes))
        {
            Assert.Equal(Quiz.Options, quiz.Choices.Distinct().Count());
            Assert.Contains(quiz.Sheet.Answer, quiz.Choices);
            expected += Guesser.Value(quiz, []) * traces;
            for (var i = 0; i < traces; i++)
            {
                var text = Guesser.Write(quiz, Seeds.Derive(5, quiz.Text, "trace", i));
                if (text.StartsWith("so:", StringComparison.Ordinal)) guessed++;
                if (text.EndsWith($"Answer: {quiz.Sheet.Answer}", StringComparison.Ordinal)) right++;
            }
        }

        const double count = quizzes * traces;
        Assert.Equal(Guesser.Guess, guessed / count, 0.015);
        // Two mistakes that cancel make him right a little more often than Value says.
        Assert.InRange(right / count - expected / count, -0.008, 0.02);
    }

    [Fact]
    public void Solutions_use_only_words_of_the_domain()
    {
        var words = Corpus.Words.ToHashSet();
        for (var i = 0L; i < 200; i++)
        {
            var lesson = Guesser.Homework(3, i);
            foreach (var line in (lesson.Prompt[7..] + lesson.Completion).Split('\n'))
                Assert.All(line.Split(' ').Select((p, k) => k == 0 ? p : " " + p), w => Assert.True(w == "" || words.Contains(w), w));
        }
    }

    /// <summary>Without any model: the writer himself is the policy, exact values are the verifier.</summary>
    [Fact]
    public async Task Progress_helps_a_beam_of_four_and_not_a_beam_of_one()
    {
        var quizzes = Quiz.Distinct(1, Split.Test).Take(200).ToDictionary(q => q.ToProblem().Id);
        List<Problem> problems = [.. quizzes.Values.Select(q => q.ToProblem())];
        var tools = new SearchTools(new Writer(quizzes), Grader.Numeric, new Exact(quizzes));
        var options = new SearchOptions { Alpha = 0.5, Prover = Prover.BestOf(4) };
        async Task<double> Right(SearchMethod method, int n) =>
            (await SearchBatch.Run(problems, method, n, tools, options)).Average(r => r.Row.Correct);
        Assert.Equal(await Right(SearchMethods.BeamByQ, 1), await Right(SearchMethods.BeamByProgress, 1));
        Assert.InRange(await Right(SearchMethods.BeamByProgress, 4) - await Right(SearchMethods.BeamByQ, 4), 0.25, 0.6);
    }

    private sealed class Writer(Dictionary<string, Quiz> quizzes) : IPolicy
    {
        public string Name => "writer";

        public Task<IReadOnlyList<Prefix>> Extend(
            IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default) =>
            Task.FromResult<IReadOnlyList<Prefix>>([.. draws.Select(draw =>
            {
                var prefix = draw.Prefix;
                for (var k = 0; !prefix.Ended && (k == 0 || until == Until.TraceEnd); k++)
                {
                    var step = Guesser.Next(quizzes[prefix.Problem.Id], prefix.Steps, Seeds.Derive(draw.Seed, "", "step", k));
                    prefix = prefix.Then(step, ended: step.StartsWith("Answer", StringComparison.Ordinal), tokenCount: 6);
                }

                return prefix;
            })]);
    }

    private sealed class Exact(Dictionary<string, Quiz> quizzes) : IVerifier
    {
        public string Name => "exact";

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
            Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(Score)]);

        private Scored Score(Prefix prefix) => new([.. prefix.Path().Select(s => Guesser.Value(quizzes[prefix.Problem.Id], s.Steps))], 1);
    }
}
