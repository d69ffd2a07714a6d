using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Pav.Serve.Tests;

/// <summary>Requests that a seed decides: good ones, of which parts are replaced, doubled, cut or garbled.</summary>
internal sealed class FuzzedRequests(int seed)
{
    /// <summary>Stands in every prompt, and nowhere else.</summary>
    public const string Prompt = "nobody-may-log-this";

    public const string Key = "nor-this-key";

    private static readonly (string Path, string Body)[] Good =
    [
        ("/v1/chat/completions", """
            {"model":"toy:beam-2","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"PROMPT"}]}],
            "n":1,"seed":3,"max_tokens":9,"stop":["x"],"temperature":0.5,"top_p":0.5,"top_k":3,"stream":false,
            "stream_options":{"include_usage":true},"user":"u","tools":[],"tool_choice":"none","response_format":{"type":"text"},"logit_bias":{},
            "presence_penalty":0,
            "logprobs":false,"top_logprobs":0,"pav":{"method":"beam-q","n":2,"alpha":1,"prover":"bo4","budget":99,"trace":true,
            "candidates":2,"settle":1,"problem_id":"p","answer":"1"}}
            """),
        ("/v1/chat/completions", """
            {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"PROMPT"}],"seed":1,
            "logprobs":true,"top_logprobs":2,"max_tokens":5,"stream":true}
            """),
        ("/v1/completions", """
            {"model":"toy","prompt":["PROMPT","b"],"n":2,"max_completion_tokens":5,"echo":false,"suffix":"","best_of":1,"stream":true,
            "pav":{"trace":true}}
            """),
        ("/v1/search", """
            {"problem":"PROMPT","model":"toy","method":"vote","n":2,"alpha":0.5,"prover":"bo2","seed":1,"answer":"1","trace":true,
            "stop":"q","max_tokens":9}
            """),
        ("/v1/steps", """
            {"model":"toy-q","prompt":"PROMPT","response":"so\n4","label":"4","prover":"bo2","alpha":0.5,"grader":"numeric"}
            """),
        ("/v1/steps", """
            {"samples":[{"prompt":[{"role":"user","content":"PROMPT"}],"response_ids":[3,0,4],"label":4},{"prompt":"PROMPT","response":""}]}
            """),
        ("/get_reward", """{"query":["PROMPT\nso\n4","PROMPT\n"],"prompts":["PROMPT\n","PROMPT\n"],"labels":["4",null]}"""),
        ("/reward", """{"prompt":"PROMPT\n","response":"so\n4","label":"4"}"""),
        ("/classify", """{"model":"toy-q","input":"PROMPT\nso","use_activation":false}"""),
        ("/pooling", """{"input":["PROMPT\nso",[3,4]],"task":"token_classify","encoding_format":"float"}"""),
        ("/score", """{"text_1":"PROMPT","text_2":["so","4"]}"""),
        ("/v1/score", """{"queries":["PROMPT"],"documents":["so"]}"""),
        ("/v1/embeddings", """{"model":"toy","input":"PROMPT\nso"}"""),
        ("/v1/classify", """{"messages":[{"role":"user","content":"PROMPT"},{"role":"assistant","content":"so"}]}"""),
    ];

    private static readonly string[] Strange =
    [
        "null", "true", "-1", "0", "1e400", "1e308", "-0.0", "99999999999999999999", "0.5", "NaN", "Infinity", "01", "\"\"", "\"x\"",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\\uffff\"", "[]", "[[]]", "{}", "[null]", "{\"a\":{}}", "[1,\"x\"]", "[1,2]",
        "\"toy:beam--4\"", "\"toy:\"", "\"bo0\"", "\"bo99999999999\"", "-9223372036854775808", "2147483648", "[\"\"]", "{\"\":null}",
        "[{\"role\":1,\"content\":2}]", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}", "\"" + new string('y', 5000) + "\"",
        "[" + string.Join(',', Enumerable.Repeat("0", 500)) + "]", "\"<|im_start|>\"", "\"\\n\\n\\n\"", "// x", "'x'",
    ];

    private static readonly string[] Methods = ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW"];

    private static readonly string[] Paths =
    [
        "/", "/;//", "/v1", "/v1/models", "/v1/models/", "/v1/models//", "/v1/models/toy", "/v1/models/%2F%2f", "/v1/models/%00", "/%00",
        "/%ff", "/v1/../health", "/health", "/metrics", "/openapi.json", "/serve.html", "/v1/chat/completions/", "/V1/Chat/Completions",
        "/v1/search?",
    ];

    private static readonly string[] Terms =
        ["reward=q", "reward=outcome", "reward=x", "alpha=0.5", "alpha=NaN", "prover=bo2", "prover=%00", "grader="];

    private static readonly string?[] Types =
        [null, "text/plain", "application/json; charset=utf-16", "application/problem+json", "multipart/form-data; boundary=x", "x/y"];

    private readonly Random random = new(seed);

    /// <summary>The next request.</summary>
    public HttpRequestMessage Next()
    {
        var (path, body) = Good[random.Next(Good.Length)];
        body = body.Replace("PROMPT", Prompt, StringComparison.Ordinal);
        if (random.Next(20) == 0) path = Good[random.Next(Good.Length)].Path;
        if (random.Next(50) == 0) return Keyed(new(HttpMethod.Get, Query(body)));
        if (random.Next(100) == 0)
            return Keyed(new(HttpMethod.Get, $"/v1/models/{Uri.EscapeDataString(Strange[random.Next(Strange.Length)])}"));
        if (random.Next(50) == 0)
        {
            var addresses = random.Next(2) == 0 ? Paths : [.. Good.Select(g => g.Path)];
            return Keyed(new(new(Methods[random.Next(Methods.Length)]), addresses[random.Next(addresses.Length)]));
        }

        var text = random.Next(4) == 0 ? Cut(body) : Changed(body);
        var bytes = Encoding.UTF8.GetBytes(text);
        if (random.Next(20) == 0 && bytes.Length > 0) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        var content = new ByteArrayContent(bytes);
        var type = random.Next(30) == 0 ? Types[random.Next(Types.Length)] : "application/json";
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        return Keyed(new(HttpMethod.Post, path + Parameters()) { Content = content });
    }

    private HttpRequestMessage Keyed(HttpRequestMessage request)
    {
        request.Headers.TryAddWithoutValidation("Authorization", random.Next(100) == 0 ? $"Bearer {Key}x" : $"Bearer {Key}");
        return request;
    }

    private string Parameters() => random.Next(10) != 0 ? ""
        : "?" + string.Join('&', Terms.Where(_ => random.Next(3) == 0));

    private string Query(string body)
    {
        var fields = JsonNode.Parse(body)!.AsObject().Where(_ => random.Next(3) > 0).Select(f => random.Next(3) > 0
            ? $"{f.Key}={Uri.EscapeDataString(f.Value?.ToString() ?? "")}"
            : $"{f.Key}={Uri.EscapeDataString(Strange[random.Next(Strange.Length)])}%{random.Next(256):x2}");
        return "/v1/search?" + string.Join('&', fields.Append("problem=" + Prompt).Append("max_tokens=9"));
    }

    private string Cut(string body) =>
        random.Next(2) == 0 ? body[..random.Next(body.Length)] : body.Remove(random.Next(body.Length), 1);

    /// <summary>Up to three parts are replaced by strange ones, or a field stands there twice.</summary>
    private string Changed(string good)
    {
        var body = JsonNode.Parse(good)!;
        var marks = new List<string>();
        for (var changes = random.Next(4); changes > 0; changes--)
        {
            var places = Places(body).ToList();
            var (parent, key) = places[random.Next(places.Count)];
            var mark = $"@{marks.Count}@";
            marks.Add(Strange[random.Next(Strange.Length)]);
            if (parent is JsonArray items) items[(int)key] = mark;
            else if (random.Next(8) == 0) ((JsonObject)parent)[$"{key}@again@"] = mark;
            else ((JsonObject)parent)[(string)key] = mark;
        }

        var written = new StringBuilder(body.ToJsonString()).Replace("@again@", "");
        for (var i = 0; i < marks.Count; i++) written.Replace($"\"@{i}@\"", marks[i]);
        return written.ToString();
    }

    private static IEnumerable<(JsonNode Parent, object Key)> Places(JsonNode node) => node switch
    {
        JsonObject fields => fields.SelectMany(f => (f.Value is null ? [] : Places(f.Value)).Prepend((node, (object)f.Key))),
        JsonArray items => items.SelectMany((item, i) => (item is null ? [] : Places(item)).Prepend((node, (object)i))),
        _ => [],
    };
}
