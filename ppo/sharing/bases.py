"""The base model as others find it: its name on the hub, its revision, its licence, and what differs from ours."""

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import metadata_load

from ppo.model.loading.default_model import DEFAULT, GGUF, WHEEL
from ppo.model.loading.tiny_model import TINY
from rater_data.errors import BadInput
from rater_data.lifecycle import Version

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
REVISION = re.compile(r"[\w./-]+", re.ASCII)
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
EMBEDDED_ON_HUB, EMBEDDED_LICENCE = "HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBase:
    """`name` as it stands in the adapter's config; `on_hub`: whether that is a name on the hub.

    `revision`: the hub's commit, "" where none is known; `licence`: the hub's word for it, "" where none is known;
    `note`: what others have to know of it, a sentence or "".
    """

    name: str
    on_hub: bool
    revision: str = ""
    licence: str = ""
    note: str = ""


def shared_base(version: Version, given: str | None) -> SharedBase:
    """What others load for the base of `version`; `given`: its name on the hub by who shares it. Raises BadInput.

    Nothing is asked of the hub. Of a folder only its last name goes out: a path may name a person.
    """
    if given is not None:
        if not HUB_NAME.fullmatch(given):
            raise BadInput(f"{given!r} is no model of the hub: write --base as owner/name.")
        ours = version.base_model
        note = (
            ""
            if ours == given
            else "Whoever shared this adapter named this base; whether its weights are those that the adapter was "
            "trained on was not checked."
        )
        revision = version.base_revision if ours == given else ""
        return SharedBase(
            name=given, on_hub=True, revision=revision, licence=_licence_of(Path(ours)), note=note
        )
    name = version.base_model
    if name == DEFAULT:
        return SharedBase(
            name=EMBEDDED_ON_HUB,
            on_hub=True,
            licence=EMBEDDED_LICENCE,
            note=f"It was trained on that model's weights as they are in `{GGUF}` of the Python package `{WHEEL}`, "
            "quantised to 4 bits and read back: near to the hub's, not equal to them.",
        )
    if name == TINY:
        return SharedBase(
            name=TINY,
            on_hub=False,
            note="It is a tiny model of random weights that Rateloop makes for its tests.",
        )
    if Path(name).is_absolute():
        note = "It is a model of its maker's own and was not on the hub under this name."
        return SharedBase(name=Path(name).name, on_hub=False, licence=_licence_of(Path(name)), note=note)
    revision = version.base_revision if REVISION.fullmatch(version.base_revision) else ""
    return SharedBase(name=name, on_hub=bool(HUB_NAME.fullmatch(name)), revision=revision)


def check_licence(licence: str | None) -> None:
    """Raises BadInput for what is no name of a licence on the hub."""
    if licence is not None and not LICENCE.fullmatch(licence):
        raise BadInput(
            f"{licence!r} is no licence as the hub writes them: say it as in apache-2.0, mit, cc-by-4.0."
        )


def _licence_of(folder: Path) -> str:
    """What the model card in a folder states; "" where there is none."""
    card = folder / "README.md"
    if not folder.is_absolute() or not card.is_file():
        return ""
    try:
        found = metadata_load(card)
    except Exception:  # whatever is wrong with somebody's card, it states no licence
        return ""
    licence = str(found.get("license", "")).lower() if isinstance(found, dict) else ""
    return licence if LICENCE.fullmatch(licence) else ""
