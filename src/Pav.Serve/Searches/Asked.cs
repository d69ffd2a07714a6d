using System.Globalization;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Searches;

/// <summary>What a request asks.</summary>
/// <param name="Text">The problem, as verifiers read it.</param>
/// <param name="Prompt">What the policy continues; null: its template puts the text.</param>
internal sealed record Question(string Text, WrittenPrompt? Prompt = null);

/// <summary>One search that a request asks for.</summary>
/// <param name="Problem">Its id takes part in the draws' seeds; its answer is empty where the client gave none.</param>
/// <param name="Method">How it is answered.</param>
/// <param name="N">The method's size.</param>
/// <param name="Options">Seed, sampling, α, prover.</param>
internal sealed record Asked(Problem Problem, SearchMethod Method, int N, SearchOptions Options)
{
    /// <summary>Texts that end a trace.</summary>
    public TraceStops Stops { get; init; } = TraceStops.None;

    /// <summary>Most tokens to generate for this answer.</summary>
    public long Budget { get; init; }

    /// <summary>Is the search's tree wanted?</summary>
    public bool Trace { get; init; }

    /// <summary>Draws one trace and chooses nothing: its steps can be told as they come.</summary>
    public bool IsPlain => N == 1 && Method.Needs == Needs.Nothing;
}

/// <summary>Reads what a search shall be from the fields of a request; what it may not be is an error that names the field.</summary>
internal static class AskedReader
{
    private const int MostStops = 16, LongestStop = 1000;

    private static long requests;

    /// <summary>The search of one problem.</summary>
    /// <param name="ask">The problem for this method, and how the policy is asked.</param>
    /// <param name="field">Where it came from, for an error.</param>
    /// <param name="named">The method and size that the model's name says.</param>
    /// <param name="sampling">Fields of sampling: seed, temperature, top_p, top_k, max_tokens, stop.</param>
    /// <param name="search">Fields of the search: method, n, alpha, prover, candidates, settle, budget, trace, problem_id, answer.</param>
    /// <param name="answers">So many searches of one request share its budget.</param>
    /// <param name="desk">Models and limits.</param>
    public static Asked Read(
        Func<SearchMethod, Question> ask, string field, ModelName named, Body sampling, Body? search, int answers, Desk desk)
    {
        var (models, limits) = (desk.Models, desk.Options);
        var method = search?.Text("method") is { } id
            ? ModelName.Find(id) ?? throw search.Wrong("method", $"'{id}' is not known; GET /v1/models lists the methods")
            : named.Method;
        if (ModelName.Lacks(method, models) is { } lacks)
            throw Wrong("method", $"the method {method.Id} needs {lacks}, which this server has not");
        var n = (int)(search?.Whole("n", 1, limits.MaxN) ?? search?.Whole("N", 1, limits.MaxN) ?? (method == named.Method ? named.N : null)
            ?? Math.Min(ModelName.Usual(method), limits.MaxN));
        if (n > limits.MaxN) throw ApiError.Wrong("model", $"N is {n}, and this server allows {limits.MaxN} (--max-n)");
        if (method.SizeOne) n = 1;
        if (!method.Search.Fits(n)) throw Wrong("n", $"{method.Id} cannot have the size {n}");
        var options = models.Defaults with
        {
            Seed = Seed(sampling, models), Sampling = Sampling(sampling, models.Defaults.Sampling, limits),
            Alpha = search?.Number("alpha", 0, ServeOptions.MaxAlpha) ?? models.Defaults.Alpha,
            Candidates = (int)(search?.Whole("candidates", 1, 64) ?? models.Defaults.Candidates),
            Settle = search?.Number("settle", 0, 100) ?? models.Defaults.Settle,
        };
        if (search?.Text("prover") is { } prover)
        {
            var known = models.FindProver(prover) ?? throw search.Wrong("prover", $"'{prover}' is neither boK nor known here");
            options = options with { Prover = known };
        }

        var question = ask(method);
        var given = new Problem(search?.Text("problem_id") ?? Id(question), question.Text, search?.Text("answer") ?? "")
        {
            Written = question.Prompt,
        };
        Check(given, field, desk);
        return new(given, method, n, options)
        {
            Stops = Stops(sampling), Budget = search?.Whole("budget", 1, limits.MaxBudget / answers) ?? limits.MaxBudget / answers,
            Trace = search?.Switch("trace") ?? false,
        };

        // Where the search's own field does not say it, the model's name does.
        ApiError Wrong(string name, string message) =>
            ApiError.Wrong(search?.Has(name) == true ? search.Path(name) : "model", message);
    }

    private static Sampling Sampling(Body fields, Sampling usual, ServeOptions limits)
    {
        var (older, newer) = (fields.Whole("max_tokens", 1, limits.MaxTokens), fields.Whole("max_completion_tokens", 1, limits.MaxTokens));
        if (older is not null && newer is not null && older != newer)
            throw fields.Wrong("max_tokens", "differs from max_completion_tokens; give one");
        return new(
            fields.Number("temperature", 0, 10) ?? usual.Temperature,
            (int)Math.Max(0, fields.Whole("top_k", -1, 1 << 24) ?? usual.TopK),
            fields.Number("top_p", 1e-6, 1) ?? usual.TopP, (int)(newer ?? older ?? usual.MaxTokens));
    }

    private static ulong Seed(Body fields, ServedModels models) =>
        fields.Whole("seed", long.MinValue, long.MaxValue) is { } seed ? (ulong)seed
        : Seeds.Derive(models.Defaults.Seed, "", "request", Interlocked.Increment(ref requests));

    private static TraceStops Stops(Body fields)
    {
        var stops = fields.Texts("stop") ?? [];
        if (stops.Count > MostStops || stops.Any(s => s.Length is 0 or > LongestStop))
            throw fields.Wrong("stop", $"must be at most {MostStops} texts of 1 to {LongestStop} characters");
        return TraceStops.From(stops);
    }

    /// <summary>Equal questions get equal ids, so that an equal seed draws the same.</summary>
    private static string Id(Question question) =>
        string.Create(CultureInfo.InvariantCulture, $"q-{Fnv1a.Hash(question.Prompt?.Text ?? question.Text):x16}");

    private static void Check(Problem problem, string field, Desk desk)
    {
        const int fewestTokensOfLetters = 64;
        var most = desk.Options.MaxPrompt;
        if (problem.Text == "") throw ApiError.Wrong(field, "the problem is empty");
        var tokens = (problem.Written?.Text ?? problem.Text).Length / fewestTokensOfLetters;
        if (tokens <= most) tokens = desk.Models.PromptTokens(problem);
        if (tokens > most) throw ApiError.Wrong(field, $"the prompt has {tokens} tokens, and this server takes {most} (--max-prompt)");
        if (tokens >= desk.Models.Context)
            throw ApiError.Wrong(
                field, $"the prompt has {tokens} tokens, and {desk.Models.Name} reads {desk.Models.Context} with the answer");
    }
}
