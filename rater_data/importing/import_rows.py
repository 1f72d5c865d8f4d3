"""From rows to the store: all of a file or nothing, or with `skip_bad` all that is good.

Rows are read once, checked, and put aside on disk (`staging`); what is wrong is named by its line and kept in a file
beside it. Then everything goes in at once (`store_imports`).
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from rater_data import checks
from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.files import explain_os_error, move_into_place
from rater_data.importing.home_scale import settle
from rater_data.importing.layouts import cells as layouts
from rater_data.importing.layouts.cells import How, LeftOut, Scored, Shape, Thing, Wrong
from rater_data.importing.layouts.openassistant import trees
from rater_data.importing.layouts.own_export import RATINGS_OF_OURS, is_ours
from rater_data.importing.layouts.records import ImportedRating, ImportedResponse
from rater_data.importing.readers.text_files import Row
from rater_data.importing.staging import Staged
from rater_data.json_values import to_json_value
from rater_data.records import Prompt
from rater_data.scales import SCALES, Scale
from rater_data.store import Store
from rater_data.store.transfer.imports import Stored

KINDS = ("prompts", "responses", "ratings")
RATELOOP, OASST = "rateloop", "oasst"
SHAPES: dict[str, Shape] = {
    "prompts": layouts.PROMPTS,
    "responses": layouts.RESPONSES,
    "ratings": layouts.RATINGS,
    RATELOOP: RATINGS_OF_OURS,
    "preference": layouts.PREFERENCES,
    "hh": layouts.TRANSCRIPTS,
    "helpsteer": layouts.HELPSTEER_ROWS,
    OASST: trees,
}
AUTO = "auto"
LOOKED_AT = 20  # rows that are looked at to find out the shape
TOLD = 10  # bad rows that are told one by one; all of them are in the side file
REJECTED = ".rejected.jsonl"

Wrap = Callable[[Iterator[Any], int | None], Iterator[Any]]
"""Goes around rows, told how many there will be where that is known: a progress bar, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be imported from a file, and how."""

    kind: str
    shape: str = AUTO
    columns: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    chosen: float | None = None
    rejected: float | None = None
    scores: tuple[float, float] | None = None
    skip_bad: bool = False
    dry_run: bool = False
    offer: bool = False


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of an import. `bad`: the first bad rows as sentences; `rejected`: the file that keeps all of them."""

    shape: str = ""
    rows: int = 0
    duplicates: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    bad_rows: int = 0
    rejected: Path | None = None
    renamed: int = 0
    renumbered: int = 0
    found: dict[str, int] = field(default_factory=dict)
    stored: Stored = field(default_factory=Stored)
    dry_run: bool = False


def bring_in(
    store: Store,
    rows: Iterator[Row],
    asked: Asked,
    *,
    name: str,
    side: Path | None,
    wrap: Wrap = lambda rows, _total: rows,
) -> Report:
    """Imports rows. `name` is kept as the prompts' source, `side` the file for bad rows, if they are to be kept.

    Raises BadInput naming the first bad row (then nothing was imported) and for a file that cannot be read, Refused
    when the home's scale does not go with it.
    """
    checks.one_of("What is imported", asked.kind, KINDS)
    first = list(islice(rows, LOOKED_AT))
    report = Report(dry_run=asked.dry_run, shape=_shape(first, asked))
    scale = _scale(store, first, report.shape)
    how = _how(asked, name, scale, report.shape)
    columns = how.columns if report.shape != OASST else {}
    with Staged() as staged, _Rejects(None if asked.dry_run else side, report) as rejects:
        named = layouts.named(chain(first, rows), columns)
        counted = _counted(wrap(named, None), report)
        for row, thing in _things(counted, how, asked.kind, SHAPES[report.shape]):
            _take(row, thing, staged, rejects, report)
        report.renumbered = staged.close()
        report.duplicates, report.renamed = staged.duplicates, staged.renamed
        report.found = {kind: getattr(staged, kind) for kind in KINDS}
        if report.bad_rows:
            rejects.keep()
            if not (asked.skip_bad or asked.dry_run):
                raise BadInput(_refusal(report))
        ratings = asked.kind == "ratings"
        report.stored = store.add_staged(
            staged,
            scale=scale.name if ratings else None,
            offer=asked.offer and staged.responses > 0,
            dry_run=asked.dry_run,
            wrap=wrap,
        )
    return report


def side_of(path: Path) -> Path:
    """Where the bad rows of a file are kept."""
    return path.parent / (path.name + REJECTED)


def _shape(first: list[Row], asked: Asked) -> str:
    """The shape that was asked for, or the one that the columns of the first row tell."""
    checks.one_of("The shape", asked.shape, (AUTO, *SHAPES))
    if asked.shape != AUTO:
        return asked.shape
    if asked.kind != "ratings":
        return asked.kind
    read = next((row for row in first if not row.fault), None)
    if read is None:
        return "ratings"
    values = read.values
    columns = set(values) | set(asked.columns)
    if is_ours(columns):
        return RATELOOP
    if {"chosen", "rejected"} <= columns:
        plain_texts = all(isinstance(layouts.said_in(read, n), str) for n in ("chosen", "rejected"))
        return "hh" if plain_texts and not columns & {"prompt", "text", "messages"} else "preference"
    if layouts.HELPSTEER[0] in columns and not columns & set(layouts.SCORE_NAMES):
        return "helpsteer"
    if "message_id" in columns or isinstance(values.get("prompt"), dict):
        return OASST
    return "ratings"


def _scale(store: Store, first: list[Row], shape: str) -> Scale:
    """The home's scale; a home that has none yet takes that of our export."""
    told = next((row.values.get("scale") for row in first if not row.fault), None)
    if shape == RATELOOP and isinstance(told, str) and told in SCALES and store.chosen_scale() is None:
        return SCALES[told]
    return store.scale()


def _how(asked: Asked, name: str, scale: Scale, shape: str) -> How:
    for score in (asked.chosen, asked.rejected):
        if score is not None and scale.paired:
            raise BadInput("Raters of this home compare: chosen and rejected need no scores here.")
        if score is not None:
            scale.check(score)
    if asked.scores is not None:
        low, high = asked.scores
        checks.number("The lowest score", low)
        checks.number("The highest score", high)
        if low >= high:
            raise BadInput(f"The range of the scores has to go up, not from {low:g} to {high:g}.")
    return How(
        scale=scale,
        source=name,
        split=asked.split,
        chosen=asked.chosen,
        rejected=asked.rejected,
        scores=asked.scores,
        columns=asked.columns,
    )


def _counted(rows: Iterable[Row], report: Report) -> Iterator[Row]:
    for row in rows:
        report.rows += 1
        yield row


def _things(rows: Iterable[Row], how: How, kind: str, shape: Shape) -> Iterator[tuple[Row, Thing]]:
    found = shape(rows, how)
    if kind == "ratings":
        yield from settle(found, how)
        return
    for row, thing in found:
        yield from ((row, one) for one in _only(thing, kind))


def _only(thing: Thing, kind: str) -> Iterator[Thing]:
    """Of a row that says more, the prompts or the responses."""
    if isinstance(thing, ImportedRating):
        thing = thing.response
    if isinstance(thing, Prompt | Wrong | LeftOut):
        yield thing if kind == "prompts" or not isinstance(thing, Prompt) else Wrong("there is no response")
    elif kind == "prompts":
        yield thing.prompt
    elif isinstance(thing, ImportedResponse):
        yield ImportedResponse(prompt=thing.prompt, text=thing.text)
    else:
        texts = (thing.response,) if isinstance(thing, Scored) else (thing.chosen, thing.rejected)
        yield from (ImportedResponse(prompt=thing.prompt, text=text) for text in texts)


def _take(row: Row, thing: Thing, staged: Staged, rejects: "_Rejects", report: Report) -> None:
    try:
        if isinstance(thing, ImportedRating):
            staged.add_rating(thing)
        elif isinstance(thing, tuple):
            staged.add_ratings(thing)
        elif isinstance(thing, ImportedResponse):
            staged.add_response(thing)
        elif isinstance(thing, Prompt):
            staged.add_prompt(thing)
        elif isinstance(thing, LeftOut):
            report.left_out[thing.reason] += 1
        else:
            assert isinstance(thing, Wrong), "settle leaves no scores and preferences"
            rejects.add(row, thing.reason)
    except BadInput as error:
        rejects.add(row, str(error))


def _refusal(report: Report) -> str:
    """Why nothing was imported: the first bad row, and where the others are."""
    others = report.bad_rows - 1
    if others == 0:
        return f"{report.bad[0]} {NOTHING_IMPORTED}"
    more = "one row more is bad" if others == 1 else f"{others} more rows are bad"
    where = f" ({report.rejected} has {'both' if others == 1 else 'all of them'})" if report.rejected else ""
    return f"{report.bad[0]} And {more}{where}. {NOTHING_IMPORTED}"


class _Rejects:
    """Bad rows with the reason, in a file that is there once it is whole; none for a dry run."""

    def __init__(self, place: Path | None, report: Report) -> None:
        self.place, self.report = place, report
        self.file: IO[str] | None = None

    def __enter__(self) -> "_Rejects":
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            with suppress(OSError):
                self.file.close()
            Path(self.file.name).unlink(missing_ok=True)

    def add(self, row: Row, reason: str) -> None:
        reason = reason.rstrip(".")
        self.report.bad_rows += 1
        if len(self.report.bad) < TOLD:
            self.report.bad.append(f"{row.place}: {reason}.")
        if self.place is not None:
            self._write(
                json.dumps({row.unit: row.line, "reason": reason, "row": _written(row.values)}) + "\n"
            )

    def _write(self, line: str) -> None:
        assert self.place is not None, "only what is kept is written"
        try:
            if self.file is None:
                # named, because it is renamed in the end; private, because ratings are
                self.file = tempfile.NamedTemporaryFile(  # noqa: SIM115
                    "w", encoding="utf-8", dir=self.place.parent, prefix=f".{self.place.name}.", delete=False
                )
            self.file.write(line)
        except OSError as error:
            raise self._sentence(error) from error

    def keep(self) -> None:
        """Puts the file in its place."""
        if self.file is None or self.place is None:
            return
        try:
            self.file.close()
            move_into_place(Path(self.file.name), self.place)
        except OSError as error:
            raise self._sentence(error) from error
        self.file = None
        self.report.rejected = self.place

    def _sentence(self, error: OSError) -> Exception:
        told = explain_os_error(error, Path(self.place or ""))
        return told or BadInput(
            f"The bad rows cannot be kept in {self.place} ({error.strerror or error}). {NOTHING_IMPORTED}"
        )


def _written(values: dict[str, Any]) -> Any:
    """The row as JSON can hold it; what it cannot, in words."""
    try:
        return json.loads(json.dumps(to_json_value(values), default=str))
    except (ValueError, TypeError, RecursionError, AttributeError):
        return checks.shown(values)
