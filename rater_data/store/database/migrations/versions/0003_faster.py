"""Indexes that answer alone, without the long rows: how raters work, and which cards of a round are free."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index(
        "ix_ratings_of_rater",
        "ratings",
        ["rater_id", "active_ms", "verdict", "scale", "score", "submitted_at"],
        sqlite_where=sa.text("is_current = 1"),
        postgresql_where=sa.text("is_current"),
    )
    op.drop_index("ix_responses_round_number_prompt_id", "responses")
    op.create_index(
        "ix_responses_of_round",
        "responses",
        ["round_number", "prompt_id", "id", "version_number", "overlap", "stratum"],
    )
