"""Step credit for verl. Written for verl 0.10.0.dev (commit 1dda039b, 2026-08-22) from its sources; it was not run inside verl.

Two ways bring a reward for each step into `rm_scores`, and one estimator, `algorithm.adv_estimator=pav`, reads them back:

- `PavAgentLoop` scores each trace as it is sampled, with the data set's ground truth. It is the one to take.
- `PavRewardManager` is for verl's colocated reward model: `assemble_rm_scores` is called there alone. The newer trainer
  (`trainer.use_v1=True`) hands it no ground truth, so the outcome is 0 there and progress is all that is learned from.

One turn only. Start with `VERL_USE_EXTERNAL_MODULES=pav_verl` and this folder in PYTHONPATH; docs/rl-frameworks.md has the commands.
The last token's reward is the outcome (see pav_credit.encode_row for the exception), `acc` in validation the outcome itself.
"""

import asyncio
import os

import torch
from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop
from verl.experimental.reward_loop.reward_manager import register
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.trainer.ppo.core_algos import register_adv_est

from pav_client import score_steps, text
from pav_credit import advantages, encode_row, token_steps

ALPHA = float(os.environ.get("PAV_ALPHA", "1"))


async def scored(tokenizer, prompt, ids, truth):
    """(row of len(ids) rewards, what verl logs of it) for one response."""

    def decode(some):
        return tokenizer.decode(some, skip_special_tokens=True)

    sample = {"prompt": text(prompt), "response": decode(ids)} | ({"label": str(truth)} if truth is not None else {})
    found = (await asyncio.to_thread(score_steps, [sample]))[0]
    outcome = float(found["outcome"] or 0)
    ends, progress = token_steps(decode, ids, found["steps"])
    logged = {"acc": outcome, "q0": found["q0"], "q_end": found["q"], "steps": len(found["steps"])}
    return encode_row(len(ids), ends, progress, outcome), logged


class PavOutput(AgentLoopOutput):
    """verl writes one number at the last token; this one writes all of them."""

    dense: list[float]

    def as_dict(self):
        output = super().as_dict()
        output["rm_scores"] = torch.tensor(output.pop("dense"), dtype=torch.float32)
        return output


class PavAgentLoop(SingleTurnAgentLoop):
    async def run(self, sampling_params, **kwargs):
        output = await super().run(sampling_params, **kwargs)
        truth = (kwargs.get("reward_model") or {}).get("ground_truth")
        row, logged = await scored(self.tokenizer, kwargs["raw_prompt"], output.response_ids, truth)
        fields = {name: getattr(output, name) for name in output.model_fields_set}
        fields["extra_fields"] = {**output.extra_fields, "reward_extra_info": logged}
        return PavOutput(**fields, reward_score=logged["acc"], dense=row.tolist())


@register("pav")
class PavRewardManager(RewardManagerBase):
    def __init__(self, config, tokenizer, compute_score=None, reward_router_address=None, reward_model_tokenizer=None):
        super().__init__(config, tokenizer, compute_score)

    async def run_single(self, data):
        item = data[-1:][0]
        ids = item.batch["responses"]
        ids = ids[: int(item.batch["attention_mask"][-ids.shape[-1] :].sum())].tolist()
        truth = (item.non_tensor_batch.get("reward_model") or {}).get("ground_truth")
        row, logged = await scored(self.tokenizer, list(item.non_tensor_batch["raw_prompt"]), ids, truth)
        return {"reward_score": row.tolist(), "reward_extra_info": logged}

    @classmethod
    def assemble_rm_scores(cls, data, scores):
        rm_scores = torch.zeros_like(data.batch["responses"], dtype=torch.float32)
        for i, row in enumerate(scores):
            rm_scores[i, : len(row)] = torch.tensor(row, dtype=torch.float32)
        return rm_scores


@register_adv_est("pav")
def pav_advantage(token_level_rewards, response_mask, index, config=None, **_):
    """Group-normalised outcome on every token, plus PAV_ALPHA times the progress of the token's own step."""
    if config is not None and config.get("use_kl_in_reward", False):
        raise ValueError("algorithm.use_kl_in_reward writes over the rewards of steps; use actor.use_kl_loss in its place")
    by_std = config.get("norm_adv_by_std_in_grpo", True) if config is not None else True
    values = advantages(token_level_rewards.cpu().numpy(), response_mask.cpu().numpy(), index, ALPHA, by_std)
    values = torch.as_tensor(values, dtype=torch.float32, device=token_level_rewards.device)
    return values, values
