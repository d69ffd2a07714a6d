namespace Pav.Models.Decoders;

/// <summary>
/// Keys of config.json that do not change what a decoder computes: notes of other programs, defaults of generation (pav has options of
/// its own), training's
/// dropout, and what transformers once wrote into every config.
/// </summary>
internal static class HarmlessKeys
{
    private static readonly HashSet<string> Known =
    [
        // Notes.
        "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal", "_commit_hash",
        "_flash_attn_2_enabled", "_name_or_path", "architectures", "attn_implementation", "auto_map",
        "cache_implementation", "dtype", "finetuning_task", "id2label", "initializer_range", "label2id", "max_sequence_length",
        "model_max_length", "model_type", "problem_type", "task_specific_params",
        "tokenizer_class", "tokenizer_model_max_length", "tokenizer_padding_side", "torch_dtype", "transformers.js_config",
        "transformers_version", "unsloth_fixed", "unsloth_version", "use_bfloat16", "use_cache",
        "use_flash_attention", "use_flash_attention_2", "use_flash_attn", "_flash_attn_implementation", "num_labels",
        "vocab_size_multiple", "pad_token", "bos_token", "eos_token", "unk_token_id",
        // Training.
        "attention_dropout", "attention_dropout_prob", "attn_dropout", "attn_pdrop", "attention_probs_dropout_prob",
        "classifier_dropout", "dropout", "embd_pdrop", "hidden_dropout", "hidden_dropout_prob",
        "resid_pdrop", "gradient_checkpointing", "rms_norm_fused", "fused_rms_norm", "fused_mlp", "fused_cross_entropy",
        "neftune_noise_alpha",
        // Generation.
        "bad_words_ids", "begin_suppress_tokens", "decoder_start_token_id", "diversity_penalty", "do_sample", "early_stopping",
        "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty",
        "forced_bos_token_id", "forced_eos_token_id", "length_penalty", "max_length", "max_new_tokens", "min_length",
        "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_scores",
        "prefix", "remove_invalid_values", "repetition_penalty", "return_dict_in_generate", "sep_token_id", "suppress_tokens",
        "temperature", "top_k", "top_p", "typical_p",
        // What is asked of a call.
        "chunk_size_feed_forward", "output_attentions", "output_hidden_states", "output_past", "return_dict", "tf_legacy_loss",
        "tie_encoder_decoder", "torchscript",
    ];

    public static bool Has(string key) => Known.Contains(key);

    /// <summary>Keys of those dumps that would change the model where they are not off.</summary>
    public static void Check(ConfigKeys keys)
    {
        foreach (var off in (string[])["add_cross_attention", "is_decoder", "is_encoder_decoder"]) keys.Require(off, false);
        foreach (var none in (string[])["cross_attention_hidden_size", "pruned_heads", "quantization_config"]) keys.RequireNone(none);
    }
}
