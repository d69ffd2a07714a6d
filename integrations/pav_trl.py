"""Step credit for TRL's GRPO. Written for TRL 1.10.0.dev0 (commit f2cd5771, 2026-07-24; the same hooks are in 1.9.0) from its sources; it
was not run inside TRL.

    from pav_trl import PavGRPOTrainer, PavReward
    trainer = PavGRPOTrainer(model=..., reward_funcs=PavReward(tokenizer, label="answer"), train_dataset=..., args=...)

`PavReward` returns outcomes, which TRL normalises within groups as ever, and keeps the steps of the batch; the trainer then adds
PAV_ALPHA times the progress of each token's own step. TRL's loss takes advantages of shape (B, T) ("(B, T) for subclasses"). Not with
use_liger_kernel, off_policy_mask_threshold or loss_type="vespo", which read one advantage for a trace.
"""

import os

import torch
from trl import GRPOTrainer

from pav_client import score_steps, text
from pav_credit import spread, token_steps

ALPHA = float(os.environ.get("PAV_ALPHA", "1"))


class PavReward:
    """A reward function: the outcome of each completion by the server's grader, or Q at its end where the data set has no such column."""

    def __init__(self, tokenizer, label="answer"):
        self.tokenizer, self.label, self.credit = tokenizer, label, []
        self.__name__ = "pav"

    def decode(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    def __call__(self, prompts, completions, completion_ids, log_metric=None, **columns):
        labels = columns.get(self.label) or [None] * len(prompts)
        found = score_steps([
            {"prompt": text(prompt), "response": self.decode(ids)} | ({} if label is None else {"label": str(label)})
            for prompt, ids, label in zip(prompts, completion_ids, labels)
        ])
        self.credit = [spread(len(ids), *token_steps(self.decode, ids, f["steps"])) for ids, f in zip(completion_ids, found)]
        if log_metric:
            log_metric("pav/q_end", sum(f["q"] for f in found) / len(found))
            log_metric("pav/steps", sum(len(f["steps"]) for f in found) / len(found))
        return [float(f["q"] if f["outcome"] is None else f["outcome"]) for f in found]


class PavGRPOTrainer(GRPOTrainer):
    def __init__(self, *args, reward_funcs, **kwargs):
        super().__init__(*args, reward_funcs=reward_funcs, **kwargs)
        self.pav = next(f for f in (reward_funcs if isinstance(reward_funcs, list) else [reward_funcs]) if isinstance(f, PavReward))
        if self.args.use_liger_kernel or self.args.off_policy_mask_threshold is not None or self.args.loss_type == "vespo":
            raise ValueError("use_liger_kernel, off_policy_mask_threshold and vespo read one advantage for a trace; leave them out")

    def _generate_and_score_completions(self, inputs):
        output = super()._generate_and_score_completions(inputs)
        advantages = output["advantages"].unsqueeze(1).expand(output["completion_ids"].shape).clone()
        for row, credit in zip(advantages, self.pav.credit):
            row[: len(credit)] += ALPHA * torch.as_tensor(credit, dtype=row.dtype, device=row.device)
        output["advantages"] = advantages
        return output
