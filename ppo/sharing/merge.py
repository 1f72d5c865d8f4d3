"""A version as a plain transformers model: the adapter added into the base's weights, nothing of ours left to load."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from ppo.model.loading.base_models import load_base
from rater_data.artifacts.artifacts import Artifacts
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.errors import BadInput, DiskFull, Missing
from rater_data.files import new_folder
from rater_data.store import Store

PROBE = "What makes a good day?"  # the merged model is compared with the adapted one on this prompt


@dataclass(frozen=True)
class Merged:
    """Where the model was written, and the largest difference of a logit from the adapted model's on a probe."""

    folder: Path
    version: int
    base_model: str
    difference: float


def merge(
    store: Store, home: Path, number: int | None, out: Path, artifacts: Artifacts | None = None
) -> Merged:
    """Writes version `number` (the current one when None) to `out`, a folder that must not exist or be empty.

    `artifacts`: where versions are kept, in the home by default. Raises Missing, BadInput or DiskFull with a
    sentence; `out` is whole or not there.
    """
    version = store.current_version() if number is None else store.version(number)
    if version is None:
        raise Missing("This home has no version yet." if number is None else f"There is no version {number}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is there already and is no empty folder; name another one with --out.")
    base = load_base(store.base_model() or version.base_model, home, "cpu")
    lm = base.lm
    probe = torch.tensor([base.chat.encode_chat([{"role": "user", "content": PROBE}])])
    with torch.no_grad():
        if version.folder:
            folder = (artifacts or FolderArtifacts(home)).fetch(version.folder, version.sha256)
            adapted = PeftModel.from_pretrained(lm, folder).eval()
            wanted = adapted(input_ids=probe).logits
            lm = adapted.merge_and_unload()
        else:
            wanted = lm(input_ids=probe).logits
        difference = float((lm(input_ids=probe).logits - wanted).abs().max())
    lineage = {
        "made_by": "rateloop",
        "version": version.number,
        "base_model": version.base_model,
        "base_revision": version.base_revision,
        "adapter_sha256": version.sha256,
        "metrics": version.metrics,
    }
    _write(lm, base.tokenizer, lineage, out)
    return Merged(out, version.number, version.base_model, difference)


def _write(lm: Any, tokenizer: Any, lineage: dict[str, Any], out: Path) -> None:
    try:
        with new_folder(out, replace=False) as aside:
            lm.save_pretrained(aside)
            tokenizer.save_pretrained(aside)
            (aside / "rateloop.json").write_text(json.dumps(lineage, indent=1), encoding="utf-8")
            aside.chmod(0o755)  # a new folder is private; this one is made to be handed on
    except OSError as error:
        raise DiskFull(
            f"The merged model could not be written to {out}: {error.strerror or error}."
        ) from error
