"""The kinds of judgement: what is asked, what may be answered, what it means in training.

`SCALES` is the one table of them: the rating page, guidelines, exports, statistics and the database's own check are
derived from it. A new scale is an entry here and the migration that
`python -m rater_data.store.database.scale_migration` writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rater_data import checks
from rater_data.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A numeric scale from `low` to `high` in steps of `step`.

    `anchors` has the words and `keys` the key for every point, lowest point first; where there are fewer than points
    they are those of evenly spread ones, from the lowest to the highest. `marks`: what stands for each point on a
    button, the number itself when empty.
    """

    name: str
    low: int
    high: int
    step: int
    anchors: tuple[str, ...]
    keys: tuple[str, ...]
    marks: tuple[str, ...] = ()
    paired: bool = False
    """Whether a card shows two responses, and the score says which is better: below 0 the first."""

    def __post_init__(self) -> None:
        intervals = len(self.points) - 1
        for given in (self.anchors, self.keys):
            assert len(given) > 1 and intervals % (len(given) - 1) == 0, "for evenly spread points"
        assert len(self.marks) in (0, len(self.points)), "one mark for every point, or none"

    @property
    def rated_units(self) -> str:
        """What one rating is of, in the plural."""
        return "pairs" if self.paired else "responses"

    @property
    def points(self) -> tuple[int, ...]:
        """All scores there are, lowest first."""
        return tuple(range(self.low, self.high + 1, self.step))

    @property
    def anchored_points(self) -> tuple[tuple[int, str], ...]:
        """The points that have words of their own, with these words."""
        return tuple(zip(self.points[:: self._spacing(self.anchors)], self.anchors, strict=True))

    def mark(self, score: float) -> str:
        """What stands for a score on a button and in a sentence."""
        place = self.points.index(int(score))
        return self.marks[place] if self.marks else str(self.points[place])

    def words(self, score: float) -> str:
        """What a score means; between two anchors, what the nearer one says."""
        return self.anchors[round(self.points.index(int(score)) / self._spacing(self.anchors))]

    def key(self, score: float) -> str:
        """The key that gives a score, "" where it has none."""
        place, between = divmod(self.points.index(int(score)), self._spacing(self.keys))
        return "" if between else self.keys[place]

    def _spacing(self, given: tuple[str, ...]) -> int:
        """Of how many points one has an anchor or a key."""
        return (len(self.points) - 1) // (len(given) - 1)

    def check(self, score: object) -> float:
        """The score as a float. Raises BadInput for what is no number, out of range or between two points."""
        if not checks.is_number(score) or not isinstance(score, int | float):
            raise BadInput(
                f"A score has to be a number from {self.low} to {self.high}, not {checks.quoted(score)}."
            )
        if not self.low <= score <= self.high:
            raise BadInput(f"The score {score:g} is outside {self.low}–{self.high}: give one on the scale.")
        if (score - self.low) % self.step:
            raise BadInput(
                f"The score {score:g} lies between two points of the scale {self.low}–{self.high}: "
                f"give one in steps of {self.step}."
            )
        return float(score)


SCALES: dict[str, Scale] = {
    "score_1_10": Scale(
        name="score_1_10",
        low=1,
        high=10,
        step=1,
        anchors=(
            "Useless",
            "Very bad",
            "Bad",
            "Rather bad",
            "Below average",
            "Passable",
            "Decent",
            "Good",
            "Very good",
            "Just what I wanted",
        ),
        keys=("1", "2", "3", "4", "5", "6", "7", "8", "9", "0"),
    ),
    "score_0_10": Scale(
        name="score_0_10",
        low=0,
        high=10,
        step=1,
        anchors=(
            "Worthless",
            "Useless",
            "Very bad",
            "Bad",
            "Rather bad",
            "In between",
            "Passable",
            "Decent",
            "Good",
            "Very good",
            "Just what I wanted",
        ),
        keys=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "-"),
    ),
    "score_1_5": Scale(
        name="score_1_5",
        low=1,
        high=5,
        step=1,
        anchors=("Bad", "Rather bad", "Passable", "Good", "Just what I wanted"),
        keys=("1", "2", "3", "4", "5"),
    ),
    "score_1_7": Scale(
        name="score_1_7",
        low=1,
        high=7,
        step=1,
        anchors=("Useless", "Bad", "Rather bad", "Passable", "Decent", "Good", "Just what I wanted"),
        keys=("1", "2", "3", "4", "5", "6", "7"),
    ),
    "thumbs": Scale(
        name="thumbs",
        low=0,
        high=1,
        step=1,
        anchors=("Not what I wanted", "What I wanted"),
        keys=("1", "2"),
        marks=("Down", "Up"),
    ),
    "pair": Scale(
        name="pair",
        low=-1,
        high=1,
        step=1,
        anchors=("The first is better", "No difference", "The second is better"),
        keys=("1", "2", "3"),
        marks=("First", "Tie", "Second"),
        paired=True,
    ),
}
DEFAULT_SCALE = "score_1_10"


def score_range_sql(scales: Iterable[Scale] = SCALES.values()) -> str:
    """What the database holds of every rating, as a condition in SQL: its score lies on its scale.

    Databases that are there know of a new scale only through a migration: see `store.database.scale_migration`.
    """
    ranges = (f"(scale = '{s.name}' AND score BETWEEN {s.low} AND {s.high})" for s in scales)
    return " OR ".join(("score IS NULL", *ranges))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One way to answer a card. `lowest`: counts as the lowest point of the scale in training.

    `counts`: the card is done and fills the round's quota; otherwise it stays open for another rater.
    `kind`: of which scales it is an answer: "score", "pair", "any", or "none" (nobody gives it).
    """

    name: str
    key: str
    label: str
    meaning: str
    lowest: bool = False
    counts: bool = True
    kind: str = "any"

    def as_score(self, score: float | None, scale: Scale) -> float | None:
        """What training reads: the score, the lowest point of the scale, or None = teaches nothing."""
        if self.name == "both_bad":
            return 0.0  # neither is better; how bad both are is read in `statistics.bradley_terry`
        return float(scale.low) if self.lowest else score


VERDICTS: dict[str, Verdict] = {
    v.name: v
    for v in (
        Verdict(
            name="rated",
            key="",
            label="Rated",
            meaning="The score is what the model learns from.",
        ),
        Verdict(
            name="skip",
            key="s",
            label="Skip",
            meaning="Teaches nothing; another rater may get this response.",
            counts=False,
        ),
        Verdict(
            name="cannot_judge",
            key="c",
            label="Cannot judge",
            meaning="Teaches nothing: you lack the knowledge to say. Another rater may get this response.",
            counts=False,
        ),
        Verdict(
            name="broken",
            key="b",
            label="Broken",
            meaning="Gibberish, cut off beyond use or another language: counts as the lowest score.",
            lowest=True,
            kind="score",
        ),
        Verdict(
            name="unsafe",
            key="u",
            label="Unsafe",
            meaning="Harmful or offensive, whatever its quality: counts as the lowest score.",
            lowest=True,
            kind="score",
        ),
        Verdict(
            name="both_bad",
            key="b",
            label="Both bad",
            meaning="Neither is better, and both count as worse than a usual response.",
            kind="pair",
        ),
        Verdict(
            name="removed",
            key="",
            label="Removed",
            meaning="Taken away together with the person who gave it. Teaches nothing.",
            counts=False,
            kind="none",
        ),
    )
}

COUNTING: tuple[str, ...] = tuple(v.name for v in VERDICTS.values() if v.counts)
"""Verdicts that fill the quota and a response's overlap."""

SET_ASIDE: tuple[str, ...] = tuple(v.name for v in VERDICTS.values() if not v.counts and v.kind != "none")
"""Verdicts that say nothing about the response: it stays open for others."""

REMOVED = "removed"
"""The verdict of a rating that was taken away together with the person who gave it."""


def offered_verdicts(scale: Scale) -> tuple[Verdict, ...]:
    """What may be answered on a scale instead of a score."""
    kinds = ("any", "pair" if scale.paired else "score")
    return tuple(v for v in VERDICTS.values() if v.kind in kinds and v.name != "rated")


def check_verdict(name: str, scale: Scale) -> None:
    """Raises BadInput for a verdict that is no answer on this scale."""
    names = ("rated", *(v.name for v in offered_verdicts(scale)))
    if name not in names:
        raise BadInput(f"The verdict {name!r} is not known here: use one of {', '.join(names)}.")


ATTRIBUTE_LOW, ATTRIBUTE_HIGH = 1, 5
ATTRIBUTE_WORDS = ("Not at all", "A little", "Partly", "Mostly", "Fully")
"""Further qualities of a response, where the operator asks for any, are answered from 1 to 5."""
FLAGS = ("refused", "off topic", "made up", "repeats itself", "personal data")
"""What raters may tick about a response, until the operator says otherwise."""
