"""ppo/algorithm/out_of_memory.py: a device that is full gives the same update in smaller pieces, or one sentence."""

from dataclasses import replace

import pytest
import torch

from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.out_of_memory import in_smaller_pieces, is_out_of_memory
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import Config, LoraSettings, PPOConfig
from ppo.model.loading.tiny_model import tiny_model
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of
from rater_data.errors import BadInput

CPU = torch.device("cpu")
CONFIG = Config(lora=LoraSettings(r=4, alpha=8), ppo=replace(PPOConfig(), minibatch=8, learning_rate=1e-3))
FULL = (
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory"),
)


class SmallDevice:
    """Fails, as a full device does, in every forward of more than `limit` tokens; `from_call` on."""

    def __init__(self, policy, limit, error, from_call=0):
        self.read, self.limit, self.error, self.calls, self.from_call = (
            policy.read,
            limit,
            error,
            0,
            from_call,
        )
        policy.read = self

    def __call__(self, rollout, *args):
        self.calls += 1
        if self.calls > self.from_call and int(rollout.response_mask.sum()) > self.limit:
            raise self.error
        return self.read(rollout, *args)


def rollout():
    draw = torch.Generator().manual_seed(0)
    responses = [
        torch.randint(0, 250, (n,), generator=draw).tolist() for n in (30, 27, 21, 35, 26, 22, 34, 20)
    ]
    prompts = [[5, 6, 7]] * 4 + [[9, 10, 11, 12]] * 4
    return rollout_of(prompts, responses, [False] * 8, [0] * 4 + [1] * 4, 0, CPU)


def learn(policy, state, say):
    def work():
        evaluated = evaluate_rollout(policy, rollout(), (), CONFIG)
        experience = build_experience(evaluated, torch.tensor([1.0, -1] * 4), state.kl.coef, 0.95)
        return ppo_update(state, experience, CONFIG, 2, seed=3)

    return in_smaller_pieces(policy, work, say)


def updated(error=None, limit=100, from_call=0):
    policy = Policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0)
    state, said = TrainState.begin(policy, CONFIG.ppo, 1), []
    if error is not None:
        SmallDevice(policy, limit, error, from_call)
    return policy, learn(policy, state, said.append), said


@pytest.mark.parametrize("error", FULL, ids=["gpu", "cpu"])
@pytest.mark.parametrize("from_call", [0, 3], ids=["reading", "the second epoch"])
def test_a_full_device_gives_the_same_update_and_says_so(error, from_call):
    policy, metrics, said = updated(error, from_call=from_call)
    whole, wanted, nothing = updated()
    assert nothing == []
    assert len(said) >= 1
    assert all("Memory ran out" in line for line in said)
    assert policy.microbatch_tokens < whole.microbatch_tokens
    assert metrics["ratio_gap"] <= 1e-4, "it was read anew in the micro-batches that it is trained in"
    assert metrics["updates"] == wanted["updates"] == 2
    assert metrics["loss"] == pytest.approx(wanted["loss"], abs=1e-4)
    end, same = policy.adapter_state(), whole.adapter_state()
    for name in end:
        torch.testing.assert_close(end[name], same[name], atol=2e-4, rtol=0)


def test_what_cannot_fit_at_all_is_one_sentence_and_leaves_the_adapter_as_it_was():
    policy = Policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0)
    before = policy.adapter_state()
    SmallDevice(policy, 10, FULL[0], from_call=2)
    with pytest.raises(BadInput, match="Not even one response at a time fits"):
        learn(policy, TrainState.begin(policy, CONFIG.ppo, 1), lambda _line: None)
    after = policy.adapter_state()
    assert all(torch.equal(after[n], before[n]) for n in before)


def test_other_errors_are_not_taken_for_a_full_memory():
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    policy = Policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0)
    SmallDevice(policy, 10, RuntimeError("shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes"):
        learn(policy, TrainState.begin(policy, CONFIG.ppo, 1), lambda _line: None)
