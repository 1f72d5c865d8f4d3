"""TrainState and versions <-> artifacts, which are hashed, and whole or absent. Safetensors and JSON only.

A version's folder loads with plain `PeftModel.from_pretrained(base, folder)`: the adapter lies at its top, in PEFT's
own names. Another layout of the files is another number in rater_data/store/database/release.py.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ppo.algorithm.ppo_update import TrainState
from ppo.config import Config
from ppo.model.policy import Policy
from ppo.reward.reward_head import ARRAYS, RewardHead
from rater_data.artifacts.artifacts import Artifacts
from rater_data.errors import BadInput, Missing

HEAD_FORM = 2  # of what scores mean: steps that were rewarded by another kind of head are not gone on from
KEEP_STEPS = 2  # checkpoints of a round in progress: the newest, and the one before it against damage


def save(
    state: TrainState,
    artifacts: Artifacts,
    name: str,
    config: Config,
    head: RewardHead | None,
    *,
    resumable: bool,
) -> str:
    """Keeps a state under `name` (which may exist: it is replaced) and returns its sha256.

    `resumable` adds the optimizer, which only a round in progress needs. Raises DiskFull, BadInput, Unavailable.
    """
    return artifacts.put(name, lambda aside: _write(state, aside, config, head, resumable))


def _write(state: TrainState, aside: Path, config: Config, head: RewardHead | None, resumable: bool) -> None:
    # save_embedding_layers would ask the hub for the base model's vocabulary; nothing is ever added to it
    state.policy.peft.save_pretrained(str(aside), save_embedding_layers=False)
    (aside / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
    _order(aside / "adapter_config.json")
    tensors = {
        f"value_head.{k}": v.detach().cpu().contiguous()
        for k, v in state.policy.value_head.state_dict().items()
    }
    groups: list[dict[str, Any]] = []
    if resumable:
        kept = state.optimizer.state_dict()
        groups = kept["param_groups"]
        for i, entry in kept["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v.detach().cpu().contiguous() for k, v in entry.items()}
        if state.doubt is not None:
            tensors["doubt"] = torch.from_numpy(state.doubt)
    save_file(tensors, aside / "heads.safetensors")
    record: dict[str, Any] = {
        "round": state.round_number,
        "step": state.step,
        "people_done": state.people_done,
        "kl_coef": state.kl.coef,
        "base_model": state.policy.base.name,
        "head_form": HEAD_FORM,
        "param_groups": groups,
        "config": config.to_dict(),
    }
    if head is not None:
        record["reward_head"] = write_head(head, aside)
    (aside / "state.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def write_head(head: RewardHead, folder: Path) -> dict[str, Any]:
    """The arrays of a head go into `reward_head.safetensors`; what else it is, is returned, as JSON takes it."""
    save_file(
        {k: torch.from_numpy(getattr(head, k).copy()) for k in ARRAYS}, folder / "reward_head.safetensors"
    )
    return {k: v for k, v in dataclasses.asdict(head).items() if k not in ARRAYS}


def _order(config: Path) -> None:
    """PEFT writes the names of the adapted layers as a set comes: the same adapter would have a new hash each time."""
    found = json.loads(config.read_text(encoding="utf-8"))
    for name, value in found.items():
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            found[name] = sorted(value)
    config.write_text(json.dumps(found, indent=1, sort_keys=True), encoding="utf-8")


def load_policy(policy: Policy, folder: Path) -> dict[str, Any]:
    """Puts a version's adapter and value head into `policy`; returns its state record.

    `folder`: the files, as `Artifacts.fetch` gave them.
    """
    saved = load_file(folder / "adapter_model.safetensors")
    # PEFT leaves the adapter's name out of the file; in the model it stands before `.weight`
    policy.load_adapter_state({name.replace(".weight", ".default.weight"): t for name, t in saved.items()})
    heads = load_file(folder / "heads.safetensors")
    prefix = "value_head."
    policy.value_head.load_state_dict(
        {k.removeprefix(prefix): v for k, v in heads.items() if k.startswith(prefix)}
    )
    return json.loads((folder / "state.json").read_text(encoding="utf-8"))


def load_head(folder: Path) -> RewardHead:
    """The reward head that a version was trained with. `folder`: its files, as `Artifacts.fetch` gave them.

    Raises BadInput for a head of an earlier release.
    """
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if state.get("head_form") != HEAD_FORM:
        raise BadInput(
            "The version's reward head is of an earlier release and cannot be read: train a new version."
        )
    record = state["reward_head"]
    arrays = {k: v.numpy() for k, v in load_file(folder / "reward_head.safetensors").items()}
    fields: dict[str, Any] = arrays | record
    return RewardHead(**fields)


def load_state(state: TrainState, folder: Path) -> None:
    """Continues a round: everything that `save(..., resumable=True)` wrote goes back into `state`."""
    record = load_policy(state.policy, folder)
    heads = load_file(folder / "heads.safetensors")
    entries: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in heads.items():
        if name.startswith("optimizer."):
            _, i, key = name.split(".")
            entries.setdefault(int(i), {})[key] = tensor
    state.optimizer.load_state_dict({"state": entries, "param_groups": record["param_groups"]})
    state.round_number, state.step = record["round"], record["step"]
    state.people_done, state.kl.coef = record["people_done"], record["kl_coef"]
    state.doubt = heads["doubt"].numpy() if "doubt" in heads else None


class RoundCheckpoints:
    """The steps of one round's training in progress. They go on only with the ratings that they were trained on."""

    def __init__(self, artifacts: Artifacts, round_number: int, seal: str) -> None:
        """Steps of another seal (the sha256 of the round's snapshot) are taken away."""
        self._artifacts, self._name = artifacts, _steps_of(round_number)
        note = f"{self._name}/seal"
        if artifacts.read_note(note) != seal:
            artifacts.remove(self._name)
            artifacts.write_note(note, seal)

    def latest(self, say: Callable[[str], None] = print) -> tuple[str, Path] | None:
        """Name and files of the newest whole step; a damaged one is named through `say` and passed over."""
        for step in reversed(self._steps()):
            try:
                folder = self._artifacts.fetch(step)
            except (Missing, BadInput) as error:
                say(f"{error} The one before it is used.")
                continue
            if json.loads((folder / "state.json").read_text(encoding="utf-8")).get("head_form") == HEAD_FORM:
                return step.rpartition("/")[2], folder
            say(
                "The steps so far were made with a reward head of an earlier release: the training begins anew."
            )
            return None
        return None

    def save(self, state: TrainState, config: Config, head: RewardHead) -> None:
        """Keeps the present step, and of those before it what is needed where this one is damaged."""
        save(state, self._artifacts, f"{self._name}/step-{state.step:04d}", config, head, resumable=True)
        for old in self._steps()[:-KEEP_STEPS]:
            self._artifacts.remove(old)

    def _steps(self) -> list[str]:
        return [name for name in self._artifacts.below(self._name) if "/step-" in name]


def remove_steps(artifacts: Artifacts, round_number: int) -> None:
    """The round is over: none of its steps is needed any more."""
    artifacts.remove(_steps_of(round_number))


def _steps_of(round_number: int) -> str:
    return f"rounds/{round_number:04d}"
