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
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.auth import Guard
from rater_data.errors import BadInput, Busy
from rater_data.records import User
from rater_data.store import Store

if TYPE_CHECKING:
    from rater_data.formats import Wish

ASIDE = ".export-"  # how the folder that an export is written in begins
CHUNK = 1 << 20  # bytes
PATIENCE = 60.0  # seconds that an export waits for another one
KINDS = {
    "jsonl": ("jsonl", "application/x-ndjson"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "dataset": ("zip", "application/zip"),
}
"""How the file of each form ends, and its type. A dataset's folder comes as a ZIP."""


def export_routes(store: Store, guard: Guard) -> APIRouter:
    router = APIRouter(prefix="/api")
    operator = Depends(guard.operator)
    # One at a time: each may take a core and half a gigabyte, and raters come first
    one_at_a_time = threading.Lock()
    for left in store.home.glob(f"{ASIDE}*"):  # of a server that was killed while it wrote
        shutil.rmtree(left, ignore_errors=True)

    @router.get("/export", response_class=StreamingResponse)
    def export(
        request: Request,
        user: User = operator,
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
    ) -> StreamingResponse:
        """Ratings for other programs, as `python -m rater_data export` writes them. For operators."""
        # pandas, scipy and pyarrow take a second to import: the server does not wait for them
        from rater_data.formats import Wish, since_of

        known = {"as", "round", "since", *Wish.__slots__} - {"as_", "round_number"}
        if strange := sorted(set(request.query_params) - known):
            raise BadInput(f"{strange[0]!r} is no option of an export: there are {', '.join(sorted(known))}.")
        if as_ not in KINDS:
            raise BadInput(f"The form has to be one of {', '.join(KINDS)}, not {as_!r}.")
        wish = Wish(
            format=format,
            as_=as_,
            split=split or None,
            round_number=round_number,
            since=since_of(since) if since else None,
            min_margin=min_margin,
            same_rater=same_rater,
            ties=ties,
            threshold=threshold,
            conversational=conversational,
        )
        if not one_at_a_time.acquire(timeout=PATIENCE):
            raise Busy("Another export is being written: try again in a moment.")
        try:
            rows, file = written(store, wish)
        finally:
            one_at_a_time.release()
        try:
            store.log(user.name, "exported", command=wish.command("…"), rows=rows)
        except BaseException:
            file.close()
            raise
        ending, kind = KINDS[as_]
        name = f"rateloop-{format}-{datetime.now(UTC):%Y-%m-%d}.{ending}"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(os.fstat(file.fileno()).st_size),
        }
        return Sent(file, kind, headers)

    return router


def written(store: Store, wish: Wish) -> tuple[int, BinaryIO]:
    """How many rows the export has, and the file of it, open and already removed from its folder."""
    from rater_data.exporting import write_out

    folder = Path(tempfile.mkdtemp(prefix=ASIDE, dir=store.home))
    try:
        out = folder / "rateloop"
        rows = write_out(store, out, wish)
        return rows, (zipped(out) if out.is_dir() else out).open("rb")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def zipped(folder: Path) -> Path:
    """The folder as one file beside it; its files are compressed already."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder.parent))
    return path


class Sent(StreamingResponse):
    """The bytes of a file, which is closed when they were sent, or when nobody wants them any more."""

    def __init__(self, file: BinaryIO, kind: str, headers: dict[str, str]) -> None:
        super().__init__(iter(lambda: file.read(CHUNK), b""), media_type=kind, headers=headers)
        self.file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.file.close()
