"""The layout `rateloop`, our own export of ratings: every revision with its rater, times and the response's origin."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.exporting.formats.table import HASH_COLUMN
from rater_data.importing.cells.values import parse_decimal, parse_time
from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.layouts.prompts import parse_prompt
from rater_data.importing.layouts.records import (
    ImportedEdit,
    ImportedRating,
    ImportedResponse,
    Origin,
    check_attributes,
)
from rater_data.importing.readers.row import Row
from rater_data.records import IMPORTED_ROUND, Prompt, is_same_answer

OWN_COLUMNS = (HASH_COLUMN, "revision", "is_current", "verdict", "rater", "response_id")
"""Columns that only our export has all of."""


def is_own_export(columns: Iterable[Any]) -> bool:
    return set(OWN_COLUMNS) <= set(columns)


def _parse_row(row: Row, options: ParseOptions) -> ImportedRating:
    prompt = parse_prompt(row, options, source=_source(row, options))
    response = _response(row, prompt, "", "response_id")
    if hashlib.sha256(response.text.encode()).hexdigest() != row.first(HASH_COLUMN):
        raise BadInput("the completion is not the one that was exported: its hash is another")
    scale = row.first("scale")
    if scale != options.scale.name:
        raise BadInput(
            f"the rating is on the scale {checks.quoted(scale)}, this home's is {options.scale.name}"
        )
    flags, attributes = _json(row, "flags", []), _json(row, "attributes", {})
    if not isinstance(flags, list):
        raise BadInput("flags have to be a list")
    check_attributes(attributes)
    other = _response(row, prompt, "other_", "other_id") if row.first("other_id") is not None else None
    if options.scale.paired and other is None:
        raise BadInput("there is no other_id: this comparison does not say with what")
    return ImportedRating(
        response=response,
        other=other,
        swapped=_bool(row, "swapped", False),
        score=_find_number(row, "score"),
        scale=options.scale.name,
        rater=_text(row, "rater"),
        pseudonym=True,
        excluded=_bool(row, "rater_excluded", False),
        comment=row.first("comment") or "",
        verdict=_text(row, "verdict"),
        flags=tuple(flags),
        attributes=attributes,
        shown_at=_time(row, "shown_at"),
        submitted_at=_time(row, "submitted_at"),
        given_at=_time(row, "given_at"),
        active_ms=_whole(row, "active_ms", 0),
        position=_whole(row, "position", 1),
        guideline_version=_whole(row, "guideline_version", 1),
        revision=_whole(row, "revision", 1),
        active=_bool(row, "rater_active", True),
        key=str(row.first("key") or ""),
        is_current=_bool(row, "is_current", True),
        edit=_edit(row, "", response),
        other_edit=None if other is None else _edit(row, "other_", other),
    )


def _source(row: Row, options: ParseOptions) -> str:
    """Where the prompt came from in the exported store; old exports do not say, then it comes from this file."""
    return str(row.first("source") or "") if "source" in row.values else options.source


def _response(row: Row, prompt: Prompt, prefix: str, id_column: str) -> ImportedResponse:
    """The response of a row, or with the prefix "other_" the one it was compared with.

    The two are of one prompt and one round. Old exports say no more of the second: it is taken to be of the same
    version and stratum as the first.
    """

    def column(name: str) -> str:
        return prefix + name if prefix + name in row.values else name

    text = row.values.get(prefix + "completion")
    if not isinstance(text, str):
        raise BadInput(f"there is no {prefix}completion")
    round_number = _whole(row, "round", IMPORTED_ROUND)
    origin = Origin(
        response=_whole(row, id_column, 0),
        round_number=round_number,
        version_number=_whole(row, column("policy_version"), 0) if round_number != IMPORTED_ROUND else None,
        stratum=str(row.first(column("stratum")) or "imported"),
        # what is one response's own is not the other's
        seed=_whole(row, prefix + "seed", 0),
        temperature=_number(row, column("temperature"), 1.0),
        finish_reason=str(row.first(column("finish_reason")) or "eos"),
        overlap=_whole(row, column("overlap"), 1),
        propensity=_number(row, column("propensity"), 1.0),
        ref_logprob=_find_number(row, prefix + "ref_logprob"),
        head_score=_find_number(row, prefix + "head_score"),
        base_model=str(row.first(column("base_model")) or ""),
        base_revision=str(row.first(column("base_revision")) or ""),
        adapter_sha256=str(row.first(prefix + "adapter_sha256") or ""),
        slot=_whole(row, prefix + "slot", 0) if row.first(prefix + "slot") is not None else None,
        prompt_format=None if row.first("prompt_format") is None else str(row.first("prompt_format")),
        system_prompt=str(row.first("system_prompt") or ""),
    )
    return ImportedResponse(prompt=prompt, text=text, origin=origin)


def _edit(row: Row, prefix: str, replaces: ImportedResponse) -> ImportedEdit | None:
    """What the row's rater wrote in place of a response; older exports say nothing of it."""
    text = row.first(prefix + "edit")
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadInput(f"the {prefix}edit has to be text")
    if is_same_answer(text, replaces.text):
        raise BadInput(f"the {prefix}edit is the response that it replaces")
    at, active = _time(row, prefix + "edit_at"), _whole(row, prefix + "edit_active_ms", 0)
    return ImportedEdit(text=text, given_at=at, active_ms=active)


def _text(row: Row, name: str) -> str:
    value = row.first(name)
    checks.text(f"The {name}", value, empty=False)
    return str(value)


def _json(row: Row, name: str, default: Any) -> Any:
    """A list or dict. It may be JSON in a text, as CSV has all of them and every file has attributes."""
    value = row.first(name)
    if value is None:
        return default
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise BadInput(f"the column {name} is no JSON") from None
    return value


def _find_number(row: Row, name: str) -> float | None:
    value = row.first(name)
    if value is None:
        return None
    value = parse_decimal(name, value)
    checks.number(f"the {name}", value)
    return float(value)


def _number(row: Row, name: str, default: float) -> float:
    value = _find_number(row, name)
    return default if value is None else value


def _whole(row: Row, name: str, default: int) -> int:
    value = row.first(name)
    if value is None:
        return default
    if isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        value = int(value[:30])
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column with nulls, as pandas writes it
    checks.whole(f"the {name}", value)
    return int(value)


def _bool(row: Row, name: str, default: bool) -> bool:
    value = row.first(name)
    if value is None:
        return default
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise BadInput(f"the {name} has to be true or false, not {checks.quoted(value)}")
    return value


def _time(row: Row, name: str) -> float | None:
    return parse_time(name, row.first(name))


OWN_EXPORT = Layout(
    name="rateloop",
    holds="ratings",
    parse_rows=row_by_row(_parse_row),
    matches=lambda _row, columns: is_own_export(columns),
    is_own_export=True,
)
