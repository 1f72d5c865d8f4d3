"""From rows to the store: all of a file or nothing, or with `skip_bad` all that is good.

Rows are read once, checked, and staged on disk; what is wrong is named by its line and kept in a file. Then everything
goes into the store at once.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput
from rater_data.importing.home_scale import to_ratings
from rater_data.importing.layouts.base import (
    Kind,
    Layout,
    ParsedRows,
    ParseOptions,
    lower_columns,
    map_columns,
)
from rater_data.importing.layouts.records import (
    BadRow,
    IgnoredRow,
    ImportedRating,
    ImportedResponse,
    Record,
    ScoredResponse,
)
from rater_data.importing.layouts.table import LAYOUTS, detect_layout
from rater_data.importing.options import KINDS, ImportOptions
from rater_data.importing.readers.row import Row
from rater_data.importing.rejects import RejectsFile
from rater_data.importing.report import ImportReport
from rater_data.importing.staging import StagedImport
from rater_data.records import Prompt
from rater_data.scales import SCALES, Scale
from rater_data.store import Store

SAMPLE_ROWS = 20  # rows that are read ahead to find out the layout

Progress = Callable[[Iterator[Any], int | None], Iterator[Any]]
"""Passes rows on, given how many there will be where that is known: a progress bar, or nothing."""


def no_progress(rows: Iterator[Any], _total: int | None) -> Iterator[Any]:
    return rows


def import_rows(
    store: Store,
    rows: Iterator[Row],
    options: ImportOptions,
    *,
    name: str,
    rejects: Path | None,
    progress: Progress = no_progress,
) -> ImportReport:
    """Imports rows. `name` is kept as the prompts' source, `rejects` is the file for bad rows, if they are to be kept.

    Raises BadInput naming the first bad row (then nothing was imported) and for a file that cannot be read, Refused
    when the home's scale does not go with it.
    """
    options.check_names()
    rows = lower_columns(rows)
    sample = list(islice(rows, SAMPLE_ROWS))
    layout = LAYOUTS.get(options.layout) or detect_layout(options.kind, sample, options.columns)
    scale = _scale(store, sample, layout)
    options.check_scores(scale)
    report = ImportReport(kind=options.kind, layout=layout.name, dry_run=options.dry_run)
    with StagedImport() as staged, RejectsFile(None if options.dry_run else rejects) as rejects_file:
        mapped = map_columns(chain(sample, rows), options.columns if layout.maps_columns else {})
        counted = _count_rows(progress(mapped, None), report)
        for row, record in _records(counted, layout, options.kind, _parse_options(options, name, scale)):
            reason = _stage(record, staged, report)
            if reason is not None:
                reason = reason.rstrip(".")
                report.add_bad_row(f"{row.place}: {reason}.")
                rejects_file.add(row, reason)
        report.renumbered = staged.close()
        report.duplicates, report.joined = staged.duplicates, staged.joined
        report.in_file = {kind: getattr(staged, kind) for kind in KINDS}
        if report.bad_rows:
            report.rejects_file = rejects_file.keep()
            if not (options.skip_bad or options.dry_run):
                raise BadInput(report.refusal())
        report.stored = store.add_staged(
            staged,
            scale=scale.name if options.kind == "ratings" else None,
            offer=options.offer and staged.responses > 0,
            dry_run=options.dry_run,
            wrap=progress,
        )
    return report


def _scale(store: Store, sample: list[Row], layout: Layout) -> Scale:
    """The home's scale; a home that has none yet takes that of our export."""
    exported = next((row.values.get("scale") for row in sample if not row.fault), None)
    if layout.is_own_export and isinstance(exported, str) and store.chosen_scale() is None:
        return SCALES.get(exported) or store.scale()
    return store.scale()


def _parse_options(options: ImportOptions, name: str, scale: Scale) -> ParseOptions:
    return ParseOptions(
        scale=scale,
        source=name,
        split=options.split,
        chosen_score=options.chosen_score,
        rejected_score=options.rejected_score,
        score_range=options.score_range,
        columns=options.columns,
    )


def _count_rows(rows: Iterable[Row], report: ImportReport) -> Iterator[Row]:
    for row in rows:
        report.rows += 1
        yield row


def _records(rows: Iterable[Row], layout: Layout, kind: Kind, options: ParseOptions) -> ParsedRows:
    """What the rows hold of the kind that is imported."""
    parsed = layout.parse_rows(rows, options)
    if kind == "ratings":
        yield from to_ratings(parsed, options)
        return
    for row, record in parsed:
        yield from ((row, part) for part in (_prompts(record) if kind == "prompts" else _responses(record)))


def _prompts(record: Record) -> Iterator[Record]:
    """The prompt of a row that may hold more."""
    if isinstance(record, Prompt | BadRow | IgnoredRow):
        yield record
    elif isinstance(record, ImportedRating):
        yield record.response.prompt
    else:
        assert not isinstance(record, tuple), "only `to_ratings` makes several ratings of one row"
        yield record.prompt


def _responses(record: Record) -> Iterator[Record]:
    """The responses of a row that may hold more, as written elsewhere, or two where one was preferred."""
    if isinstance(record, BadRow | IgnoredRow):
        yield record
    elif isinstance(record, Prompt):
        yield BadRow("there is no response")
    elif isinstance(record, ImportedRating):
        yield ImportedResponse(prompt=record.response.prompt, text=record.response.text)
    elif isinstance(record, ImportedResponse):
        yield ImportedResponse(prompt=record.prompt, text=record.text)
    else:
        assert not isinstance(record, tuple), "only `to_ratings` makes several ratings of one row"
        texts = (record.response,) if isinstance(record, ScoredResponse) else (record.chosen, record.rejected)
        for text in texts:
            yield ImportedResponse(prompt=record.prompt, text=text)


def _stage(record: Record, staged: StagedImport, report: ImportReport) -> str | None:
    """Stages what a row holds; why it is bad, if it is."""
    try:
        if isinstance(record, ImportedRating):
            staged.add_rating(record)
        elif isinstance(record, tuple):
            staged.add_ratings(record)
        elif isinstance(record, ImportedResponse):
            staged.add_response(record)
        elif isinstance(record, Prompt):
            staged.add_prompt(record)
        elif isinstance(record, IgnoredRow):
            report.ignored[record.reason] += 1
        else:
            assert isinstance(record, BadRow), "`to_ratings` leaves no scores and preferences"
            return record.reason
    except BadInput as error:
        return str(error)
    return None
