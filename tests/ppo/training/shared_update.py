"""One of several processes that share a PPO step on the tiny model: `python -m tests.ppo.training.shared_update OUT`.

The first process works and writes what came out to OUT; the others follow it.
"""

import contextlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch

from ppo.algorithm.experience import build_experience, evaluate_rollout, experience_metrics
from ppo.algorithm.out_of_memory import in_smaller_pieces
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import Config, LoraSettings, PlanConfig, PPOConfig, SampleConfig
from ppo.processes import Processes, ProcessGone
from ppo.training.engine import Engine
from ppo.training.followers import Follower
from rater_data.errors import RateloopError
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
    policy, layers, said = engine.policy, engine.reward_layers(config), []
    state = TrainState.begin(policy, config.ppo, 1)
    weights = torch.randn(64 * len(layers), generator=torch.Generator().manual_seed(1))

    def learn() -> dict:
        evaluated = evaluate_rollout(policy, rollout, layers, config, weights=weights)
        scores = evaluated.features[:, :64].sum(1)
        experience = build_experience(evaluated, scores, state.kl.coef, 0.95)
        found = experience_metrics(experience, state.kl.coef)
        return found | ppo_update(state, experience, config, config.ppo.epochs, seed=3)

    metrics = in_smaller_pieces(policy, learn, said.append)
    adapter = torch.cat([p.detach().flatten() for p in policy.adapter_parameters()])
    return {"texts": texts, "metrics": metrics, "adapter": adapter.tolist(), "said": said}


class Faulty(Follower):
    """A process that something happens to while it computes its first gradients, a fault each."""

    def __init__(self, faults: list[str], *arguments):
        super().__init__(*arguments)
        self.faults = faults

    def gradients(self, message):
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "error":
            raise RuntimeError("the disk is on fire")
        if fault == "out of memory":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().gradients(message)


def main() -> None:
    processes = Processes.join()
    out, faults = Path(sys.argv[1]), sys.argv[2:]
    if processes.rank:
        Faulty(faults, processes, out.parent, "cpu").run()
        processes.end()
        return
    try:
        engine, told = Engine(out.parent, "tiny", "cpu", CONFIG, processes=processes), []
        for _ in range(max(1, len(faults))):
            try:
                found = step(engine)
            except RateloopError as error:
                found = {}
                told.append(str(error))
        out.write_text(json.dumps(found | {"told": told}), encoding="utf-8")
    finally:
        with contextlib.suppress(ProcessGone):
            processes.end()


if __name__ == "__main__":
    main()
