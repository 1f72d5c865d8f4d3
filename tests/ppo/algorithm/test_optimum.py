"""PPO with a KL penalty has a known answer: π* ∝ ref · exp(r / β). The engine itself has to find it.

One prompt, one token, a vocabulary of 259: every probability can be written down. The reward is chosen so that π*
lies within what an adapter can say under a frozen norm and head: their logits for the last state turned by an angle.
"""

import math
from dataclasses import replace

import pytest
import torch

from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import Config, LoraSettings, PPOConfig, SampleConfig
from ppo.model.loading.tiny_model import tiny_model
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of
from ppo.model.sampling import sample_responses

CPU = torch.device("cpu")
PROMPT = [5, 6, 7]
DRAWS = 256
BETA = 0.5
ANGLE = 2.0  # between the reference's last state and the optimum's
CONFIG = Config(
    sample=SampleConfig(temperature=1.0, max_new_tokens=1),
    lora=LoraSettings(r=8, alpha=16),
    ppo=replace(PPOConfig(), minibatch=DRAWS, kl_coef=BETA, kl_target=0.0, kl_stop=1.0, learning_rate=3e-3),
)


@pytest.fixture
def world():
    """A policy, the reference's log-probabilities (V,), a reward (V,) and the optimum's log-probabilities (V,)."""
    policy = Policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0)
    reference = distribution(policy)
    with torch.no_grad():
        one = rollout_of([PROMPT], [[0]], [True], [0], 0, CPU)
        state = policy.hidden_states(one)[0][0]
        way = torch.randn(policy.width, generator=torch.Generator().manual_seed(1))
        way = (
            torch.nn.functional.normalize(way - state * (way @ state) / (state @ state), dim=0) * state.norm()
        )
        turned = math.cos(ANGLE) * state + math.sin(ANGLE) * way
        reward = BETA * policy.lm_head.weight @ (turned - state)
    return policy, reference, reward, torch.log_softmax(reference + reward / BETA, -1)


def distribution(policy):
    with torch.no_grad():
        return torch.log_softmax(policy.base.lm(input_ids=torch.tensor([PROMPT])).logits[0, -1], -1)


def kl(p, q):
    return float((p.exp() * (p - q)).sum())


def learn(policy, reward, beta, steps):
    """The ring's own step, `steps` times: sample, read, reward, advantages, update; the last ones smaller."""
    state = TrainState.begin(policy, CONFIG.ppo, 1)
    for step in range(steps):
        for group in state.optimizer.param_groups:
            group["lr"] = CONFIG.ppo.learning_rate * (1 - step / steps)
        drawn = sample_responses(policy.decoder(), policy.base, [PROMPT], DRAWS, CONFIG.sample, seed=step)[0]
        ids = [d.token_ids for d in drawn]
        rollout = rollout_of([PROMPT] * DRAWS, ids, [True] * DRAWS, [0] * DRAWS, 0, CPU)
        evaluated = evaluate_rollout(policy, rollout, (), CONFIG)
        scores = reward[rollout.response_ids[:, 0]]
        experience = build_experience(evaluated, scores, beta, 0.95)
        ppo_update(state, experience, CONFIG, 2, seed=step)
    return distribution(policy)


def test_ppo_reaches_the_kl_regularised_optimum(world):
    policy, reference, reward, optimum = world
    assert kl(reference, optimum) > 0.5, "there is a way to go"
    found = learn(policy, reward, BETA, steps=50)
    assert kl(found, optimum) < 0.002  # nats; two runs ended at 0.0000 to 0.0003


def test_without_the_kl_penalty_it_ends_elsewhere(world):
    policy, _, reward, optimum = world
    assert kl(learn(policy, reward, 0.0, steps=50), optimum) > 0.2


def test_with_the_penalty_turned_round_it_ends_elsewhere(world):
    policy, _, reward, optimum = world
    assert kl(learn(policy, reward, -BETA, steps=20), optimum) > 0.2
