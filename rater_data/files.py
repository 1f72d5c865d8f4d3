"""Files that are whole or absent: what is written is flushed to the disk, then takes its place under its name.

The other programs of this project read files while they are written, and any of them may be killed: so a file is
written beside its place, on the same disk, and renamed.
"""

import errno
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rater_data.errors import BadInput, DiskFull, RateloopError

NO_ROOM = "There is no room left on the disk of {where}: free some and try again. Nothing was half-written."


def explain_os_error(error: OSError, where: Path | str) -> RateloopError | None:
    """DiskFull for a full disk or quota, BadInput for an unusable place; None for everything else."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(NO_ROOM.format(where=where))
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return BadInput(
            f"{where} cannot be used: there is a file where a folder is wanted, or the other way round."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return BadInput(
            f"{where} may not be written by this user: choose another place or change its permissions."
        )
    if error.errno == errno.ENOENT:
        return BadInput(f"{where} does not exist.")
    return None


def sha256_of_file(file: Path) -> str:
    """Raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Writes what the system still holds back of a file, or of a folder with all that is in it, to the disk."""
    for each in [*path.rglob("*"), path] if path.is_dir() else [path]:
        _fsync_one(each)


def _fsync_one(path: Path) -> None:
    """Of a folder only the names that are in it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_into_place(part: Path, target: Path, *, replace: bool = True) -> None:
    """Flushes what was written and renames it to `target`, which is the old file or folder until it is the new one.

    A file takes its place at once. A folder cannot: the old one is beside it for a moment, under a name of its own,
    and comes back when the new one does not get there. Without `replace` a folder that is not empty stays, and
    OSError is raised.
    """
    fsync(part)
    if not part.is_dir():
        part.replace(target)
    elif replace and (target.exists() or target.is_symlink()):
        _swap_folder(part, target)
    else:
        part.rename(target)
    _fsync_one(target.parent)


def _swap_folder(part: Path, target: Path) -> None:
    old = target.with_name(f"{target.name}.old-{secrets.token_hex(4)}")
    target.rename(old)
    try:
        part.rename(target)
    except BaseException:
        old.rename(target)
        raise
    _fsync_one(target.parent)
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    else:
        old.unlink()


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path to write to; the file takes the place of `target` at the end of the block, and is gone if that raises."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        part = Path(folder) / target.name
        yield part
        move_into_place(part, target)


@contextmanager
def new_folder(target: Path, *, replace: bool = True) -> Iterator[Path]:
    """An empty private folder to fill, which then takes the place of `target`: see `move_into_place`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield part
        move_into_place(part, target, replace=replace)
    finally:
        shutil.rmtree(part, ignore_errors=True)
