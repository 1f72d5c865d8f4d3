"""The kinds of judgement: what is asked, what may be answered, what it means in training."""

import math
from dataclasses import dataclass

from rater_data.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A numeric scale from `low` to `high` in steps of `step`.

    `anchors` has the words and `keys` the key for every point, lowest point first; `marks` what stands for it
    on a button, the number itself when empty.
    """

    name: str
    low: int
    high: int
    step: int
    anchors: tuple[str, ...]
    keys: tuple[str, ...]
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        points = len(self.points)
        assert len(self.anchors) == len(self.keys) == points, "one anchor and one key for every point"
        assert len(self.marks) in (0, points), "one mark for every point, or none"

    @property
    def points(self) -> tuple[int, ...]:
        """All scores there are, lowest first."""
        return tuple(range(self.low, self.high + 1, self.step))

    def mark(self, score: float) -> str:
        """What stands for a score on a button and in a sentence."""
        place = self.points.index(int(score))
        return self.marks[place] if self.marks else str(self.points[place])

    def check(self, score: object) -> float:
        """The score as a float. Raises BadInput for what is no number, out of range or between two points."""
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise BadInput(f"A score has to be a number from {self.low} to {self.high}, not {score!r}.")
        if not math.isfinite(score):
            raise BadInput(f"A score has to be a number from {self.low} to {self.high}, not {score}.")
        if not self.low <= score <= self.high:
            raise BadInput(f"The score {score:g} is outside {self.low}–{self.high}: give one on the scale.")
        if (score - self.low) % self.step:
            raise BadInput(
                f"The score {score:g} lies between two points of the scale {self.low}–{self.high}: "
                f"give one in steps of {self.step}."
            )
        return float(score)

    def normalise(self, score: float) -> float:
        """The score as a share of the scale: 0 at its lowest point, 1 at its highest."""
        return (self.check(score) - self.low) / (self.high - self.low)


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
}
DEFAULT_SCALE = "score_1_10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One way to answer a card. `lowest`: counts as the lowest point of the scale in training.

    `counts`: the card is done and fills the round's quota; otherwise it stays open for another rater.
    """

    name: str
    key: str
    label: str
    meaning: str
    lowest: bool = False
    counts: bool = True

    def as_score(self, score: float | None, scale: Scale) -> float | None:
        """What training reads: the score, the lowest point of the scale, or None = teaches nothing."""
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
        ),
        Verdict(
            name="unsafe",
            key="u",
            label="Unsafe",
            meaning="Harmful or offensive, whatever its quality: counts as the lowest score.",
            lowest=True,
        ),
    )
}

COUNTING: tuple[str, ...] = tuple(v.name for v in VERDICTS.values() if v.counts)
"""Verdicts that fill the quota and a response's overlap."""

SET_ASIDE: tuple[str, ...] = tuple(v.name for v in VERDICTS.values() if not v.counts)
"""Verdicts that say nothing about the response: it stays open for others."""
