"""One PPO step against the clock: generate, score, update, beside what the machine could do at best.

The work is that of the peers' benchmarks: 16 chat prompts, responses of 48 tokens (the end token does not stop them),
LoRA of rank 16 on all linear layers, 4 epochs, mini-batches of 4, so 16 optimiser steps. Timed with the trainer's own
functions: nothing here is faster or slower than in a round.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn

from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.out_of_memory import in_smaller_pieces
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.benchmark.machine import measure, synchronise
from ppo.benchmark.report import report
from ppo.benchmark.shapes import shaped_model
from ppo.benchmark.work import BenchmarkSize
from ppo.config import Config
from ppo.memory import PhasePeaks, process_peak
from ppo.model.base_model import BaseModel
from ppo.model.decoders import left_pad
from ppo.model.loading.base_models import load_base, pick_device, pick_devices
from ppo.model.lora import linear_layers
from ppo.model.policy import Policy, pick_precision
from ppo.model.rollout import Rollout, rollout_of
from ppo.model.sampling import write_responses
from ppo.model.self_check import SelfCheck, checked_policy
from ppo.processes import ALONE, LOAD, Processes
from rater_data.errors import BadInput


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
        """Of the whole step."""
        return self.generate + self.score + self.update


class Bench:
    """A model with everything a step needs, loaded once: `model` as for a round, or random weights of a `shape`."""

    def __init__(
        self,
        model: str,
        home: Path,
        device: str,
        precision: str,
        processes: Processes = ALONE,
        shape: str | None = None,
        quantize: str = "",
    ):
        self.processes, self.quantize = processes, quantize
        self.device = pick_device(device)
        if shape is not None and len(pick_devices(device)) > 1:
            raise BadInput(
                f"A shape is made and measured on one device: name one instead of --device {device}."
            )
        self.precision = pick_precision(precision, self.device)

        def make() -> BaseModel:
            if shape is not None:
                if processes.size > 1:
                    raise BadInput(
                        "A shape is made and measured by one process: start the bench without a launcher."
                    )
                return shaped_model(shape, self.device, self.precision, quantize)
            return load_base(model, home, device, self.precision, quantize)

        self._make, self.peaks = make, PhasePeaks(self.device)
        with self.peaks.phase("load"):
            self.base = self._load()
        self.weight_bytes = sum(p.nbytes for p in self.base.lm.parameters())
        self.linear, self.head = _sizes(self.base)
        layers: Any = linear_layers(self.base.lm).values()
        self.packed_bytes = sum(m.weight.nbytes for m in layers) if quantize else 0
        self._policy: Policy | None = None
        self.self_check: SelfCheck

    def _load(self) -> BaseModel:
        return replace(self._make(), stop_ids=())  # as the peers: every response has its full length

    @property
    def policy(self) -> Policy:
        """Made by the first call of `steps`, which says of what rank."""
        assert self._policy is not None
        return self._policy

    def steps(self, work: BenchmarkSize, count: int, tell: Callable[[int, Step], None]) -> list[Step]:
        """One step that does not count (memory is taken, threads are started), then `count` that do."""
        config = work.config()
        if self._policy is None:
            with self.peaks.phase("policy"):
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

        wanted = {"model": self.base.name, "precision": self.precision, "quantize": self.quantize, "seed": 0}
        self.processes.call(LOAD, lambda: {**wanted, "lora": asdict(config.lora)}, load)
        self.policy.processes = self.processes

    def _step(self, state: TrainState, work: BenchmarkSize, config: Config, number: int) -> Step:
        began = self._now()
        with self.peaks.phase("generate"):
            rollout = self._generate(work, config, number)
            generated = self._now()

        def learn() -> tuple[float, float, dict[str, float], float]:
            begun = self._now()
            with self.peaks.phase("score"):
                evaluated = evaluate_rollout(state.policy, rollout, self._layers(config), config)
                scored = self._now()
            with self.peaks.phase("update"):
                scores = evaluated.features[:, 0] - evaluated.features[:, 0].mean()
                experience = build_experience(evaluated, scores, config.ppo.kl_coef, config.ppo.head_lambda)
                metrics = ppo_update(state, experience, config, work.epochs, seed=number)
                ended = self._now()
            return scored - begun, ended - scored, metrics, float(evaluated.kl_per_response().mean())

        # As in a round; the time of a try that ran out of memory is not counted
        score, update, metrics, kl = in_smaller_pieces(state.policy, learn)
        rss = psutil.Process().memory_info().rss / 2**20
        return Step(generated - began, score, update, metrics["ratio_gap"], kl, rss)

    def _now(self) -> float:
        synchronise(self.device)
        return time.perf_counter()

    def prompts(self, work: BenchmarkSize, number: int = 0) -> list[list[int]]:
        """Token ids of the prompts of one step."""
        questions = work.questions(number)
        return [self.base.chat.encode_chat([{"role": "user", "content": text}]) for text in questions]

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
        """Seconds that transformers' own `generate` takes for the responses of one step, in the same precision.

        The last that is asked of a bench: its policy is let go of first and the model made anew, so that two never
        stand in memory.
        """
        prompts = self.prompts(work)
        self._policy = None
        del self.base
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.base = self._load()
        lm: Any = self.base.lm
        model = lm.to(torch.bfloat16 if self.precision == "bf16" else torch.float32)
        ids, mask = left_pad(prompts, self.device)
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

    # ---- the least that could be done

    def operations(self, work: BenchmarkSize) -> dict[str, float]:
        """Floating-point operations of scoring and of updating, with no token left out and none shared.

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
        return {
            "score": float(2 * forward + 2 * tokens * adapter),
            "update": float(work.epochs * (2 * forward + attention + 6 * tokens * adapter)),
        }

    def generated_bytes(self, work: BenchmarkSize) -> float:
        """Bytes that writing the responses of one step must read: for each token the linear layers, the adapter and
        the head, in the types that they are held in, and for each but the first the keys and values so far."""
        product = 2 if self.precision == "bf16" else 4
        head: Any = self.base.lm.get_output_embeddings()
        in_blocks = self.device.type == "cpu"  # there the head is held in the type of the products too
        head_type = product if in_blocks or head is None else head.weight.element_size()
        adapter = 0 if in_blocks else sum(p.nbytes for p in self.policy.adapter_parameters())
        packed = self.packed_bytes or product * self.linear
        weights = packed + head_type * self.head + adapter
        config: Any = self.base.lm.config.get_text_config()
        heads = config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        kept = 2 * config.num_hidden_layers * (getattr(config, "num_key_value_heads", None) or heads) * width
        prompts = work.per_prompt * sum(len(p) for p in self.prompts(work))
        seen = (work.tokens - 1) * prompts + work.batch * work.tokens * (work.tokens - 1) / 2
        return float(work.tokens * weights + product * kept * seen)


def _sizes(base: BaseModel) -> tuple[int, int]:
    """Weights of the linear layers below the head, and of the head."""
    layers: Any = linear_layers(base.lm).values()
    linear = sum(
        m.in_features * m.out_features if isinstance(m, nn.Linear) else m.weight.numel() for m in layers
    )
    head: Any = base.lm.get_output_embeddings()
    return linear, 0 if head is None else head.weight.numel()


def run(
    bench: Bench, work: BenchmarkSize, count: int, tell: Callable[[int, Step], None] = lambda _n, _s: None
) -> dict[str, Any]:
    """Measures the steps, then the machine in the same process: the step first, its memory is what counts."""
    steps = bench.steps(work, count, tell)
    peak = process_peak()
    gc.collect()
    return report(bench, work, steps, measure(bench.device, bench.precision), peak)


def add_plain_generate(bench: Bench, work: BenchmarkSize, found: dict[str, Any]) -> None:
    """Puts transformers' own `generate` on the same prompts beside what was found. The bench is done with then."""
    found["plain_generate_seconds"] = bench.plain_generate(work)
    found["times_plain_generate"] = found["plain_generate_seconds"] / found["phases"]["generate"]
