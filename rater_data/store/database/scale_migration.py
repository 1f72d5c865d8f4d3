"""The migration that a new scale needs: the database's own check of scores follows from `scales.SCALES`.

`python -m rater_data.store.database.scale_migration` writes it once the scale is in that table. A home that was opened
with it is of a newer schema, so an older release, which does not know the scale, leaves it alone.
"""

from collections.abc import Iterable
from pathlib import Path

from rater_data.scales import SCALES, Scale, score_range_sql
from rater_data.store.database.migrate import SCRIPTS, newest_schema

TEMPLATE = '''"""The check of scores, for the scales {names}."""

from alembic import op

revision = "{revision}"
down_revision = "{newest}"

SCORES = (
{condition}
)


def upgrade() -> None:
    with op.batch_alter_table("ratings") as table:
        table.drop_constraint(op.f("ck_ratings_score_range"), type_="check")
        table.create_check_constraint(op.f("ck_ratings_score_range"), SCORES)
'''


def write_scale_migration(scripts: Path = SCRIPTS, scales: Iterable[Scale] = SCALES.values()) -> Path:
    """Writes the next migration, which lets these scales in; returns its file."""
    scales = list(scales)
    newest = newest_schema(scripts)
    revision = f"{int(newest) + 1:04d}"
    first, *others = score_range_sql(scales).split(" OR ")
    condition = "\n".join(f'    "{part}"' for part in (first, *(f" OR {other}" for other in others)))
    file = scripts / "versions" / f"{revision}_scales.py"
    names = ", ".join(scale.name for scale in scales)
    text = TEMPLATE.format(names=names, revision=revision, newest=newest, condition=condition)
    file.write_text(text, encoding="utf-8")
    return file


if __name__ == "__main__":
    print(write_scale_migration())
