"""Records of what runs: versions, rounds, jobs, events, and what is reported about them."""

from dataclasses import dataclass
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput

VERSION_STATUSES = ("candidate", "current", "kept", "rolled_back")
JOB_KINDS = ("generate", "train", "try")
ROUND_JOBS = ("generate", "train")
"""Jobs that move a round on. `try`: an answer to a prompt that an operator asked, by some versions."""
LOADING = "Loading the model"
UNPACKING = "Unpacking the model, this once"
"""What a trainer does before its first work: phases of a job's progress."""
THEN_TRAIN = "then_train"
"""In the payload of a job that writes responses: who asked for the round to be trained as soon as they are there."""
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")

_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "generating": ("rating", "rolled_back"),
    "rating": ("sealed", "rolled_back"),
    # sealed → failed: the training was cancelled, or its worker died, before it began
    "sealed": ("training", "failed", "rolled_back"),
    "training": ("published", "refused", "failed"),
    "refused": ("rating", "training", "rolled_back"),
    "failed": ("sealed", "rolled_back"),
    "published": ("rolled_back",),
    # the operator changes their mind about a roll-back
    "rolled_back": ("published",),
}
_IMPORTED_TRANSITIONS: dict[str, tuple[str, ...]] = {
    # round 0 holds what was imported: it is published, until its responses are offered to raters
    "published": ("rating",),
}
ROUND_STATES = tuple(_TRANSITIONS)
RATABLE_STATES = ("generating", "rating", "sealed", "training", "refused")
"""States in which raters get cards of the latest round.

What comes after the seal counts for the next snapshot.
"""
FINISHED_STATES = ("published", "refused", "rolled_back")
"""States after which the next round may begin.

After a refusal the same version writes more to rate: raters never run dry, and the ratings of the refused
round go on counting.
"""


def next_states(state: str, *, imported: bool = False) -> tuple[str, ...]:
    """The states a round may go to from this one; `imported`: it is round 0. Raises BadInput for no state."""
    checks.one_of("The state of a round", state, ROUND_STATES)
    return _IMPORTED_TRANSITIONS.get(state, ()) if imported else _TRANSITIONS[state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A policy.

    `folder` is relative to the home ("" for version 0, the base itself); `sha256` of its weights.
    """

    number: int
    parent: int | None
    folder: str
    sha256: str
    base_model: str
    base_revision: str
    metrics: dict[str, Any]
    status: str
    created_at: float
    notes: str = ""

    def __post_init__(self) -> None:
        checks.whole("The number of a version", self.number)
        if self.parent is not None and not 0 <= self.parent < self.number:
            raise BadInput(
                f"Version {self.number} cannot come from version {self.parent}: a parent is older."
            )
        checks.one_of("The status of a version", self.status, VERSION_STATUSES)
        parts = self.folder.replace("\\", "/").split("/")
        if self.folder.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise BadInput(
                f"The folder of a version has to lie inside the home folder, not at {self.folder!r}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One turn of the ring. `version_number` wrote its responses; `published_version` came out of it.

    Round 0 holds imported responses, which no version wrote: there `version_number` is None.
    """

    number: int
    state: str
    config: dict[str, Any]
    version_number: int | None
    snapshot_sha256: str | None
    gate: dict[str, Any] | None
    decision: str | None
    created_at: float
    updated_at: float
    published_version: int | None = None

    @property
    def kept_nothing(self) -> bool:
        """Refused though the gate had let it pass: it was trained, and nothing of what PPO did could be kept."""
        gate = self.gate or {}
        return self.state == "refused" and bool(gate.get("passed") or gate.get("overridden"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work for the trainer's process. `progress`: {"phase", "done", "total", "eta_s", "note"}."""

    id: int
    kind: str
    payload: dict[str, Any]
    state: str
    progress: dict[str, Any]
    worker: str | None
    heartbeat_at: float | None
    attempts: int
    cancel_requested: bool
    error: str | None
    log_tail: str
    created_at: float
    updated_at: float
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """The `version` in use has learned from the people of these names; the one `before` has not."""

    version: int
    before: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Who did what when. Never changed, never deleted."""

    id: int
    at: float
    actor: str
    what: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a version says to a prompt with a seed: for reading before beside after."""

    version_number: int
    prompt_id: int
    seed: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundProgress:
    """How full a round is.

    Only ratings that fill the quota count as `ratings`; skip and cannot judge are `set_aside`. `ratings_last_hour`:
    their pace an hour, by the last hour or what of it people have been at work.
    `by_stratum`: (ratings, wanted) each; `scores`: how many ratings gave "1", "2", …; `mean_score` of those.
    """

    round: Round
    responses: int
    expected_responses: int
    ratings: int
    set_aside: int
    quota: int
    by_stratum: dict[str, tuple[int, int]]
    raters: int
    ratings_last_hour: float
    mean_score: float | None
    scores: dict[str, int]
    complete: bool


LOST_AFTER_S = 60.0
"""A trainer that was not heard of for so long is taken for dead, and its job is given to another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A trainer: its name, its machine and device, its release in words, and when it was last heard of (epoch s)."""

    name: str
    host: str
    device: str
    release: str
    same_release: bool
    seen_at: float

    def is_alive(self, now: float) -> bool:
        """Whether it was heard of lately."""
        return now - self.seen_at < LOST_AFTER_S
