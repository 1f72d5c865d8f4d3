"""Is an exported dataset folder what its card and its checksums say?

Files are checked against `rateloop.sha256`, the card's numbers of rows against the files, and of the format `ratings`
also who rated how much and how far raters agree, counted anew from the rows.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from rater_data.checksums import CHECKSUMS
from rater_data.errors import BadInput
from rater_data.files import sha256_of_file
from rater_data.importing.layouts.own_export import is_own_export
from rater_data.importing.readers.column_batches import Unreadable, read_batches
from rater_data.scales import COUNTING, SCALES, VERDICTS
from rater_data.verify.agreement import Units, agreement_on, unit_and_score

ALPHA_TOLERANCE = 0.005  # the card gives two digits
MAX_SHARED = 20_000  # beyond that many shared responses the card's agreement is of a sample

_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_CARD_ROWS = re.compile(r"^(\d+) rows: (.+?)\. Load", re.MULTILINE)
_CARD_PART = re.compile(r"(\d+) (\w+)")
_CARD_RATERS = re.compile(
    r"^(\d+) ratings that count now, by (\d+) raters; the most active one gave (\d+)\.", re.MULTILINE
)
_CARD_ALPHA = re.compile(r"alpha .*?is (-?\d+\.\d+),.*?n = (\d+) (?:pairs of )?responses", re.DOTALL)


@dataclass(slots=True)
class _Totals:
    """What the rows of a folder add up to. `parts`: rows by part (split). `altered`: rows with another text."""

    parts: Counter[str] = field(default_factory=Counter)
    is_ratings: bool = False
    by_rater: Counter[str] = field(default_factory=Counter)
    units: Units = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    altered: int = 0


def verify_dataset(folder: Path) -> Iterator[str]:
    """What differs, one sentence each. Raises BadInput for a folder that is no export of ours."""
    checksums = _read_checksums(folder)
    for name, checksum in checksums.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            yield f"{CHECKSUMS} names a file outside the folder: {name}."
        elif not file.is_file():
            yield f"The file {name} is not there."
        elif sha256_of_file(file) != checksum:
            yield f"The file {name} is not the one that was exported: its checksum differs."
    files = sorted((folder / "data").glob("*.parquet"))
    for file in files:
        if f"data/{file.name}" not in checksums:
            yield f"The file data/{file.name} has no checksum in {CHECKSUMS}."
    totals = _Totals()
    for file in files:
        try:
            _add_file(file, totals)
        except (Unreadable, BadInput, ValueError, TypeError, KeyError) as error:
            yield f"The file data/{file.name} cannot be read: {' '.join(str(error).split())[:200]}."
    if totals.altered:
        yield f"{totals.altered} rows have a completion that is not the one that was exported: the hash differs."
    try:
        card = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return  # its checksum differs, and that is said already
    yield from _check_rows(card, totals)
    if totals.is_ratings:
        yield from _check_raters(card, totals)
        yield from _check_agreement(card, totals)


def _read_checksums(folder: Path) -> dict[str, str]:
    """File name to sha256."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BadInput(
            f"{folder} has no {CHECKSUMS} that can be read: it is no dataset that was exported here."
        ) from None
    checksums = {}
    for number, line in enumerate(lines, start=1):
        match = _CHECKSUM_LINE.fullmatch(line)
        if match is None:
            raise BadInput(f"{CHECKSUMS}, line {number}, is no checksum with a file's name.")
        checksums[match[2]] = match[1]
    return checksums


def _add_file(file: Path, totals: _Totals) -> None:
    part = file.name.split("-")[0]
    for batch in read_batches("parquet", str(file.absolute())):
        totals.is_ratings = is_own_export(batch.schema.names)
        totals.parts[part] += batch.num_rows
        if totals.is_ratings:
            for row in batch.to_pylist():
                _add_rating(row, totals)


def _add_rating(row: dict[str, Any], totals: _Totals) -> None:
    totals.altered += sha256(row["completion"].encode()).hexdigest() != row["completion_sha256"]
    if not row["is_current"] or row["rater_excluded"]:
        return
    scale, verdict = SCALES[row["scale"]], VERDICTS[row["verdict"]]
    score = verdict.as_score(row["score"], scale)
    if score is not None and row["verdict"] in COUNTING:
        totals.by_rater[row["rater"]] += 1
        unit, score = unit_and_score(row["response_id"], row.get("other_id"), score)
        totals.units[unit][row["rater"]].append(score)


def _check_rows(card: str, totals: _Totals) -> Iterator[str]:
    match, total = _CARD_ROWS.search(card), totals.parts.total()
    if match is None:
        yield "The card does not say how many rows there are."
        return
    if int(match[1]) != total:
        yield f"The card says {match[1]} rows; the files have {total}."
    parts = {name: int(count) for count, name in _CARD_PART.findall(match[2])}
    for name in sorted(parts.keys() | totals.parts.keys()):
        if parts.get(name, 0) != totals.parts[name]:
            yield f"The card says {parts.get(name, 0)} rows in {name}; the files have {totals.parts[name]}."


def _check_raters(card: str, totals: _Totals) -> Iterator[str]:
    match, by_rater = _CARD_RATERS.search(card), totals.by_rater
    if match is None:
        return
    counts = {
        "ratings that count": by_rater.total(),
        "raters": len(by_rater),
        "ratings of the most active rater": max(by_rater.values(), default=0),
    }
    for (what, counted), shown in zip(counts.items(), map(int, match.groups()), strict=True):
        if shown != counted:
            yield f"The card says {shown} {what}; the files have {counted}."


def _check_agreement(card: str, totals: _Totals) -> Iterator[str]:
    match = _CARD_ALPHA.search(card)
    shared, alpha = agreement_on(totals.units)
    if match is None or shared > MAX_SHARED:
        return
    if int(match[2]) != shared:
        yield f"The card's agreement is of {match[2]} responses with several raters; the files have {shared}."
    elif alpha is None or abs(alpha - float(match[1])) > ALPHA_TOLERANCE + 1e-9:
        counted = "none" if alpha is None else f"{alpha:.3f}"
        yield f"The card says an agreement of {match[1]}; the files give {counted}."
