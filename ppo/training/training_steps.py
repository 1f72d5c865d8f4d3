"""PPO on what people rated, then on fresh rollouts: the two kinds of step a round is made of, and their limits."""

import copy
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ppo.algorithm.experience import build_experience, evaluate_rollout, experience_metrics
from ppo.algorithm.measures import Change, MeasuredPolicy, distinct_2
from ppo.algorithm.out_of_memory import in_smaller_pieces
from ppo.algorithm.ppo_update import TrainState, ppo_update, warm_up_critic
from ppo.config import ROLLOUTS_PER_PROMPT, Config, seed_of
from ppo.generation.agreement import check_agreement
from ppo.progress import Progress
from ppo.reward.pessimism import doubt_along, lowered_scores, lowered_weights, way_since
from ppo.reward.reward_head import FittedHead, RewardHead
from ppo.training import store_tensors
from ppo.training.engine import Engine
from rater_data.lifecycle import Version
from rater_data.records import Prompt
from rater_data.store import Store

MIN_SHARE = 0.1  # of a round's way, below which nothing of it is kept
SMALLEST_PART = 0.5  # of a way that was too long: one measurement is too noisy to go further back at once


@dataclass(frozen=True)
class Limits:
    """How far this round may take the policy: KL to the reference in nats per response, and distinct-2.

    `start`: distinct-2 of the version that the round began with.
    """

    kl: float
    distinct_2: float
    start: float = 1.0

    def exceeded(self, found: dict[str, float]) -> str:
        """What is wrong with a measured policy, in words; empty when nothing is."""
        if found["kl"] > self.kl:
            return f"the KL is {found['kl']:.1f} nats per response, beyond {self.kl:.1f}"
        if found["distinct_2"] < self.distinct_2:
            return f"distinct-2 is {found['distinct_2']:.2f}, below {self.distinct_2:.2f}"
        return ""

    def smaller_share(self, found: dict[str, float], share: float) -> float:
        """A smaller share of the round's way to try, after `share` of it was found to be too much."""
        if self.kl <= 0:
            return 0.0
        part = 1.0
        if found["kl"] > self.kl:
            part = (self.kl / found["kl"]) ** 0.5  # the KL grows as the square of the way
        if found["distinct_2"] < self.distinct_2:  # and what is lost of distinct-2 about as the way
            room, lost = self.start - self.distinct_2, self.start - found["distinct_2"]
            part = min(part, room / lost if lost > 0 else 0.0)
        return share * max(SMALLEST_PART, 0.97 * part)


def round_limits(config: Config, version: Version, reference: dict[str, float]) -> Limits:
    """From where the version in training stands, and from what the base model's texts are like."""
    start = version.metrics.get("kl", 0.0)
    least = config.ppo.diversity * reference["distinct_2"]
    begun = version.metrics.get("distinct_2", reference["distinct_2"])
    return Limits(min(start + config.ppo.kl_budget, config.ppo.kl_ceiling), least, begun)


@dataclass(frozen=True)
class Start:
    """Where a round began: the adapter, and what it wrote to the holdout prompts."""

    adapter: dict[str, Tensor]
    measured: MeasuredPolicy


@dataclass(frozen=True)
class End:
    """What came of a round: `share` of the way that PPO went is kept, `why` not all of it, and what `head` expects now
    against the start. `changed_nothing`: the adapter is the one that the round began with."""

    measured: MeasuredPolicy
    head: RewardHead
    change: Change
    share: float
    why: str
    changed_nothing: bool

    @property
    def metrics(self) -> dict[str, float]:
        """For the version that is published."""
        changed = {"expected_change": self.change.mean, "expected_change_error": self.change.error}
        return {**self.measured.metrics, **self.measured.expected(self.head), **changed, "share": self.share}


def shrink_to_limits(
    store: Store,
    engine: Engine,
    config: Config,
    start: Start,
    limits: Limits,
    head: RewardHead,
    seed: int,
    progress: Progress,
) -> End:
    """Measures the policy on the holdout prompts; beyond a limit, or where the head that it was trained by expects less
    of it than of the version before, only a share of the way from the start is kept.

    A fall is one of more than its standard error; once there was one, only what does not fall at all is kept: one round
    of fourteen ended worse than it began, and its own head had said so. Between two adapters of one run the KL grows
    smoothly and what was learned stays in proportion, while an earlier step is a noisier policy, not a milder one
    (interpolation towards the start: WARP, arXiv 2406.16768).
    """
    end, share, fell, whole = engine.policy.adapter_state(), 1.0, False, ""
    while True:
        measured = engine.measure_policy(store, config, seed)
        change = measured.change_since(start.measured, head)
        fell = fell or change.mean < -change.error
        why = limits.exceeded(measured.metrics)
        if not why and fell and change.mean < 0:
            why = f"the reward head expects {-change.mean:.2f} less than at the start of its answers to holdout prompts"
        if not why or share == 0.0:
            same = all(
                torch.equal(tensor, start.adapter[n]) for n, tensor in engine.policy.adapter_state().items()
            )
            return End(measured, head, change, share, whole, same)
        whole = whole or why
        smaller = limits.smaller_share(measured.metrics, share)
        share = min(smaller, SMALLEST_PART * share) if fell else smaller
        share = share if share >= MIN_SHARE else 0.0
        progress.log(f"{why[0].upper()}{why[1:]}: {share:.0%} of the round's way is kept.")
        way = {name: tensor - start.adapter[name] for name, tensor in end.items()}
        engine.policy.load_adapter_state({n: start.adapter[n] + share * way[n] for n in way})


def ppo_on_ratings(
    engine: Engine,
    config: Config,
    data: store_tensors.RatedResponses,
    fitted: FittedHead,
    state: TrainState,
    progress: Progress,
) -> dict[str, float]:
    """PPO on the rated responses of the version in training; a score is what is known of a response's own quality."""
    own = np.flatnonzero(data.on_policy)
    if config.ppo.people_epochs == 0 or len(own) == 0:
        return {"score": 0.0, "kl": 0.0, "updates": 0.0}
    passes = 1 + config.ppo.people_epochs
    progress.phase("PPO on ratings", len(own) * passes)
    rollout = data.rollout.take(torch.from_numpy(own).to(engine.policy.device))
    known = fitted.rated[own]
    scores = torch.tensor(known, dtype=torch.float32, device=engine.policy.device)
    ppo, coef = config.ppo, state.kl.coef
    seed = seed_of(config.seed, state.round_number, 1)
    critic = copy.deepcopy(state.policy.value_head.state_dict())

    def learn() -> dict[str, float]:
        done = 0

        def tick(responses: int) -> None:
            nonlocal done
            done += responses
            progress.advance(done)

        state.policy.value_head.load_state_dict(critic)
        evaluated = evaluate_rollout(engine.policy, rollout, (), config, tick)
        experience = build_experience(evaluated, scores, coef, ppo.gae_lambda)
        experience = warm_up_critic(state, experience, ppo)
        found = experience_metrics(experience, coef)
        found["rating"] = float(fitted.head.rating_of_score(known).mean())
        found["sampling_gap"] = _sampling_gap(evaluated.logprobs, data, own)
        return found | ppo_update(state, experience, config, ppo.people_epochs, seed, tick)

    return in_smaller_pieces(engine.policy, learn, progress.log)


def _sampling_gap(logprobs: torch.Tensor, data: store_tensors.RatedResponses, own: np.ndarray) -> float:
    """Largest mean difference a response between the log-probabilities stored with it and those read now."""
    gaps = []
    for row, i in zip(logprobs.cpu(), own, strict=True):
        stored = torch.tensor(data.stored_logprobs[i])
        gaps.append(float((row[: len(stored)] - stored).mean().abs()) if len(stored) else 0.0)
    return max(gaps)


def ppo_on_rollouts(
    engine: Engine,
    config: Config,
    prompts: list[Prompt],
    fitted: FittedHead,
    state: TrainState,
    limits: Limits,
    progress: Progress,
) -> dict[str, float] | None:
    """One PPO step on fresh rollouts, answers to `prompts`; None when they show that the KL limit is reached."""
    seed = _seed_of_step(config, state)
    rollout, texts = engine.rollout(
        prompts, ROLLOUTS_PER_PROMPT, config, seed, lambda: progress.advance(state.step)
    )
    head, coef = fitted.head, state.kl.coef
    doubt = np.zeros_like(fitted.start) if state.doubt is None else state.doubt
    weights = torch.tensor(lowered_weights(head, doubt), dtype=torch.float32, device=engine.policy.device)
    state.anneal_learning_rate(config.ppo)

    def tick(_responses: int) -> None:
        progress.advance(state.step)  # after every micro-batch: that is where a cancelled training stops

    def learn() -> dict[str, float] | None:
        layers = engine.reward_layers(config)
        evaluated = evaluate_rollout(engine.policy, rollout, layers, config, tick, weights)
        agreed = check_agreement(engine.policy, rollout, evaluated.logprobs, config.sample.temperature)
        if float(evaluated.kl_per_response().mean()) > limits.kl:
            return None
        features = evaluated.features.cpu().numpy().astype(np.float64)
        lowered = lowered_scores(fitted, features, doubt)
        scores = torch.tensor(lowered, dtype=torch.float32, device=engine.policy.device)
        experience = build_experience(evaluated, scores, coef, config.ppo.head_lambda)
        found = experience_metrics(experience, coef) | agreed
        found["rating"] = float(head.rating(features).mean())
        way = way_since(head, fitted.start, features, rollout.group.cpu().numpy())
        found["way_sd"] = way.sd
        found |= ppo_update(state, experience, config, config.ppo.epochs, seed, tick)
        state.doubt = doubt_along(head, way, config.ppo.pessimism)
        return found

    found = in_smaller_pieces(engine.policy, learn, progress.log)
    if found is not None:
        found["distinct_2"] = distinct_2(texts)
        state.kl.update(found["kl"], len(rollout))
    return found


def sample_prompts(prompts: list[Prompt], config: Config, state: TrainState) -> list[Prompt]:
    """The prompts of the next step on rollouts, by its seed."""
    draw = random.Random(_seed_of_step(config, state))
    return draw.sample(prompts, min(config.ppo.prompts_per_step, len(prompts)))


def _seed_of_step(config: Config, state: TrainState) -> int:
    return seed_of(config.seed, state.round_number, state.step + 2)
