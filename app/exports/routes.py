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
from app.exports.labels import FORMAT_LABELS, OPTION_LABELS
from app.exports.pending_exports import Export, PendingExports
from rater_data.errors import BadInput, Busy
from rater_data.records import User
from rater_data.store import Store

if TYPE_CHECKING:
    from rater_data.exporting.export import Wrap
    from rater_data.exporting.formats import Wish

TEMP_PREFIX = ".export-"  # of the folder that an export is written in
CHUNK = 1 << 20  # bytes
LOCK_TIMEOUT = 60.0  # seconds that an export waits for another one
VISIBLE_LOCK_TIMEOUT = 1800.0  # where the operator sees that it waits
FILE_TYPES = {
    "jsonl": ("jsonl", "application/x-ndjson"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "dataset": ("zip", "application/zip"),
}
"""Ending and media type of each file. A dataset's folder comes as a ZIP."""


def export_routes(store: Store, guard: Guard, pending: PendingExports) -> APIRouter:
    """`pending` holds what was made and not fetched yet; the caller closes it at the end."""
    router = APIRouter(prefix="/api")
    operator, query_parameters = Depends(guard.require_operator), Depends(ExportQuery)
    media_types = [media_type for _, media_type in FILE_TYPES.values()]
    # One at a time: each may take a core and half a gigabyte, and raters come first
    one_at_a_time = threading.Lock()
    for abandoned in store.home.glob(f"{TEMP_PREFIX}*"):  # by a server that was killed while it wrote
        shutil.rmtree(abandoned, ignore_errors=True)

    def write(wish: Wish, user: User, lock_timeout: float, export: Export) -> BinaryIO:
        if not one_at_a_time.acquire(timeout=lock_timeout):
            raise Busy("Another export is being written: try again in a moment.")
        try:
            rows, file = write_export_file(store, wish, export.count_rows)
        finally:
            one_at_a_time.release()
        try:
            store.log(user.name, "exported", command=wish.command("…"), rows=rows)
        except BaseException:
            file.close()
            raise
        return file

    @router.get("/export", response_class=StreamingResponse, responses=file_responses(media_types, 409))
    def export(user: User = operator, query: ExportQuery = query_parameters) -> StreamingResponse:
        """Ratings for other programs, as `python -m rater_data export` writes them. For operators."""
        wish = query.to_wish()
        export = new_export(user, wish)
        export.file = write(wish, user, LOCK_TIMEOUT, export)
        return FileDownload(export)

    @router.post("/exports", response_model=None, responses=json_responses(ExportStarted, 409))
    def start(user: User = operator, query: ExportQuery = query_parameters) -> dict[str, str]:
        """The same, made ready while others work: what comes back is where to ask how far it is."""
        wish = query.to_wish()
        write_file = partial(write, wish, user, VISIBLE_LOCK_TIMEOUT)
        return {"export": pending.start(new_export(user, wish), write_file)}

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
        as_: Annotated[str, Query(alias="as")] = "jsonl",
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
        self.since, self.format, self.as_ = since, format, as_
        self.options: dict[str, Any] = {
            "split": split or None,
            "round_number": round_number,
            "min_margin": min_margin,
            "same_rater": same_rater,
            "ties": ties,
            "threshold": threshold,
            "conversational": conversational,
        }

    def to_wish(self) -> Wish:
        """Raises BadInput in the words of the form, not of the command."""
        # pandas, scipy and pyarrow take a second to import: the server does not wait for them
        from rater_data.exporting.formats import OPTIONS, Wish, since_of

        known = {"as", "round", "since", *Wish.__slots__} - {"as_", "round_number"}
        if unknown := sorted(self.given_names - known):
            raise BadInput(f"{unknown[0]!r} is no option of an export: there are {', '.join(sorted(known))}.")
        if self.as_ not in FILE_TYPES:
            raise BadInput(f"The form has to be one of {', '.join(FILE_TYPES)}, not {self.as_!r}.")
        label = {name: f"“{text}”" for name, text in (FORMAT_LABELS | OPTION_LABELS).items()}
        for name, formats in OPTIONS.items():
            if self.options[name] and self.format in FORMAT_LABELS and self.format not in formats:
                allowed = " and ".join(label[format_] for format_ in formats)
                raise BadInput(
                    f"{label[name]} ({name}) is for {allowed}, not for {label[self.format]}: leave it out."
                )
        if self.options["ties"] and self.options["min_margin"]:
            raise BadInput(f"Ties have no margin: leave {label['ties']} or {label['min_margin']} out.")
        since = since_of(self.since) if self.since else None
        return Wish(format=self.format, as_=self.as_, since=since, **self.options)


def new_export(user: User, wish: Wish) -> Export:
    ending, media_type = FILE_TYPES[wish.as_]
    name = f"rateloop-{wish.format}-{datetime.now(UTC):%Y-%m-%d}.{ending}"
    return Export(user.id, name, media_type)


def write_export_file(store: Store, wish: Wish, count_rows: Wrap) -> tuple[int, BinaryIO]:
    """The number of rows, and the file, open and already removed from its folder."""
    from rater_data.exporting.export import write_out

    folder = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=store.home))
    try:
        out = folder / "rateloop"
        rows = write_out(store, out, wish, wrap=count_rows)
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
