"""The whole ring with scripted raters: does it learn what they like?

Everything is the real thing: the store in an empty home of its own, the queue with its leases, the worker's code,
the operator's Train. Only the raters are functions, so the truth is known and can be measured on prompts that
nobody rated and nothing was trained on.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ppo.algorithm.experience import evaluate_rollout
from ppo.algorithm.measures import distinct_2, mean_interval
from ppo.config import Config
from ppo.demo.classifier import ClassifierRater
from ppo.demo.score_worth import JudgedTexts, best_of, draw_judged, score_gain
from ppo.demo.scripted_raters import ratings_of
from ppo.processes import ALONE, Processes
from ppo.tracking.tracking import Tracking
from ppo.training import checkpoint, store_tensors
from ppo.training.engine import Engine
from ppo.training.worker import Worker
from rater_data.errors import BadInput, RateloopError
from rater_data.importing.import_files import bundled_prompts, import_prompts
from rater_data.lifecycle import Job
from rater_data.rater_functions import Rater
from rater_data.records import SPLITS, Card, Prompt, Rating, User
from rater_data.round_settings import PLAIN, RATER_REVIEW
from rater_data.scales import SCALES
from rater_data.store import Store

EVALUATION_SEED = 1_234_567
SAMPLES_SHOWN = 3  # samples printed before and after
FEWEST_HOLDOUT = 2  # prompts without which there is no interval over prompts
SCALE = SCALES["score_1_10"]
HONEST, CONTRARY, AT_RANDOM = "honest", "contrary", "at random"  # how a scripted rater rates


@dataclass(frozen=True)
class DemoConfig:
    """What the demo is asked to do; noise and bias in points of the scale.

    `prompts`: a file of prompts, None for the everyday ones. `best_of`: responses of the base to each holdout prompt
    that every head picks its favourite from; 0 = none. `contrary`: how many of the raters use the scale the other way
    round, `at_random`: how many rate whatever the text says.
    """

    rounds: int
    ratings: int
    seed: int = 0
    noise: float = 1.0
    bias: float = 0.0
    raters: int = 3
    flip: bool = False
    scale: str = "score_1_10"
    evaluated_per_prompt: int = 4
    best_of: int = 16
    prompts: Path | None = None
    contrary: int = 0
    at_random: int = 0

    def __post_init__(self) -> None:
        if self.contrary + self.at_random > self.raters:
            raise BadInput(f"Of {self.raters} raters no more can be contrary or at random.")


@dataclass(frozen=True)
class ScriptedRater:
    """A person of the demo: points above the truth, and one of the ways to rate."""

    user: User
    bias: float
    way: str


@dataclass
class Demo:
    """One run: a store, a worker and some scripted raters.

    `log` gets a line for what happens, `on_progress` each job's progress. `generator` and `processes`: as for `Engine`.
    `tracking`: what is told of the trainings.
    """

    home: Path
    model: str
    device: str
    rater: Rater
    settings: DemoConfig
    config: Config
    log: Callable[[str], None]
    on_progress: Callable[[Job, dict[str, Any]], None] | None = None
    generator: str | None = None
    processes: Processes = ALONE
    tracking: Tracking | None = None
    _before: JudgedTexts | None = field(default=None, init=False, repr=False)
    _candidates: JudgedTexts | None = field(default=None, init=False, repr=False)
    rows: list[dict[str, Any]] = field(default_factory=list)
    texts: list[list[tuple[str, str]]] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """All rounds; returns what `--json` writes."""
        self.store = Store.open(self.home)
        try:
            self._set_up()
            for _ in range(self.settings.rounds):
                self._run_round()
        finally:
            self.store.close()
        return {
            "model": self.model,
            "seed": self.settings.seed,
            "ratings": self.settings.ratings,
            "noise": self.settings.noise,
            "bias": self.settings.bias,
            "rounds": self.rows,
            "config": self.config.to_dict(),
        }

    def _set_up(self) -> None:
        store, settings = self.store, self.settings
        self._add_prompts()
        store.choose_scale(settings.scale)
        if isinstance(self.rater, ClassifierRater):
            self.log(f"{self.rater}.")
        self._noise = random.Random(f"raters:{settings.seed}")
        count = settings.raters
        spread = [0.0] if count == 1 else [-1 + 2 * i / (count - 1) for i in range(count)]
        ways = [CONTRARY] * settings.contrary + [AT_RANDOM] * settings.at_random
        ways += [HONEST] * (count - len(ways))
        self._people: list[ScriptedRater] = [
            ScriptedRater(store.add_user(f"rater-{i + 1}", "rater"), settings.bias * s, way)
            for i, (s, way) in enumerate(zip(spread, ways, strict=True))
        ]
        plan = replace(self.config.plan, ratings=settings.ratings)
        self.config = replace(self.config, plan=plan, seed=settings.seed)
        engine = Engine(
            self.home, self.model, self.device, self.config, self.generator, processes=self.processes
        )
        self.worker = Worker(store, lambda: engine, self.on_progress, self.tracking)
        store.enqueue("generate", {})
        self._run_job()
        self._evaluate(None, {})
        if settings.best_of > 0:
            self.log(
                f"Writing {settings.best_of} responses to each holdout prompt, for every head to pick from."
            )
            prompts, seed = store_tensors.holdout_prompts(store), EVALUATION_SEED - 1 - settings.seed
            self._candidates = draw_judged(
                engine, prompts, settings.best_of, self.config, seed, self.true_ratings
            )

    def _add_prompts(self) -> None:
        """The file's prompts, or the everyday ones; some have to be held out, or nothing could be measured."""
        file = self.settings.prompts
        if file is None:
            self.store.add_prompts(bundled_prompts())
            return
        import_prompts(self.store, file)
        splits = {name: len(self.store.prompts(name)) for name in SPLITS}
        if splits["holdout"] < FEWEST_HOLDOUT or not splits["train"]:
            raise BadInput(
                f"{file} has {splits['train']} prompts to train on and {splits['holdout']} that are held out; the demo "
                f'wants {FEWEST_HOLDOUT} held out to measure on: give them "split": "holdout".'
            )
        measured = splits["holdout"] * self.settings.evaluated_per_prompt
        self.log(
            f"{file.name}: {splits['train']} prompts to train on, {measured} responses to measure a version."
        )

    def _run_round(self) -> None:
        """Rate, train, write the next responses, measure."""
        began = time.monotonic()
        self._collect_ratings()
        rated = time.monotonic() - began
        said = self._what_raters_say()
        open_round = self.store.round()
        assert open_round is not None
        number = open_round.number
        self.store.start_training(number, "demo")
        train = self._run_job()
        seconds = {"rate": round(rated, 1)}
        if train is not None and train.state == "failed":
            raise RateloopError(f"Round {number} failed: {train.error}")
        self._evaluate(number, seconds)
        self.rows[-1] |= said
        self._run_job()  # the next round's responses

    def _run_job(self) -> Job | None:
        """Lets the worker do the next job, as `python -m ppo work` would."""
        job = self.worker.run_one()
        if job is not None and job.state == "failed":
            raise RateloopError(job.error or "The job failed.")
        return job

    # ---- rating

    def _collect_ratings(self) -> None:
        """The raters take cards in turn until the round has its ratings or there are no cards left."""
        store, given = self.store, 0
        quota = self.settings.ratings
        idle = 0
        while given < quota and idle < len(self._people):
            person = self._people[given % len(self._people)]
            card = store.next_card(person.user.id)
            if card is None:
                idle += 1
                self._people.append(self._people.pop(0))
                continue
            idle = 0
            store.submit(self._rate_card(person, card))
            given += 1
        if given == 0:
            raise BadInput("There is nothing left to rate in this round.")

    def _what_raters_say(self) -> dict[str, Any]:
        """What the operator reads before the training: of the version in use, and of whom to look at."""
        store, round_ = self.store, self.store.round()
        assert round_ is not None
        found = store.round_verdict(round_.number)
        said: dict[str, Any] = {"of_version": round_.version_number, "verdict": found.word, "named": []}
        said["verdict_gain"] = found.gain and [found.gain.mean, found.gain.low, found.gain.high]
        if self.settings.raters > 1:
            self.worker.check_readiness()
            review = store.setting(RATER_REVIEW, {})
            names = {person.user.id: person.user.name for person in self._people}
            said["named"] = [[names[f["rater_id"]], f["kind"]] for f in review.get("findings", [])]
        return said

    def _rate_card(self, person: ScriptedRater, card: Card) -> Rating:
        now, scale, user = time.time(), SCALES[self.settings.scale], person.user
        rating = self._noisy_rating(card.prompt, card.text, person)
        if card.other_text is not None:  # about what two responses differ by more than half a point
            difference = self._noisy_rating(card.prompt, card.other_text, person) - rating
            score = float(np.sign(difference)) if abs(difference) > 0.5 else 0.0
        else:
            share = (min(SCALE.high, max(SCALE.low, rating)) - SCALE.low) / (SCALE.high - SCALE.low)
            score = float(scale.low + scale.step * round(share * (scale.high - scale.low) / scale.step))
        return Rating(
            response_id=card.response_id,
            rater_id=user.id,
            score=score,
            scale=scale.name,
            shown_at=card.shown_at,
            submitted_at=now,
            active_ms=0,
            position=card.position,
            guideline_version=self.store.guideline()[0],
            key=f"demo-{user.id}-{card.response_id}-{self._noise.random()}",
        )

    def _noisy_rating(self, prompt: Prompt, response: str, person: ScriptedRater) -> float:
        if person.way == AT_RANDOM:
            return self._noise.uniform(SCALE.low, SCALE.high)
        true = self.true_ratings([(prompt, response)])[0]
        meant = SCALE.low + SCALE.high - true if person.way == CONTRARY else true
        return meant + person.bias + self._noise.gauss(0, self.settings.noise)

    def true_ratings(self, responses: Sequence[tuple[Prompt, str]]) -> list[float]:
        """What the scripted rater really thinks of responses to prompts, on the scale and without noise."""
        ratings = ratings_of(self.rater, [(self._prompt_text(prompt), text) for prompt, text in responses])
        scores = [min(float(SCALE.high), max(float(SCALE.low), rating)) for rating in ratings]
        return [SCALE.low + SCALE.high - score if self.settings.flip else score for score in scores]

    def _prompt_text(self, prompt: Prompt) -> str:
        """The last message, or all that a response goes on from."""
        if self.config.sample.prompt_format == PLAIN:
            return "\n".join(message.content for message in prompt.messages)
        return prompt.text

    # ---- measuring

    def _evaluate(self, round_number: int | None, seconds: dict[str, float]) -> None:
        """The true rating on holdout prompts, and what else the table shows."""
        engine, per_prompt = self.worker.engine, self.settings.evaluated_per_prompt
        version = self.store.current_version()
        assert version is not None
        engine.load_version(self.store, version.number)
        prompts = store_tensors.holdout_prompts(self.store)
        began = time.monotonic()
        rollout, texts = engine.rollout(
            prompts, per_prompt, self.config, EVALUATION_SEED + self.settings.seed
        )
        with torch.no_grad():
            kl = evaluate_rollout(engine.policy, rollout, (), self.config).kl_per_response()
        true = self.true_ratings([(prompts[i // per_prompt], text) for i, text in enumerate(texts)])
        judged = JudgedTexts(engine.features_of(rollout, self.config), np.array(true), per_prompt)
        mean, low, high = mean_interval(true, judged.owners())
        row: dict[str, Any] = {
            "round": round_number or 0,
            "version": version.number,
            "state": "start",
            "true_mean": mean,
            "true_ci": [low, high],
            "kl": float(kl.mean()),
            "length": float(rollout.lengths.float().mean()),
            "eos_share": float(rollout.ended.float().mean()),
            "distinct_2": float(np.mean([distinct_2(texts[i::per_prompt]) for i in range(per_prompt)])),
            "head_spearman": None,
            "head_pair_accuracy": None,
            "seconds": seconds,
        }
        if round_number is not None:
            self._add_round_results(row, round_number, version.metrics)
            assert self._before is not None
            # The same prompts before and after, so the interval is of the paired difference
            difference = (judged.true - self._before.true).tolist()
            gain, gain_low, gain_high = mean_interval(difference, judged.owners())
            row |= {"gain": gain, "gain_ci": [gain_low, gain_high], "helped": gain_low > 0}
            if row["state"] == "published":
                head = checkpoint.load_head(engine.artifacts.fetch(version.folder, version.sha256))
                row["score_gain"] = score_gain(head, self._before, judged)
                row["best_of"] = best_of(head, self._candidates) if self._candidates else None
        self._before = judged
        row["seconds"]["evaluate"] = round(time.monotonic() - began, 1)
        self.rows.append(row)
        self.log(
            f"Round {row['round']} ({row['state']}): true rating {mean:.2f} ({low:.2f} … {high:.2f}), "
            f"KL {row['kl']:.1f} nats, {row['length']:.0f} tokens, distinct-2 {row['distinct_2']:.2f}"
        )
        shown = range(min(SAMPLES_SHOWN, len(prompts)))
        self.texts.append([(prompts[i].text, texts[i * per_prompt]) for i in shown])

    def _add_round_results(self, row: dict[str, Any], round_number: int, metrics: dict[str, Any]) -> None:
        round_ = self.store.round(round_number)
        assert round_ is not None
        row["state"], row["kept_nothing"] = round_.state, round_.kept_nothing
        gate = round_.gate or {}
        row["head_spearman"], row["head_pair_accuracy"] = gate.get("spearman"), gate.get("pair_accuracy")
        if row["state"] == "published":
            row["seconds"] |= metrics.get("seconds", {})
            row["steps"] = metrics.get("steps")
