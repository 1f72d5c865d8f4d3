"""One PPO step against the clock: generate, score, update, beside what the machine could do at best.

The work is that of the peers' benchmarks: 16 chat prompts, responses of 48 tokens (the end token does not stop them),
LoRA of rank 16 on all linear layers, 4 epochs, mini-batches of 4, so 16 optimiser steps. Timed with the trainer's own
functions: nothing here is faster or slower than in a round.
"""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch

from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.algorithm.rules import RATIO_LIMIT
from ppo.benchmark.machine import Machine, measure, peak_rss_mib, synchronise
from ppo.config import Config, LoraSettings, PPOConfig, SampleConfig
from ppo.model.base_model import BaseModel
from ppo.model.decoders import left_pad
from ppo.model.loading.base_models import load_base, pick_device
from ppo.model.policy import Policy, pick_precision
from ppo.model.rollout import Rollout, rollout_of
from ppo.model.sampling import write_responses
from ppo.model.self_check import SelfCheck, checked_policy
from ppo.processes import ALONE, LOAD, Processes

SUBJECTS = ("cats", "rice", "the moon", "music", "rain", "bread", "football", "winter")
ASKED = (
    "Tell me a fun fact about {}.",
    "How do I cook {} at home?",
    "Write one sentence about {}.",
    "Why do people like {}?",
    "Give me a tip about {}.",
    "What is the best thing about {}?",
    "Explain {} to a child.",
    "Is {} good for you?",
)
PHASES = ("generate", "score", "update")


@dataclass(frozen=True)
class BenchmarkSize:
    """What one step does. `batch` responses, `per_prompt` of them to each prompt."""

    batch: int = 16
    per_prompt: int = 1
    tokens: int = 48
    epochs: int = 4
    minibatch: int = 4
    rank: int = 16

    def scaled(self) -> list["BenchmarkSize"]:
        """The same work with other batches and with other lengths."""
        batches = [replace(self, batch=n) for n in (8, 16, 32, 64)]
        return batches + [replace(self, tokens=n) for n in (24, 48, 96)]

    def config(self) -> Config:
        """As the engine's settings: temperature 1, a fixed KL coefficient, no early stop."""
        return Config(
            sample=SampleConfig(temperature=1.0, max_new_tokens=self.tokens),
            lora=LoraSettings(r=self.rank, alpha=2 * self.rank),
            ppo=replace(
                PPOConfig(),
                epochs=self.epochs,
                minibatch=self.minibatch,
                kl_target=0.0,
                kl_stop=1e9,
                learning_rate=1e-5,
                steps=10**6,
            ),
        )


@dataclass(frozen=True)
class Step:
    """Seconds of each phase of one step, and what it showed."""

    generate: float
    score: float
    update: float
    ratio_gap: float
    kl: float
    rss_mib: float

    @property
    def seconds(self) -> float:
        return self.generate + self.score + self.update


class Bench:
    """A model with everything a step needs, loaded once."""

    def __init__(self, model: str, home: Path, device: str, precision: str, processes: Processes = ALONE):
        self.home, self.processes = home, processes
        self.device = pick_device(device)
        self.precision = pick_precision(precision, self.device)
        base = load_base(model, home, device, self.precision)
        self.base: BaseModel = replace(base, stop_ids=())  # as the peers: every response has its full length
        self.linear, self.head = _sizes(base)
        self._policy: Policy | None = None
        self.self_check: SelfCheck

    @property
    def policy(self) -> Policy:
        """Made by the first call of `steps`, which says of what rank."""
        assert self._policy is not None
        return self._policy

    def steps(self, work: BenchmarkSize, count: int, tell: Callable[[int, Step], None]) -> list[Step]:
        """One step that does not count (memory is taken, threads are started), then `count` that do."""
        config = work.config()
        if self._policy is None:
            self._make_policy(config)
        state = TrainState.begin(self.policy, config.ppo, 1)
        found = []
        for number in range(count + 1):
            step = self._step(state, work, config, number)
            if number:
                found.append(step)
            tell(number, step)
        return found

    def _make_policy(self, config: Config) -> None:
        def load() -> list[torch.Tensor]:
            self._policy, self.self_check = checked_policy(self.base, config.lora, self.precision, seed=0)
            return []

        model, lora = self.base.name, asdict(config.lora)
        self.processes.call(
            LOAD, lambda: {"model": model, "precision": self.precision, "lora": lora, "seed": 0}, load
        )
        self.policy.processes = self.processes

    def _step(self, state: TrainState, work: BenchmarkSize, config: Config, number: int) -> Step:
        began = self._now()
        rollout = self._generate(work, config, number)
        generated = self._now()
        evaluated = evaluate_rollout(state.policy, rollout, self._layers(config), config)
        scored = self._now()
        scores = evaluated.features[:, 0] - evaluated.features[:, 0].mean()
        experience = build_experience(evaluated, scores, config.ppo.kl_coef, 1.0, config.ppo.head_lambda)
        metrics = ppo_update(state, experience, config, work.epochs, seed=number)
        ended = self._now()
        return Step(
            generated - began,
            scored - generated,
            ended - scored,
            metrics["ratio_gap"],
            float(evaluated.kl_per_response().mean()),
            psutil.Process().memory_info().rss / 2**20,
        )

    def _now(self) -> float:
        synchronise(self.device)
        return time.perf_counter()

    def prompts(self, work: BenchmarkSize, number: int = 0) -> list[list[int]]:
        """Token ids of the prompts of one step."""
        every = [ask.format(subject) for ask in ASKED for subject in SUBJECTS]
        count = max(1, work.batch // work.per_prompt)
        chosen = [every[(number * count + 7 * i) % len(every)] for i in range(count)]
        return [self.base.chat.encode_chat([{"role": "user", "content": text}]) for text in chosen]

    def _generate(self, work: BenchmarkSize, config: Config, number: int) -> Rollout:
        prompts = self.prompts(work, number)
        drawn = write_responses(self.policy, self.base, prompts, work.per_prompt, config.sample, seed=number)
        rows = [(i, one) for i, group in enumerate(drawn) for one in group]
        return rollout_of(
            [prompts[i] for i, _ in rows],
            [one.token_ids for _, one in rows],
            [one.ended for _, one in rows],
            [i for i, _ in rows],
            self.base.pad_id,
            self.device,
        )

    def plain_generate(self, work: BenchmarkSize) -> float:
        """Seconds that transformers' own `generate` takes for the responses of one step, in the same precision."""
        base = load_base(self.base.name, self.home, str(self.device))
        lm: Any = base.lm
        model = lm.to(torch.bfloat16 if self.precision == "bf16" else torch.float32)
        ids, mask = left_pad(self.prompts(work), self.device)
        seconds = []
        for _ in range(2):  # the first does not count
            began = self._now()
            model.generate(
                input_ids=ids,
                attention_mask=mask.long(),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                num_return_sequences=work.per_prompt,
                max_new_tokens=work.tokens,
                min_new_tokens=work.tokens,
                pad_token_id=self.base.pad_id,
            )
            seconds.append(self._now() - began)
        return seconds[-1]

    def _layers(self, config: Config) -> tuple[int, ...]:
        return tuple(dict.fromkeys(round(depth * self.policy.layers) for depth in config.reward.depths))

    def operations(self, work: BenchmarkSize) -> float:
        """Floating-point operations of scoring and update, with no token left out and none shared.

        A multiply-add is two. Frozen weights cost a product forwards and one backwards (no gradient of their own), the
        adapter one and two; the head one at sampled tokens and one more for its gradient.
        """
        lengths = [len(p) + work.tokens for p in self.prompts(work)]
        tokens = work.per_prompt * sum(lengths)
        sampled = work.batch * work.tokens
        layers, width = self.policy.layers, self.policy.width
        adapter = sum(p.numel() for p in self.policy.adapter_parameters())
        attention = work.per_prompt * sum(2 * layers * width * n * n for n in lengths)  # half of n², twice
        forward = 2 * tokens * self.linear + 2 * sampled * self.head + attention
        score = 2 * forward + 2 * tokens * adapter
        update = 2 * forward + attention + 6 * tokens * adapter
        return float(score + work.epochs * update)


def _sizes(base: BaseModel) -> tuple[int, int]:
    """Weights of the linear layers below the head, and of the head."""
    head: Any = base.lm.get_output_embeddings()
    head_size = 0 if head is None else head.weight.numel()
    embeddings: Any = base.lm.get_input_embeddings()
    skip = {id(embeddings.weight), *([] if head is None else [id(head.weight)])}
    linear = sum(p.numel() for p in base.lm.parameters() if p.ndim == 2 and id(p) not in skip)
    return linear, head_size


def report(
    bench: Bench, work: BenchmarkSize, steps: list[Step], machine: Machine, peak: float
) -> dict[str, Any]:
    """What `--json` writes. Medians over the steps; `bound_seconds` = operations at the machine's measured rate plus
    generation as measured."""
    phases = {name: statistics.median(getattr(s, name) for s in steps) for name in PHASES}
    seconds = statistics.median(s.seconds for s in steps)
    bound = bench.operations(work) / machine.flops + phases["generate"]
    prompt_tokens = sum(len(p) for p in bench.prompts(work)) * work.per_prompt
    return {
        "model": bench.base.name,
        "precision": bench.precision,
        "path": bench.self_check.says,
        "work": asdict(work),
        "steps": len(steps),
        "seconds_per_step": seconds,
        "samples_per_s": work.batch / seconds,
        "tokens_per_s": (prompt_tokens + work.batch * work.tokens) / seconds,
        "generated_tokens_per_s": work.batch * work.tokens / phases["generate"],
        "phases": phases,
        "peak_rss_mib": peak,
        "rss_mib": [round(s.rss_mib) for s in steps],
        "peak_gpu_mib": torch.cuda.max_memory_allocated() / 2**20 if bench.device.type == "cuda" else None,
        "operations": bench.operations(work),
        "machine": asdict(machine),
        "bound_seconds": bound,
        "times_bound": seconds / bound,
        "ratio_gap": max(s.ratio_gap for s in steps),
        "ratio_green": max(s.ratio_gap for s in steps) <= RATIO_LIMIT,
    }


def run(
    bench: Bench,
    work: BenchmarkSize,
    count: int,
    tell: Callable[[int, Step], None] = lambda _n, _s: None,
    beside_generate: bool = False,
) -> dict[str, Any]:
    """Measures the steps, then the machine in the same process: the step first, its memory is what counts.

    `beside_generate`: transformers' own `generate` on the same prompts too.
    """
    steps = bench.steps(work, count, tell)
    peak = peak_rss_mib()
    gc.collect()
    found = report(bench, work, steps, measure(bench.device, bench.precision), peak)
    if beside_generate:
        found["plain_generate_seconds"] = bench.plain_generate(work)
        found["times_plain_generate"] = found["plain_generate_seconds"] / found["phases"]["generate"]
    return found


def compare_with_peer(ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, float]:
    """How many times faster than a peer's result file (wall clock), and the share of its peak memory."""
    median = peer["median"]
    wall = float(median.get("WALL") or median["TOTAL"])
    return {
        "peer_seconds": wall,
        "times_faster": wall / ours["seconds_per_step"],
        "share_of_memory": ours["peak_rss_mib"] / float(peer["peak_rss_mib"]),
    }
