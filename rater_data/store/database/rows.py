"""Database rows to records and back. The one place that knows which column is which field."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from rater_data.checks import to_json_value
from rater_data.lifecycle import Event, Job, Round, Sample, Version
from rater_data.records import Edit, Message, Prompt, Rating, Response, User, judged_ids
from rater_data.store.database import schema as t

Row = Mapping[Any, Any]

# Columns that no record has
_USER_COLUMNS = [c for c in t.users.c if c.name not in ("name_key", "salt")]
RATING_COLUMNS = [c for c in t.ratings.c if c.name not in ("given_at", "low_id", "high_id", "sha256")]
EDIT_COLUMNS = [c for c in t.edits.c if c.name != "sha256"]
_RESPONSE_COLUMNS = [c for c in t.responses.c if c.name != "created_at"]
_PROMPT_COLUMNS = [t.prompts.c[name] for name in ("id", "messages", "tags", "split", "source", "retired_at")]


def prompt_columns(prefix: str = "") -> list[sa.Label]:
    return [c.label(prefix + c.name) for c in _PROMPT_COLUMNS]


def response_columns(prefix: str = "") -> list[sa.Label]:
    return [c.label(prefix + c.name) for c in _RESPONSE_COLUMNS]


def rating_columns(prefix: str = "") -> list[sa.Label]:
    return [c.label(prefix + c.name) for c in RATING_COLUMNS]


def edit_columns(prefix: str = "") -> list[sa.Label]:
    return [c.label(prefix + c.name) for c in EDIT_COLUMNS]


def user_columns(prefix: str = "") -> list[sa.Label]:
    return [c.label(prefix + c.name) for c in _USER_COLUMNS]


def _fields(row: Row, columns: list[sa.Column], prefix: str) -> dict[str, Any]:
    return {c.name: row[prefix + c.name] for c in columns}


def user_of(row: Row, prefix: str = "") -> User:
    return User(**_fields(row, _USER_COLUMNS, prefix))


def prompt_of(row: Row, prefix: str = "") -> Prompt:
    fields = _fields(row, _PROMPT_COLUMNS, prefix)
    messages = tuple(Message(**m) for m in fields.pop("messages"))
    return Prompt(**fields | {"messages": messages, "tags": tuple(fields["tags"])})


def response_of(row: Row, prefix: str = "") -> Response:
    fields = _fields(row, _RESPONSE_COLUMNS, prefix)
    for name in ("prompt_ids", "token_ids", "logprobs"):
        fields[name] = tuple(fields[name])
    return Response(**fields)


def rating_of(row: Row, prefix: str = "") -> Rating:
    fields = _fields(row, RATING_COLUMNS, prefix)
    return Rating(**fields | {"flags": tuple(fields["flags"])})


def edit_of(row: Row, prefix: str = "") -> Edit:
    return Edit(**_fields(row, EDIT_COLUMNS, prefix))


def version_of(row: Row) -> Version:
    return Version(**row)


def round_of(row: Row) -> Round:
    return Round(**row)


def job_of(row: Row) -> Job:
    return Job(**row)


def event_of(row: Row) -> Event:
    return Event(**row)


def sample_of(row: Row) -> Sample:
    return Sample(**row)


def prompt_row(prompt: Prompt, now: float) -> dict[str, Any]:
    return {
        "messages": prompt.chat,
        "sha256": prompt.sha256,
        "tags": list(prompt.tags),
        "split": prompt.split,
        "source": prompt.source,
        "retired_at": prompt.retired_at,
        "created_at": now,
    }


def response_row(response: Response, now: float) -> dict[str, Any]:
    row = {c.name: getattr(response, c.name) for c in _RESPONSE_COLUMNS if c.name != "id"}
    for name in ("prompt_ids", "token_ids", "logprobs"):
        row[name] = list(row[name])
    return row | {"created_at": now}


def rating_row(rating: Rating, given_at: float) -> dict[str, Any]:
    row = {c.name: getattr(rating, c.name) for c in RATING_COLUMNS if c.name != "id"}
    row["low_id"], row["high_id"] = judged_ids(rating.response_id, rating.other_id)
    return row | {
        "flags": list(rating.flags),
        "attributes": to_json_value(rating.attributes),
        "given_at": given_at,
    }


def edit_row(edit: Edit) -> dict[str, Any]:
    return {c.name: getattr(edit, c.name) for c in EDIT_COLUMNS if c.name != "id"}


def version_row(version: Version) -> dict[str, Any]:
    row = {c.name: getattr(version, c.name) for c in t.policy_versions.c}
    return row | {"metrics": to_json_value(version.metrics)}
