"""Hashes: of values, of ratings with a salt, of a folder of files (a version's or an exported dataset's).

`manifest.json` holds the sha256 of every other file of a version; the sha256 of the manifest names the whole.
`rateloop.sha256` holds those of a dataset as `sha256sum` writes them.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput, Missing, RateloopError
from rater_data.files import sha256_of_file

MANIFEST = "manifest.json"
CHECKSUMS = "rateloop.sha256"


def digest(*parts: Any) -> bytes:
    """16 bytes that stand for these texts and numbers."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def new_salt() -> str:
    """What goes into the hashes of one rater's ratings: whoever does not have it cannot try what would fit."""
    return secrets.token_hex(16)


def check_folder(folder: Path, sha256: str | None = None) -> None:
    """Raises Missing or BadInput when a file of the checkpoint is gone, cut short or altered."""
    for error in find_faults(folder, sha256):
        raise error


def find_faults(folder: Path, sha256: str | None = None) -> Iterator[RateloopError]:
    """Everything that is wrong with the files of a checkpoint."""
    try:
        raw = (folder / MANIFEST).read_bytes()
        hashes = json.loads(raw)
    except FileNotFoundError:
        yield Missing(f"The checkpoint {folder.name} has no {MANIFEST}: it is not whole.")
        return
    except (ValueError, RecursionError, OSError):
        hashes = None
    if not isinstance(hashes, dict):
        yield BadInput(f"The checkpoint {folder.name} has a damaged {MANIFEST}.")
        return
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        yield BadInput(
            f"The checkpoint {folder.name} is not the one that was published: its manifest differs."
        )
    for name, wanted in hashes.items():
        file = folder / name
        if not file.is_file():
            yield Missing(f"The checkpoint {folder.name} lacks its file {name}.")
        elif sha256_of_file(file) != wanted:
            yield BadInput(f"The checkpoint {folder.name} is damaged: {name} was cut short or altered.")
