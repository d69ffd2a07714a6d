using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Chat;
using Pav.Models.Files;
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

    [Fact]
    public void An_error_names_the_problem_with_which_it_came()
    {
        const string source = "{% if 'x' in messages[0].content %}{{ raise_exception('no x') }}{% endif %}ok";
        var template = new PromptTemplate("{problem}") { Chat = new(source, new Dictionary<string, string>()) };
        Assert.Equal("ok", template.Fill(new("p1", "1+1?", "2")));
        Assert.EndsWith("(with problem p2)", Assert.Throws<UserError>(() => template.Fill(new("p2", "x+1?", "2"))).Message);
    }

    [Fact]
    public void A_conversation_is_put_with_the_text_around_each_question_and_its_own_system_message_first()
    {
        const string source =
            "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
            + "{% if add_generation_prompt %}<assistant>{% endif %}";
        var tokens = new Dictionary<string, string> { ["bos_token"] = "<s>" };
        var template = new PromptTemplate("{problem} Think.") { Chat = new(source, tokens, "Usual.", BosIsAdded: true) };
        ChatMessage[] turns = [new("user", "1+1?"), new("assistant", "2"), new("user", "+1?")];
        Assert.Equal("<system>Usual.<user>1+1? Think.<assistant>", template.FillChat(turns[..1]));
        Assert.Equal(template.Fill(new Problem("p", "1+1?", "")), template.FillChat(turns[..1]));
        Assert.Equal("<system>Usual.<user>1+1? Think.<assistant>2<user>+1? Think.<assistant>", template.FillChat(turns));
        Assert.Equal("<system>Other.<user>1+1? Think.<assistant>", template.FillChat([new("system", "Other."), turns[0]]));
        var problem = new Problem("p", "+1?", "") { Written = new(template.FillChat(turns)) };
        Assert.Equal(template.FillChat(turns), template.PolicyPrompt(problem));
        Assert.Equal("<system>Usual.<user>+1? Think.<assistant>", template.Fill(problem));
    }

    [ExternalTheory]
    [InlineData("llama3_1")]
    [InlineData("gemma3")]
    public void Conversations_are_written_as_recorded_with_templates_that_are_not_here(string name) =>
        Agrees(name, Path.GetDirectoryName(ExternalFixtures.Tokenizer(name))!);

    private static void Agrees(string name, string tokenizers)
    {
        using var file = new GZipStream(File.OpenRead(Path.Combine(Fixture("chat"), $"{name}.json.gz")), CompressionMode.Decompress);
        var recorded = JsonSerializer.Deserialize<Recorded>(file, JsonSerializerOptions.Web)!;
        var config = recorded.Special;
        if (recorded.Tokenizer is { } tokenizer)
        {
            using var stream = new GZipStream(File.OpenRead(Path.Combine(tokenizers, tokenizer, "tokenizer_config.json.gz")),
                CompressionMode.Decompress);
            config = JsonNode.Parse(stream)!.AsObject();
        }

        var template = new ChatTemplate(recorded.Template ?? (string)config!["chat_template"]!, config!, name);
        Assert.True(recorded.Cases.Length >= 22);
        Assert.All(recorded.Cases, c =>
        {
            if (c.Refused is null) Assert.Equal(c.Text, template.Render(c.Messages, c.Answer, c.Thinking));
            else Assert.EndsWith($"the chat template refuses these messages: {c.Refused}",
                Assert.Throws<UserError>(() => template.Render(c.Messages, c.Answer, c.Thinking)).Message);
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
    [InlineData("{{ '' }}\n{{ {[]: 2} }}", 2, "a key that is a list")]
    [InlineData("{{ 99999999999999999999 }}", 1, "the number 99999999999999999999")]
    [InlineData("{{ namespace() }}", 1, "a function or namespace shown as text")]
    [InlineData("{{ tools.x.y }}\n{{ nothing.x }}", 1, "the field y of something that is not defined")]
    [InlineData("{% if true %}\n\nx", 3, "the end of the template, where {% endif %} is missing")]
    [InlineData("{{ 1 ? 2 }}", 1, "'?' in a tag")]
    [InlineData("{{ 2 = 3 }}", 1, "'=' where the tag's end is expected")]
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
        using (var json = new GZipStream(File.OpenRead(Path.Combine(Fixture("tokenizers"), "bytes-llama3", "tokenizer.json.gz")),
            CompressionMode.Decompress))
        using (var unpacked = File.Create(folder["tokenizer.json"])) json.CopyTo(unpacked);
        File.WriteAllText(folder["tokenizer_config.json"], """{"bos_token":"<|im_start|>","eos_token":"<|im_end|>","chat_template":[{"name":"tool_use","template":"no"},{"name":"default","template":"{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}\n{% endfor %}<answer>"}]}""");
        var prompt = new PromptTemplate(" {problem}\nThink. ") { Chat = ChatTemplate.Load(folder.Path)
            .Frame("Be brief.", () => Tokenizer.Load(folder.Path)) };
        var problem = new Problem("p", "1+1?", "2");
        Assert.Equal("<system>Be brief.\n<user>1+1?\nThink.\n<answer>", prompt.Fill(problem));
        var tokenizer = Tokenizer.Load(folder.Path);
        var ids = prompt.Encode(tokenizer, problem);
        Assert.Equal((tokenizer.Bos, 1), (ids[0], ids.Count(id => id == tokenizer.Bos)));
        Assert.Equal("<system>Be brief.\n<user>1+1?\nThink.\n<answer>", tokenizer.Decode(ids));

        File.WriteAllText(folder["chat_template.jinja"], "{{ messages[0].content }}!");
        Assert.Equal("1+1?!", ChatTemplate.Load(folder.Path).Frame("", () => tokenizer).Render(problem.Text));
        Tokenizer.Load(folder.Path).Save(folder[""]);
        File.Delete(folder["chat_template.jinja"]);
        Assert.Equal("1+1?!", ChatTemplate.Load(folder.Path).Frame("", () => tokenizer).Render(problem.Text));
        File.WriteAllText(folder["tokenizer_config.json"], "{}");
        Assert.Contains("has no chat template", Assert.Throws<UserError>(() => ChatTemplate.Load(folder.Path)).Message);
    }

    [Theory]
    [InlineData("{{ messages[0].content.split('</think>')[-1] | trim }}", "a </think> b ", "b")]
    [InlineData("{{ messages[0].content | length }}", "four", "4")]
    [InlineData("{% if 'sum' in messages[0].content %}S{% endif %}{{ messages[0].content.upper() }}", "the sum", "STHE SUM")]
    public void Templates_see_the_problem_itself(string template, string problem, string prompt)
    {
        var asked = new PromptTemplate("{problem}")
        {
            Chat = new ChatTemplate(template, [], "here").Frame("", () => throw new InvalidOperationException("no need of a tokenizer")),
        };
        Assert.Equal(prompt, asked.Fill(new("p", problem, "")));
        var kept = JsonSerializer.Deserialize<ChatFrame>(JsonSerializer.Serialize(asked.Chat, Json.Line), Json.Line)!;
        Assert.Equal(prompt, (asked with { Chat = kept }).Fill(new("p", problem, "")));
    }

    public static TheoryData<string, int, string> Hostile => new()
    {
        { "{% set x = [] %}\n{{ x.append(x) }}{{ x | tojson }}", 2, "a value that holds itself" },
        { "{% set x = [] %}\n{{ x.append(x) }}{{ x }}", 2, "a value that holds itself" },
        { "{% set x = [] %}{% set y = [] %}{{ x.append(y) }}{{ y.append(x) }}\n{{ x == y }}", 2, "a value that holds itself" },
        { "{% set x = [] %}{% set y = [] %}{{ x.append(y) }}{{ y.append(x) }}\n{{ x in [y] }}", 2, "a value that holds itself" },
        { $"{{{{ {Repeat("(", 20_000)}1{Repeat(")", 20_000)} }}}}", 1, "a template with more than 100 statements and brackets" },
        { $"\n{{{{ {Repeat("[", 20_000)}{Repeat("]", 20_000)} }}}}", 2, "a template with more than 100 statements and brackets" },
        { $"{{{{ {Repeat("{1:", 20_000)}1{Repeat("}", 20_000)} }}}}", 1, "a template with more than 100 statements and brackets" },
        { $"{{{{ {Repeat("x[", 20_000)}1{Repeat("]", 20_000)} }}}}", 1, "a template with more than 100 statements and brackets" },
        { $"{{{{ {Repeat("x(", 20_000)}1{Repeat(")", 20_000)} }}}}", 1, "a template with more than 100 statements and brackets" },
        { Repeat("{% if 1 %}", 20_000), 1, "a template with more than 100 statements and brackets" },
        { "{{ '' }}\n{{ 'a' * 99999999999 }}", 2, "a rendering that makes more than 100,000,000 letters" },
        { "{{ [1] * 9223372036854775807 }}", 1, "a rendering that makes more than 100,000,000 letters" },
        { "{% set n = namespace(x='ab') %}\n{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}", 2,
            "a rendering that makes more than 100,000,000 letters" },
        { "{% set n = namespace(x=[1, 2]) %}\n{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}", 2,
            "a rendering that makes more than 100,000,000 letters" },
        { "{% set n = namespace(x='a') %}\n{% for i in range(99) %}{% set n.x = n.x.replace('a', 'aa') %}{% endfor %}", 2,
            "a rendering that makes more than 100,000,000 letters" },
        { "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}\n{{ n.x | tojson }}", 2,
            "a rendering of more than 1,000,000 steps" },
        { "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor "
            + "%}\n{{ n.x == n.y }}", 2, "a rendering of more than 1,000,000 steps" },
        { "{% for a in range(100000) %}\n{% for b in range(100000) %}{% endfor %}{% endfor %}", 2,
            "a rendering of more than 1,000,000 steps" },
        { "{% set x = [1] %}\n{% for a in x %}{{ x.append(a) }}{% endfor %}", 2, "a rendering of more than 1,000,000 steps" },
        { "{% for a in range(100000) %}{{ ('x' * 9999) | join('y') }}{% endfor %}", 1, "a rendering of more than 1,000,000 steps" },
        { "{% set x = 'a' * 40000000 %}\n{% for i in range(99999) %}{{ x | length }}{{ x == x }}{{ 'b' in x }}{{ x.find('b') }}{% endfor %}", 2, "a rendering that makes more than 100,000,000 letters" },
        { "{{ '{:999999999}'.format(1) }}", 1, "a rendering that makes more than 100,000,000 letters" },
        { "{{ '%999999999d' % 1 }}", 1, "a rendering that makes more than 100,000,000 letters" },
        { "{{ '{:.999999999f}'.format(1) }}", 1, "the format '.999999999f' of a number" },
        { "\n{{ 5 is divisibleby 0 }}", 2, "a division by 0" },
        { "{{ 5 % 0 }}", 1, "a division by 0" },
        { "{{ 5 // 0 }}", 1, "a division by 0" },
        { "{{ 5 / 0 }}", 1, "a division by 0" },
        { "{{ 9223372036854775807 + 1 }}", 1, "a whole number beyond 64 bits" },
        { "{{ 9 ** 99999999 }}", 1, "a whole number beyond 64 bits" },
        { "{{ 1e400 | int }}", 1, "'e400' where the tag's end is expected" },
        { "\n{{ namespace(a=1, a=2) }}", 2, "the argument a, given twice," },
        { "{{ range(0, 9223372036854775807) }}", 1, "a range of more than 100,000 numbers" },
        { "{{ 'x' | trim(1) }}", 1, "a text stripped of a number" },
        { "{{ 'x' | trim('x', 'y') }}", 1, "the filter trim with these arguments" },
        { "{{ 'x'.strip(chars='x') }}", 1, "the method strip of a text with named arguments" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Hostile_templates_end_with_their_line(string template, int line, string what)
    {
        var error = Assert.Throws<UserError>(() => new ChatTemplate(template, [], "here").Render([new("user", "x")]));
        Assert.StartsWith($"here, line {line} of the chat template: {what}", error.Message);
    }

    [Theory]
    [InlineData("not ", "1", "", "True")]
    [InlineData("- ", "1", "", "1")]
    [InlineData("", "1", " + 1", "20001")]
    [InlineData("", "x", "[0]", "x")]
    [InlineData("", "'x'", "|trim", "x")]
    [InlineData("", "true", " is true", "True")]
    [InlineData("", "1", " and 1", "1")]
    [InlineData("", "1", " if 1 else 2", "1")]
    [InlineData("2 if 0 else ", "1", "", "1")]
    [InlineData("", "1", " if 1", "1")]
    [InlineData("", "1", " == 1", "True")]
    [InlineData("", "'a'", " 'a'", "a")]
    public void Long_chains_are_worked_off_one_by_one(string before, string middle, string after, string shown)
    {
        var text = new ChatTemplate($"{{% set x = 'x' %}}{{{{ {Repeat(before, 20_000)}{middle}{Repeat(after, 20_000)} }}}}", [], "here")
            .Render([]);
        Assert.Equal(shown == "a" ? new('a', 20_001) : shown, text);
    }

    [Fact]
    public void Long_chains_of_statements_are_worked_off_one_by_one()
    {
        Assert.Equal("last", new ChatTemplate($"{{% if 0 %}}{Repeat("{% elif 0 %}", 20_000)}{{% else %}}last{{% endif %}}", [], "here")
            .Render([]));
        Assert.Equal(new('a', 20_000), new ChatTemplate(Repeat("{% if 1 %}a{% endif %}", 20_000), [], "here").Render([]));
    }

    /// <summary>Expressions and what Jinja2 3.1 shows for them (fixtures/chat/README.md tells how they were recorded).</summary>
    [Fact]
    public void Expressions_show_what_Jinja_shows()
    {
        var lines = File.ReadAllLines(Path.Combine(Fixture("chat"), "expressions.jsonl"));
        Assert.Equal(232, lines.Length);
        Assert.All(lines, line =>
        {
            var row = JsonNode.Parse(line)!;
            Assert.Equal((string)row["text"]!, new ChatTemplate((string)row["template"]!, [], "here")
                .Render([new("system", "Be 'brief'."), new("user", " 2 + 2\n")]));
        });
    }

    private static string Repeat(string text, int times) => string.Concat(Enumerable.Repeat(text, times));

    private static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);
}
