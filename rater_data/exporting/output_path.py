"""Where an export goes: checked before, written beside its place, on the same disk, and renamed.

A crash or a full disk leaves what was there before; what a killed export left goes with the next one.
"""

import errno
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rater_data import checks
from rater_data.checksums import CHECKSUMS
from rater_data.errors import BadInput
from rater_data.exporting.file_types import FILE_TYPES
from rater_data.files import explain_os_error, move_into_place

TEMP_PREFIX = ".rateloop-"  # of the folder that an export is written in
LOCK_FILE = "held"


def check_output_path(out: Path, file_type: str, force: bool) -> Path:
    """The absolute path, of a link that of its target. Raises BadInput where nothing can or may be written."""
    checks.one_of("The form", file_type, FILE_TYPES)
    out = out.expanduser().absolute()
    with _explain_errors(out):
        _check_replaceable(out, file_type, force)
        # whoever made the link wants the file at its end to be new, and what is renamed would take the link's place
        return _link_target(out) if out.is_symlink() else out


@contextmanager
def new_output(out: Path) -> Iterator[Path]:
    """A path to write to, beside `out`: at the end of the block it becomes `out`, and is gone if that raises."""
    with temporary_output(out) as part:
        yield part
        move_into_place(part, out)


@contextmanager
def temporary_output(out: Path) -> Iterator[Path]:
    """A path beside `out`, on the same disk, in a folder that is removed, as those of killed processes are."""
    with _explain_errors(out):
        _remove_abandoned(out.parent)
        with (
            tempfile.TemporaryDirectory(prefix=TEMP_PREFIX, dir=out.parent) as folder,
            _hold_lock(Path(folder)),
        ):
            yield Path(folder) / out.name


def _link_target(link: Path) -> Path:
    try:
        target = link.resolve(strict=False)
    except (OSError, RuntimeError):
        raise BadInput(f"{link} is a link that leads back to itself: choose another --out.") from None
    if not target.parent.is_dir():
        raise BadInput(
            f"{link} is a link into a folder that does not exist: {target.parent}. Choose another --out."
        )
    return target


@contextmanager
def _explain_errors(out: Path) -> Iterator[None]:
    """Errors of the disk become sentences."""
    try:
        yield
    except OSError as error:
        # a place that exists and takes no files (/proc) says that it does not exist
        takes_no_files = error.errno == errno.ENOENT and out.parent.is_dir()
        reason = "nothing can be made there" if takes_no_files else error.strerror or error
        raise (None if takes_no_files else explain_os_error(error, out.parent)) or BadInput(
            f"{out} cannot be written: {reason}. Choose another --out."
        ) from error


def _check_replaceable(out: Path, file_type: str, force: bool) -> None:
    if not out.parent.is_dir():
        raise BadInput(f"The folder {out.parent} does not exist: make it first, or choose another --out.")
    if not out.exists() and not out.is_symlink():
        return
    if out.exists() and not (out.is_file() or out.is_dir()):
        raise BadInput(f"{out} is a device, a pipe or a socket, so it is not replaced: choose another --out.")
    if not force:
        raise BadInput(f"{out} exists already: choose another --out, or --force to replace it.")
    # a folder with checksums is a dataset, and nobody's home
    if out.is_dir() and not (FILE_TYPES[file_type].folder and (out / CHECKSUMS).is_file()):
        raise BadInput(f"{out} is a folder and no dataset, so it is not replaced: choose another --out.")


@contextmanager
def _hold_lock(folder: Path) -> Iterator[None]:
    """Marks a folder as being written in, for as long as this process lives."""
    with (folder / "new").open("w") as lock:
        with suppress(OSError):  # a disk without locks: what is left there is not removed
            fcntl.flock(lock, fcntl.LOCK_EX)
            # under its name only now: nobody finds it there before it is held
            (folder / "new").rename(folder / LOCK_FILE)
        yield


def _remove_abandoned(parent: Path) -> None:
    """Removes what killed exports left; a folder that somebody writes in is locked by them."""
    for folder in parent.glob(f"{TEMP_PREFIX}*"):
        try:
            if folder.is_symlink():
                continue
            with (folder / LOCK_FILE).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        except OSError:
            continue  # locked, another user's, or gone
