"""What the worker does beside rounds: an operator's own prompt to some versions, and a look at the reward head."""

import time
from dataclasses import asdict
from typing import Any

from ppo.algorithm import reward_head
from ppo.progress import Phases
from ppo.training import store_tensors
from ppo.training.engine import Engine
from rater_data.lifecycle import Job
from rater_data.records import Message, Prompt
from rater_data.setting_names import READINESS
from rater_data.store import Store

EVERY = 8  # ratings after which the head is looked at again
MOST_LOOKED_AT = 5_000  # responses whose features are read while raters work; more wait for the training


def answer_try(store: Store, engine: Engine, job: Job, progress: Phases) -> dict[str, Any]:
    """The versions of the job's payload answer its messages, with one seed. Raises Missing."""
    versions = [int(v) for v in job.payload["versions"]]
    messages = tuple(Message(**m) for m in job.payload["messages"])
    prompt, seed = Prompt(messages=messages), int(job.payload["seed"])
    config = engine.settings(store)
    said: list[dict[str, Any]] = []
    progress.phase("Trying a prompt", len(versions))
    for version in versions:
        store.version(version)
        engine.use(store, version)
        rollout, texts = engine.roll([prompt], 1, config, seed)
        said.append(
            {
                "version": version,
                "text": texts[0],
                "tokens": int(rollout.lengths[0]),
                "ended": bool(rollout.ended[0]),
            }
        )
        progress.advance(len(said))
    return {"answers": said}


class Lookout:
    """Says beforehand whether the reward head of the open round could be told from chance."""

    def __init__(self) -> None:
        self._seen: tuple[int, int] = (0, -EVERY)

    def due(self, store: Store) -> bool:
        """Whether enough was rated since the last look."""
        round_ = store.round_progress()
        if round_ is None or round_.round.state != "rating" or round_.ratings < reward_head.MINIMUM:
            return False
        number, before = round_.round.number, self._seen
        grown = round_.ratings - (before[1] if before[0] == number else -EVERY)
        if grown < EVERY and not (round_.complete and grown > 0):
            return False
        self._seen = (number, round_.ratings)
        return store.count_ratings() <= MOST_LOOKED_AT

    def look(self, store: Store, engine: Engine, progress: Phases) -> None:
        """Fits a head on what would be sealed now and keeps what is to be said of it."""
        number, rated = store.round().number, store.trusted()
        data = store_tensors.gathered(store, engine.base, rated, store.current_version().number)
        config = engine.settings(store)
        features = engine.features(data, config, progress)
        found = reward_head.report(
            features, data.ratings, data.prompts, config.reward.folds, data.scale, config.seed
        )
        told = {"round": number, "ratings": len(rated), "at": time.time(), **asdict(found)}
        store.set_setting(READINESS, told)
