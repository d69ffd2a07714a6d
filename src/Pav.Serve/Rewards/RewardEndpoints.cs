using System.Text.Encodings.Web;
using System.Text.Json;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>Step rewards, in the dialects of the frameworks that train on them.</summary>
internal static class RewardEndpoints
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private delegate IReadOnlyList<RewardQuestion> Questions(Body body, RewardModels models);

    public static void MapRewards(this IEndpointRouteBuilder app, Desk desk, ILogger log)
    {
        var known = new KnownModels(desk, log);
        app.MapPost("/v1/steps", (Delegate)((HttpContext http) => Answer(http, known, StepsDialect.Questions,
            (body, models) => RewardRequest.Terms(body, models.Models), a => StepsDialect.Reply(a.Rewards, a.Terms, a.Models, a.Tokens))))
            .Describe<StepsFields, StepsReply, ErrorReply>("Value, progress and reward of every step of one response, or of many.", 422);
        app.MapPost("/get_reward", (Delegate)((HttpContext http) =>
            Scored(http, known, OpenRlhfDialect.Questions, OpenRlhfDialect.Reply)))
            .Describe<OpenRlhfFields, OpenRlhfReply, ErrorReply>("Rewards as OpenRLHF asks for them.", 422);
        app.MapPost("/reward", (Delegate)((HttpContext http) => Scored(http, known,
            (body, models) => [SlimeDialect.Question(body, models)], (rewards, score) => SlimeDialect.Reply(rewards[0], score))))
            .Describe<SlimeFields, SlimeReply, ErrorReply>("A reward as slime asks for it.", 422);
        app.MapPooled("/classify", known, PoolingRequest.Questions, VllmDialect.Error,
            a => VllmDialect.Classify(a.Rewards, PoolingRequest.Activation(a.Body), a.Models.Name, a.Tokens))
            .Describe<PoolingFields, PoolingReply<Classified>, VllmError>("Q at the end of each text, as vLLM classifies.", 400);
        app.MapPooled("/pooling", known, PoolingRequest.Questions, VllmDialect.Error,
            a => VllmDialect.Pool(a.Rewards, VllmDialect.BySteps(a.Body), PoolingRequest.Activation(a.Body), a.Models.Name, a.Tokens))
            .Describe<PoolingFields, PoolingReply<Pooled>, VllmError>("Q of every step of each text, as vLLM pools.", 400);
        foreach (var path in (string[])["/score", "/v1/score"])
            app.MapPooled(path, known, VllmDialect.Pairs, VllmDialect.Error,
                a => VllmDialect.Score(a.Rewards, PoolingRequest.Activation(a.Body), a.Models.Name, a.Tokens))
                .Describe<PairFields, PoolingReply<PairScore>, VllmError>("Q of responses to problems, as vLLM scores pairs.", 400);
        app.MapPooled("/v1/embeddings", known, PoolingRequest.Questions, SglangDialect.Error,
            a => SglangDialect.Embed(a.Rewards, a.Models.Name, a.Tokens))
            .Describe<PoolingFields, EmbeddingReply, SglangError>("The logit of Q where SGLang has an embedding.", 400);
        app.MapPooled("/v1/classify", known, PoolingRequest.Questions, SglangDialect.Error,
            a => SglangDialect.Classify(a.Rewards, a.Models.Name, a.Tokens))
            .Describe<PoolingFields, PoolingReply<Classified>, SglangError>("1 - Q and Q of each text, as SGLang classifies.", 400);
    }

    /// <summary>What /openapi.json says of a route.</summary>
    private static void Describe<TFields, TReply, TError>(this RouteHandlerBuilder route, string summary, int wrong)
        where TFields : notnull =>
        route.WithSummary(summary).Accepts<TFields>("application/json").Produces<TReply>().Produces<TError>(wrong)
            .Produces<ErrorReply>(429);

    /// <summary>For frameworks that take one number of a trace: the address says which.</summary>
    private static Task Scored(
        HttpContext http, KnownModels known, Questions questions, Func<IReadOnlyList<TraceReward>, TraceScore, object> reply)
    {
        var score = RewardRequest.Score(http.Request.Query);
        return Answer(http, known, questions, FromAddress(http), a => reply(a.Rewards, score));
    }

    private static Func<Body, RewardModels, RewardTerms> FromAddress(HttpContext http) =>
        (_, models) => RewardRequest.Terms(http.Request.Query, models.Models);

    /// <summary>For the routes of inference servers, with their errors.</summary>
    private static RouteHandlerBuilder MapPooled(
        this IEndpointRouteBuilder app, string path, KnownModels known, Questions questions,
        Func<ApiError, (int Status, object Body)> dialect, Func<Answered, object> reply) =>
        app.MapPost(path, (Delegate)(async (HttpContext http) =>
    {
        try
        {
            await Answer(http, known, questions, FromAddress(http), reply);
        }
        catch (Exception e) when (!http.Response.HasStarted && ApiError.From(e) is { Status: 400 or 404 or 415 or 422 })
        {
            var (status, body) = dialect(ApiError.From(e)!);
            http.Response.StatusCode = status;
            await http.Response.WriteAsJsonAsync(body, body.GetType(), Json, cancellationToken: CancellationToken.None);
        }
    }));

    private static async Task Answer(
        HttpContext http, KnownModels known, Questions questions, Func<Body, RewardModels, RewardTerms> terms, Func<Answered, object> reply)
    {
        var models = known.Models;
        var body = await Body.Read(http);
        var (measured, asked) = (terms(body, models), questions(body, models));
        var (rewards, tokens) = await Judge(http, known, models, asked, measured);
        var said = reply(new(body, rewards, measured, models, tokens));
        UnknownFields.Tell(body, known.Log);
        known.Log.LogInformation("{Path}: {Traces} traces, {ScoredTokens} tokens scored", http.Request.Path, rewards.Count, tokens);
        await http.Response.WriteAsJsonAsync(said, said.GetType(), Json, cancellationToken: http.RequestAborted);
    }

    private static async Task<(IReadOnlyList<TraceReward> Rewards, long Tokens)> Judge(
        HttpContext http, KnownModels known, RewardModels models, IReadOnlyList<RewardQuestion> asked, RewardTerms terms)
    {
        if (asked.Count == 0) return ([], 0);
        using var turn = await known.Turn(http.RequestAborted);
        using var row = await known.Desk.EnterAll(1, http.RequestAborted);
        return (await models.Judge(row.Seats[0], asked, terms), row.ScoredTokens);
    }

    /// <summary>What a reply is written from; Tokens is what verifiers have read for it.</summary>
    private sealed record Answered(Body Body, IReadOnlyList<TraceReward> Rewards, RewardTerms Terms, RewardModels Models, long Tokens);

    /// <summary>What is derived from the models once they are there.</summary>
    private sealed class KnownModels(Desk desk, ILogger log)
    {
        /// <summary>
        /// A framework asks for the rewards of a whole batch at once, and gives up a run where a few are refused: so many wait here, where
        /// they take no other request's place, and leave a quarter of the places to the others.
        /// </summary>
        private const int Waiting = 1 << 14;

        private readonly ConcurrencyLimiter turns = new(new()
        {
            PermitLimit = Math.Max(1, desk.Options.Concurrent * 3 / 4), QueueLimit = Waiting,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        });

        private RewardModels? models;

        public Desk Desk => desk;

        public ILogger Log => log;

        public RewardModels Models => models ??= RewardModels.From(desk.Models);

        /// <summary>This request's turn; an error 429 where too many wait.</summary>
        public async Task<IDisposable> Turn(CancellationToken cancel)
        {
            var turn = await turns.AcquireAsync(1, cancel);
            if (turn.IsAcquired) return turn;
            turn.Dispose();
            throw ApiError.Later(429, $"{Waiting} requests for rewards wait already; try again later", "rate_limit_exceeded",
                TimeSpan.FromSeconds(1));
        }
    }
}
