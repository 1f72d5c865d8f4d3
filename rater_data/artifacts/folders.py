"""Artifacts in a folder: the home's own, or one that several machines reach. What is written is renamed into place."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from rater_data.artifacts.artifacts import Artifacts, Fill, check_name, seal_folder
from rater_data.checksums import check_folder, find_faults
from rater_data.errors import BadInput, DiskFull, RateloopError
from rater_data.files import explain_os_error, new_file, new_folder


class FolderArtifacts(Artifacts):
    """Each artifact is a folder under `root`, as its name says. A version loads from there with plain PEFT."""

    def __init__(self, root: Path) -> None:
        self.root, self.location = root, str(root)

    def put(self, name: str, fill: Fill) -> str:
        folder = self._inside(name)
        try:
            with new_folder(folder) as aside:
                fill(aside)
                return seal_folder(aside)
        except OSError as error:
            raise self._unwritable(error, f"checkpoint {folder.name}") from error

    def fetch(self, name: str, sha256: str | None = None) -> Path:
        folder = self._inside(name)
        check_folder(folder, sha256)
        return folder

    def exists(self, name: str) -> bool:
        return self._inside(name).is_dir()

    def find_faults(self, name: str, sha256: str) -> Iterator[RateloopError]:
        yield from find_faults(self._inside(name), sha256)

    def below(self, name: str) -> list[str]:
        # with a suffix: what a killed process left of one that it replaced
        folders = (f for f in self._inside(name).glob("*") if f.is_dir() and not f.suffix)
        return sorted(f"{name}/{folder.name}" for folder in folders if not folder.name.startswith("."))

    def remove(self, name: str) -> None:
        shutil.rmtree(self._inside(name), ignore_errors=True)

    def read_note(self, name: str) -> str | None:
        file = self._inside(name)
        return file.read_text("utf-8") if file.is_file() else None

    def write_note(self, name: str, text: str) -> None:
        file = self._inside(name)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with new_file(file) as aside:
                aside.write_text(text, encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error, f"file {file.name}") from error

    def remove_note(self, name: str) -> None:
        self._inside(name).unlink(missing_ok=True)

    def wait_for_the_store(self, seconds: float) -> None:
        """A folder is there or not: nothing is waited for."""

    def _inside(self, name: str) -> Path:
        """Raises BadInput for what lies elsewhere, through a link too."""
        check_name(name)
        folder = (self.root / name).resolve()
        if not folder.is_relative_to(self.root.resolve()):
            raise BadInput(f"The checkpoint {name} lies outside {self.location}.")
        return folder

    def _unwritable(self, error: OSError, what: str) -> RateloopError:
        explained = explain_os_error(error, self.root)
        if isinstance(explained, BadInput):
            return explained
        return DiskFull(f"The {what} could not be written to {self.root}: {error.strerror or error}.")
