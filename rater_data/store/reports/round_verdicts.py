"""What a round's ratings say of the version that wrote it, and whether raters have drifted; without reading texts."""

import math
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from rater_data.records import IMPORTED_ROUND
from rater_data.store.database import schema as t
from rater_data.store.reports.rater_stats import RaterStatistics
from rater_data.store.rounds.round_states import find_round, require_round
from rater_data.store.rounds.rounds import trusted_ratings
from rater_data.store.rounds.settings import read_scale

if TYPE_CHECKING:
    import pandas as pd

    from rater_data.statistics.intervals import Interval
    from rater_data.statistics.round_verdict import RoundVerdict

_g, _r, _u = t.ratings.c, t.responses.c, t.users.c
_ENDED = ("published", "rolled_back")  # no card of such a round is dealt any more, whatever becomes of it
FIRST_ROUND = 1  # whose responses are the anchors
FEWEST_REPEATS = 4  # of anchors by raters who read them before: two or three leave everything open


class RoundVerdicts(RaterStatistics):
    """Whether training helped, by the raters who count."""

    def round_verdict(self, round_number: int, without: int | None = None) -> "RoundVerdict":
        """Of the latest ratings, sealed or not; as it would be `without` somebody. Raises Missing for no round.

        Its last look is when the quota is full, or when no more cards of the round are dealt: one that was sealed
        before it was full is rated on until then.
        """
        from rater_data.statistics.round_verdict import round_verdict

        with self.reading() as connection:
            round_, scale = require_round(connection, round_number), read_scale(connection)
            latest = find_round(connection)
            excluded = list(connection.scalars(sa.select(_u.id).where(_u.excluded)))
        excluded += [] if without is None else [without]
        traits = self.response_traits(round_number)
        quota = int(round_.config.get("quota", 0))
        planned = planned_control_ratings(traits, scale.paired, quota)
        frame = self.score_frame(round_number, excluded)
        if (
            round_.state == "generating"
        ):  # how much of the control arm is on its way is not known: no look yet
            frame = frame.iloc[:0]
        is_over = round_.state in _ENDED or (latest is not None and latest.number > round_number)
        return round_verdict(frame, traits, scale, planned, quota, is_over)

    def response_traits(self, round_number: int) -> "pd.DataFrame":
        """Of each response of a round: response_id, prompt_id, stratum, overlap, length in characters."""
        import pandas as pd

        columns = (_r.id, _r.prompt_id, _r.stratum, _r.overlap, sa.func.length(_r.text))
        with self.reading() as connection:
            rows = connection.execute(sa.select(*columns).where(_r.round_number == round_number)).all()
        names = ["response_id", "prompt_id", "stratum", "overlap", "length"]
        return pd.DataFrame(rows, columns=names).astype({"length": "float64"})

    def anchor_drift(self) -> "Interval | None":
        """How much higher raters score the anchors in later rounds than when they first read them, in points.

        All scores of a rater for a text count, against their own first one: see `repeats_interval`. Its n are the
        scores that came later. None below FEWEST_REPEATS of them.
        """
        from rater_data.statistics.intervals import repeats_interval

        anchors = sa.select(_r.prompt_id, _r.text).where(_r.stratum == "anchor").distinct()
        with self.reading() as connection:
            texts = {(row.prompt_id, row.text) for row in connection.execute(anchors)}
            prompts = sorted({prompt for prompt, _ in texts})
            rows = connection.execute(_ratings_of_prompts(prompts)).all() if prompts else []
            step = read_scale(connection).step
        first: dict[tuple[int, int, str], Any] = {}
        later: dict[tuple[int, int, str], list[float]] = {}
        for row in rows:
            key = (row.rater_id, row.prompt_id, row.text)
            if (row.prompt_id, row.text) not in texts:
                continue
            if first.setdefault(key, row).round_number < row.round_number:
                later.setdefault(key, []).append(row.score)
        if sum(map(len, later.values())) < FEWEST_REPEATS:
            return None
        return repeats_interval([first[key].score for key in later], list(later.values()), step**2 / 12)


def planned_control_ratings(traits: "pd.DataFrame", paired: bool, quota: int) -> int:
    """How many ratings the control arm has by the time the quota is full: a round has more cards than its quota.

    Of comparisons, those on its prompts: each is of both versions. There are fewer where some of the raters that the
    round was planned for stay away: what several were to read is then read by less.
    """
    control = traits[traits["stratum"] == "control"]
    if paired:
        control = traits[traits["prompt_id"].isin(control["prompt_id"]) & (traits["stratum"] != "anchor")]
    cards = int(traits["overlap"].sum())
    share = min(1.0, quota / cards) if quota and cards else 1.0
    return math.floor(share * int(control["overlap"].sum()))


def _ratings_of_prompts(prompts: list[int]) -> sa.Select[Any]:
    """Scores of responses that may be anchors, or what anchors repeat; in the order of their rounds."""
    return (
        trusted_ratings()
        .with_only_columns(_g.rater_id, _g.score, _r.prompt_id, _r.round_number, _r.text)
        .join(t.responses, _r.id == _g.response_id)
        .where(
            _r.prompt_id.in_(prompts),
            _r.round_number != IMPORTED_ROUND,
            _g.score.is_not(None),
            _g.other_id.is_(None),
            (_r.round_number == FIRST_ROUND) | (_r.stratum == "anchor"),
        )
        .order_by(_r.round_number, _g.id)
    )
