using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Pav.Models.Files;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>OpenAI's API with a search behind each answer.</summary>
internal sealed class ChatEndpoints(Desk desk, ILogger log)
{
    public static void Map(IEndpointRouteBuilder app, Desk desk, ILogger log)
    {
        var endpoints = new ChatEndpoints(desk, log);
        Delegate chat = (HttpContext context) => endpoints.Answer(context, ChatRequest.Chat, new ChatShape());
        Delegate text = (HttpContext context) => endpoints.Answer(context, ChatRequest.Completion, new TextShape());
        app.MapPost("/v1/chat/completions", chat)
            .WithSummary("Answers a user's message: by a sample, or by the search that the model's name or the object pav says.")
            .Produces<ChatReply>().Produces<ErrorReply>(422).Produces<ErrorReply>(429);
        app.MapPost("/v1/completions", text)
            .WithSummary("Answers each prompt as a problem, in the form of text completions.")
            .Produces<TextReply>().Produces<ErrorReply>(422).Produces<ErrorReply>(429);
    }

    private async Task Answer(HttpContext context, Func<Body, Desk, ChatRequest> read, AnswerShape shape)
    {
        var body = await Body.Read(context);
        var request = read(body, desk);
        UnknownFields.Tell(body, log);
        using var row = await desk.EnterAll(request.Searches.Count, context.RequestAborted);
        if (request.Stream) await new ChatStream(request, shape, row, log).WriteTo(context, desk.Options.Ping);
        else
        {
            var answers = await Task.WhenAll(request.Searches.Zip(row.Seats, (asked, seat) => Alone(seat, asked)));
            await Results.Json(shape.Whole(request, answers, ChatUsage.From(request, row, answers)), Json.Line).ExecuteAsync(context);
        }

        Journal(request, row);
    }

    /// <summary>One answer; its place is left at once, so that the room does not wait for it.</summary>
    private static async Task<Answer> Alone(Seat seat, Asked asked)
    {
        using (seat) return await Answering.Run(seat, asked);
    }

    private void Journal(ChatRequest request, SeatRow row)
    {
        var first = request.Searches[0];
        log.LogInformation(
            "{Model}: {Method} of {N}, {Choices} answers, {GeneratedTokens} tokens generated, {ScoredTokens} scored, {Seconds:0.000} s",
            request.Model, first.Method.Id, first.N, request.Searches.Count, row.GeneratedTokens, row.ScoredTokens,
            row.Elapsed.TotalSeconds);
        if (!desk.Options.LogPrompts) return;
        foreach (var prompt in request.Searches.Select(s => s.Problem.Text).Distinct()) log.LogInformation("Prompt: {Prompt}", prompt);
    }
}

/// <summary>What a request has cost.</summary>
internal static class ChatUsage
{
    public static Usage From(ChatRequest request, SeatRow row, IEnumerable<Answer> answers)
    {
        var prompts = request.Searches.DistinctBy(s => s.Problem.Text).Sum(s => row.Seats[0].Models.PromptTokens(s.Problem));
        return Usage.From(prompts, row.GeneratedTokens, answers.Sum(a => a.Tokens), row.ScoredTokens);
    }
}
