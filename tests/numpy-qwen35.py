#!/usr/bin/env python3
"""Writes tiny random checkpoints of Qwen 3.5's text model and what they compute, by NumPy in float64, beside those of numpy-decoders.py.

An account of its own, written from the description of Gated DeltaNet (Yang et al. 2024: the recurrent form, one token after another) and
of gated attention; it shares nothing with pav, torch or transformers. For each case: config.json, model.safetensors (float32) and
expected.safetensors with the ids, the logits at every position (logits), the final hidden states (hidden), and of some entries of every
weight (at.NAME) the slope of the mean next-token loss (slope.NAME), by central differences. Python with NumPy, same bytes again:
python3 tests/numpy-qwen35.py
"""
import json, math, os, struct
import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Pav.Models.Tests", "fixtures", "numpy")
TEXT = dict(vocab_size=48, hidden_size=16, intermediate_size=24, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
            max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, hidden_act="silu", attention_bias=False,
            attn_output_gate=True, linear_conv_kernel_dim=4, linear_key_head_dim=8, model_type="qwen3_5_text", mamba_ssm_dtype="float32")
CASES = {
    # As published: the text model inside one for images, whose weights and next-token heads are passed over.
    "qwen35": dict(
        architectures=["Qwen3_5ForConditionalGeneration"], model_type="qwen3_5", tie_word_embeddings=False, image_token_id=40,
        video_token_id=41, vision_start_token_id=42, vision_end_token_id=43, vision_config=dict(depth=1, model_type="qwen3_5"),
        text_config=dict(TEXT, num_hidden_layers=4, full_attention_interval=4, linear_num_key_heads=2, linear_num_value_heads=4,
                         linear_value_head_dim=16, dtype="float32", mtp_num_hidden_layers=1, mtp_use_dedicated_embeddings=False,
                         layer_types=["linear_attention"] * 3 + ["full_attention"],
                         rope_parameters=dict(rope_type="default", rope_theta=100.0, partial_rotary_factor=0.5, mrope_interleaved=True,
                                              mrope_section=[1, 1, 0]))),
    # The text model alone, with positions stretched by YaRN.
    "qwen35-yarn": dict(
        TEXT, architectures=["Qwen3_5ForCausalLM"], num_hidden_layers=3, full_attention_interval=2, linear_num_key_heads=3,
        linear_num_value_heads=3, linear_value_head_dim=8, tie_word_embeddings=True, torch_dtype="float32",
        layer_types=["linear_attention", "full_attention", "linear_attention"], partial_rotary_factor=0.75,
        rope_parameters=dict(rope_type="yarn", rope_theta=500.0, factor=4.0, original_max_position_embeddings=256)),
}


def weights(c, rng):
    """Name -> float32 array, as published checkpoints name and lay them."""
    made, hidden, inner, size = {}, c["hidden_size"], c["intermediate_size"], c["head_dim"]
    keys, values = c["linear_num_key_heads"] * c["linear_key_head_dim"], c["linear_num_value_heads"] * c["linear_value_head_dim"]

    def put(name, value):
        made[name] = value.astype(np.float32)

    def linear(name, out, inputs):
        put(name + ".weight", rng.normal(0, 1.2 / math.sqrt(inputs), (out, inputs)))

    put("embed_tokens.weight", rng.normal(0, 1, (c["vocab_size"], hidden)))
    for i, kind in enumerate(c["layer_types"]):
        at = f"layers.{i}."
        put(at + "input_layernorm.weight", rng.normal(0, 0.3, hidden))
        put(at + "post_attention_layernorm.weight", rng.normal(0, 0.3, hidden))
        if kind == "full_attention":
            at += "self_attn."
            put(at + "q_norm.weight", rng.normal(0, 0.3, size))
            put(at + "k_norm.weight", rng.normal(0, 0.3, size))
            linear(at + "q_proj", 2 * c["num_attention_heads"] * size, hidden)
            linear(at + "k_proj", c["num_key_value_heads"] * size, hidden)
            linear(at + "v_proj", c["num_key_value_heads"] * size, hidden)
            linear(at + "o_proj", hidden, c["num_attention_heads"] * size)
        else:
            at += "linear_attn."
            linear(at + "in_proj_qkv", 2 * keys + values, hidden)
            linear(at + "in_proj_z", values, hidden)
            linear(at + "in_proj_b", c["linear_num_value_heads"], hidden)
            linear(at + "in_proj_a", c["linear_num_value_heads"], hidden)
            put(at + "conv1d.weight", rng.normal(0, 0.6, (2 * keys + values, 1, c["linear_conv_kernel_dim"])))
            put(at + "A_log", np.log(rng.uniform(0.2, 1.5, c["linear_num_value_heads"])))
            put(at + "dt_bias", rng.normal(-1, 0.7, c["linear_num_value_heads"]))
            put(at + "norm.weight", 1 + rng.normal(0, 0.3, c["linear_value_head_dim"]))
            linear(at + "out_proj", hidden, values)
        at = f"layers.{i}.mlp."
        linear(at + "gate_proj", inner, hidden)
        linear(at + "up_proj", inner, hidden)
        linear(at + "down_proj", hidden, inner)
    put("norm.weight", rng.normal(0, 0.3, hidden))
    return made, None if c["tied"] else rng.normal(0, 1.2 / math.sqrt(hidden), (c["vocab_size"], hidden)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def rotation(c):
    """Frequencies and factor of the part of a head that turns; all three kinds of a text's positions are the same number."""
    rope = c["rope_parameters"]
    size = int(c["head_dim"] * rope.get("partial_rotary_factor", c.get("partial_rotary_factor", 0.25)))
    plain = rope["rope_theta"] ** (-np.arange(0, size, 2) / size)
    if rope["rope_type"] == "default":
        return plain, 1.0

    def place(turns):
        return size * math.log(rope["original_max_position_embeddings"] / (2 * math.pi * turns)) / (2 * math.log(rope["rope_theta"]))

    low, high = max(math.floor(place(32)), 0), min(math.ceil(place(1)), size - 1)
    ramp = np.clip((np.arange(size // 2) - low) / (high - low if high > low else 0.001), 0, 1)
    return plain * (1 - ramp) + plain / rope["factor"] * ramp, 0.1 * math.log(rope["factor"]) + 1


def forward(c, w, head, ids):
    """Final hidden states [T, hidden] and logits [T, vocabulary] of one row of ids."""
    eps, length = c["rms_norm_eps"], len(ids)

    def unit(x):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)

    def norm(x, name):
        return unit(x) * (1 + w[name + ".weight"])

    def linear(x, name):
        return x @ w[name + ".weight"].T

    def attention(h, at):
        heads, kv, size = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        both = linear(h, at + "q_proj").reshape(length, heads, 2 * size)  # each head's query, then its gate
        q, gate = norm(both[..., :size], at + "q_norm"), both[..., size:]
        k = norm(linear(h, at + "k_proj").reshape(length, kv, size), at + "k_norm")
        v = linear(h, at + "v_proj").reshape(length, kv, size)
        frequencies, factor = rotation(c)
        half = len(frequencies)
        angles = np.arange(length)[:, None, None] * frequencies

        def turned(x):
            a, b, rest = x[..., :half], x[..., half:2 * half], x[..., 2 * half:]
            cos, sin = np.cos(angles) * factor, np.sin(angles) * factor
            return np.concatenate([a * cos - b * sin, b * cos + a * sin, rest], -1)

        q, k, seen = turned(q), turned(k), np.zeros((length, heads, size))
        for t in range(length):
            for n in range(heads):
                scores = k[:t + 1, n // (heads // kv)] @ q[t, n] / math.sqrt(size)
                p = np.exp(scores - scores.max())
                seen[t, n] = p / p.sum() @ v[:t + 1, n // (heads // kv)]
        return linear((seen * sigmoid(gate)).reshape(length, -1), at + "o_proj")

    def delta_net(h, at):
        nk, nv, dk, dv = (c["linear_" + n] for n in ("num_key_heads", "num_value_heads", "key_head_dim", "value_head_dim"))
        width, raw = c["linear_conv_kernel_dim"], linear(h, at + "in_proj_qkv")
        mixed = np.zeros_like(raw)
        for t in range(length):
            for j in range(width):  # the last weight is that of the token itself
                if t - (width - 1 - j) >= 0:
                    mixed[t] += w[at + "conv1d.weight"][:, 0, j] * raw[t - (width - 1 - j)]
        mixed = silu(mixed)
        q, k, v = np.split(mixed, [nk * dk, 2 * nk * dk], -1)
        q, k, v = q.reshape(length, nk, dk), k.reshape(length, nk, dk), v.reshape(length, nv, dv)
        q, k = (x / np.sqrt((x * x).sum(-1, keepdims=True) + 1e-6) for x in (q, k))
        write = sigmoid(linear(h, at + "in_proj_b"))
        keep = np.exp(-np.exp(w[at + "A_log"]) * np.log1p(np.exp(linear(h, at + "in_proj_a") + w[at + "dt_bias"])))
        out = np.zeros((length, nv, dv))
        for n in range(nv):
            state, of = np.zeros((dv, dk)), n // (nv // nk)
            for t in range(length):
                key = k[t, of]
                state = state * keep[t, n]
                state = state + write[t, n] * np.outer(v[t, n] - state @ key, key)
                out[t, n] = state @ q[t, of] / math.sqrt(dk)
        z = linear(h, at + "in_proj_z").reshape(length, nv, dv)
        return linear((unit(out) * w[at + "norm.weight"] * silu(z)).reshape(length, -1), at + "out_proj")

    x = w["embed_tokens.weight"][ids]
    for i, kind in enumerate(c["layer_types"]):
        at = f"layers.{i}."
        h = norm(x, at + "input_layernorm")
        x = x + (attention(h, at + "self_attn.") if kind == "full_attention" else delta_net(h, at + "linear_attn."))
        h = norm(x, at + "post_attention_layernorm")
        x = x + linear(silu(linear(h, at + "mlp.gate_proj")) * linear(h, at + "mlp.up_proj"), at + "mlp.down_proj")
    x = norm(x, "norm")
    return x, x @ (w["embed_tokens.weight"] if head is None else head).T


def loss(c, w, head, ids):
    logits = forward(c, w, head, ids)[1][:-1]
    top = logits.max(-1, keepdims=True)
    return (np.log(np.exp(logits - top).sum(-1)) + top[:, 0] - logits[np.arange(len(ids) - 1), ids[1:]]).mean()


def slopes(c, w, head, ids):
    found = {}
    for name in sorted(w):
        flat = w[name].reshape(-1)
        places = np.unique(np.linspace(0, flat.size - 1, 9).astype(int))
        values = []
        for i in places:
            start, sums = flat[i], []
            for sign in (1, -1):
                flat[i] = start + sign * 1e-5
                sums.append(loss(c, w, head, ids))
            flat[i] = start
            values.append((sums[0] - sums[1]) / 2e-5)
        found["at." + name], found["slope." + name] = places.astype(np.float32), np.array(values, np.float32)
    return found


def safetensors(path, tensors):
    header, at, names = {}, 0, sorted(tensors)
    for name in names:
        t = tensors[name]
        header[name] = dict(dtype="F32", shape=list(t.shape), data_offsets=[at, at + t.nbytes])
        at += t.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            f.write(np.ascontiguousarray(tensors[name]).tobytes())


for number, (name, config) in enumerate(sorted(CASES.items())):
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    rng = np.random.Generator(np.random.PCG64(number + 35))
    nested = "text_config" in config
    c = dict(config["text_config"] if nested else config, tied=config["tie_word_embeddings"])
    stored, head = weights(c, rng)
    ids = rng.integers(3, c["vocab_size"], 37)
    exact = {k: v.astype(np.float64) for k, v in stored.items()}
    wide = None if head is None else head.astype(np.float64)
    hidden, logits = forward(c, exact, wide, ids)
    expected = dict(ids=ids.astype(np.float32), hidden=hidden.astype(np.float32), logits=logits.astype(np.float32),
                    **slopes(c, exact, wide, ids))
    files = {("model.language_model." if nested else "model.") + k: v for k, v in stored.items()}
    if head is not None:
        files["lm_head.weight"] = head
    if nested:
        files["model.visual.patch_embed.proj.bias"] = files["mtp.norm.weight"] = np.ones(4, np.float32)
    with open(os.path.join(folder, "config.json"), "w") as f:
        f.write(json.dumps(config, indent=2) + "\n")
    safetensors(os.path.join(folder, "model.safetensors"), files)
    safetensors(os.path.join(folder, "expected.safetensors"), expected)
    print(name, "logits from", round(float(logits.min()), 2), "to", round(float(logits.max()), 2), "loss", loss(c, exact, wide, ids))
