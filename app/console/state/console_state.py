"""What the console shows at one moment: read when a panel first asks for it, and shared by all panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.console.state.actions import find_lessons_of_excluded
from app.console.state.background_cache import BackgroundCache
from app.console.state.prompt_trials import PromptTrial, find_latest_trial
from app.console.state.round_summary import RoundSummaries, RoundSummary
from app.console.state.round_verdicts import Judgement, RoundVerdicts
from app.console.state.settings_change import RoundPlan, read_plan
from app.console.state.training_health import find_last_training
from app.console.state.version_list import ratings_trained_on
from app.console.state.what_next import WhatNext, what_next
from app.sample_comparison import SampleComparison, compare_samples, find_answers
from rater_data.lifecycle import Event, Lessons, Round, Version
from rater_data.overview.people import RaterFigures, read_rater_figures
from rater_data.overview.round_overview import RoundOverview, read_overview
from rater_data.overview.trainer_status import WorkerStatus
from rater_data.records import EditedResponse, Token, User
from rater_data.round_settings import ENGINE_REPORT, RATER_REVIEW, SET_ASIDE, is_continuation
from rater_data.scales import Scale
from rater_data.store import Store

EVENTS_SHOWN = 50
EDITS_SHOWN = 10


@dataclass
class ConsoleCaches:
    """What is slow to compute, kept for all pages of a server; `verdicts` for its JSON routes, too."""

    verdicts: RoundVerdicts
    summaries: RoundSummaries = field(default_factory=RoundSummaries)
    lessons: BackgroundCache[Lessons | None] = field(default_factory=lambda: BackgroundCache(None))
    rater_figures: BackgroundCache[list[RaterFigures]] = field(default_factory=lambda: BackgroundCache([]))
    guidelines: BackgroundCache[dict[int, int]] = field(default_factory=lambda: BackgroundCache({}))


@dataclass(frozen=True, slots=True)
class RoundEdits:
    """The latest better answers of a round, with their authors' names by id, of `total`; `excluded` do not count."""

    latest: Sequence[EditedResponse]
    names: dict[int, str]
    excluded: frozenset[int]
    total: int


class ConsoleState:
    """`selected_versions`: those chosen to be seen side by side, (None, None) for the one in use and its parent."""

    def __init__(
        self,
        store: Store,
        worker: WorkerStatus,
        caches: ConsoleCaches,
        selected_versions: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self.store, self.worker, self.caches = store, worker, caches
        self.selected_versions = selected_versions

    @cached_property
    def overview(self) -> RoundOverview:
        return read_overview(self.store, self.worker)

    @property
    def is_training(self) -> bool:
        return self.overview.job is not None and self.overview.job.kind == "train"

    @cached_property
    def summary(self) -> RoundSummary:
        return self.caches.summaries.read(self.store, self.overview.progress)

    @cached_property
    def scale(self) -> Scale:
        return self.store.scale()

    @cached_property
    def _last_training(self) -> tuple[Round | None, list[dict[str, Any]]]:
        return find_last_training(self.store)

    @property
    def trained_round(self) -> Round | None:
        return self._last_training[0]

    @property
    def trained_on_continuations(self) -> bool:
        """Whether the responses of that training go on with their prompts' texts."""
        return self.trained_round is not None and is_continuation(self.trained_round.config)

    @property
    def steps(self) -> list[dict[str, Any]]:
        return self._last_training[1]

    @cached_property
    def answers_before(self) -> tuple[int, dict[str, str]]:
        """The version that this training began with, and its answers to the prompts that the training watches."""
        trained, watched = self.trained_round, [step["samples"] for step in self.steps if step.get("samples")]
        if trained is None or trained.version_number is None or not watched:
            return 0, {}
        begun_with = self.store.version(trained.version_number)
        if is_continuation(begun_with.metrics) != self.trained_on_continuations:
            return begun_with.number, {}  # told otherwise: no answer to what is asked now
        return begun_with.number, find_answers(
            self.store, begun_with.number, [s["prompt"] for s in watched[-1]]
        )

    @cached_property
    def engine_report(self) -> dict[str, Any]:
        """What the trainer says of the model it loaded; empty before it did."""
        return dict(self.store.setting(ENGINE_REPORT, {}))

    @cached_property
    def prompts_set_aside(self) -> dict[str, Any]:
        """Prompts that the open round goes on without: {"round", "prompts": {id: {"text", "why"}}}."""
        return dict(self.store.setting(SET_ASIDE, {}))

    @cached_property
    def what_next(self) -> WhatNext:
        """By the trainer's last look at the ratings of this round, else by the gate of the last training."""
        report = self.summary.readiness or (self.trained_round.gate if self.trained_round else None)
        followed = self.caches.guidelines.get(self.store.guidelines_followed)
        current, _ = self.store.guideline()
        stats = [one.stats for one in self.rater_figures]
        return what_next(report, stats, followed, current, self.scale)

    @cached_property
    def plan(self) -> RoundPlan:
        """What the rounds to come will cost."""
        return read_plan(self.store)

    @cached_property
    def versions(self) -> Sequence[Version]:
        return self.store.versions()

    @cached_property
    def judgement(self) -> Judgement:
        """Whether training helped, round by round."""
        return self.caches.verdicts.read(self.store)

    @cached_property
    def better_answers(self) -> RoundEdits:
        """To responses of the open round."""
        round_ = self.store.round()
        total = 0 if round_ is None else self.store.count_edits(round_.number)
        if round_ is None or total == 0:
            return RoundEdits((), {}, frozenset(), 0)
        names = {user.id: user.name for user in self.users}
        excluded = frozenset(user.id for user in self.users if user.excluded)
        return RoundEdits(self.store.edited(round_.number, EDITS_SHOWN), names, excluded, total)

    @cached_property
    def ratings_trained_on(self) -> dict[int, int]:
        return ratings_trained_on(self.store)

    @cached_property
    def sample_comparison(self) -> SampleComparison | None:
        return compare_samples(self.store, *self.selected_versions)

    @cached_property
    def latest_trial(self) -> PromptTrial | None:
        return find_latest_trial(self.store)

    @cached_property
    def users(self) -> Sequence[User]:
        return self.store.users()

    @cached_property
    def rater_figures(self) -> Sequence[RaterFigures]:
        """Of everybody who has rated."""
        return self.caches.rater_figures.get(lambda: read_rater_figures(self.store))

    @cached_property
    def rater_review(self) -> dict[str, Any]:
        """What the trainer last found out about the raters; empty before it looked."""
        return dict(self.store.setting(RATER_REVIEW, {}))

    @cached_property
    def lessons_of_excluded(self) -> Lessons | None:
        return self.caches.lessons.get(lambda: find_lessons_of_excluded(self.store))

    @cached_property
    def tokens(self) -> Sequence[Token]:
        return self.store.tokens()

    @cached_property
    def events(self) -> Sequence[Event]:
        return self.store.events(limit=EVENTS_SHOWN)
