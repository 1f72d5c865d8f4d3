"""What `verify` asks of rows by themselves: can they be read, and are they what they were when they were hashed?"""

from collections.abc import Iterator

import sqlalchemy as sa

from rater_data.importing.layouts.records import check_attributes
from rater_data.names import name_key
from rater_data.round_settings import CHOSEN_SCALE
from rater_data.scales import DEFAULT_SCALE, REMOVED, SCALES
from rater_data.store.database import schema as t
from rater_data.store.database.rows import (
    RATING_COLUMNS,
    edit_columns,
    edit_of,
    prompt_columns,
    prompt_of,
    rating_columns,
    rating_of,
    response_columns,
    response_of,
    user_columns,
    user_of,
)
from rater_data.store.rounds.rating_hashes import hashed_edits_query, hashed_rows_query, matches_its_hash
from rater_data.verify.damaged_rows import (
    BATCH_ROWS,
    DAMAGE_ERRORS,
    decode_json,
    explain_error,
    json_as_text,
    parse_json_or,
    stream_rows,
)

_e, _g, _r = t.edits.c, t.ratings.c, t.responses.c


def check_prompts(connection: sa.Connection) -> Iterator[str]:
    columns = prompt_columns()
    query = sa.select(*json_as_text(columns), t.prompts.c.sha256).order_by(t.prompts.c.id)
    for row in stream_rows(connection, query):
        try:
            sha256 = prompt_of(decode_json(row, columns)).sha256
        except DAMAGE_ERRORS as error:
            yield f"Prompt {row['id']} is not well formed: {explain_error(error)}"
            continue
        if sha256 != row["sha256"]:
            yield f"Prompt {row['id']} was altered: its messages do not have the hash they are kept under."


def check_responses(connection: sa.Connection) -> Iterator[str]:
    columns = response_columns()
    for row in stream_rows(connection, sa.select(*json_as_text(columns)).order_by(_r.id)):
        try:
            response_of(decode_json(row, columns))
        except DAMAGE_ERRORS as error:
            yield f"Response {row['id']} is not well formed: {explain_error(error)}"
    later = (
        sa.select(
            _r.round_number,
            t.rounds.c.version_number.label("wrote"),
            _r.version_number,
            sa.func.count().label("n"),
        )
        .join(t.rounds, t.rounds.c.number == _r.round_number)
        .where(_r.version_number > t.rounds.c.version_number)
        .group_by(_r.round_number, t.rounds.c.version_number, _r.version_number)
    )
    for number, wrote, version, n in connection.execute(later):
        yield f"In round {number}, which version {wrote} wrote, {n} responses are of the later version {version}."


def check_ratings(connection: sa.Connection) -> Iterator[str]:
    setting = sa.select(sa.cast(t.settings.c.value, sa.Text)).where(t.settings.c.name == CHOSEN_SCALE)
    chosen = connection.execute(setting).one_or_none()
    scale = SCALES.get(DEFAULT_SCALE if chosen is None else parse_json_or(chosen[0], str, ""))
    if scale is None:
        yield "The scale of this home is none that is known."
    columns = rating_columns()
    query = sa.select(*json_as_text(columns)).order_by(_g.id)
    for row in stream_rows(connection, query):
        try:
            values = decode_json(row, columns)
            if not isinstance(values["flags"], list):
                raise TypeError("its flags are no list")
            rating = rating_of({c.name: values[c.name] for c in RATING_COLUMNS})
            check_attributes(rating.attributes)
        except DAMAGE_ERRORS as error:
            yield f"Rating {row['id']} is not well formed: {explain_error(error)}"
            continue
        if scale is not None and rating.scale != scale.name:
            yield f"Rating {rating.id} is on the scale {rating.scale}, but this home's is {scale.name}."
        if SCALES[rating.scale].paired != (rating.other_id is not None):
            yield f"Rating {rating.id} on the scale {rating.scale} compares with {rating.other_id}."
        blank = (rating.score, rating.comment, rating.flags, rating.attributes) == (None, "", (), {})
        if rating.verdict == REMOVED and not blank:
            yield f"Rating {rating.id} was removed, but something of what it said is still there."


def check_hashes(connection: sa.Connection) -> Iterator[str]:
    """Every rating that was hashed says what it said then, of the same text; of one that was removed the hash is left.

    Only what a snapshot holds needs it then.
    """
    salts = {row.id: row.salt for row in connection.execute(sa.select(t.users.c.id, t.users.c.salt))}
    query = hashed_rows_query().where(_g.sha256.is_not(None), _g.verdict != REMOVED).order_by(_g.id)
    with connection.execute(query.execution_options(yield_per=BATCH_ROWS)) as rows:
        for row in rows:
            try:
                is_same = matches_its_hash(row, salts)
            except DAMAGE_ERRORS:
                is_same = False
            if not is_same:
                yield f"Rating {row.id} or its response was altered: together they do not have the hash of their seal."
    frozen = sa.select(t.snapshot_ratings.c.rating_id).where(t.snapshot_ratings.c.rating_id == _g.id).exists()
    lost = sa.select(_g.id).where(_g.verdict == REMOVED, _g.sha256.is_(None), frozen).order_by(_g.id)
    for number in connection.scalars(lost):
        yield f"Rating {number} was removed, and its hash with it."


def check_edits(connection: sa.Connection) -> Iterator[str]:
    """Better answers can be read, differ from what they replace and have the hash of their seal, or were removed."""
    salts = {row.id: row.salt for row in connection.execute(sa.select(t.users.c.id, t.users.c.salt))}
    query = sa.select(*edit_columns(), _r.text.label("original")).join(t.responses, _r.id == _e.response_id)
    for row in stream_rows(connection, query.where(_e.text != "").order_by(_e.id)):
        try:
            edit_of(row).check_differs(row["original"])
        except DAMAGE_ERRORS as error:
            yield f"The better answer {row['id']} is not well formed: {explain_error(error)}"
    hashed = hashed_edits_query().where(_e.sha256.is_not(None), _e.text != "").order_by(_e.id)
    for kept in connection.execute(hashed):
        if not matches_its_hash(kept, salts):
            yield (
                f"The better answer {kept.id} or its response was altered: together they do not have the hash of their "
                "seal."
            )
    frozen = sa.select(t.snapshot_edits.c.edit_id).where(t.snapshot_edits.c.edit_id == _e.id).exists()
    for number in connection.scalars(sa.select(_e.id).where(_e.sha256.is_(None), frozen).order_by(_e.id)):
        yield f"The better answer {number} was sealed, and its hash is not there."
    removed = sa.select(_e.id).where(_e.text == "", _e.is_current).order_by(_e.id)
    for number in connection.scalars(removed):
        yield f"The better answer {number} is current, and says nothing."


def check_people(connection: sa.Connection) -> Iterator[str]:
    for row in stream_rows(connection, sa.select(*user_columns(), t.users.c.name_key).order_by(t.users.c.id)):
        try:
            key = name_key(user_of(row).name)
        except DAMAGE_ERRORS as error:
            yield f"User {row['id']} is not well formed: {explain_error(error)}"
            continue
        if row["name_key"] != key:
            yield f"User {row['id']} is called {row['name']}, but is found under {row['name_key']!r}."


def check_notes(connection: sa.Connection) -> Iterator[str]:
    """What is kept as JSON beside prompts, responses and ratings holds names and values; a setting is anything."""
    for table in t.metadata.sorted_tables:
        columns = [c for c in table.c if isinstance(c.type, sa.JSON)]
        if not columns or table in (t.prompts, t.responses, t.ratings):
            continue
        keys = list(table.primary_key)
        for row in stream_rows(connection, sa.select(*keys, *json_as_text(columns)).order_by(*keys)):
            key_values = ", ".join(f"{key.name} {row[key.name]}" for key in keys)
            for column in columns:
                try:
                    value = decode_json(row, [column])[column.name]
                except DAMAGE_ERRORS as error:
                    yield f"In {table.name} ({key_values}), {column.name} is no JSON: {explain_error(error)}"
                    continue
                is_fine = isinstance(value, dict) or (column.nullable and value is None)
                if not is_fine and table is not t.settings:
                    yield (
                        f"In {table.name} ({key_values}), {column.name} has to hold names and values, and holds "
                        "others."
                    )
