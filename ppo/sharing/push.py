"""`python -m ppo push`: a version's adapter into a folder, or onto the hub."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import HfApi

from ppo.sharing.adapter_folder import write_adapter
from ppo.sharing.bases import HUB_NAME, SharedBase, check_licence, shared_base
from ppo.sharing.facts import AdapterFacts, gather_facts, trained_version
from ppo.sharing.hub import licence_of, push_folder
from ppo.sharing.model_card import commit_title
from rater_data.artifacts.artifacts import Artifacts
from rater_data.errors import BadInput, DiskFull
from rater_data.files import explain_os_error, new_folder
from rater_data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PushWish:
    """What goes out. `base`: the base's name on the hub, where the home knows it otherwise; `samples`: prompts shown.

    `licence` is the adapter's own; `datasets`: names on the hub of the ratings, where they were sent there.
    """

    version: int | None = None
    base: str | None = None
    licence: str | None = None
    datasets: tuple[str, ...] = ()
    samples: int = 3
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """`where`: the folder, or the commit's address."""

    version: int
    where: str
    base: SharedBase


def push(store: Store, artifacts: Artifacts, target: str, wish: PushWish, api: HfApi | None = None) -> Pushed:
    """Sends a version to `target`, a path or a name on the hub. Raises Missing, BadInput, Refused, DiskFull.

    The version's files are checked against their hashes before anything is written or sent.
    """
    is_folder = _is_path(target)
    check_licence(wish.licence)
    for name in wish.datasets:
        if not HUB_NAME.fullmatch(name):
            raise BadInput(f"{name!r} is no dataset of the hub: write --dataset as owner/name.")
    if is_folder and wish.public:
        raise BadInput("--public is for the hub: a folder has no public.")
    version = trained_version(store, wish.version)
    base = shared_base(version, wish.base)
    if not is_folder and not base.on_hub:
        raise BadInput(
            f"The base of this home, {base.name!r}, is nothing that others can load from the hub: name the same model "
            "there with --base owner/name, or send the adapter into a folder."
        )
    source = artifacts.fetch(version.folder, version.sha256)
    facts = gather_facts(store, version, source, wish.samples)
    if is_folder:
        out = Path(target).expanduser()
        _into_folder(facts, source, out, base, wish)
        return Pushed(version=version.number, where=str(out), base=base)
    api = api or HfApi()
    if not base.licence:
        base = replace(base, licence=licence_of(base.name, api))
    with tempfile.TemporaryDirectory(prefix="rateloop-push-") as made:
        write_adapter(facts, source, Path(made), base, target, licence=wish.licence, datasets=wish.datasets)
        address = push_folder(Path(made), target, commit_title(version), public=wish.public, api=api)
    return Pushed(version=version.number, where=address, base=base)


def _is_path(target: str) -> bool:
    """Whether a target is a folder. Raises BadInput for what may be both or is neither."""
    if target.startswith(("/", ".", "~")):
        return True
    if not HUB_NAME.fullmatch(target):
        raise BadInput(
            f"{target!r} is no name on the hub (owner/name); a folder begins with ./ or /, as in ./{target}."
        )
    if Path(target).exists():
        raise BadInput(
            f"{target} is a folder here and a hub name: say ./{target} for the folder, or send it from elsewhere."
        )
    return False


def _into_folder(facts: AdapterFacts, source: Path, out: Path, base: SharedBase, wish: PushWish) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is there already and is no empty folder; name another one with --to.")
    try:
        with new_folder(out, replace=False) as aside:
            where = out.absolute().name
            write_adapter(facts, source, aside, base, where, licence=wish.licence, datasets=wish.datasets)
    except OSError as error:
        raise explain_os_error(error, out.parent) or DiskFull(
            f"The adapter could not be written to {out}: {error.strerror or error}."
        ) from error
