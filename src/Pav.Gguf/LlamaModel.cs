using System.Text;
using LLama.Native;
using Pav.Models.Tokenizers;

namespace Pav.Gguf;

/// <summary>A GGUF file in llama.cpp, and its tokenizer, which llama.cpp applies.</summary>
internal sealed class LlamaModel : IDisposable
{
    private LlamaModel(string path, GgufHeader header, bool tokenizerOnly)
    {
        Header = header;
        var parameters = LLamaModelParams.Default();
        parameters.vocab_only = tokenizerOnly;
        parameters.n_gpu_layers = 0;
        Handle = LlamaLibrary.Asked(() => SafeLlamaModelHandle.LoadFromFile(path, parameters),
            error => new($"{path}: llama.cpp (of LLamaSharp {LlamaLibrary.Version}) cannot open it: {error}"));
        if (!tokenizerOnly && (Handle.HasEncoder || Handle.IsRecurrent || Handle.IsDiffusion || Header.Number("ssm.state_size") is > 0))
        {
            Handle.Dispose();
            throw new UserError($"{path}: a {Header.Architecture} model does not draw from sequences that share their past, and only "
                + "decoders with attention in all layers are run; serve it with llama-server and give its address to --policy");
        }

        Ends = [.. Enumerable.Range(0, Handle.Vocab.Count).Where(id => ((LLamaToken)id).IsEndOfGeneration(Handle))];
        Tokenizer = TokenizerOf(Handle);
    }

    public GgufHeader Header { get; }

    public SafeLlamaModelHandle Handle { get; }

    public Tokenizer Tokenizer { get; }

    /// <summary>Ids that end an answer: end-of-sequence, end-of-turn and their like.</summary>
    public HashSet<int> Ends { get; }

    /// <param name="path">A .gguf file; of several parts the first.</param>
    /// <param name="tokenizerOnly">No weights are read.</param>
    public static LlamaModel Open(string path, bool tokenizerOnly = false)
    {
        var header = GgufHeader.Read(path);
        LlamaLibrary.Load();
        return new(path, header, tokenizerOnly);
    }

    private static Tokenizer TokenizerOf(SafeLlamaModelHandle model)
    {
        var bytes = Enumerable.Range(0, model.Vocab.Count).Select(id => Bytes(model, id)).ToArray();
        const LLamaTokenAttr silent = LLamaTokenAttr.Control | LLamaTokenAttr.Unknown;
        HashSet<int> special = [.. Enumerable.Range(0, bytes.Length).Where(id => (((LLamaToken)id).GetAttributes(model) & silent) != 0)];
        var opensWithSpace = Ids("x").SelectMany(id => bytes[id]).FirstOrDefault() == ' ';
        var (eos, bos, pad) = (model.Vocab.EOS, model.Vocab.BOS, model.Vocab.Pad);
        return new([.. bytes.Select(Encoding.UTF8.GetString)], bytes, special, Encode, opensWithSpace, ((int?)eos, (int?)bos, (int?)pad));

        int[] Ids(string text, bool addSpecial = false) =>
            [.. model.Tokenize(text, addSpecial, special: true, Encoding.UTF8).Select(token => (int)token)];

        int[] Encode(string text, bool addSpecial, bool continues) =>
            continues && opensWithSpace ? AfterNewline(text) : Ids(text, addSpecial);

        // The space goes before the newline that is put before the text, and both are taken off again.
        int[] AfterNewline(string text)
        {
            if (text == "") return [];
            var ids = Ids("\n" + text);
            List<byte> before = [];
            for (var i = 0; i < ids.Length && before.Count < 2; i++)
            {
                before.AddRange(bytes[ids[i]]);
                if (before is [(byte)' ', (byte)'\n']) return ids[(i + 1)..];
            }

            return Ids(text);
        }
    }

    private static byte[] Bytes(SafeLlamaModelHandle model, int id)
    {
        var bytes = new byte[64];
        var size = model.TokenToSpan(id, bytes, special: true);
        if (size > bytes.Length) model.TokenToSpan(id, bytes = new byte[size], special: true);
        return bytes[..(int)size];
    }

    public void Dispose() => Handle.Dispose();
}
