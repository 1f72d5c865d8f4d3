"""The base model in memory with whichever version is in hand, and what the recipe asks of it."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ppo.algorithm.experience import evaluate_rollout
from ppo.algorithm.measures import MeasuredPolicy, distinct_2
from ppo.algorithm.out_of_memory import in_smaller_pieces
from ppo.algorithm.reading import OnResponses, Wanted, ignore_responses, read_rollout
from ppo.config import Config
from ppo.generation.agreement import check_agreement
from ppo.generation.generator import BuiltIn, Generator
from ppo.generation.vllm_generator import VllmGenerator
from ppo.generation.vllm_server import open_generator
from ppo.model.loading.base_models import load_base, pick_devices
from ppo.model.policy import pick_precision
from ppo.model.rollout import Rollout, rollout_of
from ppo.model.sampling import SampledResponse
from ppo.model.self_check import checked_policy
from ppo.processes import ALONE, LOAD, Processes
from ppo.progress import Progress
from ppo.training import checkpoint, store_tensors
from rater_data.artifacts.artifacts import Artifacts
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.errors import BadInput
from rater_data.lifecycle import Sample
from rater_data.records import Prompt, stored_id
from rater_data.round_settings import PLAIN, ROUND_CONFIG
from rater_data.store import Store

MEASURED_PER_PROMPT = (
    4  # responses a holdout prompt when a new version is checked: with 2, distinct-2 was off by .03
)
MEASURED_PROMPTS = 20  # where there are no holdout prompts
READING_TOKENS = (
    512  # of a micro-batch on a CPU that only reads: attention costs the square of a row; measured
)


@dataclass(frozen=True)
class ScoredResponse:
    """One response as it goes to the store; `logprobs` are of scoring, not of sampling.

    `ref_logprob`: nats of the whole response under the reference.
    """

    prompt_ids: list[int]
    token_ids: list[int]
    logprobs: list[float]
    text: str
    ended: bool
    ref_logprob: float


class Engine:
    """Loads the base once; `load_version` puts a version's adapter on it.

    `generator`: address of a server of vLLM that writes the responses; None = the model in memory does.
    `home`: where base models are kept; `artifacts`: where versions are, in the home by default.
    """

    def __init__(
        self,
        home: Path,
        model: str,
        device: str = "auto",
        config: Config | None = None,
        generator: str | None = None,
        artifacts: Artifacts | None = None,
        processes: Processes = ALONE,
    ):
        self.home, self.config = home, config or Config()
        self.artifacts = artifacts or FolderArtifacts(home)
        # Asked first: to load a model takes minutes, to learn that nobody is there a moment
        opened = None if generator is None else open_generator(generator)
        devices = pick_devices(device)
        if processes.size > 1 and len(devices) > 1:
            raise BadInput(
                f"--device {device} spreads the layers of one process over several devices, and {processes.size} "
                "processes were started: start one."
            )
        precision = pick_precision(self.config.precision, devices[0])
        lora, seed = self.config.lora, self.config.seed
        quantize = self.config.quantize
        wanted = {
            "model": model,
            "precision": precision,
            "lora": asdict(lora),
            "seed": seed,
            "quantize": quantize,
        }

        def load() -> list[torch.Tensor]:
            self.base = load_base(model, home, device, precision, quantize)
            self.policy, self.self_check = checked_policy(self.base, lora, precision, seed)
            return []

        processes.call(LOAD, lambda: wanted, load)
        self.policy.processes = processes
        self._fresh = self.policy.adapter_state()
        self.loaded_version: int | None = 0
        self._features: dict[int, np.ndarray] = {}
        self._measured: dict[int, MeasuredPolicy] = {}  # of the version that was measured last
        self.generator: Generator = BuiltIn(self.policy)
        self._generator_notes: list[str] = []
        if opened is not None:
            written = VllmGenerator(*opened, self.policy, home / "generator")
            self._generator_notes = [written.probe()]
            self.generator = written

    def report(self) -> dict[str, Any]:
        """What is to be said of the model in memory, for the store's `ENGINE_REPORT`."""
        return {
            "model": self.base.name,
            "family": self.base.lm.config.model_type,
            "precision": self.policy.precision,
            "path": self.self_check.path,
            "why": self.self_check.because,
            "says": self.self_check.says,
            "gap": self.self_check.gap,
            "limit": self.self_check.limit,
            "notes": [*self.base.notes, *self.self_check.notes, *self._generator_notes],
            "at": self.now(),
        }

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def round_config(self, store: Store) -> Config:
        """The settings of the next round: this engine's, and what the operator changed."""
        return self.merge_round_config(self.config, store)

    @staticmethod
    def merge_round_config(config: Config, store: Store) -> Config:
        """`config` with what the operator of a home changed."""
        changed = store.setting(ROUND_CONFIG, {})
        merged = config.to_dict()
        for name, value in changed.items():
            merged[name] = {**merged[name], **value} if isinstance(value, dict) else value
        return Config.from_dict(merged)

    def load_version(self, store: Store, number: int) -> None:
        """Puts version `number` on the base; 0 is the base itself. Its files are checked against their hashes."""
        if self.loaded_version == number:
            return
        self.loaded_version = None  # a load that fails half-way must not pass for either version
        if number == 0:
            self.policy.load_adapter_state(self._fresh)
            torch.nn.init.zeros_(self.policy.value_head.weight)
            torch.nn.init.zeros_(self.policy.value_head.bias)
        else:
            version = store.version(number)
            checkpoint.load_policy(self.policy, self.artifacts.fetch(version.folder, version.sha256))
        self.loaded_version = number

    def reward_layers(self, config: Config) -> tuple[int, ...]:
        """The hidden states that the reward head reads; 0 is the embedding."""
        return tuple(dict.fromkeys(round(depth * self.policy.layers) for depth in config.reward.depths))

    # ---- writing

    def sample(
        self,
        prompts: Sequence[Prompt],
        per_prompt: int,
        config: Config,
        seed: int,
        tick: Callable[[], None] | None,
    ) -> tuple[list[list[int]], list[list[SampledResponse]]]:
        """Prompt ids, and `per_prompt` responses to each, of the version in hand."""
        limit = self.prompt_limit(config)
        ids = [store_tensors.encode_prompt(self.base, p, config.sample, limit) for p in prompts]
        counted = None if tick is None else (lambda _tokens: tick())
        return ids, self.generator.draw(ids, per_prompt, config.sample, seed, counted)

    def prompt_limit(self, config: Config) -> int:
        """Tokens that a prompt may have beside the longest response. Raises BadInput where none would be left."""
        wanted, room = config.sample.max_new_tokens, self.base.context - config.sample.max_new_tokens
        if room < 1:
            raise BadInput(
                f"Responses of {wanted} tokens do not fit {self.base.name}, which reads {self.base.context} at most, "
                "prompt included. Make sample.max_new_tokens smaller."
            )
        return min(config.sample.max_prompt_tokens, room)

    def rollout(
        self,
        prompts: Sequence[Prompt],
        per_prompt: int,
        config: Config,
        seed: int,
        tick: Callable[[], None] | None = None,
    ) -> tuple[Rollout, list[str]]:
        """Fresh responses as a rollout, and their texts."""
        ids, drawn = self.sample(prompts, per_prompt, config, seed, tick)
        rows = [(i, one) for i, group in enumerate(drawn) for one in group]
        rollout = rollout_of(
            [ids[i] for i, _ in rows],
            [one.token_ids for _, one in rows],
            [one.ended for _, one in rows],
            [i for i, _ in rows],
            self.base.pad_id,
            self.policy.device,
            _said(drawn),
        )
        if config.sample.prompt_format == PLAIN:
            return rollout, [self.base.decode_continuation(ids[i], one.token_ids) for i, one in rows]
        return rollout, [self.base.decode(one.token_ids) for _, one in rows]

    def write_responses(self, prompts: Sequence[Prompt], config: Config, seed: int) -> list[ScoredResponse]:
        """One response to each entry; entries with the same prompt share its reading."""
        places: dict[int, list[int]] = {}
        for place, prompt in enumerate(prompts):
            places.setdefault(stored_id(prompt), []).append(place)
        written: dict[int, ScoredResponse] = {}
        for count in sorted({len(p) for p in places.values()}):
            same = [p for p in places.values() if len(p) == count]
            rollout, texts = self.rollout([prompts[p[0]] for p in same], count, config, seed + count)
            logprobs = self._logprobs(rollout, config)
            check_agreement(self.policy, rollout, logprobs, config.sample.temperature)
            reference = logprobs
            if self.loaded_version != 0:  # version 0 is the reference
                reference = self._logprobs(rollout, config, reference=True)
            for row, place in enumerate(place for group in same for place in group):
                n = int(rollout.lengths[row])
                prompt_ids = rollout.prompt_ids[row][rollout.prompt_mask[row]].tolist()
                token_ids = rollout.response_ids[row, :n].tolist()
                ended = bool(rollout.ended[row])
                own, ref = logprobs[row, :n].tolist(), math.fsum(reference[row, :n].tolist())
                written[place] = ScoredResponse(prompt_ids, token_ids, own, texts[row], ended, ref)
        return [written[place] for place in range(len(prompts))]

    def _logprobs(self, rollout: Rollout, config: Config, *, reference: bool = False) -> torch.Tensor:
        wanted = Wanted(len(rollout), config.sample.temperature, own=not reference, reference=reference)
        read = in_smaller_pieces(self.policy, lambda: read_rollout(self.policy, rollout, wanted))
        return (read.ref_logprobs if reference else read.logprobs).cpu()

    # ---- reading

    def reward_features(
        self,
        data: store_tensors.Readable,
        config: Config,
        progress: Progress,
    ) -> np.ndarray:
        """The reference's features of stored responses (N, F); those read before are not read again."""
        in_smaller_pieces(self.policy, lambda: self._read_features(data, config, progress), progress.log)
        if not data.ids:
            return np.zeros((0, 2))
        return np.stack([self._features[rid] for rid in data.ids])

    def _read_features(
        self,
        data: store_tensors.Readable,
        config: Config,
        progress: Progress,
    ) -> None:
        missing = _in_order_of_length(
            data, [i for i, rid in enumerate(data.ids) if rid not in self._features]
        )
        if not missing:
            return
        progress.phase("Computing reward features", len(missing))
        rollout = data.rollout.take(torch.tensor(missing, device=self.policy.device))
        done = 0

        def tick(responses: int) -> None:
            nonlocal done
            done += responses
            progress.advance(done)

        for i, row in zip(missing, self.features_of(rollout, config, tick), strict=True):
            self._features[data.ids[i]] = row

    def features_of(
        self, rollout: Rollout, config: Config, on_responses: OnResponses = ignore_responses
    ) -> np.ndarray:
        """The reference's features of a rollout's responses (B, F), as the reward head reads them."""
        wanted = Wanted(
            len(rollout),
            config.sample.temperature,
            own=False,
            layers=self.reward_layers(config),
            most_tokens=READING_TOKENS if self.policy.device.type == "cpu" else 0,
        )
        read = read_rollout(self.policy, rollout, wanted, on_responses=on_responses)
        return read.features.cpu().numpy().astype(np.float64)

    def holdout_samples(self, store: Store, number: int, config: Config, seed: int) -> list[Sample]:
        """One response to each holdout prompt, with the same seed for every version: before and after."""
        prompts = store_tensors.holdout_prompts(store)
        if not prompts:
            return []
        _, texts = self.rollout(prompts, 1, config, seed)
        return [
            Sample(version_number=number, prompt_id=stored_id(p), seed=seed, text=t)
            for p, t in zip(prompts, texts, strict=True)
        ]

    def measure_policy(self, store: Store, config: Config, seed: int) -> MeasuredPolicy:
        """Measures the policy in hand on the holdout prompts (on the first prompts where there are none)."""
        prompts = _measured_prompts(store)
        rollout, texts = self.rollout(prompts, MEASURED_PER_PROMPT, config, seed)
        evaluated = evaluate_rollout(self.policy, rollout, self.reward_layers(config), config)
        check_agreement(self.policy, rollout, evaluated.logprobs, config.sample.temperature)
        kl = evaluated.kl_per_response()
        sets = [texts[i::MEASURED_PER_PROMPT] for i in range(MEASURED_PER_PROMPT)]
        metrics = {
            "kl": float(kl.mean()),
            "kl_se": float(kl.std() / len(kl) ** 0.5),
            "length": float(rollout.lengths.float().mean()),
            "eos_share": float(rollout.ended.float().mean()),
            "distinct_2": float(np.mean([distinct_2(s) for s in sets])),
        }
        features = evaluated.features.cpu().numpy().astype(np.float64)
        groups = rollout.group.cpu().numpy()
        return MeasuredPolicy(metrics, features, groups, _ids_of(prompts), config.sample)

    def measure_version(self, store: Store, config: Config, seed: int) -> MeasuredPolicy:
        """As `measure_policy`, of the version in hand; not anew while nothing else is asked of it."""
        version, asked = self.loaded_version, (_ids_of(_measured_prompts(store)), config.sample)
        assert version is not None, "a version is loaded before it is measured"
        kept = self._measured.get(version)
        if kept is None or (kept.prompt_ids, kept.sample) != asked:
            kept = self.measure_policy(store, config, seed)
            self._measured = {version: kept}
        return kept

    def trained_to(self, number: int, measured: MeasuredPolicy) -> None:
        """What was trained is version `number` now, and was measured."""
        self.loaded_version, self._measured = number, {number: measured}


def _measured_prompts(store: Store) -> list[Prompt]:
    return store_tensors.holdout_prompts(store) or store_tensors.trainable_prompts(store)[:MEASURED_PROMPTS]


def _ids_of(prompts: Sequence[Prompt]) -> tuple[int, ...]:
    return tuple(stored_id(p) for p in prompts)


def _in_order_of_length(data: store_tensors.Readable, rows: list[int]) -> list[int]:
    """Row numbers, those of a prompt together, short prompts with their responses first: rows that are read together
    are padded to the longest of them."""
    prompts, lengths = data.rollout.prompt_mask.sum(1).tolist(), data.rollout.lengths.tolist()
    group = data.rollout.group.tolist()
    size: dict[int, int] = {}
    for row in rows:
        size[group[row]] = size.get(group[row], prompts[row]) + lengths[row]
    return sorted(rows, key=lambda row: (size[group[row]], group[row]))


def _said(drawn: list[list[SampledResponse]]) -> list[list[float]] | None:
    """The generator's own log-probabilities, a list a response; None where the model in memory wrote them."""
    flat = [one.logprobs for group in drawn for one in group]
    return None if None in flat else [logprobs for logprobs in flat if logprobs is not None]
