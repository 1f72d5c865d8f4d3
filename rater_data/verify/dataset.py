"""Is an exported dataset folder what its card and its checksums say?

Files against `rateloop.sha256`, numbers of rows against the files, and of the format `ratings` also who rated how much
and how far they agree, counted anew from the rows.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rater_data.checksums import CHECKSUMS
from rater_data.errors import BadInput
from rater_data.files import sha256_of_file
from rater_data.importing.layouts.own_export import is_own_export
from rater_data.scales import COUNTING, SCALES, VERDICTS
from rater_data.verify.recount import Units, agreed, unit_of

AT_ONCE = 5000
ALPHA_DIGITS = 0.005  # the card gives two digits
MOST_SHARED = 20_000  # beyond that many shared responses the card's agreement is of a part of them

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_ROWS = re.compile(r"^(\d+) rows: (.+?)\. Load", re.MULTILINE)
_PART = re.compile(r"(\d+) (\w+)")
_RATERS = re.compile(
    r"^(\d+) ratings that count now, by (\d+) raters; the most active one gave (\d+)\.", re.MULTILINE
)
_ALPHA = re.compile(r"alpha .*?is (-?\d+\.\d+),.*?n = (\d+) (?:pairs of )?responses", re.DOTALL)


@dataclass(slots=True)
class _Said:
    """What the rows of a folder add up to."""

    parts: Counter[str] = field(default_factory=Counter)
    ours: bool = False
    by_rater: Counter[str] = field(default_factory=Counter)
    units: Units = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    altered: int = 0


def verify_dataset(folder: Path) -> Iterator[str]:
    """What differs, one sentence each. Raises BadInput for a folder that is no export of ours."""
    sums = _checksums(folder)
    for name, wanted in sums.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            yield f"{CHECKSUMS} names a file outside the folder: {name}."
        elif not file.is_file():
            yield f"The file {name} is not there."
        elif sha256_of_file(file) != wanted:
            yield f"The file {name} is not the one that was exported: its checksum differs."
    files = sorted((folder / "data").glob("*.parquet"))
    for file in files:
        if f"data/{file.name}" not in sums:
            yield f"The file data/{file.name} has no checksum in {CHECKSUMS}."
    said = _Said()
    for file in files:
        try:
            _read(file, said)
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
            yield f"The file data/{file.name} cannot be read: {' '.join(str(error).split())[:200]}."
    if said.altered:
        yield f"{said.altered} rows have a completion that is not the one that was exported: the hash differs."
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return  # told above
    yield from _card(text, said)


def _checksums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BadInput(
            f"{folder} has no {CHECKSUMS} that can be read: it is no dataset that was exported here."
        ) from None
    found = {}
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadInput(f"{CHECKSUMS}, line {number}, is no checksum with a file's name.")
        found[match[2]] = match[1]
    return found


def _read(file: Path, said: _Said) -> None:
    part = file.name.split("-")[0]
    with pq.ParquetFile(file) as opened:
        said.ours = is_own_export(opened.schema_arrow.names)
        columns = None if said.ours else opened.schema_arrow.names[:1]
        for batch in opened.iter_batches(batch_size=AT_ONCE, columns=columns):
            said.parts[part] += batch.num_rows
            if said.ours:
                for row in batch.to_pylist():
                    _count(row, said)


def _count(row: dict[str, Any], said: _Said) -> None:
    said.altered += sha256(row["completion"].encode()).hexdigest() != row["completion_sha256"]
    if not row["is_current"] or row["rater_excluded"]:
        return
    scale, verdict = SCALES[row["scale"]], VERDICTS[row["verdict"]]
    score = verdict.as_score(row["score"], scale)
    if score is not None and row["verdict"] in COUNTING:
        said.by_rater[row["rater"]] += 1
        unit, score = unit_of(row["response_id"], row.get("other_id"), score)
        said.units[unit][row["rater"]].append(score)


def _card(text: str, said: _Said) -> Iterator[str]:
    rows, total = _ROWS.search(text), said.parts.total()
    if rows is None:
        yield "The card does not say how many rows there are."
    else:
        if int(rows[1]) != total:
            yield f"The card says {rows[1]} rows; the files have {total}."
        told = {name: int(count) for count, name in _PART.findall(rows[2])}
        for name in sorted(told.keys() | said.parts.keys()):
            if told.get(name, 0) != said.parts[name]:
                yield f"The card says {told.get(name, 0)} rows in {name}; the files have {said.parts[name]}."
    if not said.ours:
        return
    raters = _RATERS.search(text)
    if raters is not None:
        given = said.by_rater
        wanted = (given.total(), len(given), max(given.values(), default=0))
        for what, shown, counted in zip(("ratings that count", "raters", "ratings of the most active rater"),
                                        map(int, raters.groups()), wanted, strict=True):  # fmt: skip
            if shown != counted:
                yield f"The card says {shown} {what}; the files have {counted}."
    yield from _agreement(text, said)


def _agreement(text: str, said: _Said) -> Iterator[str]:
    told = _ALPHA.search(text)
    shared, alpha = agreed(said.units)
    if told is None or shared > MOST_SHARED:
        return
    if int(told[2]) != shared:
        yield f"The card's agreement is of {told[2]} responses with several raters; the files have {shared}."
    elif alpha is None or abs(alpha - float(told[1])) > ALPHA_DIGITS + 1e-9:
        yield f"The card says an agreement of {told[1]}; the files give {'none' if alpha is None else f'{alpha:.3f}'}."
