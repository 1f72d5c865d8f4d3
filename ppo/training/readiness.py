"""While people still rate: would the reward head of the open round pass the gate if it were trained now?"""

import time
from dataclasses import asdict

from ppo.algorithm import reward_head
from ppo.progress import Progress
from ppo.training import store_tensors
from ppo.training.engine import Engine
from rater_data.setting_names import READINESS
from rater_data.store import Store

EVERY = 8  # ratings after which the head is looked at again
MAX_RATINGS = 5_000  # responses whose features are read while raters work; more wait for the training


class ReadinessCheck:
    """Says beforehand whether the reward head of the open round could be told from chance."""

    def __init__(self) -> None:
        self._last_checked: tuple[int, int] = (0, -EVERY)

    def is_due(self, store: Store) -> bool:
        """Whether enough was rated since the last look."""
        round_ = store.round_progress()
        if round_ is None or round_.round.state != "rating" or round_.ratings < reward_head.MINIMUM:
            return False
        number, before = round_.round.number, self._last_checked
        grown = round_.ratings - (before[1] if before[0] == number else -EVERY)
        if grown < EVERY and not (round_.complete and grown > 0):
            return False
        self._last_checked = (number, round_.ratings)
        return store.count_ratings() <= MAX_RATINGS

    def update(self, store: Store, engine: Engine, progress: Progress) -> None:
        """Fits a head on what would be sealed now and keeps what is to be said of it."""
        number, rated = store.round().number, store.trusted()
        data = store_tensors.rated_responses(store, engine.base, rated, store.current_version().number)
        config = engine.round_config(store)
        features = engine.reward_features(data, config, progress)
        found = reward_head.report(
            features, data.ratings, data.prompts, config.reward.folds, data.scale, config.seed
        )
        told = {"round": number, "ratings": len(rated), "at": time.time(), **asdict(found)}
        store.set_setting(READINESS, told)
