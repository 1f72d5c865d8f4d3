"""Which version of the guidelines raters went by last."""

import sqlalchemy as sa

from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database

_g = t.ratings.c
_LAST_VERSION = (
    sa.select(_g.guideline_version)
    .where(_g.rater_id == sa.bindparam("rater"), _g.is_current)
    .order_by(_g.given_at.desc(), _g.id.desc())
    .limit(1)
)


class GuidelinesFollowed(Database):
    """The guidelines as they were read."""

    def guidelines_followed(self) -> dict[int, int]:
        """By rater the version that their latest rating went by; nothing for who never rated."""
        with self.reading() as connection:
            raters = connection.scalars(sa.select(t.users.c.id)).all()
            found = {rater: connection.scalar(_LAST_VERSION, {"rater": rater}) for rater in raters}
        return {rater: int(version) for rater, version in found.items() if version is not None}
