"""Step credit for prime-rl. Written for prime-rl 0.8.0 (commit 559b4477, 2026-08-21) and verifiers 0.4.0 from their sources; it was not run
inside them.

prime-rl has no option that names code of one's own, so its fork gets three lines: put this file and its two neighbours on PYTHONPATH and

    # packages/prime-rl-configs/src/prime_rl/configs/algorithm.py: a config, and `| PavAlgoConfig` in the union AlgoConfig
    class PavAlgoConfig(BaseAlgoConfig):
        type: Literal["pav"] = "pav"
        alpha: float = 1.0

    # src/prime_rl/orchestrator/algo/__init__.py
    from pav_prime import PavAlgorithm
    ALGORITHM_CLASSES["pav"] = PavAlgorithm

The trace's reward stays the outcome, less its group's mean as in GRPO; every token of a step gets alpha times the step's progress. A trace
is one problem and one answer: several turns are refused.
"""

import asyncio

from prime_rl.orchestrator.algo.base import Algorithm, iter_trainable_traces
from prime_rl.orchestrator.algo.routing import assign_advantages

from pav_client import score_steps
from pav_credit import spread, token_steps


def answer(trace):
    """(problem, token ids) of a trace of one turn: the last message before the answer, and what was sampled."""
    sampled = [node for node in trace.nodes if any(node.mask)]
    if len(sampled) != 1:
        raise ValueError(f"trace {trace.id} has {len(sampled)} sampled messages; pav judges one answer to one problem")
    asked = trace.nodes[sampled[0].parent].message.content
    problem = asked if isinstance(asked, str) else "".join(part.text for part in asked)
    return problem, [token for token, kept in zip(sampled[0].token_ids, sampled[0].mask) if kept]


class PavAlgorithm(Algorithm):
    def __init__(self, config, policy_pool):
        super().__init__(config, policy_pool)
        self.alpha, self.credit, self.tokenizer = config.alpha, {}, None

    async def setup(self):
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(self.policy_pool.model_name)

    def decode(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    async def score_episode(self, episode):
        traces = [trace for _, trace in iter_trainable_traces([episode])]
        answers = [answer(trace) for trace in traces]
        found = await asyncio.to_thread(score_steps, [{"prompt": p, "response": self.decode(ids)} for p, ids in answers])
        for trace, (_, ids), scored in zip(traces, answers, found):
            self.credit[trace.id] = spread(len(ids), *token_steps(self.decode, ids, scored["steps"]))

    async def score_group(self, episodes):
        traces = [trace for _, trace in iter_trainable_traces(episodes)]
        mean = sum(trace.reward for trace in traces) / max(1, len(traces))
        for trace in traces:
            assign_advantages(trace, (trace.reward - mean + self.alpha * self.credit.pop(trace.id)).tolist())
