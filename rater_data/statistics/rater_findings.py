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
    """What is to be said of one rater: "reversed", "at random" or "the same"; or of `others` with them: "opposed",
    "unlike".

    `says` goes on from the rater's name.
    """

    rater_id: int
    kind: str
    says: str
    others: tuple[int, ...] = ()


def rater_findings(habits: Sequence[RaterHabits]) -> list[RaterFinding]:
    """What is to be said of these raters, by rater id; nothing of somebody who is alone.

    Where those who would be called reversed are as many as the others, the ratings cannot say who is: "opposed". Nor
    can they where one alone is left who would not be named, for that one agrees with nobody either: "unlike".
    """
    same = [h for h in habits if _gives_one_answer(h)]
    others = [h for h in habits if h not in same]
    judged = [h for h in others if h.shared + h.by_head >= FEWEST_JUDGED]
    strange = [h for h in judged if 1 - h.reversed - h.at_random < NAMED_BELOW]
    return sorted((*map(_same, same), *_findings(strange, judged, others)), key=lambda f: f.rater_id)


def _findings(
    strange: Sequence[RaterHabits], judged: Sequence[RaterHabits], everybody: Sequence[RaterHabits]
) -> list[RaterFinding]:
    if len(everybody) < 2:
        return []
    turned = [h for h in strange if h.reversed >= h.at_random]
    against = [h for h in judged if h not in turned] or _told([h for h in everybody if h not in turned])
    if turned and len(turned) >= len(against):
        return [_opposed(turned, against)]
    rest = _told([h for h in everybody if h not in strange])
    if strange and len(rest) < 2:
        return [_unlike(strange, rest)]
    return [_strange("reversed" if h in turned else "at random", h) for h in strange]


def _told(habits: Sequence[RaterHabits]) -> Sequence[RaterHabits]:
    """Those of whom the others say something, too, as far as there are any."""
    return [h for h in habits if h.shared + h.by_head] or habits


def _gives_one_answer(h: RaterHabits) -> bool:
    often = h.ratings >= SAME_FEWEST and h.usual_count >= SAME_SHARE * h.ratings
    return often and h.usual_chance <= SAME_CHANCE


def _same(h: RaterHabits) -> RaterFinding:
    says = f"gave the same answer in {h.usual_count} of {h.ratings} ratings, and the others do not"
    return RaterFinding(rater_id=h.rater_id, kind="the same", says=says)


def _strange(kind: str, h: RaterHabits) -> RaterFinding:
    what = {
        "reversed": "seems to use the scale the other way round",
        "at random": "seems to rate whatever the text says",
    }[kind]
    says = f"{what}: {correlation(h.direction)} with {_whom(h)}"
    return RaterFinding(rater_id=h.rater_id, kind=kind, says=says)


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
    says = "use the scale in opposite ways, and which of them is right these ratings cannot say: ask them"
    return _of_all("opposed", says, [*turned, *rest])


def _unlike(strange: Sequence[RaterHabits], rest: Sequence[RaterHabits]) -> RaterFinding:
    says = "do not agree, and which of them goes by the text these ratings cannot say: ask them"
    return _of_all("unlike", says, [*strange, *rest])


def _of_all(kind: str, says: str, people: Sequence[RaterHabits]) -> RaterFinding:
    first, *others = sorted(h.rater_id for h in people)
    return RaterFinding(rater_id=first, kind=kind, says=says, others=tuple(others))
