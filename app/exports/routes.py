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
from app.api_schemas import ExportBegun, ExportState, described, described_file
from app.exports.labels import FORMAT_LABELS, OPTION_LABELS
from app.exports.pending import Export, Shelf
from rater_data.errors import BadInput, Busy
from rater_data.records import User
from rater_data.store import Store

if TYPE_CHECKING:
    from rater_data.exporting.export import Wrap
    from rater_data.exporting.formats import Wish

ASIDE = ".export-"  # how the folder that an export is written in begins
CHUNK = 1 << 20  # bytes
PATIENCE = 60.0  # seconds that an export waits for another one
LONG_PATIENCE = 1800.0  # where somebody sees that it waits
KINDS = {
    "jsonl": ("jsonl", "application/x-ndjson"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "dataset": ("zip", "application/zip"),
}
"""How the file of each form ends, and its type. A dataset's folder comes as a ZIP."""


def export_routes(store: Store, guard: Guard, shelf: Shelf) -> APIRouter:
    """`shelf` holds what was made and not fetched yet; whoever gave it closes it at the end."""
    router = APIRouter(prefix="/api")
    operator, asked = Depends(guard.require_operator), Depends(Options)
    types = [media_type for _, media_type in KINDS.values()]
    # One at a time: each may take a core and half a gigabyte, and raters come first
    one_at_a_time = threading.Lock()
    for left in store.home.glob(f"{ASIDE}*"):  # of a server that was killed while it wrote
        shutil.rmtree(left, ignore_errors=True)

    def make(wish: Wish, user: User, patience: float, export: Export) -> BinaryIO:
        if not one_at_a_time.acquire(timeout=patience):
            raise Busy("Another export is being written: try again in a moment.")
        try:
            rows, file = written(store, wish, export.counted)
        finally:
            one_at_a_time.release()
        try:
            store.log(user.name, "exported", command=wish.command("…"), rows=rows)
        except BaseException:
            file.close()
            raise
        return file

    @router.get("/export", response_class=StreamingResponse, responses=described_file(types, 409))
    def export(user: User = operator, options: Options = asked) -> StreamingResponse:
        """Ratings for other programs, as `python -m rater_data export` writes them. For operators."""
        wish = options.wish()
        made = begun(user, wish)
        made.file = make(wish, user, PATIENCE, made)
        return Sent(made)

    @router.post("/exports", response_model=None, responses=described(ExportBegun, 409))
    def begin(user: User = operator, options: Options = asked) -> dict[str, str]:
        """The same, made ready while others work: what comes back is where to ask how far it is."""
        wish = options.wish()
        return {"export": shelf.begin(begun(user, wish), partial(make, wish, user, LONG_PATIENCE))}

    @router.get("/exports/{secret}", response_model=None, responses=described(ExportState, 404))
    def how_far(secret: str, user: User = operator) -> dict[str, Any]:
        """Its state (writing, ready, failed), the rows that are written and of how many, where that is known."""
        return shelf.of(secret, user.id).as_json()

    @router.get(
        "/exports/{secret}/file",
        response_class=StreamingResponse,
        responses=described_file(types, 404, 409),
    )
    def fetch(secret: str, user: User = operator) -> StreamingResponse:
        """The file of a ready export, once, for the operator who asked for it."""
        return Sent(shelf.take(secret, user.id))

    return router


class Options:
    """What an address asks for: the options of the command, by their names."""

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
        self.named = set(request.query_params)
        self.since, self.format, self.as_ = since, format, as_
        self.more: dict[str, Any] = {
            "split": split or None,
            "round_number": round_number,
            "min_margin": min_margin,
            "same_rater": same_rater,
            "ties": ties,
            "threshold": threshold,
            "conversational": conversational,
        }

    def wish(self) -> Wish:
        """Raises BadInput in the words of the form, not of the command."""
        # pandas, scipy and pyarrow take a second to import: the server does not wait for them
        from rater_data.exporting.formats import OPTIONS, Wish, since_of

        known = {"as", "round", "since", *Wish.__slots__} - {"as_", "round_number"}
        if strange := sorted(self.named - known):
            raise BadInput(f"{strange[0]!r} is no option of an export: there are {', '.join(sorted(known))}.")
        if self.as_ not in KINDS:
            raise BadInput(f"The form has to be one of {', '.join(KINDS)}, not {self.as_!r}.")
        label = {name: f"“{text}”" for name, text in (FORMAT_LABELS | OPTION_LABELS).items()}
        for name, formats in OPTIONS.items():
            if self.more[name] and self.format in FORMAT_LABELS and self.format not in formats:
                allowed = " and ".join(label[format_] for format_ in formats)
                raise BadInput(
                    f"{label[name]} ({name}) is for {allowed}, not for {label[self.format]}: leave it out."
                )
        if self.more["ties"] and self.more["min_margin"]:
            raise BadInput(f"Ties have no margin: leave {label['ties']} or {label['min_margin']} out.")
        since = since_of(self.since) if self.since else None
        return Wish(format=self.format, as_=self.as_, since=since, **self.more)


def begun(user: User, wish: Wish) -> Export:
    ending, kind = KINDS[wish.as_]
    name = f"rateloop-{wish.format}-{datetime.now(UTC):%Y-%m-%d}.{ending}"
    return Export(user.id, name, kind)


def written(store: Store, wish: Wish, counted: Wrap) -> tuple[int, BinaryIO]:
    """How many rows the export has, and the file of it, open and already removed from its folder."""
    from rater_data.exporting.export import write_out

    folder = Path(tempfile.mkdtemp(prefix=ASIDE, dir=store.home))
    try:
        out = folder / "rateloop"
        rows = write_out(store, out, wish, wrap=counted)
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

    def __init__(self, export: Export) -> None:
        file = export.file
        assert file is not None, "only what is written is sent"
        headers = {
            "Content-Disposition": f'attachment; filename="{export.name}"',
            "Content-Length": str(os.fstat(file.fileno()).st_size),
        }
        super().__init__(iter(lambda: file.read(CHUNK), b""), media_type=export.kind, headers=headers)
        self.export = export

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.export.close()
