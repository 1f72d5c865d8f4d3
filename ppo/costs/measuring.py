"""A mini-batch written, read and trained on, with the clock and the memory looked at between the three.

As many responses as configured, each as long as it may get. The adapter and the critic are afterwards what they were.
"""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import psutil
import torch

from ppo.algorithm.batches import tokens_of
from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import ROLLOUTS_PER_PROMPT, Config
from ppo.memory import begin_peak, end_peak
from ppo.model.base_model import BaseModel
from ppo.model.policy import Policy
from ppo.model.rollout import Rollout, rollout_of
from ppo.model.sampling import write_responses
from rater_data.planning.costs import RoundCosts

GIB = 2**30
HEADROOM = 0.9  # of the free memory that a round may fill
STATE_BYTES = 8  # of a number in a token's last hidden state: fp32, and once more while it is made
QUESTIONS = (
    "What is a good breakfast before a long walk?",
    "Why is the sky blue?",
    "Write two sentences about an old lighthouse.",
    "How do I fold a paper plane that flies straight?",
)
Found = TypeVar("Found")
Check = Callable[[], None]
"""Called while the work is done; may raise to give it up."""


@dataclass(frozen=True)
class Measured:
    """One mini-batch: responses in it, their tokens with their prompts (`shared`: a prompt once for all its responses),
    tokens of the largest micro-batch that it was read in; seconds to write one prompt's responses and all of them, to
    read them by policy and reference, and to train on them; bytes of memory before, and at the peak of writing one
    prompt's, of writing all, and of training (on `device`)."""

    responses: int
    per_prompt: int
    tokens: int
    shared: int
    microbatch: int
    few_s: float
    write_s: float
    read_s: float
    train_s: float
    rest: int
    few_peak: int
    write_peak: int
    train_peak: int
    device: str = "cpu"

    @property
    def peak(self) -> int:
        """Bytes at the highest of them."""
        return max(self.rest, self.write_peak, self.train_peak)


def work_minibatch(
    policy: Policy,
    base: BaseModel,
    config: Config,
    layers: Sequence[int],
    prompt_limit: int,
    check: Check = lambda: None,
) -> Measured:
    """Works a mini-batch of that config. Raises what `check` raises, and what a round would raise."""
    still = replace(config, ppo=replace(config.ppo, learning_rate=0.0, value_learning_rate=0.0))
    adapter, critic = policy.adapter_state(), _copy(policy.value_head)
    try:
        return _work(policy, base, still, tuple(layers), prompt_limit, check)
    finally:
        policy.load_adapter_state(adapter)
        policy.value_head.load_state_dict(critic)
        policy.return_memory()


def _work(
    policy: Policy, base: BaseModel, config: Config, layers: tuple[int, ...], limit: int, check: Check
) -> Measured:
    responses = config.ppo.minibatch
    per_prompt = max(1, min(ROLLOUTS_PER_PROMPT, responses))
    clock = _Clock(policy, check)
    rests = clock.peaks()
    _, few_s, few_peaks = clock.take(lambda: _rollout(policy, base, config, limit, 1, per_prompt, check))
    rollout, write_s, write_peaks = clock.take(
        lambda: _rollout(policy, base, config, limit, max(1, responses // per_prompt), per_prompt, check)
    )

    def tick(_responses: int) -> None:
        check()

    # As in a round: read right after it was written, with what writing has freed still held
    evaluated, read_s, read_peaks = clock.take(
        lambda: evaluate_rollout(policy, rollout, layers, config, tick), trim=False
    )
    experience = build_experience(evaluated, torch.zeros(len(rollout)), 0.05, 0.95)
    state = TrainState.begin(policy, config.ppo, 1)
    _, train_s, train_peaks = clock.take(
        lambda: ppo_update(state, experience, config, 1, config.seed, tick), trim=False
    )
    parts = [part for minibatch in evaluated.minibatches for part in minibatch]
    # Of several devices the one that has least to spare
    i = min(range(len(rests)), key=lambda i: free_bytes(policy.devices[i]))
    return Measured(
        responses=len(rollout),
        per_prompt=per_prompt,
        tokens=int(rollout.prompt_mask.sum() + rollout.response_mask.sum()),
        shared=tokens_of(rollout, torch.arange(len(rollout))),
        microbatch=max(tokens_of(rollout, part) for part in parts),
        few_s=few_s,
        write_s=write_s,
        read_s=read_s,
        train_s=train_s,
        rest=rests[i],
        few_peak=few_peaks[i],
        write_peak=write_peaks[i],
        train_peak=max(train_peaks[i], read_peaks[i]),
        device=str(policy.devices[i]),
    )


class _Clock:
    """Seconds and peaks of one piece of work after the other."""

    def __init__(self, policy: Policy, check: Check):
        self.policy, self.check = policy, check

    def peaks(self) -> list[int]:
        """Bytes that are held now, by device."""
        self.policy.return_memory()  # what was freed and kept for the next forward would hide what that one takes
        for device in self.policy.devices:
            begin_peak(device)
        return [end_peak(device) for device in self.policy.devices]

    def take(self, work: Callable[[], Found], trim: bool = True) -> tuple[Found, float, list[int]]:
        """What the work gives, its seconds, and the peak while it was done, by device."""
        self.check()
        if trim:
            self.peaks()
        began = time.monotonic()
        found = work()
        self._wait()
        return found, time.monotonic() - began, [end_peak(device) for device in self.policy.devices]

    def _wait(self) -> None:
        for device in self.policy.devices:
            if device.type == "cuda":
                torch.cuda.synchronize(device)


def _rollout(
    policy: Policy, base: BaseModel, config: Config, limit: int, prompts: int, per_prompt: int, check: Check
) -> Rollout:
    """Responses that nothing ends before their limit, to short questions."""
    endless = replace(base, stop_ids=())
    asked = [QUESTIONS[i % len(QUESTIONS)] for i in range(prompts)]
    ids = [base.encode([{"role": "user", "content": text}], config.sample, limit) for text in asked]
    sample = replace(config.sample, max_new_tokens_from=0)
    drawn = write_responses(policy, endless, ids, per_prompt, sample, config.seed, lambda _tokens: check())
    rows = [(i, one) for i, group in enumerate(drawn) for one in group]
    return rollout_of(
        [ids[i] for i, _ in rows],
        [one.token_ids for _, one in rows],
        [False] * len(rows),
        [i for i, _ in rows],
        base.pad_id,
        policy.device,
    )


def costs_of(
    measured: Measured,
    policy: Policy,
    config: Config,
    model: str,
    release: str,
    prompt_tokens: float | None = None,
) -> RoundCosts:
    """What was measured, as the basis of estimates; `prompt_tokens`: mean of a home's prompts, else of those asked."""
    one, length = measured, config.sample.max_new_tokens
    few = one.per_prompt
    prompts = max(1, one.responses // few)
    more_tokens = (one.responses - few) * length
    # Two times of writing tell a step from its rows; with a single prompt there is but one
    per_token = max(0.0, (one.write_s - one.few_s) / more_tokens) if more_tokens else 0.0
    held = one.tokens - one.tokens / prompts  # of the prompts beside the first
    return RoundCosts(
        model=model,
        device=str(policy.device),
        precision=policy.precision,
        release=release,
        machine=machine_in_words(policy.device),
        measured_at=time.time(),
        write_step_s=max(0.0, one.few_s / length - per_token * few),
        write_token_s=per_token,
        read_token_s=one.read_s / one.shared,
        train_token_s=one.train_s / one.shared,
        held_tokens=one.tokens,
        sampled_tokens=one.responses * length,
        prompt_tokens=prompt_tokens or one.tokens / one.responses - length,
        microbatch=one.microbatch,
        microbatch_limit=policy.microbatch_tokens,
        rows_limit=policy.rows_at_once,
        rest=one.rest,
        write_peak=one.write_peak,
        train_peak=one.train_peak,
        cache_token=max(0.0, (one.write_peak - one.few_peak) / held) if held else 0.0,
        microbatch_token=max(1.0, (one.train_peak - one.rest) / one.microbatch),
        state_token=float(STATE_BYTES * policy.width),
        free=int(HEADROOM * (free_bytes(one.device) + one.peak)),
    )


def machine_in_words(device: torch.device) -> str:
    """What the seconds are of: the card, or processor cores with their memory."""
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
        return f"{torch.cuda.get_device_name(device)}, {memory / GIB:.0f} GiB"
    cores, memory = os.cpu_count() or 1, psutil.virtual_memory().total
    threads = torch.get_num_threads()
    return f"{cores} cores ({platform.machine()}, {threads} threads), {memory / GIB:.0f} GiB"


def free_bytes(name: str | torch.device) -> int:
    """Bytes that nobody uses on a device now."""
    device = torch.device(name)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _copy(head: torch.nn.Linear) -> dict[str, torch.Tensor]:
    return {name: values.detach().clone() for name, values in head.state_dict().items()}
