using System.Text.Json;
using Pav.Serve.Rewards;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>The field prompt of /v1/completions: texts that the policy continues as they are, or token ids of its tokenizer.</summary>
/// <param name="models">Whose prompts they are.</param>
/// <param name="reader">Finds the problem in one for verifiers.</param>
internal sealed class BegunTexts(ServedModels models, PromptReader reader)
{
    private const string Field = "prompt", Special = "add_special_tokens";

    /// <summary>What is asked, and the field that asks it.</summary>
    public IReadOnlyList<(WrittenPrompt Prompt, string Field)> Read(Body body, int most)
    {
        var prompt = body.Find(Field) ?? throw body.Wrong(Field, "is missing: a text, token ids, or a list of either");
        var bare = body.Switch(Special) == false;
        if (bare && models.Tokenizer is null) throw body.Wrong(Special, "is not honoured: this server knows no tokenizer (--tokenizer)");
        if (prompt.ValueKind == JsonValueKind.String || IsIds(prompt)) return [(One(prompt, Field, bare), Field)];
        if (prompt.ValueKind != JsonValueKind.Array) throw body.Wrong(Field, "must be a text, token ids, or a list of either");
        if (prompt.GetArrayLength() == 0 || prompt.GetArrayLength() > most)
            throw body.Wrong(Field, $"must be 1 to {most} prompts (--max-n)");
        return [.. prompt.EnumerateArray().Select((one, i) => (One(one, $"{Field}[{i}]", bare), $"{Field}[{i}]"))];
    }

    /// <summary>
    /// The problem that a verifier sees: where the prompt is written as this server's prompts are, what stands in it, else the prompt. An
    /// error where the verifier would be shown another model's chat template.
    /// </summary>
    public Question Asked(WrittenPrompt prompt, string field, SearchMethod method)
    {
        var problem = method.Needs == Needs.Nothing ? prompt.Text : reader.Problem(prompt.Text, field);
        return new(problem == "" ? prompt.Text : problem, prompt);
    }

    private static bool IsIds(JsonElement prompt) =>
        prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() > 0 && prompt[0].ValueKind == JsonValueKind.Number;

    private WrittenPrompt One(JsonElement prompt, string field, bool bare)
    {
        if (prompt.ValueKind == JsonValueKind.String)
        {
            var text = prompt.GetString()!;
            if (text == "") throw ApiError.Wrong(field, $"{field} is empty: there is nothing to continue");
            return new(text, bare ? models.Tokenizer!.Encode(text, addSpecial: false) : null);
        }

        if (!IsIds(prompt)) throw ApiError.Wrong(field, $"{field} must be a text or token ids");
        var ids = RewardRequest.Ids(prompt, field);
        if (models.Tokenizer is not { } tokenizer)
            throw ApiError.Wrong(field, $"{field} is token ids, and this server knows no tokenizer (--tokenizer); send text");
        if (ids.FirstOrDefault(id => (uint)id >= (uint)tokenizer.Size) is not 0 and var wrong)
            throw ApiError.Wrong(field, $"{field} has the id {wrong}, and this server's tokenizer ends at {tokenizer.Size - 1}");
        return new(tokenizer.Decode(ids, skipSpecial: false), ids);
    }
}
