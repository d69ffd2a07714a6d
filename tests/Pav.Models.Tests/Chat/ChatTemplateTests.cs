using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Chat;
using Pav.Models.Tests.Tokenizers;
using Pav.Models.Tokenizers;

namespace Pav.Models.Tests.Chat;

/// <summary>Against recorded renderings of Jinja2 itself, with the settings of Hugging Face (fixtures/chat/README.md).</summary>
public class ChatTemplateTests
{
    private sealed record Case(ChatMessage[] Messages, bool Answer, bool? Thinking, string? Text, string? Refused);

    private sealed record Recorded(string? Tokenizer, string? Template, JsonObject? Special, Case[] Cases);

    [Theory]
    [InlineData("qwen2.5")]
    [InlineData("qwen3")]
    [InlineData("llama3.2")]
    [InlineData("gemma2")]
    [InlineData("mistral-v1")]
    [InlineData("mistral-v3")]
    [InlineData("smollm2")]
    [InlineData("syntax")]
    [InlineData("macros")]
    public void Conversations_are_written_as_recorded(string name) => Agrees(name, Fixture("tokenizers"));

    [ExternalTheory]
    [InlineData("llama3_1")]
    [InlineData("gemma3")]
    public void Conversations_are_written_as_recorded_with_templates_that_are_not_here(string name) => Agrees(name, Path.GetDirectoryName(ExternalFixtures.Tokenizer(name))!);

    private static void Agrees(string name, string tokenizers)
    {
        using var file = new GZipStream(File.OpenRead(Path.Combine(Fixture("chat"), $"{name}.json.gz")), CompressionMode.Decompress);
        var recorded = JsonSerializer.Deserialize<Recorded>(file, JsonSerializerOptions.Web)!;
        var config = recorded.Special;
        if (recorded.Tokenizer is { } tokenizer)
        {
            using var stream = new GZipStream(File.OpenRead(Path.Combine(tokenizers, tokenizer, "tokenizer_config.json.gz")), CompressionMode.Decompress);
            config = JsonNode.Parse(stream)!.AsObject();
        }

        var template = new ChatTemplate(recorded.Template ?? (string)config!["chat_template"]!, config!, name);
        Assert.True(recorded.Cases.Length >= 22);
        Assert.All(recorded.Cases, c =>
        {
            if (c.Refused is null) Assert.Equal(c.Text, template.Render(c.Messages, c.Answer, c.Thinking));
            else Assert.EndsWith($"the chat template refuses these messages: {c.Refused}", Assert.Throws<UserError>(() => template.Render(c.Messages, c.Answer, c.Thinking)).Message);
        });
    }

    [Theory]
    [InlineData("a\n{% call f(x) %}{% endcall %}", 2, "{% call %}")]
    [InlineData("{% include 'other' %}", 1, "{% include %}")]
    [InlineData("\n\n{{ messages | groupby('role') }}", 3, "the filter groupby")]
    [InlineData("{{ messages is weird }}", 1, "the test weird")]
    [InlineData("{{ 'x'.zfill(3) }}", 1, "the method zfill of a text")]
    [InlineData("{{ nothing('x') }}", 1, "a call of something that is no function")]
    [InlineData("{{ strftime_now('%d %j') }}", 1, "strftime_now with %j")]
    [InlineData("{% macro f(x) %}{% endmacro %}\n{{ f(1, 2) }}", 2, "the macro f (line 1) with these arguments")]
    [InlineData("{% macro f(x) %}{% endmacro %}\n{{ f(y=2) }}", 2, "the macro f (line 1) with these arguments")]
    [InlineData("{% macro f() %}\n{{ f() }}{% endmacro %}{{ f() }}", 2, "the macro f, which calls itself without end,")]
    [InlineData("{{ '' }}\n{{ {1: 2} }}", 2, "a key that is no text")]
    [InlineData("{{ 99999999999999999999 }}", 1, "the number 99999999999999999999")]
    [InlineData("{{ messages }}", 1, "a list or mapping shown as text")]
    [InlineData("{{ tools.x.y }}\n{{ nothing.x }}", 1, "the field y of something that is not defined")]
    [InlineData("{% if true %}\n\nx", 3, "the end of the template, where {% endif %} is missing")]
    [InlineData("{{ 1 ? 2 }}", 1, "'?' in a tag")]
    [InlineData("{{ 2 ** 3 }}", 1, "'**' where the tag's end is expected")]
    [InlineData("{{ 'open }}", 1, "a text without its closing quote")]
    [InlineData("x {{ 1", 1, "a tag without its }}")]
    public void What_is_not_supported_is_refused_by_name_and_line(string template, int line, string what)
    {
        var error = Assert.Throws<UserError>(() => new ChatTemplate(template, [], "here").Render([new("user", "x")]));
        Assert.StartsWith($"here, line {line} of the chat template: {what} is not supported", error.Message);
    }

    [Fact]
    public void A_prompt_has_one_begin_of_sequence_and_the_problem_where_the_user_speaks()
    {
        using var folder = new TempFolder();
        using (var json = new GZipStream(File.OpenRead(Path.Combine(Fixture("tokenizers"), "bytes-llama3", "tokenizer.json.gz")), CompressionMode.Decompress))
        using (var unpacked = File.Create(folder["tokenizer.json"])) json.CopyTo(unpacked);
        File.WriteAllText(folder["tokenizer_config.json"], """{"bos_token":"<|im_start|>","eos_token":"<|im_end|>","chat_template":[{"name":"tool_use","template":"no"},{"name":"default","template":"{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}\n{% endfor %}<answer>"}]}""");
        var prompt = ChatTemplate.Load(folder.Path).Prompt(" {problem}\nThink. ", "Be brief.", () => Tokenizer.Load(folder.Path));
        Assert.Equal("<system>Be brief.\n<user>{problem}\nThink.\n<answer>", prompt.Text);
        var tokenizer = Tokenizer.Load(folder.Path);
        var ids = prompt.Encode(tokenizer, new("p", "1+1?", "2"));
        Assert.Equal((tokenizer.Bos, 1), (ids[0], ids.Count(id => id == tokenizer.Bos)));
        Assert.Equal("<system>Be brief.\n<user>1+1?\nThink.\n<answer>", tokenizer.Decode(ids));

        File.WriteAllText(folder["chat_template.jinja"], "{{ messages[0].content }}!");
        Assert.Equal("{problem}!", ChatTemplate.Load(folder.Path).Prompt("{problem}", "", () => tokenizer).Text);
        Tokenizer.Load(folder.Path).Save(folder[""]);
        File.Delete(folder["chat_template.jinja"]);
        Assert.Equal("{problem}!", ChatTemplate.Load(folder.Path).Prompt("{problem}", "", () => tokenizer).Text);
        File.WriteAllText(folder["tokenizer_config.json"], "{}");
        Assert.Contains("has no chat template", Assert.Throws<UserError>(() => ChatTemplate.Load(folder.Path)).Message);
    }

    private static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);
}
