"""The artifacts of a store: opened where they are kept, and refused where they belong to another one.

An artifact store that is not the home carries the id that the database has, in a small file: a server and a trainer
that were told different places would each find nothing of what the other wrote.
"""

import json
import secrets

from rater_data.artifacts.addresses import find_artifacts
from rater_data.artifacts.artifacts import Artifacts
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.errors import BadInput, Refused
from rater_data.round_settings import ARTIFACTS
from rater_data.store import Store

MARKER = "rateloop.json"


def open_artifacts(store: Store, address: str | None) -> Artifacts:
    """The artifacts that belong to a store, at `address`, or in its home where there is none.

    A new place becomes the store's. Raises BadInput for a place that cannot be used or is another store's, Refused
    where the store's artifacts are elsewhere.
    """
    artifacts, kept = find_artifacts(address, store.home), store.setting(ARTIFACTS)
    if isinstance(artifacts, FolderArtifacts) and artifacts.root.resolve() == store.home.resolve():
        if kept is not None and _marker(artifacts) != kept["id"]:
            raise Refused(
                f"The versions of this store are kept in {kept['location']}: name it with RATELOOP_ARTIFACTS or "
                "--artifacts."
            )
        return artifacts
    marker = _marker(artifacts)
    if kept is None and marker is None:
        _begin(store, artifacts)
    elif kept is None or marker is None:
        raise Refused(_elsewhere(store, artifacts) if kept is None else _empty(artifacts, kept["location"]))
    elif marker != kept["id"]:
        raise BadInput(f"{artifacts.location} keeps the versions of another store: name another place.")
    return artifacts


def _elsewhere(store: Store, artifacts: Artifacts) -> str:
    return (
        f"{artifacts.location} keeps the versions of another store than {store.location}: name another place."
    )


def _empty(artifacts: Artifacts, location: str) -> str:
    return (
        f"The versions of this store are kept in {location}, and {artifacts.location} holds none of them: name the "
        "first, or move them with python -m rater_data move-artifacts."
    )


def _begin(store: Store, artifacts: Artifacts) -> None:
    """The first that opens a new place makes it the store's."""
    if any(version.folder for version in store.versions()):
        raise Refused(
            f"The versions of this store are kept in {store.home}: move them to {artifacts.location} with "
            "python -m rater_data move-artifacts first."
        )
    claim(store, artifacts)


def claim(store: Store, artifacts: Artifacts) -> None:
    """Makes a place the store's: from now on it opens with no other. Raises BadInput, DiskFull or Unavailable."""
    known = secrets.token_hex(16)
    artifacts.write_note(MARKER, json.dumps({"artifacts": known}))
    store.set_setting(ARTIFACTS, {"id": known, "location": artifacts.location})


def _marker(artifacts: Artifacts) -> str | None:
    text = artifacts.read_note(MARKER)
    try:
        return None if text is None else str(json.loads(text)["artifacts"])
    except (ValueError, KeyError, TypeError):
        raise BadInput(
            f"The file {MARKER} in {artifacts.location} is damaged: restore it from a backup."
        ) from None
