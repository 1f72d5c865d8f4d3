"""While people rate: would the head pass the gate now, who rates unlike the others, has the version hurt, is it time to
train, and what would a round cost on this machine?"""

import contextlib
import time
from dataclasses import asdict

import numpy as np

from ppo.algorithm.rater_review import Reviewed
from ppo.config import Config
from ppo.costs.measuring import costs_of, machine_in_words, work_minibatch
from ppo.progress import Progress
from ppo.reward.evaluation.report import cross_validate
from ppo.training import store_tensors
from ppo.training.engine import Engine
from rater_data.errors import BadInput, Busy, Refused
from rater_data.planning.basis import read_costs
from rater_data.round_settings import (
    MIN_RATINGS_TO_TRAIN,
    RATER_REVIEW,
    READINESS,
    RETURN_WHEN_HURT,
    RETURNED_FROM,
    ROUND_COSTS,
    TRAIN_AT_QUOTA,
)
from rater_data.statistics.round_verdict import HURT
from rater_data.store import Store
from rater_data.store.database.release import own_release

EVERY = 8  # ratings after which the head is looked at again
RETURNER = "automatic return"  # who rolled back, in the log of events
STARTER = "automatic training"  # who started a training
SETTLED_S = 20.0  # after a round's last rating: whoever gave it may still take it back
SHARE = 20  # looks at the verdict take one part in so many of the time
LOOK_FOR_JOBS_S = 0.5  # between two looks for work while costs are measured
SOME_PROMPTS = 64  # whose length stands for all
SLOW_S, REST, LONGEST_REST_S = 20.0, 4, 600.0
"""A look at raters and head that takes longer is followed by so many times as long without one, up to ten minutes."""
MAX_RATINGS, MAX_REVIEWED = 5_000, 2_000
"""That the head and the raters are looked at by while raters work; of more, the open round's and then the newest. What
is known of a rater takes a fit of a head for each."""


class ReadinessCheck:
    """Says beforehand whether the reward head of the open round could be told from chance."""

    def __init__(self) -> None:
        self._last_checked: tuple[int, int] = (0, -EVERY)
        self._excluded: list[int] = []
        self._not_before = 0.0

    def is_due(self, store: Store) -> bool:
        """Whether enough was rated since the last check, or somebody does not count any more, or counts again."""
        progress = store.round_progress()
        if progress is None or progress.round.state != "rating":
            return False
        number, (last_round, last_ratings) = progress.round.number, self._last_checked
        new_ratings = progress.ratings - (last_ratings if last_round == number else -EVERY)
        is_new = new_ratings >= EVERY or (progress.complete and new_ratings > 0)
        excluded = excluded_raters(store)
        is_new = is_new and progress.ratings >= MIN_RATINGS_TO_TRAIN and time.monotonic() >= self._not_before
        if not is_new and excluded == self._excluded:
            return False
        self._last_checked, self._excluded = (number, progress.ratings), excluded
        return store.count_ratings() >= MIN_RATINGS_TO_TRAIN

    def update(self, store: Store, engine: Engine, progress: Progress) -> None:
        """Fits a head on what would be sealed now and keeps what is to be said of it and of the raters.

        Of more than MAX_RATINGS, and of the raters more than MAX_REVIEWED, by so many: both records have how many were
        looked at, `ratings`, and `of` how many.
        """
        began = time.monotonic()
        try:
            self._look(store, engine, progress)
        finally:
            took = time.monotonic() - began
            rest = min(REST * took, LONGEST_REST_S) if took > SLOW_S else 0.0
            self._not_before = time.monotonic() + rest

    def _look(self, store: Store, engine: Engine, progress: Progress) -> None:
        round_, version = store.round(), store.current_version()
        assert round_ is not None and version is not None, "it is due while a round is rated"
        rated, known = store.newest_ratings(MAX_RATINGS, round_.number)
        config = engine.round_config(store)
        data = store_tensors.rated_responses(store, engine.base, rated, version.number, config.sample)
        features = engine.reward_features(data, config, progress)
        depths = len(engine.reward_layers(config))
        report = cross_validate(
            features, data.judgements, data.prompts, config.reward.folds, config.seed, depths, data.ceiling
        )
        looked = {"round": round_.number, "of": known, "at": time.time()}
        store.set_setting(READINESS, {**looked, "ratings": len(rated), **asdict(report)})
        if not data.ids:
            return  # of everybody who rated nobody counts
        reviewed, _ = store.newest_ratings(MAX_REVIEWED, round_.number)
        rows = np.flatnonzero(np.isin(data.prompts, [r.response.prompt_id for r in reviewed]))
        if len(rows):
            ids = [data.ids[row] for row in rows]
            review = Reviewed(reviewed, ids, features[rows], data.prompts[rows]).review()
            store.set_setting(RATER_REVIEW, review | looked)


def excluded_raters(store: Store) -> list[int]:
    """The ids of those whose ratings do not count."""
    return sorted(user.id for user in store.users() if user.excluded)


class GivenUp(Exception):
    """Raised inside a measurement when there is work to be done."""


class CostMeasurement:
    """Measures what a mini-batch costs, once for a model on a machine by a release; given up as soon as a job waits.

    Only with a model that is in memory. What a server elsewhere writes takes other than this says, until a training
    corrects it.
    """

    def __init__(self) -> None:
        self._is_known = False
        self._looked_at = 0.0

    def is_due(self, store: Store, engine: Engine | None) -> bool:
        """Whether a round is rated and nobody measured this yet."""
        if self._is_known or engine is None:
            return False
        round_ = store.round()
        return round_ is not None and round_.state == "rating"

    def update(self, store: Store, engine: Engine) -> None:
        """Keeps what was measured. What fails is not tried again by this process."""
        policy, config = engine.policy, engine.round_config(store)
        kept, release = read_costs(store), own_release().version
        machine = machine_in_words(policy.device)
        what = (engine.base.name, str(policy.device), policy.precision, release, machine)
        self._is_known = True
        if kept is not None and kept.what == what:
            return

        def check() -> None:
            now = time.monotonic()
            if now - self._looked_at > LOOK_FOR_JOBS_S:
                self._looked_at = now
                if store.active_job() is not None or store.active_job("try") is not None:
                    raise GivenUp

        layers, limit = engine.reward_layers(config), engine.prompt_limit(config)
        try:
            measured = work_minibatch(policy, engine.base, config, layers, limit, check)
        except GivenUp:
            self._is_known = False
            return
        prompts = _mean_prompt_tokens(store, engine, config, limit)
        costs = costs_of(measured, policy, config, engine.base.name, release, prompts)
        store.set_setting(ROUND_COSTS, costs.to_json())


def _mean_prompt_tokens(store: Store, engine: Engine, config: Config, limit: int) -> float | None:
    """Of some of the prompts that are trained on; None where none can be written."""
    prompts = store_tensors.trainable_prompts(store)
    lengths = []
    for prompt in prompts[:: max(1, len(prompts) // SOME_PROMPTS)]:
        with contextlib.suppress(
            BadInput
        ):  # one that the template cannot write is set aside when it is drawn
            lengths.append(len(store_tensors.encode_prompt(engine.base, prompt, config.sample, limit)))
    return sum(lengths) / len(lengths) if lengths else None


class ReturnWhenHurt:
    """Goes back to the version before once people's verdict on the one in use is that it hurt; where operators want it.

    The verdict's interval holds at every look, so looking after every rating makes it no less certain.
    """

    def __init__(self) -> None:
        self._last_mark: tuple[int, int] | None = None
        self._not_before = 0.0

    def look(self, store: Store) -> bool:
        """Whether the version before was put in use again; the next responses are asked for then."""
        if not store.setting(RETURN_WHEN_HURT, False) or time.monotonic() < self._not_before:
            return False
        mark, round_, version = store.change_mark(), store.round(), store.current_version()
        if mark == self._last_mark or round_ is None or version is None or version.parent is None:
            return False
        self._last_mark, began = mark, time.monotonic()
        is_open = round_.state in ("generating", "rating") and round_.version_number == version.number
        if not is_open or version.number in store.setting(RETURNED_FROM, []):
            return False
        verdict = store.round_verdict(round_.number)
        self._not_before = began + (SHARE + 1) * (time.monotonic() - began)
        if verdict.word != HURT or verdict.gain is None:
            return False
        gain = {"gain": verdict.gain.mean, "low": verdict.gain.low, "high": verdict.gain.high}
        with contextlib.suppress(Busy, Refused):  # an operator was quicker
            store.return_from(version.number, RETURNER, round=round_.number, **gain)
            store.enqueue("generate", {})
            return True
        return False


class TrainAtQuota:
    """Starts the training of a round that has all its ratings, where operators want it."""

    def __init__(self) -> None:
        self._last_mark: tuple[int, int] | None = None
        self._full: tuple[int, float] | None = None  # a round, and since when it is seen to be full

    def look(self, store: Store) -> bool:
        """Whether a training was started: some seconds after the round was full, so that an undo comes before."""
        if not store.setting(TRAIN_AT_QUOTA, False):
            return False
        mark = store.change_mark()
        if mark != self._last_mark:
            self._last_mark, progress = mark, store.round_progress()
            if progress is None or progress.round.state != "rating" or not progress.complete:
                self._full = None
            elif self._full is None or self._full[0] != progress.round.number:
                self._full = (progress.round.number, time.monotonic())
        if self._full is None or time.monotonic() - self._full[1] < SETTLED_S:
            return False
        number, self._full = self._full[0], None
        with contextlib.suppress(Busy, Refused):  # an operator was quicker
            store.start_training(number, STARTER)
            return True
        return False
