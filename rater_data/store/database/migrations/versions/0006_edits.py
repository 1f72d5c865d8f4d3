"""Better answers: what raters wrote in place of responses, and which of them a round was sealed with."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

CURRENT = {"sqlite_where": sa.text("is_current = 1"), "postgresql_where": sa.text("is_current")}


def upgrade() -> None:
    op.create_table(
        "edits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("response_id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.Double(), nullable=False),
        sa.Column("active_ms", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_edits_revision")),
        sa.CheckConstraint("active_ms >= 0", name=op.f("ck_edits_active_ms")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name="fk_edits_response_id_responses"),
        sa.ForeignKeyConstraint(["rater_id"], ["users.id"], name="fk_edits_rater_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_edits"),
        sa.UniqueConstraint("rater_id", "key", name="uq_edits_rater_id_key"),
        sa.UniqueConstraint(
            "response_id", "rater_id", "revision", name="uq_edits_response_id_rater_id_revision"
        ),
    )
    op.create_index("ix_edits_response_id", "edits", ["response_id"])
    op.create_index("uq_edits_one_current", "edits", ["response_id", "rater_id"], unique=True, **CURRENT)
    op.create_table(
        "snapshot_edits",
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("edit_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["round_number"], ["rounds.number"], name="fk_snapshot_edits_round_number_rounds"
        ),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name="fk_snapshot_edits_edit_id_edits"),
        sa.PrimaryKeyConstraint("round_number", "edit_id", name="pk_snapshot_edits"),
    )
    op.create_index("ix_snapshot_edits_edit_id", "snapshot_edits", ["edit_id"])
