"""Pairs, tries, retired prompts, more lineage of a response, and ratings that a person took away.

Tables whose constraints change are built anew: SQLite knows no other way. The hashes of sealed rounds are
computed anew, too: they are of hashes of rows now, so that a row can go and its hash stay.
"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

VERDICTS = "'rated', 'skip', 'cannot_judge', 'broken', 'unsafe', 'both_bad', 'removed'"
SCORES = (
    "score IS NULL OR (scale = 'score_1_10' AND score BETWEEN 1 AND 10)"
    " OR (scale = 'score_0_10' AND score BETWEEN 0 AND 10)"
    " OR (scale = 'score_1_5' AND score BETWEEN 1 AND 5)"
    " OR (scale = 'score_1_7' AND score BETWEEN 1 AND 7)"
    " OR (scale = 'thumbs' AND score BETWEEN 0 AND 1)"
    " OR (scale = 'pair' AND score BETWEEN -1 AND 1)"
)


def upgrade() -> None:
    with op.batch_alter_table("ratings") as table:
        table.add_column(sa.Column("other_id", sa.Integer()))
        table.add_column(sa.Column("swapped", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("removed_sha256", sa.Text()))
        table.create_foreign_key("fk_ratings_other_id_responses", "responses", ["other_id"], ["id"])
        for name, what in (
            ("verdict", f"verdict IN ({VERDICTS})"),
            ("score_range", SCORES),
        ):
            table.drop_constraint(op.f(f"ck_ratings_{name}"), type_="check")
            table.create_check_constraint(op.f(f"ck_ratings_{name}"), what)
        table.create_check_constraint(
            op.f("ck_ratings_pair_has_other"), "(scale = 'pair') = (other_id IS NOT NULL)"
        )
    with op.batch_alter_table("leases") as table:
        table.add_column(sa.Column("other_id", sa.Integer()))
        table.create_foreign_key("fk_leases_other_id_responses", "responses", ["other_id"], ["id"])
    with op.batch_alter_table("jobs") as table:
        table.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        table.create_check_constraint(op.f("ck_jobs_kind"), "kind IN ('generate', 'train', 'try')")
    op.add_column("prompts", sa.Column("retired_at", sa.Double()))
    op.add_column("responses", sa.Column("ref_logprob", sa.Double()))
    op.add_column("responses", sa.Column("head_score", sa.Double()))
    op.create_index("ix_snapshot_ratings_rating_id", "snapshot_ratings", ["rating_id"])
    _hash_anew(op.get_bind())


def _hash_anew(connection: sa.Connection) -> None:
    rows = sa.text(
        "SELECT g.id, g.rater_id, g.score, g.verdict, g.scale, g.revision, r.id, r.version_number, r.stratum,"
        " r.text, p.sha256, p.split FROM snapshot_ratings s JOIN ratings g ON g.id = s.rating_id"
        " JOIN responses r ON r.id = g.response_id JOIN prompts p ON p.id = r.prompt_id"
        " WHERE s.round_number = :number ORDER BY g.id"
    )
    sealed = "SELECT number FROM rounds WHERE snapshot_sha256 IS NOT NULL"
    for number in connection.scalars(sa.text(sealed)).all():
        whole = hashlib.sha256()
        for row in connection.execute(rows, {"number": number}):
            line = json.dumps(list(row), ensure_ascii=False, separators=(",", ":"))
            whole.update(hashlib.sha256(line.encode()).hexdigest().encode() + b"\n")
        connection.execute(
            sa.text("UPDATE rounds SET snapshot_sha256 = :digest WHERE number = :number"),
            {"digest": whole.hexdigest(), "number": number},
        )
