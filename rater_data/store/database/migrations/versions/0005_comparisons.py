"""A comparison is unique per rater and pair of responses, whichever was named first; people of imports are mended.

Until now a rater had one current rating on the response that a comparison began with. So imports gave the comparisons
that did not fit to people whom they invented, "Ann (2)", "Ann (3)"; and whoever compared A with B, and B with A on
another card, counted twice. The invented become one with Ann where that can be told (`_invented_people`), and of two
answers on the same two the later one holds, the earlier stays as a revision.

Rater and revision are in the hash of a rating. Hashes that were right are made anew, and so are those of the seals that
hold them; one that was not right stays, so that `verify` still tells of it.
"""

import hashlib
import json
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

LOW = "CASE WHEN other_id < response_id THEN other_id ELSE response_id END"
HIGH = "CASE WHEN other_id > response_id THEN other_id ELSE response_id END"
ANSWERED_CARDS = (
    "DELETE FROM leases WHERE EXISTS (SELECT 1 FROM ratings g WHERE g.rater_id = leases.rater_id AND g.is_current"
    " AND leases.other_id IS NOT NULL"
    " AND ((g.response_id = leases.response_id AND g.other_id = leases.other_id)"
    " OR (g.response_id = leases.other_id AND g.other_id = leases.response_id)))"
)
"""Cards that show the same two the other way round: whoever holds one has answered it."""
FURTHER_NAME = re.compile(r"(.+) \((\d+)\)")
MOVED = 1_000_000_000  # added to the revision of a rating until it has its own
SALTED = "2:"
COLUMNS_OF_UNSALTED = 12
AT_ONCE = 500

Comparison = tuple[int, int]
"""The two responses of a comparison, the lower id first."""


def upgrade() -> None:
    connection = op.get_bind()
    right_seals = _right_seals(connection)
    op.drop_index("uq_ratings_one_current", "ratings")
    for name in ("low_id", "high_id"):
        op.add_column("ratings", sa.Column(name, sa.Integer()))
    op.execute(f"UPDATE ratings SET low_id = {LOW}, high_id = {HIGH}")
    changed = _join_invented_people(connection)
    revisions = _number_anew(connection, changed)
    with op.batch_alter_table("ratings") as table:
        table.drop_constraint("uq_ratings_response_id_rater_id_revision", type_="unique")
        for name, what in (("low_id", LOW), ("high_id", HIGH)):
            table.alter_column(name, existing_type=sa.Integer(), nullable=False)
            table.create_check_constraint(op.f(f"ck_ratings_{name}"), f"{name} = {what}")
        table.create_unique_constraint(
            "uq_ratings_low_id_high_id_rater_id_revision", ["low_id", "high_id", "rater_id", "revision"]
        )
    _run(connection, "UPDATE ratings SET revision = :revision WHERE id = :id", revisions)
    op.create_index(
        "uq_ratings_one_current",
        "ratings",
        ["low_id", "high_id", "rater_id"],
        unique=True,
        sqlite_where=sa.text("is_current = 1"),
        postgresql_where=sa.text("is_current"),
    )
    _run(
        connection,
        "UPDATE ratings SET key = 'import:' || low_id || '-' || high_id || ':' || revision WHERE id = :id",
        [{"id": number} for number in _with_plain_import_keys(connection)],
    )
    op.execute(ANSWERED_CARDS)
    _hash_anew(connection, changed)
    _seal_anew(connection, right_seals)


# ---- who was invented


def _join_invented_people(connection: sa.Connection) -> set[int]:
    """Gives the comparisons of invented people to who made them. Returns those that had a hash."""
    hashed: set[int] = set()
    for owner, invented in list(_invented_people(connection)):
        where = {"owner": owner, "invented": invented, "moved": MOVED}
        had = "SELECT id FROM ratings WHERE rater_id = :invented AND sha256 IS NOT NULL"
        hashed |= set(connection.scalars(sa.text(had), where))
        ratings = connection.execute(
            sa.text(
                # the key until it is made of what the rating is of: two of one person must not meet
                "UPDATE ratings SET rater_id = :owner, revision = :moved + id, key = 'import:' || id || '-moved'"
                " WHERE rater_id = :invented"
            ),
            where,
        ).rowcount
        connection.execute(sa.text("DELETE FROM users WHERE id = :invented"), where)
        told = {"user": owner, "was": invented, "ratings": ratings}
        connection.execute(
            sa.text(
                "INSERT INTO events (at, actor, what, data) VALUES (:at, 'store', :what, :data)"
            ).bindparams(sa.bindparam("data", type_=sa.JSON)),
            {"at": time.time(), "what": "joined a person whom an import had invented", "data": told},
        )
    return hashed


def _invented_people(connection: sa.Connection) -> Iterator[tuple[int, int]]:
    """(whose comparisons they are, the invented person), for everybody of whom it can be told.

    Nobody but an import made them and nobody could sign in as them. An import gave a comparison to a further name
    when under every earlier one a comparison began with each of the two, and it did so once for the same two.
    """
    users = {
        row.name_key: row
        for row in connection.execute(
            sa.text(
                "SELECT id, name_key, role, active, excluded,"
                " EXISTS (SELECT 1 FROM links l WHERE l.user_id = users.id) AS invited FROM users"
            )
        )
    }
    numbered: dict[str, list[int]] = defaultdict(list)
    for key in users:
        if (match := FURTHER_NAME.fullmatch(key)) and match[1] in users and int(match[2]) > 1:
            numbered[match[1]].append(int(match[2]))
    for name, numbers in sorted(numbered.items()):
        owner, earlier = users[name], [_comparisons(connection, users[name].id)]
        for number in sorted(numbers):
            person = users[f"{name} ({number})"]
            own = _comparisons(connection, person.id)
            is_plain = person.role == "rater" and person.active and not person.invited
            if number != len(earlier) + 1 or not is_plain or person.excluded != owner.excluded:
                break
            if not _came_of_imports(connection, person.id) or not _did_not_fit(own, earlier):
                break
            earlier.append(own)
            yield owner.id, person.id


def _comparisons(connection: sa.Connection, rater: int) -> list[Any]:
    """response_id, low_id, high_id and submitted_at of what a person compared."""
    query = "SELECT response_id, low_id, high_id, submitted_at FROM ratings"
    return list(
        connection.execute(
            sa.text(f"{query} WHERE rater_id = :rater AND other_id IS NOT NULL"), {"rater": rater}
        )
    )


def _came_of_imports(connection: sa.Connection, rater: int) -> bool:
    """Whether all that somebody said came in comparisons of imports, and says what it said when it was hashed."""
    own_key = "'import:' || response_id || ':' || 1"
    strange = (
        f"SELECT 1 FROM ratings WHERE rater_id = :rater AND (other_id IS NULL OR key != {own_key}) LIMIT 1"
    )
    if connection.execute(sa.text(strange), {"rater": rater}).first() is not None:
        return False
    rows = connection.execute(sa.text(f"{HASHED_ROWS} WHERE g.rater_id = :rater"), {"rater": rater})
    salt = _salts(connection).get(rater)
    return all(_is_right(row, salt) for row in rows if row.sha256 is not None)


def _did_not_fit(own: list[Any], earlier: list[list[Any]]) -> bool:
    """Whether an import had no place for these under any of the earlier names."""
    if not own:
        return False
    for rows in earlier:
        begun: dict[int, float] = {}
        for row in rows:
            begun[row.response_id] = min(row.submitted_at, begun.get(row.response_id, row.submitted_at))
        at_once = {(row.low_id, row.high_id, row.submitted_at) for row in rows}
        for row in own:
            if any(begun.get(response, row.submitted_at + 1) > row.submitted_at for response in row[1:3]):
                return False
            if (row.low_id, row.high_id, row.submitted_at) in at_once:
                return False
    return True


# ---- one answer of a person on the same two


def _number_anew(connection: sa.Connection, changed: set[int]) -> list[dict[str, int]]:
    """Leaves the latest answer of a person on the same two as the current one.

    Adds to `changed` what had a right hash and gets another revision; returns all revisions that are to be written.
    """
    groups: dict[tuple[int, Comparison], list[Any]] = defaultdict(list)
    several = (
        "SELECT rater_id, low_id, high_id FROM ratings WHERE other_id IS NOT NULL GROUP BY rater_id, low_id, high_id"
        f" HAVING count(DISTINCT response_id) > 1 OR max(revision) > {MOVED}"
    )
    rows = connection.execute(
        sa.text(
            "SELECT g.id, g.rater_id, g.response_id, g.low_id, g.high_id, g.revision, g.is_current, g.submitted_at"
            f" FROM ratings g JOIN ({several}) s"
            " ON s.rater_id = g.rater_id AND s.low_id = g.low_id AND s.high_id = g.high_id"
        )
    )
    for row in rows:
        groups[row.rater_id, (row.low_id, row.high_id)].append(row)
    wanted, retired, moved = [], [], []
    for group in groups.values():
        ordered = _in_order(group)
        for number, row in enumerate(ordered, 1):
            if row.revision != number:
                wanted.append({"id": row.id, "revision": number})
                moved.append({"id": row.id})
            if row.is_current and row is not ordered[-1]:
                retired.append({"id": row.id})
    changed |= _right_hashes(connection, {row["id"] for row in wanted} - changed)
    _run(
        connection,
        "UPDATE ratings SET is_current = :no WHERE id = :id",
        [row | {"no": False} for row in retired],
    )
    # those that were moved to another person have one already that is in nobody's way
    _run(
        connection,
        f"UPDATE ratings SET revision = {MOVED} + id WHERE id = :id AND revision < {MOVED}",
        moved,
    )
    return wanted


def _in_order(group: list[Any]) -> list[Any]:
    """The ratings of a person on the same two: what was kept as one before stays together, the latest comes last."""
    kept_as_one: dict[tuple[int, bool], list[Any]] = defaultdict(list)
    for row in group:
        kept_as_one[row.response_id, row.revision > MOVED].append(row)
    answers = sorted(
        kept_as_one.values(),
        key=lambda rows: (
            any(row.is_current for row in rows),
            max(row.submitted_at for row in rows),
            max(row.id for row in rows),
        ),
    )
    return [row for rows in answers for row in sorted(rows, key=lambda row: row.revision)]


def _with_plain_import_keys(connection: sa.Connection) -> list[int]:
    """Comparisons whose key an import made of the first response alone, and those that were moved."""
    query = (
        "SELECT id FROM ratings WHERE other_id IS NOT NULL AND"
        " (key = 'import:' || response_id || ':' || revision OR key = 'import:' || id || '-moved'"
        " OR key = 'import:' || response_id || ':' || 1)"
    )
    return list(connection.scalars(sa.text(query)))


# ---- hashes

HASHED_ROWS = (
    "SELECT g.id, g.rater_id, g.score, g.verdict, g.scale, g.revision, r.id AS response, r.version_number, r.stratum,"
    " r.text, p.sha256 AS prompt, p.split, g.other_id, g.comment, CAST(g.flags AS TEXT) AS flags,"
    " CAST(g.attributes AS TEXT) AS attributes, g.shown_at, g.submitted_at, g.active_ms, g.position, g.swapped,"
    " g.sha256 FROM ratings g JOIN responses r ON r.id = g.response_id JOIN prompts p ON p.id = r.prompt_id"
)


def _rows_of(connection: sa.Connection, ids: Iterable[int]) -> Iterator[Any]:
    query = sa.text(f"{HASHED_ROWS} WHERE g.id IN :ids").bindparams(sa.bindparam("ids", expanding=True))
    ordered = sorted(ids)
    for start in range(0, len(ordered), AT_ONCE):
        yield from connection.execute(query, {"ids": ordered[start : start + AT_ONCE]}).all()


def _right_hashes(connection: sa.Connection, ids: set[int]) -> set[int]:
    salts = _salts(connection) if ids else {}
    return {row.id for row in _rows_of(connection, ids) if _is_right(row, salts.get(row.rater_id))}


def _is_right(row: Any, salt: str | None) -> bool:
    """Whether the hash that is kept is that of the row. Of what was removed nobody can tell any more."""
    if row.sha256 is None or row.verdict == "removed":
        return False
    if row.sha256.startswith(SALTED) and salt is None:
        return False
    return _hash_like(row, salt) == row.sha256


def _hash_like(row: Any, salt: str | None) -> str:
    """The hash of a row, with a salt if the one that is kept has one."""
    values = [*row[:-2], bool(row.swapped)]
    if row.sha256.startswith(SALTED):
        return SALTED + _sha256_of([salt, *values])
    said, other = values[:COLUMNS_OF_UNSALTED], values[COLUMNS_OF_UNSALTED]
    return _sha256_of(said if other is None else [*said, other])


def _sha256_of(values: list[Any]) -> str:
    line = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()


def _salts(connection: sa.Connection) -> dict[int, str]:
    query = "SELECT id, salt FROM users WHERE salt IS NOT NULL"
    return dict(connection.execute(sa.text(query)).all())


def _hash_anew(connection: sa.Connection, ids: set[int]) -> None:
    salts = _salts(connection) if ids else {}
    fresh = []
    for row in _rows_of(connection, ids):
        if row.sha256.startswith(SALTED) and row.rater_id not in salts:
            salts[row.rater_id] = secrets.token_hex(16)
            change = sa.text("UPDATE users SET salt = :salt WHERE id = :id")
            connection.execute(change, {"salt": salts[row.rater_id], "id": row.rater_id})
        fresh.append({"id": row.id, "sha256": _hash_like(row, salts.get(row.rater_id))})
    _run(connection, "UPDATE ratings SET sha256 = :sha256 WHERE id = :id", fresh)


def _right_seals(connection: sa.Connection) -> list[int]:
    """The rounds whose hash is that of their frozen ratings, where any of those is a comparison."""
    query = (
        "SELECT number, snapshot_sha256 FROM rounds WHERE snapshot_sha256 IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM ratings WHERE other_id IS NOT NULL) ORDER BY number"
    )
    rounds = connection.execute(sa.text(query)).all()
    return [number for number, sha256 in rounds if _digest_of(connection, number) == sha256]


def _seal_anew(connection: sa.Connection, numbers: list[int]) -> None:
    seals = [{"number": number, "sha256": _digest_of(connection, number)} for number in numbers]
    _run(connection, "UPDATE rounds SET snapshot_sha256 = :sha256 WHERE number = :number", seals)


def _digest_of(connection: sa.Connection, number: int) -> str:
    query = (
        "SELECT g.sha256 FROM ratings g JOIN snapshot_ratings s ON s.rating_id = g.id"
        " WHERE s.round_number = :number ORDER BY g.id"
    )
    whole = hashlib.sha256()
    for kept in connection.scalars(sa.text(query), {"number": number}):
        whole.update(f"{kept}\n".encode())
    return whole.hexdigest()


def _run(connection: sa.Connection, statement: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(sa.text(statement), rows)
