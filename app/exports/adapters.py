"""The files of a version over the web: for operators, from wherever they are kept."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from app.access.auth import Guard
from app.api_schemas import PathId, file_responses
from rater_data.artifacts.artifacts import Artifacts
from rater_data.errors import Missing
from rater_data.lifecycle import Version
from rater_data.records import RESTORED, User
from rater_data.store import Store

ZIP = "application/zip"
CHUNK = 1 << 20  # bytes


def adapter_routes(store: Store, artifacts: Artifacts, guard: Guard) -> APIRouter:
    router = APIRouter(prefix="/api")
    operator = Depends(guard.require_operator)

    @router.get(
        "/versions/{number}/adapter", response_class=StreamingResponse, responses=file_responses([ZIP], 404)
    )
    def adapter(number: PathId, user: User = operator) -> StreamingResponse:
        """A version's adapter in PEFT's format, with its heads and hashes, as a zip. For operators."""
        version = store.version(number)
        file = zip_version(version, artifacts)
        store.log(user.name, f"downloaded version {number}")
        headers = {
            "Content-Disposition": f'attachment; filename="rateloop-version-{number}.zip"',
            "Content-Length": str(os.fstat(file.fileno()).st_size),
        }
        return StreamingResponse(read_and_close(file), media_type=ZIP, headers=headers)

    return router


def zip_version(version: Version, artifacts: Artifacts) -> BinaryIO:
    """The files of a version, checked, in an open file that has no name. Raises Missing, and what `fetch` raises."""
    if not version.folder:
        raise Missing(f"Version {version.number} is the base model itself: it has no adapter.")
    if version.metrics.get(RESTORED):
        raise Missing(f"Version {version.number} is known from an import: its files did not come along.")
    folder = artifacts.fetch(version.folder, version.sha256)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it was sent
    # stored: the weights would not become smaller
    with zipfile.ZipFile(file, "w") as archive:
        for each in sorted(folder.iterdir()):
            archive.write(each, f"version-{version.number}/{each.name}")
    file.seek(0)
    return file


def read_and_close(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
