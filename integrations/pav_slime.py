"""Step credit for slime. Written for slime 0.3.1 (commit 624b824a, 2026-08-21) from its sources; it was not run inside slime.

    --rm-type remote_rm --rm-url http://127.0.0.1:8080/reward --reward-key outcome
    --custom-convert-samples-to-train-data-path pav_slime.convert_samples
    --custom-advantage-function-path pav_slime.pav_advantages

pav answers a sample with an object that holds its steps; the conversion turns these into one number for each response token. slime hands
its trainers a fixed set of fields, and of these `teacher_log_probs` is the one that is cut for context parallelism as tokens are, so it
carries the progress. Hence not together with --use-opd, which needs that field for itself. One turn only.
"""

import os
from collections import Counter

from pav_credit import normalise, spread, token_steps

ALPHA = float(os.environ.get("PAV_ALPHA", "1"))
tokenizers = {}


def progress_of_tokens(decode, ids, reward):
    """The progress of each response token's own step, from a reply of /reward: `steps` is a list of [start, end, progress]."""
    return spread(len(ids), *token_steps(decode, ids, [{"end": end, "progress": value} for _, end, value in reward["steps"]])).tolist()


def decoder(args):
    if args.hf_checkpoint not in tokenizers:
        from transformers import AutoTokenizer

        tokenizers[args.hf_checkpoint] = AutoTokenizer.from_pretrained(args.hf_checkpoint, trust_remote_code=True)
    skip = getattr(args, "rollout_skip_special_tokens", True)
    return lambda ids: tokenizers[args.hf_checkpoint].decode(ids, skip_special_tokens=skip)


def convert_samples(args, samples):
    """The fields of slime's own conversion that a dense text model needs, with progress in `teacher_log_probs`."""
    if getattr(args, "use_opd", False):
        raise ValueError("step credit travels in teacher_log_probs, which --use-opd needs; leave that out")
    if getattr(args, "rollout_top_p", 1.0) != 1.0:
        raise ValueError("pav_slime's conversion does not carry the top-p replay of --rollout-top-p; leave that at 1")
    samples = [s for group in samples for s in (group if isinstance(group, list) else [group])]
    decode = decoder(args)
    outcomes = [float(s.reward["outcome"] if s.reward["outcome"] is not None else s.reward["score"]) for s in samples]
    groups = [i // args.n_samples_per_prompt if s.group_index is None else s.group_index for i, s in enumerate(samples)]
    masks = [[0] * s.response_length if s.remove_sample else s.loss_mask or [1] * s.response_length for s in samples]
    rollouts = [s.rollout_id if s.rollout_id is not None else s.index for s in samples]
    sums = Counter()
    for rollout, mask in zip(rollouts, masks):
        sums[rollout] += sum(mask)
    data = {
        "tokens": [s.tokens for s in samples],
        "response_lengths": [s.response_length for s in samples],
        "rewards": normalise(outcomes, groups, getattr(args, "grpo_std_normalization", True)).tolist(),
        "raw_reward": outcomes,
        "truncated": [int(s.status.value == "truncated") for s in samples],
        "sample_indices": [s.index for s in samples],
        "rollout_ids": rollouts,
        "loss_masks": masks,
        "rollout_mask_sums": [sums[rollout] for rollout in rollouts],
        "teacher_log_probs": [
            progress_of_tokens(decode, s.tokens[len(s.tokens) - s.response_length :], s.reward) for s in samples
        ],
    }
    if samples[0].rollout_log_probs is not None:
        data["rollout_log_probs"] = [s.rollout_log_probs for s in samples]
    return data


def pav_advantages(args, rollout_data):
    """Normalised outcome plus PAV_ALPHA times the progress of the token's own step, for each token."""
    credit = [base + ALPHA * steps for base, steps in zip(rollout_data["rewards"], rollout_data["teacher_log_probs"])]
    rollout_data["advantages"] = credit
    rollout_data["returns"] = list(credit)
