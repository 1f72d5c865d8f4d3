"""Exports over the web: the same files as from the command line, for operators, straight from the server.

The file is written in the home folder, opened, and removed before its first byte is sent: whatever happens to the
connection or the server, nothing of it stays. Gradio's file cache never sees it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import zipfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.access.auth import Guard
from app.api_schemas import ExportStarted, ExportState, file_responses, json_responses
from app.exports.pending_exports import Export, PendingExports
from rater_data.errors import BadInput, Busy
from rater_data.exporting.file_types import FILE_TYPES
from rater_data.exporting.formats.export_request import ExportRequest, parse_since
from rater_data.exporting.formats.options import EXPORT_OPTIONS
from rater_data.exporting.formats.table import EXPORT_FORMATS, ExportFormat, formats_with
from rater_data.records import User
from rater_data.store import Store

if TYPE_CHECKING:
    from rater_data.exporting.export import WrapBatches

TEMP_PREFIX = ".export-"  # of the folder that an export is written in
CHUNK = 1 << 20  # bytes
LOCK_TIMEOUT = 60.0  # seconds that an export waits for another one
VISIBLE_LOCK_TIMEOUT = 1800.0  # where the operator sees that it waits


def export_routes(store: Store, guard: Guard, pending: PendingExports) -> APIRouter:
    """`pending` holds what was made and not fetched yet; the caller closes it at the end."""
    router = APIRouter(prefix="/api")
    operator, query_parameters = Depends(guard.require_operator), Depends(ExportQuery)
    media_types = [file_type.media_type for file_type in FILE_TYPES.values()]
    # One at a time: each may take a core and half a gigabyte, and raters come first
    one_at_a_time = threading.Lock()
    for abandoned in store.home.glob(f"{TEMP_PREFIX}*"):  # by a server that was killed while it wrote
        shutil.rmtree(abandoned, ignore_errors=True)

    def write(request: ExportRequest, user: User, lock_timeout: float, export: Export) -> BinaryIO:
        if not one_at_a_time.acquire(timeout=lock_timeout):
            raise Busy("Another export is being written: try again in a moment.")
        try:
            rows, file = write_export_file(store, request, export.count_rows)
        finally:
            one_at_a_time.release()
        try:
            store.log(user.name, "exported", command=request.command("…"), rows=rows)
        except BaseException:
            file.close()
            raise
        return file

    @router.get("/export", response_class=StreamingResponse, responses=file_responses(media_types, 409))
    def export(user: User = operator, query: ExportQuery = query_parameters) -> StreamingResponse:
        """Ratings for other programs, as `python -m rater_data export` writes them. For operators."""
        request = query.to_request()
        export = new_export(user, request)
        export.file = write(request, user, LOCK_TIMEOUT, export)
        return FileDownload(export)

    @router.post("/exports", response_model=None, responses=json_responses(ExportStarted, 409))
    def start(user: User = operator, query: ExportQuery = query_parameters) -> dict[str, str]:
        """The same, made ready while others work: what comes back is where to ask how far it is."""
        request = query.to_request()
        write_file = partial(write, request, user, VISIBLE_LOCK_TIMEOUT)
        return {"export": pending.start(new_export(user, request), write_file)}

    @router.get("/exports/{secret}", response_model=None, responses=json_responses(ExportState, 404))
    def progress(secret: str, user: User = operator) -> dict[str, Any]:
        """Its state (writing, ready, failed), the rows that are written and of how many, where that is known."""
        return pending.get(secret, user.id).to_json()

    @router.get(
        "/exports/{secret}/file",
        response_class=StreamingResponse,
        responses=file_responses(media_types, 404, 409),
    )
    def download(secret: str, user: User = operator) -> StreamingResponse:
        """The file of a ready export, once, for the operator who asked for it."""
        return FileDownload(pending.pop(secret, user.id))

    return router


class ExportQuery:
    """The query parameters of an export: the options of the command, by their names."""

    def __init__(
        self,
        request: Request,
        format: str = "ratings",
        file_type: Annotated[str, Query(alias="as")] = "jsonl",
        split: str | None = None,
        round_number: Annotated[int | None, Query(alias="round")] = None,
        since: str | None = None,
        min_margin: float = 0.0,
        same_rater: bool = False,
        ties: bool = False,
        threshold: float | None = None,
        conversational: bool = False,
    ) -> None:
        self.given_names = set(request.query_params)
        self.since, self.format, self.file_type = since, format, file_type
        self.options: dict[str, Any] = {
            "split": split or None,
            "round_number": round_number,
            "min_margin": min_margin,
            "same_rater": same_rater,
            "ties": ties,
            "threshold": threshold,
            "conversational": conversational,
        }

    def to_request(self) -> ExportRequest:
        """Raises BadInput in the words of the form, not of the command."""
        known = {"format", "as", "split", *EXPORT_OPTIONS}
        if unknown := sorted(self.given_names - known):
            raise BadInput(f"{unknown[0]!r} is no option of an export: there are {', '.join(sorted(known))}.")
        if self.file_type not in FILE_TYPES:
            raise BadInput(f"The form has to be one of {', '.join(FILE_TYPES)}, not {self.file_type!r}.")
        if self.format in EXPORT_FORMATS:
            self._check_options(EXPORT_FORMATS[self.format])
        if self.options["ties"] and self.options["min_margin"]:
            ties, margin = (EXPORT_OPTIONS[name].label for name in ("ties", "min_margin"))
            raise BadInput(f"Ties have no margin: leave “{ties}” or “{margin}” out.")
        since = parse_since(self.since) if self.since else None
        return ExportRequest(format=self.format, file_type=self.file_type, since=since, **self.options)

    def _check_options(self, chosen: ExportFormat) -> None:
        for name, option in EXPORT_OPTIONS.items():
            formats = formats_with(name)
            if formats and self.options[name] and chosen.name not in formats:
                allowed = " and ".join(f"“{EXPORT_FORMATS[format_].label}”" for format_ in formats)
                raise BadInput(
                    f"“{option.label}” ({name}) is for {allowed}, not for “{chosen.label}”: leave it out."
                )


def new_export(user: User, request: ExportRequest) -> Export:
    file_type = FILE_TYPES[request.file_type]
    name = f"rateloop-{request.format}-{datetime.now(UTC):%Y-%m-%d}.{file_type.ending}"
    return Export(user.id, name, file_type.media_type)


def write_export_file(store: Store, request: ExportRequest, count_rows: WrapBatches) -> tuple[int, BinaryIO]:
    """The number of rows, and the file, open and already removed from its folder."""
    # pandas, scipy and pyarrow take a second to import: the server does not wait for them
    from rater_data.exporting.export import write_export

    folder = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=store.home))
    try:
        out = folder / "rateloop"
        rows = write_export(store, out, request, wrap=count_rows)
        return rows, (zip_folder(out) if out.is_dir() else out).open("rb")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def zip_folder(folder: Path) -> Path:
    """The folder as one file beside it, stored: its files are compressed already."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder.parent))
    return path


class FileDownload(StreamingResponse):
    """The bytes of an export's file, which is closed when they were sent or the client is gone."""

    def __init__(self, export: Export) -> None:
        file = export.file
        assert file is not None, "only what is written is sent"
        headers = {
            "Content-Disposition": f'attachment; filename="{export.name}"',
            "Content-Length": str(os.fstat(file.fileno()).st_size),
        }
        super().__init__(iter(lambda: file.read(CHUNK), b""), media_type=export.media_type, headers=headers)
        self.export = export

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.export.close()
