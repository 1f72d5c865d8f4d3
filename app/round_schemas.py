"""What /api/round answers: the round, its job and trainer, what comes next, and whether it helped."""

from __future__ import annotations

from typing import Any, Literal

from app.api_schemas import Schema


class CurrentRound(Schema):
    """`by_stratum`: ratings given and wanted; `gate`: what the gate said of the reward head."""

    number: int
    state: str
    version: int | None
    responses: int
    expected_responses: int
    ratings: int
    quota: int
    complete: bool
    by_stratum: dict[str, tuple[int, int]]
    raters: int
    ratings_last_hour: int
    mean_score: float | None
    scores: dict[str, int]
    gate: dict[str, Any] | None


class Job(Schema):
    id: int
    kind: str
    state: str
    progress: dict[str, Any]


class NextStep(Schema):
    """What the console's main button says, and why it can or cannot be pressed."""

    label: str
    sentence: str
    possible: bool
    alternative: str | None
    override_possible: bool


class Standing(Schema):
    """How the round stands: a state, its label in words, and what keeps the trainer from its work, or nothing."""

    name: str
    label: str
    trouble: str


class Trainer(Schema):
    state: str
    deaths: int
    last_words: str


class Estimate(Schema):
    """A mean with its 95 % interval, of n observations."""

    mean: float
    low: float
    high: float
    n: int


class Verdict(Schema):
    """Did it help? The version that wrote the round against its parent, by ratings of the same prompts, blind.

    `gain`: in points (of comparisons from -1 to 1), with an interval that holds at every look; `win_rate`: how often
    the new version is preferred on the same prompt; `explained_by_length`: how much of the gain goes with answers that
    are `length_difference` characters longer. `blind` of `planned` control ratings are in, and about `more` would
    settle it.
    `drift`: how much higher raters score the anchors than when they first read them.
    """

    round: int
    version: int
    parent: int | None
    word: Literal["helped", "open", "hurt"]
    title: str
    sentence: str
    gain: Estimate | None
    win_rate: Estimate | None
    explained_by_length: Estimate | None
    length_difference: float | None
    blind: int
    planned: int
    more: int | None
    drift: Estimate | None


class CurvePoint(Schema):
    """How far the version that wrote a round is above the first one: points, or of comparisons the share that prefers
    it. Null where a gain on the way was not measured.

    `by_head`: the same on holdout prompts (where there were none, on training prompts) as the reward head of its
    training expects it; `kl`: nats per response from the base model. Null where no training says.
    """

    round: int
    version: int
    value: Estimate | None
    by_head: Estimate | None
    kl: float | None


class RoundState(Schema):
    title: str
    state: Standing
    round: CurrentRound | None
    verdict: Verdict | None
    learning_curve: list[CurvePoint]
    job: Job | None
    next: NextStep
    worker: Trainer
