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


def open_artifacts(store: Store, address: str | None, *, begin: bool = False) -> Artifacts:
    """The artifacts that belong to a store, at `address`, or in its home where there is none.

    With `begin`, for the one server of a store, a new place becomes the store's; others find it made. Raises Refused
    for a place that is not the store's, BadInput for one that cannot be used, Missing, DiskFull, Unavailable.
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
    if marker is not None and (kept is None or marker != kept["id"]):
        raise Refused(f"{artifacts.location} keeps the versions of another store: name another place.")
    if marker is None:
        if not begin or any(version.folder for version in store.versions()):
            raise Refused(_nothing_there(store, artifacts, kept))
        claim(store, artifacts)
    return artifacts


def _nothing_there(store: Store, artifacts: Artifacts, kept: dict[str, str] | None) -> str:
    """Why an empty place is not taken for the store's: versions are elsewhere, or would be written into the void."""
    if kept is not None:
        return (
            f"The versions of this store are kept in {kept['location']}, and {artifacts.location} holds none of them: "
            "check the address and, of a folder, that it is mounted here."
        )
    if any(version.folder for version in store.versions()):
        return (
            f"The versions of this store are kept in {store.home}: move them to {artifacts.location} with "
            "python -m rater_data move-artifacts first."
        )
    return (
        f"Nothing was kept in {artifacts.location} yet: start the server with this address first, which makes it the "
        "store's."
    )


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
