using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Pav.Models.Files;
using Pav.Serve.Rewards;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>OpenAI's API with a search behind each answer.</summary>
internal sealed class ChatEndpoints(Desk desk, ILogger log)
{
    private PromptReader? prompts;

    public static void Map(IEndpointRouteBuilder app, Desk desk, ILogger log)
    {
        var endpoints = new ChatEndpoints(desk, log);
        Delegate chat = (HttpContext context) => endpoints.Answer(context, body => ChatRequest.Chat(body, desk), new ChatShape());
        Delegate text = (HttpContext context) =>
            endpoints.Answer(context, body => ChatRequest.Completion(body, desk, endpoints.Prompts), new TextShape());
        app.MapPost("/v1/chat/completions", chat)
            .WithSummary("Answers a chat's last message: by a sample, or by the search that the model's name or the object pav says.")
            .Accepts<ChatFields>("application/json").Produces<ChatReply>().Produces<ErrorReply>(422).Produces<ErrorReply>(429);
        app.MapPost("/v1/completions", text)
            .WithSummary("Continues each prompt as it is, without the problem's template: by a sample, or by a search.")
            .Accepts<TextFields>("application/json").Produces<TextReply>().Produces<ErrorReply>(422).Produces<ErrorReply>(429);
    }

    private PromptReader Prompts => prompts ??= PromptReader.From(desk.Models);

    private async Task Answer(HttpContext context, Func<Body, ChatRequest> read, AnswerShape shape)
    {
        var body = await Body.Read(context);
        var request = read(body);
        UnknownFields.Tell(body, log);
        if (request.Stream)
            await new SearchStream(desk, log).Answer(context, request.Searches.Count, async (row, events) =>
            {
                await new ChatStream(request, shape, row, events).Run();
                Journal(request, row);
            });
        else
        {
            using var row = await desk.EnterAll(request.Searches.Count, context.RequestAborted);
            var answers = await Task.WhenAll(request.Searches.Zip(row.Seats, (asked, seat) => Alone(seat, asked, request.Logprobs)));
            var usage = ChatUsage.From(request, row, answers.Select(a => a.Answer));
            await Results.Json(shape.Whole(request, answers, usage), Json.Line).ExecuteAsync(context);
            Journal(request, row);
        }
    }

    /// <summary>One answer; its place is left at once, so that the room does not wait for it.</summary>
    private static async Task<SpelledAnswer> Alone(Seat seat, Asked asked, int? logprobs)
    {
        using (seat)
        {
            var answer = await Answering.Run(seat, asked);
            var tokens = await Spelling.Read(seat, answer.Trace, 0, logprobs);
            return new(answer, tokens is null ? null : [.. tokens.SelectMany(t => t)]);
        }
    }

    private void Journal(ChatRequest request, SeatRow row)
    {
        var first = request.Searches[0];
        log.LogInformation(
            "{Model}: {Method} of {N}, {Choices} answers, {GeneratedTokens} tokens generated, {ScoredTokens} scored, {Seconds:0.000} s",
            request.Model, first.Method.Id, first.N, request.Searches.Count, row.GeneratedTokens, row.ScoredTokens,
            row.Elapsed.TotalSeconds);
        if (!desk.Options.LogPrompts) return;
        foreach (var prompt in request.Searches.Select(s => s.Problem.Written?.Text ?? s.Problem.Text).Distinct())
            log.LogInformation("Prompt: {Prompt}", prompt);
    }
}

/// <summary>What a request has cost.</summary>
internal static class ChatUsage
{
    public static Usage From(ChatRequest request, SeatRow row, IEnumerable<Answer> answers)
    {
        var prompts = request.Searches.DistinctBy(s => s.Problem).Sum(s => row.Seats[0].Models.PromptTokens(s.Problem));
        return Usage.From(prompts, row.GeneratedTokens, answers.Sum(a => a.Tokens), row.ScoredTokens);
    }
}
