"""A version's adapter as a folder for others: PEFT's two files, what it is in JSON, and a card."""

import json
from pathlib import Path
from typing import Any

from ppo.sharing.bases import SharedBase
from ppo.sharing.facts import AdapterFacts
from ppo.sharing.model_card import model_card
from rater_data.files import sha256_of_file

CONFIG, WEIGHTS, RECORD, CARD = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "rateloop.json",
    "README.md",
)


def write_adapter(
    facts: AdapterFacts,
    source: Path,
    target: Path,
    base: SharedBase,
    where: str,
    *,
    licence: str | None = None,
    datasets: tuple[str, ...] = (),
) -> None:
    """Fills the empty folder `target` from `source`, a version's checked files. `where`: what the card's commands load.

    The weights are the version's byte for byte; in the config the base goes by the name that others know.
    """
    (target / WEIGHTS).write_bytes((source / WEIGHTS).read_bytes())
    config: dict[str, Any] = json.loads((source / CONFIG).read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": base.name, "revision": base.revision or None}
    _write_json(target / CONFIG, config)
    _write_json(target / RECORD, _record(facts, base))
    hashes = {name: sha256_of_file(target / name) for name in (CONFIG, WEIGHTS, RECORD)}
    card = model_card(facts, base, where, hashes, licence=licence, datasets=datasets)
    (target / CARD).write_text(card, encoding="utf-8")
    target.chmod(0o755)  # a new folder is private; this one is made to be handed on


def _record(facts: AdapterFacts, base: SharedBase) -> dict[str, Any]:
    """The same for programs; no prompt, no answer, no person."""
    version = facts.version
    return {
        "made_by": "rateloop",
        "version": version.number,
        "parent": version.parent,
        "base_model": base.name,
        "base_revision": base.revision,
        "adapter_sha256": version.sha256,
        "sample": facts.sample,
        "metrics": version.metrics,
        "trainings": [
            {"version": t.version, "round": t.round, "ratings": t.ratings, "raters": t.raters, "gate": t.gate}
            for t in facts.line
        ],
    }


def _write_json(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
