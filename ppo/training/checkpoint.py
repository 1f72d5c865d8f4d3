"""TrainState and versions <-> folders that are hashed, and whole or absent. Safetensors and JSON only.

A folder loads with plain `PeftModel.from_pretrained(base, folder)`: the adapter lies at its top, in PEFT's own
names. `manifest.json` holds the sha256 of every other file; the sha256 of the manifest names the whole.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ppo.algorithm.ppo_update import TrainState
from ppo.algorithm.reward_head import RewardHead
from ppo.config import Config
from ppo.model.policy import Policy
from rater_data.checksums import MANIFEST, check_folder
from rater_data.errors import BadInput, DiskFull, Missing
from rater_data.files import new_folder, sha256_of_file

ARRAYS = ("centre", "scale", "weights")


def save(state: TrainState, folder: Path, config: Config, head: RewardHead | None, *, resumable: bool) -> str:
    """Writes a state to `folder` (which may exist: it is replaced) and returns its sha256.

    `resumable` adds the optimizer, which only a round in progress needs. Raises DiskFull.
    """
    try:
        with new_folder(folder) as aside:
            _write(state, aside, config, head, resumable)
            return _seal(aside)
    except OSError as error:
        raise DiskFull(
            f"The checkpoint {folder.name} could not be written: {error.strerror or error}."
        ) from error


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
    save_file(tensors, aside / "heads.safetensors")
    record: dict[str, Any] = {
        "round": state.round_number,
        "step": state.step,
        "people_done": state.people_done,
        "kl_coef": state.kl.coef,
        "base_model": state.policy.base.name,
        "param_groups": groups,
        "config": config.to_dict(),
    }
    if head is not None:
        save_file(
            {k: torch.from_numpy(getattr(head, k).copy()) for k in ARRAYS}, aside / "reward_head.safetensors"
        )
        record["reward_head"] = {k: v for k, v in dataclasses.asdict(head).items() if k not in ARRAYS}
    (aside / "state.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def _order(config: Path) -> None:
    """PEFT writes the names of the adapted layers as a set comes: the same adapter would have a new hash each time."""
    found = json.loads(config.read_text(encoding="utf-8"))
    for name, value in found.items():
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            found[name] = sorted(value)
    config.write_text(json.dumps(found, indent=1, sort_keys=True), encoding="utf-8")


def _seal(folder: Path) -> str:
    hashes = {}
    for file in sorted(folder.iterdir()):
        hashes[file.name] = sha256_of_file(file)
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps(hashes, indent=1, sort_keys=True), encoding="utf-8")
    return hashlib.sha256(manifest.read_bytes()).hexdigest()


def inside(home: Path, name: str) -> Path:
    """The folder `name` of the home. Raises BadInput for one that lies elsewhere."""
    folder = (home / name).resolve()
    if not folder.is_relative_to(home.resolve()):
        raise BadInput(f"The checkpoint {name} lies outside the home folder.")
    return folder


def load_policy(policy: Policy, folder: Path, sha256: str | None = None) -> dict[str, Any]:
    """Puts a version's adapter and value head into `policy`; returns its state record."""
    check_folder(folder, sha256)
    saved = load_file(folder / "adapter_model.safetensors")
    # PEFT leaves the adapter's name out of the file; in the model it stands before `.weight`
    policy.load_adapter_state({name.replace(".weight", ".default.weight"): t for name, t in saved.items()})
    heads = load_file(folder / "heads.safetensors")
    prefix = "value_head."
    policy.value_head.load_state_dict(
        {k.removeprefix(prefix): v for k, v in heads.items() if k.startswith(prefix)}
    )
    return json.loads((folder / "state.json").read_text(encoding="utf-8"))


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


def step_folders(folder: Path) -> list[Path]:
    """The steps under a round's folder, the newest last; not what a killed process left of one that it replaced."""
    return sorted(step for step in folder.glob("step-*") if not step.suffix)


def latest(folder: Path, say: Any = print) -> Path | None:
    """The newest whole step under a round's folder; a damaged one is named through `say` and passed over."""
    for step in reversed(step_folders(folder)):
        try:
            check_folder(step)
            return step
        except (Missing, BadInput) as error:
            say(f"{error} The one before it is used.")
    return None
