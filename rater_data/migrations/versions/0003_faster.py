"""An index that answers how raters work without reading a million ratings: see `store_stats`."""

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
