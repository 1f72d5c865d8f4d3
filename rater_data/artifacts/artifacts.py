"""What server and trainer exchange beside the database: folders of files, hashed, whole or absent.

An artifact has a name ("versions/0003", "rounds/0004/step-0002") and a `manifest.json` with the sha256 of every
other file; the sha256 of the manifest names the whole. Who reads trusts nothing but the manifest.
"""

import hashlib
import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

from rater_data.checksums import MANIFEST
from rater_data.errors import BadInput, RateloopError
from rater_data.files import sha256_of_file

Fill = Callable[[Path], None]
"""Writes the files of an artifact into an empty folder."""


class Artifacts(ABC):
    """Where adapters and checkpoints are kept: `FolderArtifacts` or `ObjectArtifacts`."""

    location: str
    """Where that is, for people: a folder, or an address without secrets."""

    @abstractmethod
    def put(self, name: str, fill: Fill) -> str:
        """Keeps what `fill` writes under `name` and returns its sha256; until then there is nothing of it to read.

        Raises DiskFull, BadInput for a place that may not be written, Unavailable.
        """

    @abstractmethod
    def fetch(self, name: str, sha256: str | None = None) -> Path:
        """A folder of this machine with the files, checked; without a sha256 those that were put last.

        Raises Missing or BadInput for what is gone, cut short, altered or another one, Unavailable.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is anything under this name, be it damaged. Raises Unavailable, BadInput."""

    @abstractmethod
    def find_faults(self, name: str, sha256: str) -> Iterator[RateloopError]:
        """Everything that is wrong with an artifact as it is kept there."""

    @abstractmethod
    def below(self, name: str) -> list[str]:
        """The names of the artifacts right below a name, in order."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Takes an artifact away, or all that is below a name; nothing where there is none."""

    @abstractmethod
    def read_note(self, name: str) -> str | None:
        """A short text that stands by itself; None where there is none."""

    @abstractmethod
    def write_note(self, name: str, text: str) -> None:
        """Writes such a text. Raises DiskFull, BadInput for a place that may not be written, Unavailable."""

    @abstractmethod
    def remove_note(self, name: str) -> None:
        """Takes such a text away; nothing where there is none."""

    def check_writable(self) -> None:
        """Raises what `put` would raise, before hours of work."""
        name = f"probe-{secrets.token_hex(4)}"
        self.write_note(name, "")
        self.remove_note(name)

    @abstractmethod
    def wait_for_the_store(self, seconds: float) -> None:
        """From now on a place that does not answer is waited for so long before Unavailable is raised."""


def seal_folder(folder: Path) -> str:
    """Writes the manifest of the files in a folder; returns its sha256."""
    hashes = {file.name: sha256_of_file(file) for file in sorted(folder.iterdir())}
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps(hashes, indent=1, sort_keys=True), encoding="utf-8")
    return hashlib.sha256(manifest.read_bytes()).hexdigest()


def check_name(name: str) -> None:
    """Raises BadInput for a name that would lead elsewhere."""
    parts = name.replace("\\", "/").split("/")
    if not all(parts) or {".", ".."} & set(parts) or ":" in name:
        raise BadInput(f"The checkpoint {name} lies outside the place where versions are kept.")
