"""An object store for tests: fsspec's memory, which renames nothing, writes nothing over unseen and fails on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

WRITES = ("pipe_file", "put_file")


class ObjectStore(MemoryFileSystem):
    """`fail(method, path)` may raise before anything is done; `asked` is what was asked, in order."""

    cachable = False

    def __init__(
        self, fail: Callable[[str, str], None] = lambda _method, _path: None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.store, self.pseudo_dirs = {}, [""]  # one of its own, not the one of all memory
        self.fail, self.asked = fail, []

    def _ask(self, method: str, path: str) -> None:
        self.asked.append((method, self._strip_protocol(path)))
        self.fail(method, path)

    def written(self) -> list[str]:
        """The names of what was written, in order."""
        return [path.rsplit("/", 1)[-1] for method, path in self.asked if method in WRITES]

    def pipe_file(self, path, value, mode="overwrite", **options):
        self._ask("pipe_file", path)
        super().pipe_file(path, value, mode, **options)

    def put_file(self, lpath, rpath, *arguments, **options):
        self._ask("put_file", rpath)
        super().put_file(lpath, rpath, *arguments, **options)

    def get_file(self, rpath, lpath, *arguments, **options):
        self._ask("get_file", rpath)
        super().get_file(rpath, lpath, *arguments, **options)

    def cat_file(self, path, start=None, end=None, **options):
        self._ask("cat_file", path)
        return super().cat_file(path, start, end, **options)

    def info(self, path, **options):
        self._ask("info", path)
        return super().info(path, **options)

    def ls(self, path, detail=True, **options):
        self._ask("ls", path)
        return super().ls(path, detail, **options)

    def mv(self, *_arguments, **_options):
        raise AssertionError("an object store has no rename")

    rename = move = mv_file = cp_file = mv
