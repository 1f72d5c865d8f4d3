"""The models and responses that the checks work on."""

import copy
from dataclasses import replace

import torch

from ppo.algorithm.experience import Experience, build_experience, evaluate_rollout
from ppo.config import Config, LoraSettings, PPOConfig, SampleConfig
from ppo.model.base_model import BaseModel, prepare
from ppo.model.policy import Policy
from ppo.model.rollout import Rollout, rollout_of
from tests.ppo.model.tiny_families import TOKENIZER, tiny_model_of

T = 0.7
CONFIG = Config(
    sample=SampleConfig(temperature=T, max_new_tokens=12),
    lora=LoraSettings(r=4, alpha=8),
    ppo=replace(PPOConfig(), minibatch=16, learning_rate=0.0, value_learning_rate=0.0),
)


def tiny_base(family: str, device: torch.device) -> BaseModel:
    """A tiny model of a family of transformers, with random weights, whose responses nothing ends."""
    base = prepare(family, tiny_model_of(family), copy.deepcopy(TOKENIZER), device)
    return replace(base, stop_ids=())


def moved_policy(base: BaseModel, precision: str) -> Policy:
    """A policy whose adapter is of small numbers, the same on every device."""
    policy = Policy(base, CONFIG.lora, precision, seed=1)
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in policy.adapter_parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=draw).to(parameter.device))
    return policy


def random_rollout(
    device: torch.device, groups: int = 4, prompt: int = 9, response: int = 8, per_prompt: int = 4
) -> Rollout:
    """Responses of 1 to `response` tokens to prompts of `prompt`, that begin alike, all of random bytes."""
    draw = torch.Generator().manual_seed(3)

    def some(count: int) -> list[int]:
        return torch.randint(5, 250, (count,), generator=draw).tolist()

    start = some(prompt // 2)
    prompts = [start + some(prompt - len(start)) for _ in range(groups)]
    owner = [i // per_prompt for i in range(groups * per_prompt)]
    lengths = torch.randint(1, response + 1, (len(owner),), generator=draw).tolist()
    responses = [some(length) for length in lengths]
    return rollout_of([prompts[i] for i in owner], responses, [False] * len(owner), owner, 0, device)


def experience_of(policy: Policy, rollout: Rollout, config: Config = CONFIG) -> Experience:
    """What PPO would learn from, with scores that rise from −1 to 1 over the responses."""
    evaluated = evaluate_rollout(policy, rollout, (0, policy.layers), config)
    scores = torch.linspace(-1, 1, len(rollout), device=policy.device)
    return build_experience(evaluated, scores, 0.05, 0.95)
