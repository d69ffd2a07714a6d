"""Stand-ins for the frameworks, no larger than the shims' use of them, with names and signatures of the sources that each shim names."""

import sys
import types

import numpy as np


class Tensor(np.ndarray):
    """A NumPy array with the few methods of a torch tensor that the shims call."""

    device = "cpu"

    def cpu(self):
        return self

    def numpy(self):
        return np.asarray(self)

    def clone(self):
        return self.copy()

    def unsqueeze(self, axis):
        return np.expand_dims(self, axis).view(Tensor)

    def expand(self, shape):
        return np.broadcast_to(self, shape).view(Tensor)


def tensor(data, dtype=None, device=None):
    return np.array(data, dtype=dtype or (np.float32 if np.asarray(data).dtype.kind == "f" else None)).view(Tensor)


def module(name, **content):
    """Puts a module where imports find it, its parents too."""
    parts = name.split(".")
    for i in range(1, len(parts)):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    made = sys.modules.setdefault(name, types.ModuleType(name))
    for key, value in content.items():
        setattr(made, key, value)
    return made


class AgentLoopOutput:
    """verl's is a pydantic model: fields by keyword, those given in model_fields_set."""

    def __init__(self, **fields):
        self.model_fields_set = set(fields)
        self.__dict__.update({"extra_fields": {}} | fields)

    def as_dict(self):
        output = {name: getattr(self, name) for name in self.model_fields_set}
        output["responses"] = tensor(output.pop("response_ids"))
        if output.pop("reward_score", None) is not None:
            output["rm_scores"] = tensor([0.0] * (len(self.response_ids) - 1) + [self.reward_score])
        return output


class SingleTurnAgentLoop:
    def __init__(self, tokenizer, response_ids):
        self.tokenizer, self.response_ids = tokenizer, response_ids

    async def run(self, sampling_params, **kwargs):
        mask = [1] * len(self.response_ids)
        return AgentLoopOutput(prompt_ids=[1], response_ids=self.response_ids, response_mask=mask, metrics={}, extra_fields={"turn": 1})


class RewardManagerBase:
    def __init__(self, config, tokenizer, compute_score):
        self.config, self.tokenizer, self.compute_score = config, tokenizer, compute_score


class GRPOTrainer:
    """Its scoring: rewards of the functions, normalised within the group."""

    def __init__(self, reward_funcs, args, batch):
        self.reward_funcs, self.args, self.batch = reward_funcs, args, batch

    def _generate_and_score_completions(self, inputs):
        rewards = np.array(self.reward_funcs(**self.batch, trainer_state=None, log_extra=None, log_metric=lambda name, value: None))
        width = max(len(ids) for ids in self.batch["completion_ids"])
        ids = tensor([row + [0] * (width - len(row)) for row in self.batch["completion_ids"]])
        return {"advantages": tensor((rewards - rewards.mean()) / (rewards.std(ddof=1) + 1e-4)), "completion_ids": ids}


class Registry:
    estimators = {}

    @classmethod
    def register(cls, name, function=None):
        if function is None:
            return lambda made: cls.estimators.setdefault(name, made)
        cls.estimators[name] = function


class SkyRLGymGenerator:
    def __init__(self, tokenizer, output):
        self.tokenizer, self.output = tokenizer, output

    async def generate(self, input_batch, disable_tqdm=False):
        return dict(self.output)


class Algorithm:
    def __init__(self, config, policy_pool):
        self.policy_pool = policy_pool


def assign_advantages(trace, values):
    for node in trace.nodes:
        if any(node.mask):
            assert len(values) == sum(node.mask)
            node.advantages = values


def install():
    zeros_like = lambda t, dtype=None: tensor(np.zeros(t.shape))
    module("torch", Tensor=Tensor, tensor=tensor, as_tensor=tensor, zeros_like=zeros_like, float32=np.float32)
    module("verl.experimental.agent_loop.agent_loop", AgentLoopOutput=AgentLoopOutput)
    module("verl.experimental.agent_loop.single_turn_agent_loop", SingleTurnAgentLoop=SingleTurnAgentLoop)
    module("verl.experimental.reward_loop.reward_manager", register=lambda name: lambda made: made)
    module("verl.experimental.reward_loop.reward_manager.base", RewardManagerBase=RewardManagerBase)
    module("verl.trainer.ppo.core_algos", register_adv_est=lambda name: lambda made: made)
    module("trl", GRPOTrainer=GRPOTrainer)
    module("ray", remote=lambda **options: lambda made: made)
    module("skyrl.backends.skyrl_train.utils.ppo_utils", AdvantageEstimatorRegistry=Registry)
    module("skyrl.train.config", SkyRLTrainConfig=object)
    module("skyrl.train.entrypoints.main_base", BasePPOExp=object, validate_cfg=None)
    module("skyrl.train.generators.skyrl_gym_generator", SkyRLGymGenerator=SkyRLGymGenerator)
    module("skyrl.train.utils", initialize_ray=None)
    module("prime_rl.orchestrator.algo.base", Algorithm=Algorithm,
           iter_trainable_traces=lambda episodes: ((e, t) for e in episodes for t in e.traces))
    module("prime_rl.orchestrator.algo.routing", assign_advantages=assign_advantages)
