"""One of several processes that share a PPO step on the tiny model: `python -m tests.ppo.training.shared_update OUT`.

The first process works and writes what came out to OUT; the others follow it.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from ppo.algorithm.experience import build_experience, evaluate_rollout, experience_metrics
from ppo.algorithm.ppo_update import TrainState, ppo_update, warm_up_critic
from ppo.config import Config, LoraSettings, PlanConfig, PPOConfig, SampleConfig
from ppo.model.processes import Processes
from ppo.training.engine import Engine
from ppo.training.followers import Follower
from rater_data.records import Message, Prompt

CONFIG = Config(
    sample=SampleConfig(max_new_tokens=24, max_new_tokens_from=4),
    plan=replace(PlanConfig(), responses_per_prompt=2),
    lora=LoraSettings(r=4, alpha=8),
    ppo=replace(PPOConfig(), minibatch=6, learning_rate=1e-3, epochs=2),
    precision="fp32",
)
QUESTIONS = ("What is rain?", "Name a fish.", "Why?", "How do I cook rice at home?", "Tell me a story.")


def step(engine: Engine, config: Config = CONFIG) -> dict:
    """A whole step: responses, readings, the critic's warm-up, two epochs."""
    prompts = [
        Prompt(messages=(Message(role="user", content=text),), id=i + 1) for i, text in enumerate(QUESTIONS)
    ]
    rollout, texts = engine.rollout(prompts, config.plan.responses_per_prompt, config, seed=5)
    state = TrainState.begin(engine.policy, config.ppo, 1)
    weights = torch.randn(64 * len(engine.reward_layers(config)), generator=torch.Generator().manual_seed(1))
    evaluated = evaluate_rollout(
        engine.policy, rollout, engine.reward_layers(config), config, weights=weights
    )
    scores = evaluated.features[:, :64].sum(1)
    experience = build_experience(evaluated, scores, state.kl.coef, 1.0, 0.95)
    experience = warm_up_critic(state, experience, config.ppo)
    found = experience_metrics(experience, state.kl.coef)
    found |= ppo_update(state, experience, config, config.ppo.epochs, seed=3)
    adapter = torch.cat([p.detach().flatten() for p in engine.policy.adapter_parameters()])
    return {"texts": texts, "metrics": found, "adapter": adapter.tolist()}


def main() -> None:
    processes = Processes.join()
    out = Path(sys.argv[1])
    if processes.rank:
        Follower(processes, out.parent, "cpu").run()
        return
    found = step(Engine(out.parent, "tiny", "cpu", CONFIG, processes))
    processes.end()
    out.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
