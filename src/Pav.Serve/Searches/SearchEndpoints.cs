using System.ComponentModel;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Searches;

/// <summary>The body of /v1/search, for /openapi.json; GET has the same in its query.</summary>
internal sealed record WatchFields(
    string Problem, string? Model, string? Method, int? N, double? Alpha, string? Prover, int? Candidates, double? Settle, long? Budget,
    bool? Trace, string? Answer, string? ProblemId, double? Temperature, double? TopP, int? TopK, int? MaxTokens,
    [property: Description("a text or a list of them")] JsonElement? Stop, long? Seed);

/// <summary>One search as events: its tree while it grows, and what came of it.</summary>
internal sealed class SearchEndpoints(Desk desk, ILogger log)
{
    public const string Address = "/v1/search";

    private static readonly HashSet<string> Texts = ["problem", "model", "method", "prover", "problem_id", "answer", "stop"];

    public static void Map(IEndpointRouteBuilder app, Desk desk, ILogger log)
    {
        var endpoints = new SearchEndpoints(desk, log);
        app.MapPost(Address, (Delegate)(async (HttpContext context) => await endpoints.Answer(context, await Body.Read(context))))
            .WithSummary("One search as server-sent events: its tree while it grows, and what came of it.")
            .Accepts<WatchFields>("application/json").Produces<string>(200, "text/event-stream").Produces<ErrorReply>(422);
        app.MapGet(Address, (Delegate)((HttpContext context) => endpoints.Answer(context, Body.From(context.Request.Query, Texts))))
            .WithSummary("The same, asked by the address's query.")
            .Produces<string>(200, "text/event-stream").Produces<ErrorReply>(422);
    }

    private async Task Answer(HttpContext context, Body body)
    {
        var problem = body.Text("problem") ?? throw body.Wrong("problem", "is missing");
        var model = body.Text("model") ?? desk.Models.Name;
        var asked = AskedReader.Read(_ => new(problem), "problem", ModelName.Parse(model, desk.Models), body, body, 1, desk);
        UnknownFields.Tell(body, log);
        await new SearchStream(desk, log).Answer(context, 1, async (row, events) =>
        {
            await Search(asked, model, row, events);
            log.LogInformation(
                "{Model}: watched {Method} of {N}, {GeneratedTokens} tokens generated, {ScoredTokens} scored, {Seconds:0.000} s", model,
                asked.Method.Id, asked.N, row.GeneratedTokens, row.ScoredTokens, row.Elapsed.TotalSeconds);
        }, "error");
    }

    private static async Task Search(Asked asked, string model, SeatRow row, EventStream stream)
    {
        var seat = row.Seats[0];
        var events = new SearchEvents(asked, seat.Models.Grader, stream.Send);
        var (method, options) = (asked.Method, asked.Options);
        stream.Send(
            new SearchStarted(
                asked.Problem.Text, asked.Problem.Id, model, method.Id, method.Label, asked.N, method.HasProver ? options.Alpha : null,
                method.HasProver ? options.Prover?.Name : null, options.Seed),
            "search.start");
        seat.Grown = events.Grew;
        seat.Judged = (verifier, prefix, scored) =>
        {
            if (verifier == seat.Models.Verifier) events.Judged(prefix, scored);
        };
        Answer answer;
        using (seat) answer = await Answering.Run(seat, asked, events.Tell);
        var path = events.Path(answer);
        int? correct = asked.Problem.Answer == "" ? null : answer.Row.Correct;
        var spent = new Spent(seat.Models.PromptTokens(asked.Problem), row.GeneratedTokens, row.ScoredTokens, answer.Tokens);
        stream.Send(
            new SearchDone(
                path.Count > 0 ? path[^1] : null, path, answer.Trace.Text, answer.Row.Answer,
                correct, answer.Row.Q, answer.FinishReason, spent, row.Elapsed.TotalSeconds, answer.Tree),
            "search.done");
    }
}
