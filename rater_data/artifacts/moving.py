"""All versions of a store from where they are kept to another place, checked, and nothing left behind."""

import shutil
from collections.abc import Callable
from pathlib import Path

from rater_data.artifacts.addresses import find_artifacts
from rater_data.artifacts.artifacts import Artifacts
from rater_data.artifacts.opening import claim
from rater_data.checksums import MANIFEST
from rater_data.errors import Busy, Refused
from rater_data.lifecycle import Version
from rater_data.records import RESTORED
from rater_data.store import Store


def move_artifacts(
    store: Store, old: Artifacts, target: str, tell: Callable[[Version], None] = lambda _v: None
) -> int:
    """Copies every version's files to the place `target`, which becomes the store's; returns how many there were.

    The old ones stay where they are. A training in progress begins anew, without its checkpoints. Raises Busy while
    something is at work, Missing or BadInput for a version that is not whole, and what writing raises.
    """
    new = find_artifacts(target, store.home)
    if new.location == old.location:
        raise Refused(f"The versions are kept in {old.location} already.")
    if store.running_jobs():
        raise Busy("The trainer is at work: move the versions when it has ended.")
    moved = 0
    for version in store.versions():
        if not version.folder or version.metrics.get(RESTORED):
            continue  # the base itself, or known from an import
        tell(version)
        source = old.fetch(version.folder, version.sha256)

        def fill(folder: Path, source: Path = source) -> None:
            for file in source.iterdir():
                if file.name != MANIFEST:
                    shutil.copyfile(file, folder / file.name)

        if new.put(version.folder, fill) != version.sha256:
            raise Refused(
                f"Version {version.number} did not arrive as it was: nothing was changed. Try again."
            )
        moved += 1
    claim(store, new)
    return moved
