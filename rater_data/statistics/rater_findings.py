"""Who does not rate as the others do, in words that fit the evidence.

Nobody is left out by this: it is said to the operator, who decides. How often the wrong one is named was measured:
docs/training.md has the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rater_data.statistics.intervals import Interval
from rater_data.statistics.rater_habits import RaterHabits

NAMED_BELOW = 0.25  # the probability of rating as the others do, below which somebody is named
FEWEST_JUDGED = 4  # ratings that others, or a head that they taught, say something of
SAME_SHARE, SAME_FEWEST, SAME_CHANCE = 0.9, 8, 0.01
"""Who gives one answer so often, of so many at least, although the others would with this probability at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterFinding:
    """What is to be said of one rater: "reversed", "at random" or "the same"; or of `others` with them: "opposed".

    `says` goes on from the rater's name.
    """

    rater_id: int
    kind: str
    says: str
    others: tuple[int, ...] = ()


def rater_findings(habits: Sequence[RaterHabits]) -> list[RaterFinding]:
    """What is to be said of these raters, by rater id.

    Where those who would be called reversed are as many as the others, the ratings cannot say who is: "opposed".
    """
    judged = [h for h in habits if h.shared + h.by_head >= FEWEST_JUDGED]
    found = {h.rater_id: _same(h) for h in habits if _gives_one_answer(h)}
    strange = [h for h in judged if h.rater_id not in found and 1 - h.reversed - h.at_random < NAMED_BELOW]
    turned = [h for h in strange if h.reversed >= h.at_random]
    if turned and 2 * len(turned) >= len(judged):
        return [*found.values(), _opposed(turned, [h for h in judged if h not in turned])]
    for h in strange:
        kind = "reversed" if h in turned else "at random"
        found[h.rater_id] = RaterFinding(rater_id=h.rater_id, kind=kind, says=_says(kind, h))
    return [found[rater] for rater in sorted(found)]


def _gives_one_answer(h: RaterHabits) -> bool:
    often = h.ratings >= SAME_FEWEST and h.usual_count >= SAME_SHARE * h.ratings
    return often and h.usual_chance <= SAME_CHANCE


def _same(h: RaterHabits) -> RaterFinding:
    says = f"gave the same answer in {h.usual_count} of {h.ratings} ratings, and the others do not"
    return RaterFinding(rater_id=h.rater_id, kind="the same", says=says)


def _says(kind: str, h: RaterHabits) -> str:
    what = {
        "reversed": "seems to use the scale the other way round",
        "at random": "seems to rate whatever the text says",
    }[kind]
    return f"{what}: {correlation(h.direction)} with {_whom(h)}"


def correlation(interval: Interval) -> str:
    """As in −0.60 (−0.90 to −0.20)."""
    return f"{interval.mean:.2f} ({interval.low:.2f} to {interval.high:.2f})".replace("-", "−")


def _whom(h: RaterHabits) -> str:
    by_others = f"others on {h.shared} shared responses"
    if not h.by_head:
        return by_others
    by_head = f"a reward head that others taught on {h.by_head}"
    return f"{by_others} and with {by_head}" if h.shared else by_head


def _opposed(turned: Sequence[RaterHabits], rest: Sequence[RaterHabits]) -> RaterFinding:
    first, *others = sorted((*turned, *rest), key=lambda h: h.rater_id)
    says = "use the scale in opposite ways, and which of them is right these ratings cannot say: ask them"
    ids = tuple(h.rater_id for h in others)
    return RaterFinding(rater_id=first.rater_id, kind="opposed", says=says, others=ids)
