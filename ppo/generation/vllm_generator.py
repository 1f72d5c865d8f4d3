"""A server of vLLM as the generator: the policy's adapter is written to a folder, loaded by name, and asked for.

An adapter's name is made of its weights. So the versions that write a round in turn (one is its control arm) stay
loaded and cost nothing, each step of PPO has a name of its own, and no cache of the server can mix two of them up:
vLLM keys its prefix cache with name and path. What has not been used for longest is unloaded.
"""

import contextlib
import hashlib
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ppo.algorithm.rules import GENERATOR_LIMIT
from ppo.config import ADAPTER, SampleConfig
from ppo.generation.agreement import OTHER_BASE, adapter_is_zero, check_agreement
from ppo.generation.answers import ServedModel
from ppo.generation.vllm_server import Asked, ModelGone, VllmServer
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of
from ppo.model.sampling import SampledResponse, draw_limits
from rater_data.errors import BadInput, DiskFull
from rater_data.files import new_folder

KEPT = 3  # adapters that stay loaded: the version in use, the one before it, and the step of PPO
OLD_S = 24 * 3600.0  # seconds after which a folder that a killed trainer left is cleared away
PROBES = ("The brown fox jumps over the", "Write one sentence about rain.")
PROBE_TOKENS, PROBE_RESPONSES, PROBE_SEED = 16, 4, 20_170_707
PROBE_TEMPERATURE = 0.5  # far from 1, so that log-probabilities from before the temperature are seen for sure
PROBE_SUSPECT = (
    0.005  # nats a token from which a cause is looked for: an adapter of small numbers changes little
)
PROBE_SIZE = 0.03  # standard deviation of the adapter that is tried


class VllmGenerator:
    """Writes with the policy's weights on a server that serves the policy's base model. `folder` is for adapters."""

    def __init__(self, server: VllmServer, served: ServedModel, policy: Policy, folder: Path):
        self.server, self.served, self.policy, self.folder = server, served, policy, folder
        self._loaded: list[str] = []  # names, the one used last at the end
        self._clear_old_folders()

    def draw(
        self,
        prompts: Sequence[Sequence[int]],
        per_prompt: int,
        sample: SampleConfig,
        seed: int,
        tick: Callable[[int], None] | None = None,
    ) -> list[list[SampledResponse]]:
        """As `Generator.draw`, with the server's log-probability of every token. Raises BadInput, GeneratorAway."""
        count = len(prompts) * per_prompt
        limits, draw = draw_limits(count, sample, seed), random.Random(f"rows:{seed}")
        rows = [Asked(prompts[i // per_prompt], limits[i], draw.getrandbits(32)) for i in range(count)]
        self._check_room(rows)
        base = self.policy.base
        vocabulary = len(base.lm.get_input_embeddings().weight)  # type: ignore[arg-type]  # any module, says torch

        def written() -> list[SampledResponse]:
            return self.server.complete(self._model_name(), rows, sample, base.stop_ids, vocabulary, tick)

        try:
            flat = written()
        except ModelGone:  # it was started anew and has forgotten its adapters
            self._loaded.clear()
            flat = written()
        return [flat[i : i + per_prompt] for i in range(0, count, per_prompt)]

    def probe(self) -> str:
        """Writes a few words with the base and with an adapter of small random numbers; what was found, in a sentence.

        So a wrong base, log-probabilities of another kind and a server that loads no adapters are known before anybody
        has rated a response. The policy is left as it was. Raises BadInput, GeneratorAway.
        """
        gaps = []
        for size in (0.0, PROBE_SIZE):
            with self._changed_adapter(size):
                gaps.append(self._probe_gap())
        far = (
            f", more than the {GENERATOR_LIMIT:g} that two programs should differ by"
            if max(gaps) > GENERATOR_LIMIT
            else ""
        )
        return (
            f"Responses are written by the generator at {self.server.address} ({self.served.name}): its "
            f"log-probabilities are {gaps[0]:.1g} nats a token from the trainer's on the base model and "
            f"{gaps[1]:.1g} with an adapter{far}."
        )

    def _probe_gap(self) -> float:
        base = self.policy.base
        prompts = [base.chat.encode_text(text) for text in PROBES]
        short = SampleConfig(temperature=PROBE_TEMPERATURE, max_new_tokens=PROBE_TOKENS)
        drawn = self.draw(prompts, PROBE_RESPONSES, short, PROBE_SEED)
        rollout = rollout_of(
            [prompts[i] for i, group in enumerate(drawn) for _ in group],
            [one.token_ids for group in drawn for one in group],
            [one.ended for group in drawn for one in group],
            [i for i, group in enumerate(drawn) for _ in group],
            base.pad_id,
            self.policy.device,
            [one.logprobs or [] for group in drawn for one in group],
        )
        with torch.no_grad():
            read = self.policy.forward(rollout, PROBE_TEMPERATURE).logprobs
        try:
            return check_agreement(self.policy, rollout, read, PROBE_TEMPERATURE, PROBE_SUSPECT)[
                "generator_gap"
            ]
        except BadInput as error:
            if OTHER_BASE not in str(error):
                raise
            raise BadInput(
                f"{str(error).rstrip('.')} (it serves {self.served.root}, here is {base.name})."
            ) from None

    @contextlib.contextmanager
    def _changed_adapter(self, size: float) -> Iterator[None]:
        """Inside, LoRA's second matrices are random numbers of that size: 0 makes the policy its base."""
        kept, draw = self.policy.adapter_state(), torch.Generator().manual_seed(PROBE_SEED)
        changed = {
            name: size * torch.randn(t.shape, generator=draw) if "lora_B" in name else t
            for name, t in kept.items()
        }
        self.policy.load_adapter_state(changed)
        try:
            yield
        finally:
            self.policy.load_adapter_state(kept)

    def _check_room(self, rows: Sequence[Asked]) -> None:
        needed = max((len(row.prompt) + row.limit for row in rows), default=0)
        if needed > self.served.longest:
            raise BadInput(
                f"The generator reads {self.served.longest} tokens at most, and prompt and response may take {needed} "
                f"here: start it with --max-model-len {needed} or more."
            )

    # ---- adapters

    def _model_name(self) -> str:
        """The name to ask for the policy as it stands; its adapter is loaded under it where it is not yet."""
        if adapter_is_zero(self.policy):
            return self.served.name
        settings: Any = self.policy.peft.peft_config[ADAPTER]
        name = f"rateloop-{digest_of(self.policy.adapter_state(), settings.r, settings.lora_alpha)}"
        folder = self.folder / name
        if not folder.is_dir():
            self._write(folder)
        if name in self._loaded:
            self._loaded.remove(name)
        else:
            self.server.load_adapter(name, str(folder.resolve()), settings.r)
        self._loaded.append(name)
        for old in self._loaded[:-KEPT]:
            self.server.unload_adapter(old)
            self._loaded.remove(old)
            shutil.rmtree(self.folder / old, ignore_errors=True)
        return name

    def _write(self, folder: Path) -> None:
        try:
            with new_folder(folder) as aside:
                # save_embedding_layers would ask the hub for the base model's vocabulary, to which nothing is added
                self.policy.peft.save_pretrained(str(aside), save_embedding_layers=False)
        except OSError as error:
            raise DiskFull(
                f"The adapter for the generator could not be written: {error.strerror or error}."
            ) from error

    def _clear_old_folders(self) -> None:
        """What trainers left behind that were killed; one that is still at work writes its own anew."""
        for folder in self.folder.glob("rateloop-*"):
            if time.time() - folder.stat().st_mtime > OLD_S:
                shutil.rmtree(folder, ignore_errors=True)


def digest_of(state: dict[str, Tensor], rank: int, alpha: int) -> str:
    """24 hex digits of an adapter's weights and scale: equal for equal adapters alone."""
    digest = hashlib.sha256(f"{rank} {alpha}".encode())
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:24]
