"""Where artifacts are kept, as people write it: a folder, or an address that fsspec knows."""

from pathlib import Path
from urllib.parse import urlsplit

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from rater_data.artifacts.artifacts import Artifacts
from rater_data.artifacts.driver_errors import explain_driver_errors
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.artifacts.objects import ObjectArtifacts
from rater_data.errors import BadInput

CACHE = "artifact-cache"
"""The folder in a home where artifacts of an object store lie once they were fetched."""
EXPECTED = "write a folder, or s3://bucket/path, gs://bucket/path or another address that fsspec knows"


def find_artifacts(address: str | None, home: Path) -> Artifacts:
    """The artifacts at an address, in the home itself where there is none. Nothing is asked of the place yet.

    Raises BadInput for an address that is not understood, whose driver is not installed, or that it does not take.
    """
    if address is None:
        return FolderArtifacts(home)
    address = address.strip()
    if "://" not in address:
        return FolderArtifacts(Path(address).expanduser().absolute())
    location = display_location(address)
    files, root = _file_system(address, location)
    if isinstance(files, LocalFileSystem):
        return FolderArtifacts(Path(root))
    if not root.strip("/"):
        raise BadInput(f"The artifact store {location} names no place in it: {EXPECTED}.")
    return ObjectArtifacts(files, root, location, home / CACHE)


def _file_system(address: str, location: str) -> tuple[AbstractFileSystem, str]:
    scheme = address.partition("://")[0]
    if "::" in address or scheme not in fsspec.available_protocols():
        raise BadInput(f"The address of the artifact store {location} is not understood: {EXPECTED}.")
    try:
        with explain_driver_errors(location):
            # what another machine wrote a moment ago has to be seen
            files, root = fsspec.url_to_fs(address, use_listings_cache=False)
    except ImportError as error:
        package = _package_of(scheme)
        raise BadInput(
            f"The artifact store {location} needs the package {package}, which is not installed: "
            f".venv/bin/python -m pip install {package}=={fsspec.__version__}"
        ) from error
    return files, root


def _package_of(scheme: str) -> str:
    known = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
    return known.get(scheme, f"fsspec[{scheme}]")


def display_location(address: str) -> str:
    """What a person may read of an address: without user, password and query."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
