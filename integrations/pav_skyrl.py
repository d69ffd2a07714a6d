"""Step credit for SkyRL. Written for SkyRL 0.3.0 (commit a9564572, 2026-08-21) from its sources; it was not run inside SkyRL.

    python -m skyrl.train.entrypoints.main_base trainer.override_entrypoint=pav_skyrl trainer.algorithm.advantage_estimator=pav …

The environment's reward stays the outcome (right where it is above 0); pav adds the progress of each step. Rewards become one for each
response token, which SkyRL carries to the estimator as they are. SkyRL's pass@n reads the last token, its average reward the sum:
outcome plus progress. Evaluation is left alone. Not with generator.step_wise_trajectories, which keeps the last reward of a trace only.
"""

import asyncio
import os
import sys

import ray
import torch
from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry
from skyrl.train.config import SkyRLTrainConfig
from skyrl.train.entrypoints.main_base import BasePPOExp, validate_cfg
from skyrl.train.generators.skyrl_gym_generator import SkyRLGymGenerator
from skyrl.train.utils import initialize_ray

from pav_client import score_steps, text
from pav_credit import advantages, encode_row, token_steps

ALPHA = float(os.environ.get("PAV_ALPHA", "1"))


def rows(decode, prompts, responses, rewards, ask=score_steps):
    """One list of rewards for each response, as pav_credit.encode_row writes them."""
    found = ask([{"prompt": text(p), "response": decode(ids)} for p, ids in zip(prompts, responses)])
    outcomes = [float((sum(r) if isinstance(r, list) else r) > 0) for r in rewards]
    steps = [token_steps(decode, ids, f["steps"]) for ids, f in zip(responses, found)]
    return [encode_row(len(ids), *s, outcome).tolist() for ids, s, outcome in zip(responses, steps, outcomes)]


class PavGenerator(SkyRLGymGenerator):
    async def generate(self, input_batch, *args, **kwargs):
        output = await super().generate(input_batch, *args, **kwargs)
        metadata = input_batch.get("batch_metadata")
        if metadata is not None and metadata.training_phase == "eval":
            return output
        if output.get("is_last_step") is not None:
            raise ValueError("generator.step_wise_trajectories keeps one reward a trace; step credit needs it off")

        def decode(ids):
            return self.tokenizer.decode(ids, skip_special_tokens=True)

        output["rewards"] = await asyncio.to_thread(rows, decode, input_batch["prompts"], output["response_ids"], output["rewards"])
        return output


def pav_advantage(token_level_rewards, response_mask, index, grpo_norm_by_std=True, **_):
    """Group-normalised outcome on every token, plus PAV_ALPHA times the progress of the token's own step."""
    values = advantages(token_level_rewards.cpu().numpy(), response_mask.cpu().numpy(), index, ALPHA, grpo_norm_by_std)
    values = torch.as_tensor(values, dtype=torch.float32, device=token_level_rewards.device)
    return values, values


AdvantageEstimatorRegistry.register("pav", pav_advantage)


class PavExp(BasePPOExp):
    def get_generator(self, cfg, tokenizer, inference_engine_client):
        own = super().get_generator(cfg, tokenizer, inference_engine_client)
        own.__class__ = PavGenerator
        return own


@ray.remote(num_cpus=1)
def pav_entrypoint(cfg):
    PavExp(cfg).run()


def main():
    cfg = SkyRLTrainConfig.from_cli_overrides([a for a in sys.argv[1:] if not a.startswith("trainer.override_entrypoint=")])
    validate_cfg(cfg)
    initialize_ray(cfg)
    ray.get(pav_entrypoint.remote(cfg))


if __name__ == "__main__":
    main()
