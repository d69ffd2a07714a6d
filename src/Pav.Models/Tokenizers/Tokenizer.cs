using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Files;

namespace Pav.Models.Tokenizers;

/// <summary>
/// A Hugging Face <c>tokenizer.json</c> (added tokens → normalizer → pre-tokenizer → model → post-processor; decoder) with the special tokens that
/// <c>tokenizer_config.json</c> names. A component that is not known is refused. Safe to use from many threads.
/// </summary>
public sealed class Tokenizer
{
    private const string FileName = "tokenizer.json", ConfigName = "tokenizer_config.json";

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly JsonObject json;
    private readonly JsonObject config;
    private readonly Func<string, string> normalize;
    private readonly Func<string, IEnumerable<string>> cut;
    private readonly Func<List<int>, List<int>> frame;
    private readonly TokenModel model;
    private readonly AddedTokenFinder raw, normalized;
    private readonly Dictionary<string, int> ids;
    private readonly byte[]?[] bytes;
    private readonly HashSet<int> special;

    private Tokenizer(JsonObject json, JsonObject config, string file)
    {
        this.json = json;
        this.config = config;
        var root = new TokenizerJson(file, "", json);
        var added = root.Children("added_tokens").Select(AddedToken.Parse).ToList();
        raw = new(added.Where(t => !t.Normalized));
        normalized = new(added.Where(t => t.Normalized));
        normalize = Normalizer.Parse(root.Child("normalizer"));
        cut = PreTokenizer.Parse(root.Child("pre_tokenizer"));
        frame = PostProcessor.Parse(root.Child("post_processor"));
        model = TokenModel.Parse(root.Required("model"));
        var decode = Decoder.Parse(root.Required("decoder"));
        special = [.. added.Where(t => t.Special).Select(t => t.Id)];
        ids = new(model.Vocabulary);
        foreach (var token in added) ids[token.Content] = token.Id;
        if (ids.Count == 0) throw root.Wrong("the vocabulary is empty");
        bytes = new byte[]?[ids.Values.Max() + 1];
        foreach (var (token, id) in ids) bytes[id] = decode(token);
        Eos = Named("eos_token");
        Bos = Named("bos_token");
        Pad = Named("pad_token");

        int? Named(string name)
        {
            var content = config[name] switch { JsonValue value => (string?)value, JsonObject token => (string?)token["content"], _ => null };
            return content is null ? null : ids.TryGetValue(content, out var id) ? id : throw root.Wrong($"the {name} \"{content}\" of {ConfigName} is not in the vocabulary");
        }
    }

    /// <summary>The largest id plus one.</summary>
    public int Size => bytes.Length;

    /// <summary>End-of-sequence, begin-of-sequence and padding ids, where tokenizer_config.json names them.</summary>
    public int? Eos { get; }

    public int? Bos { get; }

    public int? Pad { get; }

    /// <summary>Reads a checkpoint's folder, or a tokenizer.json (gzip or not) by itself.</summary>
    public static Tokenizer Load(string path)
    {
        var isFolder = Directory.Exists(path);
        var file = isFolder ? Path.Combine(path, FileName) : path;
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, ConfigName);
        return new(Json.Read<JsonObject>(file), File.Exists(beside) ? Json.Read<JsonObject>(beside) : [], file);
    }

    /// <summary>
    /// A tokenizer of whole words, each of which carries the space before it (" ="), so that a text is the plain concatenation of its tokens; a newline is a word
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
                ["id"] = id, ["content"] = content, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
            })]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = " ?[^ \\n]+|\\n" }, ["behavior"] = "Isolated", ["invert"] = false },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject { ["type"] = "Fuse" },
            ["model"] = new JsonObject { ["type"] = "WordLevel", ["vocab"] = vocabulary, ["unk_token"] = "<unk>" },
        };
        var config = new JsonObject { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["eos_token"] = eos, ["pad_token"] = pad, ["clean_up_tokenization_spaces"] = false };
        return new(json, config, FileName);
    }

    /// <summary>Writes tokenizer.json and tokenizer_config.json into a folder.</summary>
    public void Save(string folder)
    {
        AtomicFile.WriteText(Path.Combine(folder, FileName), json.ToJsonString(Readable) + "\n");
        AtomicFile.WriteText(Path.Combine(folder, ConfigName), config.ToJsonString(Readable) + "\n");
    }

    /// <param name="text">Special tokens written out in it are recognised.</param>
    /// <param name="addSpecial">Put begin- or end-of-sequence around the text, where the tokenizer's template says so.</param>
    public int[] Encode(string text, bool addSpecial = true)
    {
        var output = new List<int>();
        foreach (var (outer, token) in raw.Parts(text))
        {
            if (token is not null)
            {
                output.Add(token.Id);
                continue;
            }

            foreach (var (inner, found) in normalized.Parts(normalize(outer)))
            {
                if (found is not null) output.Add(found.Id);
                else
                    foreach (var piece in cut(inner)) model.Encode(piece, output);
            }
        }

        return [.. addSpecial ? frame(output) : output];
    }

    /// <summary>Broken UTF-8 comes out as U+FFFD; ids beyond the vocabulary are nothing.</summary>
    public string Decode(IEnumerable<int> tokens, bool skipSpecial = true)
    {
        var text = new List<byte>();
        foreach (var id in tokens)
            if (!(skipSpecial && special.Contains(id))) text.AddRange(Bytes(id));
        return Encoding.UTF8.GetString([.. text]);
    }

    /// <summary>The bytes that a token adds to a text (special tokens too): a text is the concatenation of its tokens' bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => (uint)id < (uint)bytes.Length ? bytes[id] : default;

    public bool IsSpecial(int id) => special.Contains(id);

    /// <summary>The id of a token by its name in the vocabulary; null if there is none.</summary>
    public int? Id(string token) => ids.TryGetValue(token, out var id) ? id : null;
}
