#!/usr/bin/env python3
"""Writes tiny random checkpoints and what they compute, by NumPy in float64, into tests/Pav.Models.Tests/fixtures/numpy.

An account of the architectures of its own: written from their descriptions, it shares nothing with pav, torch or transformers.
For each family: config.json, model.safetensors (float32) and expected.safetensors with the ids, the logits at every position
(logits) and the final hidden states (hidden). Run it again to get the same bytes: python3 tests/numpy-decoders.py
"""
import json, math, os, struct, zlib
import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Pav.Models.Tests", "fixtures", "numpy")
VOCAB, HIDDEN, INNER, HEADS, KV, SIZE = 48, 16, 24, 4, 2, 8
COMMON = dict(vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=INNER, num_attention_heads=HEADS, num_key_value_heads=KV,
              head_dim=SIZE, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, torch_dtype="float32")
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=256)
CASES = {
    "qwen2-yarn": dict(architectures=["Qwen2ForCausalLM"], model_type="qwen2", num_hidden_layers=2, hidden_act="silu", rope_theta=100.0,
                       use_sliding_window=False, tie_word_embeddings=False, rope_scaling=YARN),
    "qwen3-yarn": dict(architectures=["Qwen3ForCausalLM"], model_type="qwen3", num_hidden_layers=2, hidden_act="silu", rope_theta=500.0,
                       use_sliding_window=False, tie_word_embeddings=True,
                       rope_scaling=dict(YARN, attn_factor=0.8782488562869419, beta_fast=8.0, truncate=False)),
    "gemma3": dict(architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", num_hidden_layers=4, sliding_window=6,
                   sliding_window_pattern=3, hidden_activation="gelu_pytorch_tanh", rope_theta=1000.0, rope_local_base_freq=50.0,
                   query_pre_attn_scalar=12, rope_scaling=dict(rope_type="linear", factor=2.0)),
    "phi3": dict(architectures=["Phi3ForCausalLM"], model_type="phi3", num_hidden_layers=2, hidden_act="silu", rope_theta=100.0,
                 sliding_window=7, tie_word_embeddings=False, original_max_position_embeddings=128, rope_scaling=None),
    "phi3-longrope": dict(architectures=["Phi3ForCausalLM"], model_type="phi3", num_hidden_layers=2, hidden_act="silu",
                          rope_theta=100.0, sliding_window=None, tie_word_embeddings=True, partial_rotary_factor=0.5,
                          max_position_embeddings=512, original_max_position_embeddings=64,
                          rope_scaling=dict(type="longrope", short_factor=[1.1, 1.7], long_factor=[2.0, 9.0])),
    "qwen3-moe": dict(architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", num_hidden_layers=3, hidden_act="silu",
                      rope_theta=100.0, use_sliding_window=False, tie_word_embeddings=False, attention_bias=False,
                      decoder_sparse_step=1, mlp_only_layers=[1], num_experts=6, num_experts_per_tok=2, moe_intermediate_size=12,
                      norm_topk_prob=True, output_router_logits=False, router_aux_loss_coef=0.001),
    "qwen3-moe-plain": dict(architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", num_hidden_layers=2, hidden_act="silu",
                            rope_theta=100.0, use_sliding_window=False, tie_word_embeddings=True, attention_bias=False,
                            decoder_sparse_step=2, mlp_only_layers=[], num_experts=5, num_experts_per_tok=3, moe_intermediate_size=20,
                            norm_topk_prob=False),
    "smollm3": dict(architectures=["SmolLM3ForCausalLM"], model_type="smollm3", num_hidden_layers=4, hidden_act="silu", rope_theta=100.0,
                    no_rope_layer_interval=2, no_rope_layers=[1, 0, 1, 0], tie_word_embeddings=True, attention_bias=False),
    "olmo2": dict(architectures=["Olmo2ForCausalLM"], model_type="olmo2", num_hidden_layers=2, hidden_act="silu", rope_theta=100.0,
                  tie_word_embeddings=False, attention_bias=False),
    "granite": dict(architectures=["GraniteForCausalLM"], model_type="granite", num_hidden_layers=2, hidden_act="silu", rope_theta=100.0,
                    tie_word_embeddings=True, attention_bias=False, mlp_bias=False, embedding_multiplier=6.0, attention_multiplier=0.2,
                    residual_multiplier=0.35, logits_scaling=3.0),
}


# The first families' random numbers were numbered by these names' order; a later one's follow from its name. With experts 400 are
# tried, and those are taken whose tokens stay farthest from another choice of experts, so that losses have slopes there.
FIRST = ["gemma3", "granite", "olmo2", "phi3", "qwen2-yarn", "qwen3-yarn", "smollm3"]


def sparse(config, layer):
    """Has the layer a mixture of experts?"""
    return config["model_type"] == "qwen3_moe" and layer not in config["mlp_only_layers"] and \
        (layer + 1) % config["decoder_sparse_step"] == 0


def weights(config, rng):
    """Name -> float32 array, as the family's published checkpoints name and lay them."""
    kind, made = config["model_type"], {}
    plus_one = kind == "gemma3_text"

    def norm(name, n):
        made[name + ".weight"] = (rng.normal(0, 0.3, n) + (0 if plus_one else 1)).astype(np.float32)

    def linear(name, out, inputs, bias=False):
        made[name + ".weight"] = rng.normal(0, 1.2 / math.sqrt(inputs), (out, inputs)).astype(np.float32)
        if bias:
            made[name + ".bias"] = rng.normal(0, 0.2, out).astype(np.float32)

    made["model.embed_tokens.weight"] = rng.normal(0, 1, (VOCAB, HIDDEN)).astype(np.float32)
    for i in range(config["num_hidden_layers"]):
        at = f"model.layers.{i}."
        if kind != "olmo2":
            norm(at + "input_layernorm", HIDDEN)
        norm(at + "post_attention_layernorm", HIDDEN)
        if kind == "gemma3_text":
            norm(at + "pre_feedforward_layernorm", HIDDEN)
        if kind in ("gemma3_text", "olmo2"):
            norm(at + "post_feedforward_layernorm", HIDDEN)
        if kind in ("qwen3", "qwen3_moe", "gemma3_text"):
            norm(at + "self_attn.q_norm", SIZE)
            norm(at + "self_attn.k_norm", SIZE)
        if kind == "olmo2":
            norm(at + "self_attn.q_norm", HEADS * SIZE)
            norm(at + "self_attn.k_norm", KV * SIZE)
        if kind == "phi3":
            linear(at + "self_attn.qkv_proj", (HEADS + 2 * KV) * SIZE, HIDDEN)
            linear(at + "mlp.gate_up_proj", 2 * INNER, HIDDEN)
        else:
            bias = kind == "qwen2"
            linear(at + "self_attn.q_proj", HEADS * SIZE, HIDDEN, bias)
            linear(at + "self_attn.k_proj", KV * SIZE, HIDDEN, bias)
            linear(at + "self_attn.v_proj", KV * SIZE, HIDDEN, bias)
            if not sparse(config, i):
                linear(at + "mlp.gate_proj", INNER, HIDDEN)
                linear(at + "mlp.up_proj", INNER, HIDDEN)
        linear(at + "self_attn.o_proj", HIDDEN, HEADS * SIZE)
        if sparse(config, i):
            linear(at + "mlp.gate", config["num_experts"], HIDDEN)
            for e in range(config["num_experts"]):
                linear(at + f"mlp.experts.{e}.gate_proj", config["moe_intermediate_size"], HIDDEN)
                linear(at + f"mlp.experts.{e}.up_proj", config["moe_intermediate_size"], HIDDEN)
                linear(at + f"mlp.experts.{e}.down_proj", HIDDEN, config["moe_intermediate_size"])
        else:
            linear(at + "mlp.down_proj", HIDDEN, INNER)
    norm("model.norm", HIDDEN)
    if not config.get("tie_word_embeddings", True):
        linear("lm_head", VOCAB, HIDDEN)
    return made


def yarn(config):
    """YaRN (Peng et al. 2023, section 3): frequencies and the factor of cosines and sines (attention temperature)."""
    s, theta = config["rope_scaling"], config["rope_theta"]
    plain = theta ** (-np.arange(0, SIZE, 2) / SIZE)

    def place(turns):  # the (fractional) index of the frequency that turns so many times in the original context
        return SIZE * math.log(s["original_max_position_embeddings"] / (2 * math.pi * turns)) / (2 * math.log(theta))

    low, high = place(s.get("beta_fast", 32)), place(s.get("beta_slow", 1))
    if s.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, SIZE - 1)
    if low == high:
        high += 0.001
    ramp = np.clip((np.arange(SIZE // 2) - low) / (high - low), 0, 1)
    return plain * (1 - ramp) + plain / s["factor"] * ramp, (0.1 * math.log(s["factor"]) + 1) * s.get("attn_factor", 1)


def longrope(config):
    """LongRoPE (Ding et al. 2024) below the original context, as Phi-3 has it: a factor for each frequency, and one of cosines and sines
    that depends on how much the context has grown."""
    size = int(SIZE * config.get("partial_rotary_factor", 1))
    original = config["original_max_position_embeddings"]
    grown = config["max_position_embeddings"] / original
    plain = config["rope_theta"] ** (-np.arange(0, size, 2) / size)
    return plain / np.array(config["rope_scaling"]["short_factor"]), math.sqrt(1 + math.log(grown) / math.log(original))


def rotation(config, layer):
    """Frequencies and factor of a layer; None where positions do not turn."""
    def plain(theta):
        return theta ** (-np.arange(0, SIZE, 2) / SIZE)
    kind = config["model_type"]
    if kind == "smollm3" and config["no_rope_layers"][layer] == 0:
        return None
    if kind == "gemma3_text" and window(config, layer) is not None:
        return plain(config["rope_local_base_freq"]), 1.0
    scaling = config.get("rope_scaling")
    if scaling and scaling.get("rope_type") == "yarn":
        return yarn(config)
    if scaling and scaling.get("type") == "longrope":
        return longrope(config)
    return plain(config["rope_theta"]) / (scaling["factor"] if scaling else 1), 1.0


def window(config, layer):
    if config["model_type"] == "gemma3_text":
        return None if (layer + 1) % config["sliding_window_pattern"] == 0 else config["sliding_window"]
    return config.get("sliding_window")


def mixture(config, x, linear, at, gaps):
    """Each token's experts, the most probable by the router, weighed by their probabilities."""
    logits = linear(x, at + "mlp.gate")
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    k, made = config["num_experts_per_tok"], np.zeros_like(x)
    for t in range(len(x)):
        order = np.argsort(-p[t])
        chosen = order[:k]
        gaps.append(p[t, order[k - 1]] - p[t, order[k]])
        share = p[t, chosen] / (p[t, chosen].sum() if config["norm_topk_prob"] else 1)
        for e, weight in zip(chosen, share):
            gate, up = (linear(x[t], at + f"mlp.experts.{e}.{n}_proj") for n in ("gate", "up"))
            made[t] += weight * linear(gate / (1 + np.exp(-gate)) * up, at + f"mlp.experts.{e}.down_proj")
    return made


def forward(config, w, ids, gaps):
    """Final hidden states [T, hidden] and logits [T, vocabulary] of one row of ids."""
    kind, eps = config["model_type"], config["rms_norm_eps"]
    w = {k: v.astype(np.float64) for k, v in w.items()}
    length = len(ids)

    def norm(x, name):
        g = w[name + ".weight"] + (1 if kind == "gemma3_text" else 0)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * g

    def linear(x, name):
        return x @ w[name + ".weight"].T + w.get(name + ".bias", 0)

    def turned(x, turn):  # [T, heads, size]
        if turn is None:
            return x
        angles = np.arange(length)[:, None, None] * turn[0]
        c, s = np.cos(angles) * turn[1], np.sin(angles) * turn[1]
        half = len(turn[0])
        a, b = x[..., :half], x[..., half:2 * half]
        return np.concatenate([a * c - b * s, b * c + a * s, x[..., 2 * half:]], -1)

    x = w["model.embed_tokens.weight"][ids]
    x = x * {"gemma3_text": math.sqrt(HIDDEN), "granite": config.get("embedding_multiplier")}.get(kind, 1.0)
    scale = {"gemma3_text": config.get("query_pre_attn_scalar", 1) ** -0.5, "granite": config.get("attention_multiplier")}.get(
        kind, SIZE ** -0.5)
    joins = config.get("residual_multiplier", 1.0)
    for i in range(config["num_hidden_layers"]):
        at = f"model.layers.{i}."
        h = x if kind == "olmo2" else norm(x, at + "input_layernorm")
        if kind == "phi3":
            q, k, v = np.split(linear(h, at + "self_attn.qkv_proj"), [HEADS * SIZE, (HEADS + KV) * SIZE], -1)
        else:
            q, k, v = (linear(h, at + f"self_attn.{n}_proj") for n in "qkv")
        if kind == "olmo2":
            q, k = norm(q, at + "self_attn.q_norm"), norm(k, at + "self_attn.k_norm")
        q, k, v = q.reshape(length, HEADS, SIZE), k.reshape(length, KV, SIZE), v.reshape(length, KV, SIZE)
        if kind in ("qwen3", "qwen3_moe", "gemma3_text"):
            q, k = norm(q, at + "self_attn.q_norm"), norm(k, at + "self_attn.k_norm")
        turn = rotation(config, i)
        q, k = turned(q, turn), turned(k, turn)
        seen, size = np.zeros((length, HEADS, SIZE)), window(config, i)
        for t in range(length):
            first = 0 if size is None else max(0, t + 1 - size)
            for head in range(HEADS):
                scores = k[first:t + 1, head // (HEADS // KV)] @ q[t, head] * scale
                p = np.exp(scores - scores.max())
                seen[t, head] = p / p.sum() @ v[first:t + 1, head // (HEADS // KV)]
        mixed = linear(seen.reshape(length, -1), at + "self_attn.o_proj")
        if kind in ("gemma3_text", "olmo2"):
            mixed = norm(mixed, at + "post_attention_layernorm")
        x = x + joins * mixed
        before = {"gemma3_text": "pre_feedforward_layernorm", "olmo2": None}.get(kind, "post_attention_layernorm")
        h = x if before is None else norm(x, at + before)
        if sparse(config, i):
            x = x + mixture(config, h, linear, at, gaps)
            continue
        if kind == "phi3":
            gate, up = np.split(linear(h, at + "mlp.gate_up_proj"), 2, -1)
        else:
            gate, up = linear(h, at + "mlp.gate_proj"), linear(h, at + "mlp.up_proj")
        if kind == "gemma3_text":
            gate = 0.5 * gate * (1 + np.tanh(math.sqrt(2 / math.pi) * (gate + 0.044715 * gate ** 3)))
        else:
            gate = gate / (1 + np.exp(-gate))
        fed = linear(gate * up, at + "mlp.down_proj")
        if kind in ("gemma3_text", "olmo2"):
            fed = norm(fed, at + "post_feedforward_layernorm")
        x = x + joins * fed
    x = norm(x, "model.norm")
    head = w.get("lm_head.weight", w["model.embed_tokens.weight"])
    return x, x @ head.T / config.get("logits_scaling", 1.0)


def safetensors(path, tensors):
    header, at, names = {}, 0, sorted(tensors)
    for name in names:
        t = tensors[name]
        header[name] = dict(dtype={"float32": "F32", "int64": "I64"}[str(t.dtype)], shape=list(t.shape), data_offsets=[at, at + t.nbytes])
        at += t.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            f.write(np.ascontiguousarray(tensors[name]).tobytes())


def computed(config, seed):
    """Weights, ids, what comes of them, and the least gap between the last expert chosen and the first that is not."""
    rng, gaps = np.random.Generator(np.random.PCG64(seed)), [1.0]
    w = weights(config, rng)
    ids = rng.integers(3, VOCAB, 37)
    return w, ids, forward(config, w, ids, gaps), min(gaps)


for name, own in sorted(CASES.items()):
    config, folder = {**COMMON, **own}, os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    if name in FIRST:
        seed = FIRST.index(name) + 1
    else:
        first = zlib.crc32(name.encode())
        tried = range(first, first + (400 if config["model_type"] == "qwen3_moe" else 1))
        seed = max(tried, key=lambda s: computed(config, s)[3])
    w, ids, (hidden, logits), gap = computed(config, seed)
    with open(os.path.join(folder, "config.json"), "w") as f:
        f.write(json.dumps(config, indent=2) + "\n")
    safetensors(os.path.join(folder, "model.safetensors"), w)
    safetensors(os.path.join(folder, "expected.safetensors"),
                dict(ids=ids.astype(np.float32), hidden=hidden.astype(np.float32), logits=logits.astype(np.float32)))
    print(name, "logits from", round(float(logits.min()), 2), "to", round(float(logits.max()), 2), "gap", round(float(gap), 4))
