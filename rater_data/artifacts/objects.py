"""Artifacts in an object store (S3, Google Cloud Storage …), through fsspec.

An object store renames nothing, so nothing is ever written over: the files of an artifact lie under its name and its
sha256, and its manifest, one small object, is written last. Before that nobody sees the rest. Two trainers that write
the same name write beside each other, and the row in the database says which one counts.
"""

import errno
import hashlib
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem

from rater_data.artifacts.artifacts import Artifacts, Fill, check_name, seal_folder
from rater_data.artifacts.driver_errors import explain_driver_errors
from rater_data.checksums import MANIFEST, find_faults
from rater_data.errors import BadInput, Missing, RateloopError
from rater_data.files import explain_os_error, move_into_place
from rater_data.store.database.patience import Patience

KEPT = 8  # artifacts in the cache of a machine: those used last
HEX = 64  # characters of a sha256


class ObjectArtifacts(Artifacts):
    """`root`: where in the store; `cache`: a folder of this machine, where what was fetched lies by its sha256."""

    def __init__(self, files: AbstractFileSystem, root: str, location: str, cache: Path) -> None:
        self._files, self._root = files, root.rstrip("/")
        self.location, self.cache = location, cache
        self._patience = Patience(0)
        self._fetching = threading.Lock()  # two who ask for one version at once fetch it once

    def put(self, name: str, fill: Fill) -> str:
        with self._aside() as aside:
            fill(aside)
            sha256 = seal_folder(aside)
            place = self._place(name, sha256)
            if not self._is_file(f"{place}/{MANIFEST}"):
                for file in sorted(aside.iterdir()):
                    if file.name != MANIFEST:
                        self._call("put_file", str(file), f"{place}/{file.name}")
                self._call("pipe_file", f"{place}/{MANIFEST}", (aside / MANIFEST).read_bytes())
            self._keep(aside, sha256)
        return sha256

    def fetch(self, name: str, sha256: str | None = None) -> Path:
        with self._fetching:
            return self._fetch(name, sha256 or self._newest(name))

    def _fetch(self, name: str, sha256: str) -> Path:
        kept = self.cache / sha256
        if kept.is_dir():
            if not any(find_faults(kept, sha256)):
                kept.touch()
                return kept
            shutil.rmtree(kept)
        with self._aside() as aside:
            raw, hashes = self._manifest(name, sha256)
            for file, wanted in hashes.items():
                self._download(name, sha256, file, wanted, aside / file)
            (aside / MANIFEST).write_bytes(raw)
            return self._keep(aside, sha256)

    def exists(self, name: str) -> bool:
        return bool(self._manifests(name))

    def find_faults(self, name: str, sha256: str) -> Iterator[RateloopError]:
        try:
            _, hashes = self._manifest(name, sha256)
        except (Missing, BadInput) as fault:
            yield fault
            return
        with self._aside() as aside:
            for file, wanted in hashes.items():
                try:
                    self._download(name, sha256, file, wanted, aside / file)
                except (Missing, BadInput) as fault:
                    yield fault
                (aside / file).unlink(missing_ok=True)

    def below(self, name: str) -> list[str]:
        names = [f"{name}/{last}" for last in self._list(name)]
        return [below for below in names if self.exists(below)]

    def remove(self, name: str) -> None:
        # manifests first: what is left by a process that is killed here is nothing to anybody
        for path in sorted(self._files_below(self._path(name)), key=lambda path: not path.endswith(MANIFEST)):
            self._call("rm_file", path)

    def read_note(self, name: str) -> str | None:
        try:
            return bytes(self._call("cat_file", self._path(name))).decode()
        except Missing:
            return None

    def write_note(self, name: str, text: str) -> None:
        self._call("pipe_file", self._path(name), text.encode())

    def remove_note(self, name: str) -> None:
        if self._is_file(self._path(name)):
            self._call("rm_file", self._path(name))

    def wait_for_the_store(self, seconds: float) -> None:
        self._patience = Patience(seconds)

    # ---- the store

    def _call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Something asked of the store, again and again while it is away and patience lasts."""

        def ask() -> Any:
            with explain_driver_errors(self.location):
                return getattr(self._files, method)(*arguments, **named)

        return self._patience.wait_for(f"the artifact store {self.location}", ask)

    # fsspec's own exists, isfile, glob, find and walk take every error for "nothing there": a store that is away would
    # be taken for an empty one, and a training in progress be begun anew

    def _is_file(self, path: str) -> bool:
        try:
            return bool(self._call("info", path)["type"] == "file")
        except Missing:
            return False

    def _entries(self, path: str) -> list[dict[str, Any]]:
        """What is right below a path, each with its whole "name" and its "type"."""
        try:
            found: list[dict[str, Any]] = self._call("ls", path, detail=True)
        except Missing:
            return []
        return [entry for entry in found if entry["name"].rstrip("/") != path.rstrip("/")]

    def _list(self, name: str) -> list[str]:
        """The last parts of the names of folders right below a name, in order."""
        entries = self._entries(self._path(name))
        folders = (entry["name"] for entry in entries if entry["type"] == "directory")
        return sorted(folder.rstrip("/").rpartition("/")[2] for folder in folders)

    def _files_below(self, path: str) -> Iterator[str]:
        for entry in self._entries(path):
            if entry["type"] == "directory":
                yield from self._files_below(entry["name"])
            else:
                yield entry["name"]

    def _path(self, name: str) -> str:
        check_name(name)
        return f"{self._root}/{name}"

    def _place(self, name: str, sha256: str) -> str:
        if len(sha256) != HEX or not sha256.isalnum():
            raise BadInput(f"The checkpoint {name} has no sha256 that one could look for: {sha256!r}.")
        return f"{self._path(name)}/{sha256}"

    def _manifests(self, name: str) -> list[str]:
        manifests = (f"{self._path(name)}/{sha256}/{MANIFEST}" for sha256 in self._list(name))
        return [path for path in manifests if self._is_file(path)]

    def _newest(self, name: str) -> str:
        manifests = self._manifests(name)
        if not manifests:
            raise Missing(f"There is no checkpoint {name} in the artifact store {self.location}.")
        return str(max(manifests, key=lambda path: self._call("modified", path)).split("/")[-2])

    def _manifest(self, name: str, sha256: str) -> tuple[bytes, dict[str, str]]:
        path = f"{self._place(name, sha256)}/{MANIFEST}"
        if not self._is_file(path):
            raise Missing(f"The checkpoint {name} has no {MANIFEST} in {self.location}: it is not whole.")
        raw: bytes = self._call("cat_file", path)
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise BadInput(f"The checkpoint {name} is not the one that was published: its manifest differs.")
        hashes: dict[str, str] = json.loads(raw)
        if any(Path(file).name != file for file in hashes):
            raise BadInput(f"The manifest of the checkpoint {name} names files that lie elsewhere.")
        return raw, hashes

    def _download(self, name: str, sha256: str, file: str, wanted: str, target: Path) -> None:
        source = f"{self._place(name, sha256)}/{file}"
        if not self._is_file(source):
            raise Missing(f"The checkpoint {name} lacks its file {file} in {self.location}.")
        self._call("get_file", source, str(target))
        with target.open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != wanted:
                raise BadInput(f"The checkpoint {name} is damaged: {file} was cut short or altered.")

    # ---- this machine

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        """An empty folder on the cache's disk. Raises DiskFull or BadInput where nothing can be written there."""
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".part-", dir=self.cache) as folder:
                yield Path(folder)
        except OSError as error:
            explained = explain_os_error(error, self.cache)
            if explained is None:
                raise
            raise explained from error

    def _keep(self, aside: Path, sha256: str) -> Path:
        """Moves files into the cache, under their sha256; those used longest ago go."""
        kept, part = self.cache / sha256, aside / "part"
        part.mkdir()
        for file in aside.iterdir():
            if file != part:
                file.rename(part / file.name)
        try:
            move_into_place(part, kept, replace=False)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            # another process of this home was quicker, with the same files: perhaps it reads them by now
        kept.touch()
        known = [folder for folder in self.cache.iterdir() if len(folder.name) == HEX]
        for old in sorted(known, key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return kept
