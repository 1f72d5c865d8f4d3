"""A rating keeps its hash from its first seal on; sessions can be ended, and tokens are told from links.

A seal hashes what is new and not all there is. Which rows of `links` are tokens was written in the journal alone:
the event stands in the same transaction, so it is the newest row of that person at that time.
"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

AT_ONCE = 5000


def upgrade() -> None:
    op.execute("ALTER TABLE ratings RENAME COLUMN removed_sha256 TO sha256")
    op.add_column("users", sa.Column("salt", sa.Text))
    _hash_frozen(op.get_bind())
    op.add_column("users", sa.Column("session_epoch", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("links", sa.Column("token", sa.Boolean(), nullable=False, server_default=sa.false()))
    _mark_tokens(op.get_bind())
    op.create_index(
        "ix_ratings_unhashed",
        "ratings",
        ["id"],
        sqlite_where=sa.text("sha256 IS NULL"),
        postgresql_where=sa.text("sha256 IS NULL"),
    )


def _mark_tokens(connection: sa.Connection) -> None:
    row = sa.text(
        "UPDATE links SET token = :yes WHERE id = (SELECT id FROM links WHERE user_id = :user"
        " AND created_at BETWEEN :at - 60 AND :at ORDER BY created_at DESC, id DESC LIMIT 1)"
    )
    made = connection.execute(sa.text("SELECT at, data FROM events WHERE what = 'got a token'")).all()
    for at, data in made:
        told = data if isinstance(data, dict) else json.loads(data)
        if "user" in told:
            connection.execute(row, {"yes": True, "user": told["user"], "at": at})


def _hash_frozen(connection: sa.Connection) -> None:
    rows = sa.text(
        "SELECT g.id, g.rater_id, g.score, g.verdict, g.scale, g.revision, r.id, r.version_number, r.stratum,"
        " r.text, p.sha256, p.split, g.other_id FROM ratings g"
        " JOIN responses r ON r.id = g.response_id JOIN prompts p ON p.id = r.prompt_id"
        " WHERE g.sha256 IS NULL AND g.id > :last"
        " AND EXISTS (SELECT 1 FROM snapshot_ratings s WHERE s.rating_id = g.id) ORDER BY g.id LIMIT :n"
    )
    keep = sa.text("UPDATE ratings SET sha256 = :sha256 WHERE id = :id")
    last = -1
    while some := connection.execute(rows, {"last": last, "n": AT_ONCE}).all():
        last = some[-1][0]
        connection.execute(keep, [{"id": row[0], "sha256": _digest(row)} for row in some])


def _digest(row: sa.Row) -> str:
    *said, other = row
    line = json.dumps(said if other is None else [*said, other], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()
