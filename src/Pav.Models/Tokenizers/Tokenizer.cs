using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Files;

namespace Pav.Models.Tokenizers;

/// <summary>Text → ids, as <see cref="Tokenizer.Encode"/>.</summary>
internal delegate int[] EncodeText(string text, bool addSpecial, bool continues);

/// <summary>
/// A Hugging Face <c>tokenizer.json</c> (added tokens → normalizer → pre-tokenizer → model → post-processor; decoder) with the special
/// tokens that
/// <c>tokenizer_config.json</c> names. A component that is not known is refused. Safe to use from many threads.
/// </summary>
public sealed class Tokenizer
{
    private const string FileName = "tokenizer.json", ConfigName = "tokenizer_config.json", ChatName = "chat_template.jinja";

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly (byte[] Json, JsonObject Config)? source;
    private readonly EncodeText encode;
    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<string, int> added = [];
    private readonly string?[] names;
    private readonly byte[]?[] bytes;
    private readonly HashSet<int> special;

    private Tokenizer(byte[] json, JsonObject config, string file)
    {
        source = (json, config);
        using var parts = TokenizerFile.Parse(json, file);
        var root = parts.Root;
        var tokens = root.Children("added_tokens").Select(AddedToken.Parse).ToList();
        var normalize = Normalizer.Parse(root.Child("normalizer"));
        var raw = new AddedTokenFinder(tokens.Where(t => !t.Normalized));
        var normalized = new AddedTokenFinder(tokens.Where(t => t.Normalized)
            .Select(t => t with { Content = normalize(t.Content, opens: true) }));
        var (cut, ofBytes) = PreTokenizer.Parse(root.Child("pre_tokenizer"));
        var frame = PostProcessor.Parse(root.Child("post_processor"));
        var model = TokenModel.Parse(parts, ofBytes);
        vocabulary = model.Vocabulary;
        encode = Encoded;
        Decoder = Decoder.Parse(root.Required("decoder"));
        special = [.. tokens.Where(t => t.Special).Select(t => t.Id)];
        foreach (var token in tokens) added[token.Content] = token.Id;
        if (vocabulary.Count + added.Count == 0) throw root.Wrong("the vocabulary is empty");
        names = new string?[1 + vocabulary.Values.Concat(added.Values).Max()];
        bytes = new byte[]?[names.Length];
        foreach (var (token, id) in vocabulary) names[id] = token;
        foreach (var (token, id) in added) names[id] = token;
        Eos = Named("eos_token");
        Bos = Named("bos_token");
        Pad = Named("pad_token");

        static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

        int? Named(string name)
        {
            var content = config[name] switch { JsonValue value => Text(value), JsonObject token => Text(token["content"]), _ => null };
            return content is null
                ? null : Id(content) ?? throw root.Wrong($"the {name} \"{content}\" of {ConfigName} is not in the vocabulary");
        }

        int[] Encoded(string text, bool addSpecial, bool continues)
        {
            var output = new List<int>(text.Length / 3 + 4);
            var first = true;
            foreach (var (outer, token) in raw.Parts(text))
            {
                if (token is not null) output.Add(token.Id);
                else
                    foreach (var (inner, found) in normalized.Parts(normalize(outer, !(continues && first))))
                    {
                        if (found is not null) output.Add(found.Id);
                        else
                            foreach (var piece in cut(inner, new(first, !(continues && first)))) model.Encode(piece.Span, output);
                        first = false;
                    }

                first = false;
            }

            return [.. addSpecial ? frame(output) : output];
        }
    }

    /// <summary>Another program's tokenizer, which that program applies.</summary>
    /// <param name="names">By id; several may be equal.</param>
    /// <param name="bytes">By id: what a token adds to a text.</param>
    /// <param name="special">Ids without a text.</param>
    /// <param name="encode">A text's ids.</param>
    /// <param name="opensWithSpace">It puts a space before a text, which is not part of the text.</param>
    /// <param name="ends">End-of-sequence, begin-of-sequence and padding ids.</param>
    internal Tokenizer(string[] names, byte[][] bytes, HashSet<int> special, EncodeText encode, bool opensWithSpace,
        (int? Eos, int? Bos, int? Pad) ends)
    {
        (this.names, this.bytes, this.special, this.encode) = (names, bytes, special, encode);
        (Eos, Bos, Pad) = ends;
        vocabulary = [];
        for (var id = names.Length - 1; id >= 0; id--) vocabulary[names[id]] = id;
        Decoder = new((_, _) => [], Strip: opensWithSpace ? (' ', 1) : default);
    }

    internal Decoder Decoder { get; }

    /// <summary>The largest id plus one.</summary>
    public int Size => names.Length;

    /// <summary>End-of-sequence, begin-of-sequence and padding ids, where tokenizer_config.json names them.</summary>
    public int? Eos { get; }

    public int? Bos { get; }

    public int? Pad { get; }

    /// <summary>Reads a checkpoint's folder, its chat template too, or a tokenizer.json (gzip or not) by itself.</summary>
    public static Tokenizer Load(string path)
    {
        var isFolder = Directory.Exists(path);
        var file = isFolder ? Path.Combine(path, FileName) : path;
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, ConfigName);
        var config = File.Exists(beside) ? StrictJson.Read(beside) : [];
        if (isFolder && File.Exists(Path.Combine(path, ChatName))) config["chat_template"] = File.ReadAllText(Path.Combine(path, ChatName));
        var bytes = InputFile.Bytes(file);
        try
        {
            return new(bytes, config, file);
        }
        catch (InvalidOperationException e)
        {
            StrictJson.Check(bytes, file, keysOnce: false);
            throw new UserError($"{file}: something in it is not what it should be ({e.Message})", e);
        }
    }

    /// <summary>
    /// A tokenizer of whole words, each of which carries the space before it (" ="), so that a text is the plain concatenation of its
    /// tokens; a newline is a word
    /// of its own. Ids follow the order: special tokens, then words. A word that is not there is an error.
    /// </summary>
    public static Tokenizer WordLevel(IEnumerable<string> words, string eos = "<eos>", string pad = "<pad>")
    {
        string[] specials = [eos, pad];
        var vocabulary = new JsonObject();
        foreach (var word in specials.Concat(words))
            if (!vocabulary.TryAdd(word, vocabulary.Count)) throw new ArgumentException($"the word \"{word}\" is given twice");
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. specials.Select((content, id) => new JsonObject
            {
                ["id"] = id, ["content"] = content, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false,
                    ["normalized"] = false, ["special"] = true,
            })]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = " ?[^ \\n]+|\\n" },
                ["behavior"] = "Isolated", ["invert"] = false },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject { ["type"] = "Fuse" },
            ["model"] = new JsonObject { ["type"] = "WordLevel", ["vocab"] = vocabulary, ["unk_token"] = "<unk>" },
        };
        var config = new JsonObject { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["eos_token"] = eos, ["pad_token"] = pad,
            ["clean_up_tokenization_spaces"] = false };
        return new(Encoding.UTF8.GetBytes(json.ToJsonString(Readable) + "\n"), config, FileName);
    }

    /// <summary>Writes tokenizer.json and tokenizer_config.json into a folder.</summary>
    public void Save(string folder)
    {
        var (json, config) = source ?? throw new InvalidOperationException("this tokenizer was not read from a tokenizer.json");
        AtomicFile.Write(Path.Combine(folder, FileName), stream => stream.Write(json));
        AtomicFile.WriteText(Path.Combine(folder, ConfigName), config.ToJsonString(Readable) + "\n");
    }

    /// <param name="text">Special tokens written out in it are recognised.</param>
    /// <param name="addSpecial">Put begin- or end-of-sequence around the text, where the tokenizer's template says so.</param>
    /// <param name="continues">The text goes on after other text, as a step does after its prompt: nothing is put before it that the
    /// tokenizer would put before a text.</param>
    public int[] Encode(string text, bool addSpecial = true, bool continues = false) =>
        encode(text, addSpecial, continues);

    /// <summary>Broken UTF-8 comes out as U+FFFD; ids beyond the vocabulary are nothing.</summary>
    /// <param name="tokens">Ids.</param>
    /// <param name="skipSpecial">Special tokens add no text.</param>
    /// <param name="continues">The text goes on after other text: what the tokenizer puts before a text is not taken off.</param>
    public string Decode(IEnumerable<int> tokens, bool skipSpecial = true, bool continues = false)
    {
        var text = new TextBytes(this, skipSpecial, continues);
        foreach (var id in tokens) text.Add(id);
        text.Close();
        return Encoding.UTF8.GetString(text.Take());
    }

    /// <summary>The bytes that a token adds to a text in which it is not the first (special tokens too).</summary>
    public ReadOnlySpan<byte> Bytes(int id)
    {
        if (Name(id) is not { } name) return default;
        return bytes[id] ??= Decoder.ByteFallback && Decoder.ByteOf(name) is { } value ? [value] : Decoder.Bytes(name, false);
    }

    /// <summary>The bytes that a token adds as the first of a text.</summary>
    internal ReadOnlySpan<byte> FirstBytes(int id) =>
        source is not null && Name(id) is { } name ? Decoder.Bytes(name, true) : Bytes(id);

    public bool IsSpecial(int id) => special.Contains(id);

    /// <summary>The id of a token by its name in the vocabulary; null if there is none.</summary>
    public int? Id(string token) => added.TryGetValue(token, out var id) || vocabulary.TryGetValue(token, out id) ? id : null;

    /// <summary>A token's name in the vocabulary.</summary>
    internal string? Name(int id) => (uint)id < (uint)names.Length ? names[id] : null;
}
