"""Whether ratings have changed since somebody looked, for those who keep what they computed of them."""

import sqlalchemy as sa

from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.rounds.rounds import trusted_ratings

_g, _r, _e = t.ratings.c, t.responses.c, t.events.c


class RatingFingerprints(Database):
    """Cheap signs of change."""

    def change_mark(self) -> tuple[int, int]:
        """Differs from an earlier one whenever a rating or an event was added since: the highest id of either.

        Two look-ups, however large the store. Whatever changes which ratings count adds one of them: rating adds a
        rating; taking back, purging, excluding a rater and publishing add an event.
        """
        query = sa.select(
            sa.select(sa.func.coalesce(sa.func.max(_g.id), 0)).scalar_subquery(),
            sa.select(sa.func.coalesce(sa.func.max(_e.id), 0)).scalar_subquery(),
        )
        with self.reading() as connection:
            ratings, events = connection.execute(query).one()
        return int(ratings), int(events)

    def rating_fingerprints(self) -> dict[int, tuple[int, int]]:
        """By round: how many ratings on its responses count, and the sum of their ids. A rating never changes in place.

        Goes through all ratings. Rounds without any are left out.
        """
        query = (
            trusted_ratings()
            .with_only_columns(_r.round_number, sa.func.count(), sa.func.sum(_g.id))
            .join(t.responses, _r.id == _g.response_id)
            .group_by(_r.round_number)
        )
        with self.reading() as connection:
            return {int(number): (int(count), int(ids)) for number, count, ids in connection.execute(query)}
