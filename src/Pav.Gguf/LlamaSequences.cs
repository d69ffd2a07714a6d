using LLama.Native;
using Pav.Models.Inference;

namespace Pav.Gguf;

/// <summary>
/// llama.cpp's key-value memory as sequences, each with memory of its own. Those from 0 on are the rows of a call; those from
/// <see cref="Rows"/> on hold contexts, as long as nobody needs their place.
/// </summary>
/// <remarks>
/// llama.cpp's kernels round differently for one row and for several, and for 64 and more rows of one sequence. So a call never has fewer
/// than two rows, and contexts go in by at most <see cref="MostAtOnce"/> ids; then equal contexts have equal logits, whatever else is in a
/// call.
/// </remarks>
internal sealed class LlamaSequences : IDisposable
{
    private const int MostAtOnce = 63, Rounding = 256, KeyOrValueBytes = 2;

    private readonly SafeLLamaContextHandle context;
    private readonly List<int>[] ids;
    private readonly long[] used;
    private readonly LLamaBatch batch = new();
    private long clock;

    private LlamaSequences(LlamaModel model, int length, int count, long bytes, int threads)
    {
        (Length, Bytes) = (length, bytes * count);
        Rows = count - Math.Max(1, count / 4);
        ids = [.. Enumerable.Range(0, count).Select(_ => new List<int>())];
        used = new long[count];
        var parameters = LLamaContextParams.Default();
        parameters.n_ctx = (uint)(length * count);
        parameters.n_seq_max = (uint)count;
        parameters.kv_unified = false;
        parameters.n_batch = parameters.n_ubatch = Rounding;
        parameters.n_threads = parameters.n_threads_batch = threads > 0 ? threads : Environment.ProcessorCount;
        parameters.llama_flash_attn_type = LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_ENABLED;
        parameters.offload_kqv = parameters.op_offload = false;
        context = LlamaLibrary.Asked(() => SafeLLamaContextHandle.Create(model.Handle, parameters),
            error => new($"llama.cpp cannot make {count} sequences of {length} tokens ({Bytes:N0} bytes): {error}; lower --memory-mb"));
    }

    /// <summary>Most ids of a sequence.</summary>
    public int Length { get; }

    /// <summary>How many rows a call may have.</summary>
    public int Rows { get; }

    /// <summary>Of all keys and values.</summary>
    public long Bytes { get; }

    /// <param name="model">Of the file.</param>
    /// <param name="need">Ids that the longest sequence will have.</param>
    /// <param name="options">Memory, slots, threads.</param>
    public static LlamaSequences Create(LlamaModel model, int need, EngineOptions options)
    {
        var header = model.Header;
        var length = (need + Rounding - 1) / Rounding * Rounding;
        var heads = header.Required("attention.head_count");
        var size = header.Required("embedding_length") / heads;
        var perToken = header.Required("block_count") * (header.Number("attention.head_count_kv") ?? heads)
            * ((header.Number("attention.key_length") ?? size) + (header.Number("attention.value_length") ?? size)) * KeyOrValueBytes;
        // Two rows, of which one may be there for the other's sake, and a context.
        const int fewest = 3;
        var most = Math.Clamp(options.Slots + options.Slots / 3, fewest, NativeApi.llama_max_parallel_sequences());
        var count = (int)Math.Min(most, options.CacheBudgetBytes / (perToken * length));
        if (count < fewest) throw new UserError($"{need} tokens (prompt and --max-tokens) need {fewest * perToken * length:N0} bytes of "
            + $"key-value cache, and the budget is {options.CacheBudgetBytes:N0}; raise --memory-mb or lower --max-tokens");
        return new(model, length, count, perToken * length, options.Threads);
    }

    /// <summary>The held context that has the most of these ids at its beginning, and how many.</summary>
    public (int Sequence, int Common) Longest(ReadOnlySpan<int> wanted)
    {
        var (best, most) = (Rows, -1);
        for (var s = Rows; s < ids.Length; s++)
        {
            var common = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids[s]).CommonPrefixLength(wanted);
            if (common > most) (best, most) = (s, common);
        }

        return (best, most);
    }

    /// <summary>The held context that nobody has needed for the longest time.</summary>
    public int Oldest() => Enumerable.Range(Rows, ids.Length - Rows).MinBy(s => used[s]);

    public void Touch(int sequence) => used[sequence] = ++clock;

    /// <summary>Empties a sequence; answers 0, its ids.</summary>
    public int Clear(int sequence) => Shorten(sequence, 0);

    /// <summary>Keeps the first ids; answers how many they are.</summary>
    public int Shorten(int sequence, int count)
    {
        context.MemorySequenceRemove((LLamaSeqId)sequence, count, -1);
        if (ids[sequence].Count > count) ids[sequence].RemoveRange(count, ids[sequence].Count - count);
        return count;
    }

    /// <summary>One sequence becomes what another is.</summary>
    public void Copy(int from, int to)
    {
        if (from == to) return;
        Clear(to);
        context.MemorySequenceCopy((LLamaSeqId)from, (LLamaSeqId)to, -1, -1);
        ids[to].AddRange(ids[from]);
    }

    /// <summary>Computes ids after those of a context; two at least.</summary>
    public void Append(int sequence, ReadOnlySpan<int> more)
    {
        while (more.Length > 0)
        {
            var count = Math.Min(MostAtOnce, more.Length);
            // The last id alone would be a call of one row.
            if (more.Length - count == 1) count--;
            batch.Clear();
            foreach (var id in more[..count])
            {
                batch.Add(id, ids[sequence].Count, (LLamaSeqId)sequence, false);
                ids[sequence].Add(id);
            }

            Decode();
            more = more[count..];
        }
    }

    /// <summary>Each row, from the first sequence on, reads an id at its position; then <see cref="Logits"/> tells what it expects
    /// next.</summary>
    public void Read(ReadOnlySpan<(int Id, int Position)> rows)
    {
        batch.Clear();
        for (var i = 0; i < rows.Length; i++) batch.Add(rows[i].Id, rows[i].Position, (LLamaSeqId)i, true);
        if (rows.Length == 1)
        {
            Clear(1);
            batch.Add(0, 0, (LLamaSeqId)1, true);
        }

        Decode();
    }

    private void Decode()
    {
        var result = LlamaLibrary.Asked(() => context.Decode(batch), error => new($"llama.cpp failed: {error}"));
        if (result != DecodeResult.Ok) throw new InvalidOperationException($"llama.cpp answers {result} to {batch.TokenCount} tokens");
    }

    /// <summary>Logits of a row of the last call.</summary>
    public ReadOnlySpan<float> Logits(int row) => context.GetLogitsIth(row);

    public void Dispose() => context.Dispose();
}
