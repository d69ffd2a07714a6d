"""The shims' arithmetic, on shapes as the frameworks have them. `python3 -m unittest discover -s integrations/tests` runs it.

The frameworks are stand-ins (doubles.py): what is tested is what the shims compute, not that a framework calls them so.
"""

import asyncio
import random
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import doubles

doubles.install()

import pav_credit
import pav_prime
import pav_skyrl
import pav_slime
import pav_trl
import pav_verl


class Words:
    """A tokenizer of pieces; id 0 is the end-of-sequence, without text."""

    def __init__(self, *pieces):
        self.pieces = ["", *pieces]

    def decode(self, ids, skip_special_tokens=True):
        return "".join(self.pieces[int(i)] for i in ids)


# "2+2=4\nso 4" in five tokens and an end-of-sequence; the steps end at characters 6 and 10.
words = Words("2+2", "=4", "\n", "so", " 4")
ids = [1, 2, 3, 4, 5, 0]
steps = [{"start": 0, "end": 6, "q": 0.75, "progress": 0.25}, {"start": 6, "end": 10, "q": 0.25, "progress": -0.5}]
reply = {"q0": 0.5, "q": 0.25, "outcome": 1, "steps": steps}
spread = [0.25, 0.25, 0.25, -0.5, -0.5, -0.5]


def asked(log, answers):
    def ask(samples):
        log.extend(samples)
        return answers

    return ask


class Credit(unittest.TestCase):
    def test_tokens_belong_to_the_step_whose_text_they_write(self):
        self.assertEqual(([3, 6], [0.25, -0.5]), pav_credit.token_steps(words.decode, ids, steps))

    def test_a_token_that_writes_two_steps_takes_both(self):
        straddling = Words("a", "\nb\n", "c")
        three = [{"end": 2, "progress": 0.5}, {"end": 4, "progress": -0.25}, {"end": 5, "progress": 0.125}]
        self.assertEqual(([2, 3], [0.25, 0.125]), pav_credit.token_steps(straddling.decode, [1, 2, 3], three))

    def test_no_step_and_no_token(self):
        self.assertEqual(([], []), pav_credit.token_steps(words.decode, [0], []))
        self.assertEqual(0, len(pav_credit.encode_row(0, [], [], 1)))
        self.assertEqual([0, 0], pav_credit.encode_row(2, [], [], 1).tolist())

    def test_a_row_says_outcome_and_progress(self):
        row = pav_credit.encode_row(6, [3, 6], [0.25, -0.5], 1)
        self.assertEqual([0, 0, 0.25, 0, -0.5, 1], row.tolist())
        self.assertEqual(0.25 - 0.5 + 1, row.sum())

    def test_a_last_step_of_one_token(self):
        self.assertEqual([0, 0.25, 3.5], pav_credit.encode_row(3, [2, 3], [0.25, -0.5], 1).tolist())
        self.assertEqual([-4.5], pav_credit.encode_row(1, [1], [-0.5], 0).tolist())

    def test_every_row_is_read_back(self):
        draw = random.Random(1)
        for _ in range(2000):
            length = draw.randint(1, 12)
            ends = sorted(draw.sample(range(1, length), draw.randint(0, length - 1))) + [length]
            progress = [draw.choice([0.0, draw.uniform(-1, 1), 1.0, -1.0]) for _ in ends]
            outcome = draw.randint(0, 1)
            credit, found = pav_credit.decode_row(pav_credit.encode_row(length, ends, progress, outcome))
            self.assertEqual(outcome, found)
            np.testing.assert_allclose(credit, pav_credit.spread(length, ends, progress), atol=5e-7)

    def test_outcomes_are_normalised_within_their_group(self):
        # Of 1, 0, 0: mean 1/3, standard deviation 0.57735. A group of one has nothing to compare with.
        np.testing.assert_allclose([1.1547, -0.57735, -0.57735, 0], pav_credit.normalise([1, 0, 0, 1], list("aaab")), atol=1e-4)
        np.testing.assert_allclose([0.5, -0.5], pav_credit.normalise([1, 0], ["a", "a"], by_std=False))

    def test_progress_is_not_summed_over_later_steps(self):
        row = pav_credit.encode_row(6, [3, 6], [0.25, -0.5], 1)
        both = pav_credit.advantages([row, row], np.ones((2, 6)), ["a", "a"], alpha=2)
        np.testing.assert_allclose(both[0], 2 * np.array(spread))

    def test_rows_may_stand_left_or_right(self):
        row = pav_credit.encode_row(3, [2, 3], [0.25, -0.5], 1)
        for place in (slice(0, 3), slice(2, 5)):
            rewards, mask = np.zeros((1, 5)), np.zeros((1, 5))
            rewards[0, place], mask[0, place] = row, 1
            found = pav_credit.advantages(rewards, mask, ["a"], alpha=1)
            np.testing.assert_allclose(found[0, place], [0.25, 0.25, -0.5])
            self.assertEqual(0, found[mask == 0].sum())


class Verl(unittest.TestCase):
    prompt = [{"role": "user", "content": "2+2?"}]

    def setUp(self):
        self.log = []
        pav_verl.score_steps = asked(self.log, [reply])

    def test_the_agent_loop_writes_dense_rewards(self):
        output = asyncio.run(pav_verl.PavAgentLoop(words, ids).run({}, raw_prompt=self.prompt, reward_model={"ground_truth": 4}))
        self.assertEqual([0, 0, 0.25, 0, -0.5, 1], output.as_dict()["rm_scores"].tolist())
        self.assertEqual({"acc": 1, "q0": 0.5, "q_end": 0.25, "steps": 2}, output.extra_fields["reward_extra_info"])
        self.assertEqual([{"prompt": self.prompt, "response": "2+2=4\nso 4", "label": "4"}], self.log)

    def test_the_reward_manager_and_the_estimator(self):
        batch = {"prompts": np.zeros((2, 2)), "responses": [ids, ids], "attention_mask": np.ones((2, 8))}
        batch = {name: doubles.tensor(value) for name, value in batch.items()}

        class Data(SimpleNamespace):
            def __getitem__(self, index):
                return self if isinstance(index, slice) else SimpleNamespace(
                    batch={name: value[0] for name, value in self.batch.items()}, non_tensor_batch={"raw_prompt": Verl.prompt})

        data = Data(batch=batch)
        manager = pav_verl.PavRewardManager(None, words)
        found = asyncio.run(manager.run_single(data))
        scores = manager.assemble_rm_scores(data, [found["reward_score"], [0, 0, 0.25, 0, -0.5, 0]])
        self.assertEqual((2, 6), scores.shape)
        mask = doubles.tensor(np.ones((2, 6)))
        values, returns = pav_verl.pav_advantage(token_level_rewards=scores, response_mask=mask, index=np.array(["u", "u"]), config={})
        # Outcomes 1 and 0: +-0.7071 by the standard deviation of two, on every token; and the progress of the token's own step.
        np.testing.assert_allclose(values[0], 0.70711 + np.array(spread), atol=1e-4)
        np.testing.assert_allclose(values[1], -0.70711 + np.array(spread), atol=1e-4)
        self.assertIs(values, returns)

    def test_a_penalty_in_the_rewards_is_refused(self):
        with self.assertRaisesRegex(ValueError, "use_kl_in_reward"):
            pav_verl.pav_advantage(None, None, None, config={"use_kl_in_reward": True})


class Trl(unittest.TestCase):
    def test_advantages_have_a_value_for_each_token(self):
        log = []
        wrong = reply | {"outcome": 0, "steps": [{"start": 0, "end": 6, "progress": -0.5}]}
        pav_trl.score_steps = asked(log, [reply, wrong])
        batch = {"prompts": ["2+2?", "2+2?"], "completions": ["…", "…"], "completion_ids": [ids, ids[:3]], "answer": [4, 4]}
        args = SimpleNamespace(use_liger_kernel=False, off_policy_mask_threshold=None, loss_type="dapo")
        trainer = pav_trl.PavGRPOTrainer(reward_funcs=pav_trl.PavReward(words), args=args, batch=batch)
        found = trainer._generate_and_score_completions([])["advantages"]
        self.assertEqual((2, 6), found.shape)
        np.testing.assert_allclose(found[0], 0.70701 + np.array(spread), atol=1e-4)
        np.testing.assert_allclose(found[1], -0.70701 + np.array([-0.5, -0.5, -0.5, 0, 0, 0]), atol=1e-4)
        self.assertEqual({"prompt": "2+2?", "response": "2+2=4\n", "label": "4"}, log[1])

    def test_losses_that_read_one_advantage_are_refused(self):
        args = SimpleNamespace(use_liger_kernel=True, off_policy_mask_threshold=None, loss_type="dapo")
        with self.assertRaisesRegex(ValueError, "use_liger_kernel"):
            pav_trl.PavGRPOTrainer(reward_funcs=pav_trl.PavReward(words), args=args, batch={})


class Slime(unittest.TestCase):
    args = SimpleNamespace(hf_checkpoint="words", n_samples_per_prompt=2, grpo_std_normalization=False)

    def sample(self, index, outcome, **more):
        reward = {"score": 0.25, "outcome": outcome, "steps": [[0, 6, 0.25], [6, 10, -0.5]]}
        return SimpleNamespace(**{
            "tokens": [9, 9, *ids], "response_length": 6, "reward": reward, "index": index, "group_index": None, "rollout_id": None,
            "loss_mask": None, "remove_sample": False, "rollout_log_probs": [-0.1] * 6,
            "status": SimpleNamespace(value="completed"),
        } | more)

    def test_samples_become_outcomes_and_progress_of_tokens(self):
        pav_slime.tokenizers["words"] = words
        data = pav_slime.convert_samples(self.args, [[self.sample(0, 1), self.sample(1, 0, status=SimpleNamespace(value="truncated"))]])
        self.assertEqual([0.5, -0.5], data["rewards"])
        self.assertEqual([1, 0], data["raw_reward"])
        self.assertEqual([0, 1], data["truncated"])
        self.assertEqual([spread, spread], data["teacher_log_probs"])
        self.assertEqual([6, 6], data["rollout_mask_sums"])
        rollout = {"rewards": data["rewards"], "teacher_log_probs": [np.array(credit) for credit in data["teacher_log_probs"]]}
        pav_slime.pav_advantages(self.args, rollout)
        np.testing.assert_allclose(rollout["advantages"][0], 0.5 + np.array(spread))
        self.assertEqual(2, len(rollout["returns"]))

    def test_what_needs_the_same_field_is_refused(self):
        with self.assertRaisesRegex(ValueError, "use-opd"):
            pav_slime.convert_samples(SimpleNamespace(use_opd=True), [])


class SkyRL(unittest.TestCase):
    def test_rewards_become_one_for_each_token(self):
        log = []
        found = pav_skyrl.rows(words.decode, [Verl.prompt], [ids], [1.0], asked(log, [reply]))
        self.assertEqual([[0, 0, 0.25, 0, -0.5, 1]], found)
        self.assertEqual("2+2=4\nso 4", log[0]["response"])

    def test_evaluation_is_left_alone_and_training_is_not(self):
        generator = pav_skyrl.PavGenerator(words, {"rewards": [1.0], "response_ids": [ids]})
        batch = {"prompts": [Verl.prompt], "batch_metadata": SimpleNamespace(training_phase="eval")}
        self.assertEqual([1.0], asyncio.run(generator.generate(batch))["rewards"])
        batch["batch_metadata"].training_phase = "train"
        with mock.patch.object(pav_skyrl, "rows", lambda *given: [[1.0]]):
            self.assertEqual([[1.0]], asyncio.run(generator.generate(batch))["rewards"])

    def test_the_estimator_is_known_by_its_name(self):
        row = doubles.tensor([[0, 0, 0, 0.25, 3.5]])
        mask = doubles.tensor([[0, 0, 1, 1, 1]])
        estimator = doubles.Registry.estimators["pav"]
        values, _ = estimator(token_level_rewards=row, response_mask=mask, index=["u"], values=None, gamma=1, lambd=1, config=None)
        np.testing.assert_allclose(values, [[0, 0, 0.25, 0.25, -0.5]])


class Prime(unittest.TestCase):
    def trace(self, name, reward):
        asked_node = SimpleNamespace(mask=[False], message=SimpleNamespace(content="2+2?"), parent=None)
        answer_node = SimpleNamespace(mask=[False] + [True] * 6, token_ids=[7, *ids], parent=0, advantages=None)
        return SimpleNamespace(id=name, reward=reward, nodes=[asked_node, answer_node])

    def test_traces_get_an_advantage_for_each_sampled_token(self):
        log = []
        pav_prime.score_steps = asked(log, [reply])
        algorithm = pav_prime.PavAlgorithm(SimpleNamespace(alpha=2.0), None)
        algorithm.tokenizer = words
        episodes = [SimpleNamespace(traces=[self.trace("a", 1.0)]), SimpleNamespace(traces=[self.trace("b", 0.0)])]
        for episode in episodes:
            asyncio.run(algorithm.score_episode(episode))
        asyncio.run(algorithm.score_group(episodes))
        np.testing.assert_allclose(episodes[0].traces[0].nodes[1].advantages, 0.5 + 2 * np.array(spread))
        np.testing.assert_allclose(episodes[1].traces[0].nodes[1].advantages, -0.5 + 2 * np.array(spread))
        self.assertEqual({"prompt": "2+2?", "response": "2+2=4\nso 4"}, log[0])

    def test_several_turns_are_refused(self):
        trace = self.trace("a", 1.0)
        trace.nodes.append(trace.nodes[1])
        with self.assertRaisesRegex(ValueError, "2 sampled messages"):
            pav_prime.answer(trace)


if __name__ == "__main__":
    unittest.main()
