"""While people still rate: would the reward head pass the gate now, and who rates unlike the others?"""

import time
from dataclasses import asdict

from ppo.algorithm.rater_review import Reviewed
from ppo.progress import Progress
from ppo.reward.evaluation.report import cross_validate
from ppo.training import store_tensors
from ppo.training.engine import Engine
from rater_data.round_settings import MIN_RATINGS_TO_TRAIN, RATER_REVIEW, READINESS
from rater_data.store import Store

EVERY = 8  # ratings after which the head is looked at again
MAX_RATINGS = 5_000  # responses whose features are read while raters work; more wait for the training


class ReadinessCheck:
    """Says beforehand whether the reward head of the open round could be told from chance."""

    def __init__(self) -> None:
        self._last_checked: tuple[int, int] = (0, -EVERY)
        self._excluded: list[int] = []

    def is_due(self, store: Store) -> bool:
        """Whether enough was rated since the last check, or somebody does not count any more, or counts again."""
        progress = store.round_progress()
        if progress is None or progress.round.state != "rating":
            return False
        number, (last_round, last_ratings) = progress.round.number, self._last_checked
        new_ratings = progress.ratings - (last_ratings if last_round == number else -EVERY)
        is_new = new_ratings >= EVERY or (progress.complete and new_ratings > 0)
        excluded = excluded_raters(store)
        if not (is_new and progress.ratings >= MIN_RATINGS_TO_TRAIN) and excluded == self._excluded:
            return False
        self._last_checked, self._excluded = (number, progress.ratings), excluded
        return MIN_RATINGS_TO_TRAIN <= store.count_ratings() <= MAX_RATINGS

    def update(self, store: Store, engine: Engine, progress: Progress) -> None:
        """Fits a head on what would be sealed now and keeps what is to be said of it and of the raters."""
        round_, version, rated = store.round(), store.current_version(), store.ratings_to_seal()
        assert round_ is not None and version is not None, "it is due while a round is rated"
        config = engine.round_config(store)
        data = store_tensors.rated_responses(store, engine.base, rated, version.number, config.sample)
        features = engine.reward_features(data, config, progress)
        depths = len(engine.reward_layers(config))
        report = cross_validate(
            features, data.judgements, data.prompts, config.reward.folds, config.seed, depths
        )
        readiness = {"round": round_.number, "ratings": len(rated), "at": time.time(), **asdict(report)}
        store.set_setting(READINESS, readiness)
        if not data.ids:
            return  # of everybody who rated nobody counts
        reviewed = Reviewed(rated, data.ids, features, data.prompts)
        store.set_setting(RATER_REVIEW, reviewed.review() | {"round": round_.number, "at": time.time()})


def excluded_raters(store: Store) -> list[int]:
    """The ids of those whose ratings do not count."""
    return sorted(user.id for user in store.users() if user.excluded)
