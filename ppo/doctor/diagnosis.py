"""What `python -m ppo doctor` finds out, by loading the model as a round does and by working a round's mini-batch.

Memory is measured, not guessed: a mini-batch is written, read and trained on with as many responses as configured, each
as long as it may get. What that took beyond the model at rest grows with the tokens that are read in one go: so it is
known how long one response could be.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import psutil
import torch

from ppo.algorithm.batches import tokens_of
from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import ROLLOUTS_PER_PROMPT, Config
from ppo.memory import begin_peak, end_peak
from ppo.model.chat_format import OTHER_PROBE, PROBE
from ppo.model.rollout import Rollout, rollout_of
from ppo.model.sampling import write_responses
from ppo.training.engine import Engine

GIB = 2**30
HEADROOM = 0.9  # of the free memory that a round may fill
QUESTIONS = (
    "What is a good breakfast before a long walk?",
    "Why is the sky blue?",
    "Write two sentences about an old lighthouse.",
    "How do I fold a paper plane that flies straight?",
)


@dataclass(frozen=True)
class Measured:
    """One mini-batch: responses in it, their tokens with their prompts, tokens of the largest micro-batch that it was
    read in, seconds to write them and to train on them, and bytes of memory before and at the peak (on `device`)."""

    responses: int
    tokens: int
    microbatch: int
    write_s: float
    train_s: float
    rest: int
    peak: int
    device: str = "cpu"


@dataclass(frozen=True)
class Needs:
    """What a round as configured needs: peak of memory, what is free, the longest response that fits, and minutes of
    its PPO."""

    peak: int
    free: int
    longest_response: int
    minutes: float
    measured: Measured

    @property
    def fits(self) -> bool:
        """Whether the round as configured stays within the memory."""
        return self.peak <= self.free


def diagnose(engine: Engine, config: Config, tell: Callable[[str], None]) -> dict[str, Any]:
    """Everything that `--json` writes; `tell` hears what is being done."""
    base, policy = engine.base, engine.policy
    config = replace(config, precision=policy.precision)
    tell(f"Working a mini-batch of {config.ppo.minibatch} responses …")
    needs = measure_needs(engine, config)
    parameters = {id(p): p for p in base.lm.parameters()}
    adapter = policy.adapter_parameters()
    return {
        "model": {
            "name": base.name,
            "revision": base.revision,
            "family": base.lm.config.model_type,
            "class": type(base.lm).__name__,
            "parameters": sum(p.numel() for p in parameters.values()) - sum(p.numel() for p in adapter),
            "adapter_parameters": sum(p.numel() for p in adapter),
            "dtype_on_disk": base.stored_dtype,
            "precision": policy.precision,
            "device": str(policy.device),
            "context": base.context if base.context < 2**30 else None,
            "notes": [*base.notes, *engine.self_check.notes],
        },
        "path": asdict(engine.self_check) | {"says": engine.self_check.says},
        "prompts": {
            "template": bool(base.chat.template is None),
            "example": base.tokenizer.decode(
                base.encode([{"role": "user", "content": PROBE}], config.sample)
            ),
            "start": base.tokenizer.convert_ids_to_tokens(list(base.chat.start_ids)),
            "stops": {i: base.tokenizer.convert_ids_to_tokens(i) for i in base.stop_ids},
            "answer": OTHER_PROBE,
        },
        "sample": asdict(config.sample),
        "needs": asdict(needs) | {"fits": needs.fits},
    }


def measure_needs(engine: Engine, config: Config) -> Needs:
    """Works a mini-batch and says what a round needs. The adapter is afterwards what it was."""
    whole = _work(engine, config, config.ppo.minibatch)
    had = int(HEADROOM * (_free(whole.device) + whole.peak))
    per_token = max(1.0, (whole.peak - whole.rest) / whole.microbatch)
    prompt = whole.tokens // whole.responses - config.sample.max_new_tokens
    longest = min(int(max(0, had - whole.rest) / per_token), engine.base.context) - prompt
    ppo = config.ppo
    rollouts = ppo.steps * ppo.prompts_per_step * ROLLOUTS_PER_PROMPT
    passes = rollouts * ppo.epochs + config.plan.ratings * ppo.people_epochs
    seconds = rollouts * whole.write_s / whole.responses + passes * whole.train_s / whole.responses
    return Needs(whole.peak, had, max(0, longest), seconds / 60, whole)


def _work(engine: Engine, config: Config, responses: int) -> Measured:
    policy, seed = engine.policy, config.seed
    still = replace(config, ppo=replace(config.ppo, learning_rate=0.0, value_learning_rate=0.0))
    rests = []
    for device in policy.devices:
        begin_peak(device)
        rests.append(end_peak(device))
    began = time.monotonic()
    rollout = _longest_rollout(engine, config, responses)
    written = time.monotonic()
    adapter = policy.adapter_state()
    evaluated = evaluate_rollout(policy, rollout, engine.reward_layers(config), still)
    experience = build_experience(evaluated, torch.zeros(len(rollout)), 0.05, 0.95)
    ppo_update(TrainState.begin(policy, still.ppo, 1), experience, still, 1, seed)
    policy.load_adapter_state(adapter)
    tokens = int(rollout.prompt_mask.sum() + rollout.response_mask.sum())
    parts = [part for minibatch in evaluated.minibatches for part in minibatch]
    microbatch = max(tokens_of(rollout, part) for part in parts)
    ended = time.monotonic()
    peaks = [end_peak(device) for device in policy.devices]
    # Of several devices the one that has least to spare
    i = min(range(len(peaks)), key=lambda i: _free(policy.devices[i]))
    seconds = (written - began, ended - written)
    return Measured(len(rollout), tokens, microbatch, *seconds, rests[i], peaks[i], str(policy.devices[i]))


def _longest_rollout(engine: Engine, config: Config, responses: int) -> Rollout:
    """Responses that nothing ends before their limit, to short questions."""
    base = replace(engine.base, stop_ids=())
    per_prompt = max(1, min(ROLLOUTS_PER_PROMPT, responses))
    limit, count = engine.prompt_limit(config), max(1, responses // per_prompt)
    prompts = [
        base.encode([{"role": "user", "content": QUESTIONS[i % len(QUESTIONS)]}], config.sample, limit)
        for i in range(count)
    ]
    sample = replace(config.sample, max_new_tokens_from=0)
    drawn = write_responses(engine.policy, base, prompts, per_prompt, sample, config.seed)
    rows = [(i, one) for i, group in enumerate(drawn) for one in group]
    return rollout_of(
        [prompts[i] for i, _ in rows],
        [one.token_ids for _, one in rows],
        [False] * len(rows),
        [i for i, _ in rows],
        base.pad_id,
        engine.policy.device,
    )


def _free(name: str | torch.device) -> int:
    device = torch.device(name)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
