"""From settings and measured costs to the minutes, the memory and the people's hours of a round. Pure.

The phases are those of `ppo/training/round_recipe.py`, by its names for them, so that what a training really took can
be held against what was said, and the next estimate corrected by it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from rater_data.planning.costs import RoundCosts
from rater_data.round_settings import LIMIT_FROM_PATH, LIMIT_PATH

Values = Mapping[str, float | str]
"""Settings by path, as `round_settings.current_values` gives them; ppo.epochs, where it is set."""

READING, ON_RATINGS, ON_ROLLOUTS = "Computing reward features", "PPO on ratings", "PPO on rollouts"
EVALUATING, PUBLISHING = "Evaluating the new version", "Publishing"
ROLLOUTS_PER_PROMPT = 4  # as in ppo/config.py
MEASURED_PER_PROMPT = 4  # responses to each holdout prompt when a version is evaluated
WATCHED = 2  # responses that are written after each step, to be looked at
PROMPTS_A_CHUNK = 8  # whose responses are written and offered together
RATINGS_AN_HOUR = 120.0
"""One rater's, where nobody has rated yet."""
UNTRIED_SPREAD = 1.6
"""How many times as long, or as short, a round may take that no training has corrected: docs/log.md has the cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFacts:
    """What is known of a home beside its settings.

    `length`: mean tokens of a response with a limit of `limit`; None: each is taken to have its full length.
    `holdout`: prompts that nothing is trained on; `is_first`: no version was trained yet, and there is none before it
    to compare with; `per_hour`: ratings of one rater, None where nobody rated;
    `ratios`: by phase, how many times as long the last trainings took as was said, and `spread` of the next.
    """

    length: float | None = None
    limit: int = 0
    holdout: int = 20
    is_first: bool = False
    paired: bool = False
    per_hour: float | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)
    spread: float = UNTRIED_SPREAD
    trainings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundEstimate:
    """`phases`: seconds of each phase of a training; `writing_s`: of the next round's responses, the first prompt's
    after `first_card_s`; all may take `spread` times as long, or be as much shorter. Bytes at the `peak`, and what is
    `free`; seconds of one rater for all ratings, at `per_hour` of them, which is this home's pace if `pace_known`."""

    phases: dict[str, float]
    writing_s: float
    first_card_s: float
    spread: float
    trainings: int
    peak: int
    free: int
    ratings: int
    per_hour: float
    pace_known: bool

    @property
    def train_s(self) -> float:
        """Seconds from the operator's Train to the new version."""
        return sum(self.phases.values())

    @property
    def ready_s(self) -> float:
        """Seconds until all responses of the next round are there."""
        return self.train_s + self.writing_s

    @property
    def rating_s(self) -> float:
        """Seconds that one rater needs for the ratings of a round."""
        return 3600 * self.ratings / self.per_hour

    @property
    def fits(self) -> bool:
        """Whether it stays within the memory."""
        return self.peak <= self.free


def estimate_round(values: Values, costs: RoundCosts, facts: HomeFacts) -> RoundEstimate:
    """What a round with these settings takes, as far as costs and facts tell."""
    work = _Work(values, costs, facts)
    phases = {name: s * facts.ratios.get(name, 1.0) for name, s in work.phases().items()}
    like_rollouts = facts.ratios.get(ON_ROLLOUTS, 1.0)  # nobody keeps how long writing took
    return RoundEstimate(
        phases=phases,
        writing_s=work.writing_s() * like_rollouts,
        first_card_s=work.write_and_read(work.per_prompt, work.per_prompt) * like_rollouts,
        spread=facts.spread,
        trainings=facts.trainings,
        peak=work.peak(),
        free=costs.free,
        ratings=int(work.number("plan.ratings")),
        per_hour=facts.per_hour or RATINGS_AN_HOUR,
        pace_known=facts.per_hour is not None,
    )


def count_prompts(ratings: int, per_prompt: int, paired: bool) -> int:
    """Prompts of a round with so many ratings and responses to each: as many cards as a rater gets of one decide."""
    cards = max(1, per_prompt - 1) if paired and per_prompt < 4 else per_prompt
    return max(1, -(-ratings // cards))


def expected_length(limit: int, length: float | None, measured_limit: int) -> float:
    """Mean tokens of a response with `limit`, where it was `length` with `measured_limit`.

    The chance h that one ends at a token, the same at each, gives both means: (1 − e^(−h·limit)) / h. Without a
    measured one every response is full.
    """
    if length is None or not 0 < length < measured_limit:
        return float(limit)

    def mean(hazard: float, most: int) -> float:
        return -math.expm1(-hazard * most) / hazard

    low, high = 1e-9, 1.0
    for _ in range(60):  # the mean falls as the chance grows
        middle = math.sqrt(low * high)
        low, high = (middle, high) if mean(middle, measured_limit) > length else (low, middle)
    return mean(low, limit)


class _Work:
    """Tokens of each kind of work in a round, and what they cost."""

    def __init__(self, values: Values, costs: RoundCosts, facts: HomeFacts):
        self.values, self.costs, self.facts = values, costs, facts
        self.limit, shortest = int(self.number(LIMIT_PATH)), int(self.number(LIMIT_FROM_PATH))
        # where each response draws its own limit, that of the mean one stands for all
        self.mean_limit = (shortest + self.limit) // 2 if shortest else self.limit
        self.length = expected_length(self.mean_limit, facts.length, facts.limit)
        self.prompt = min(costs.prompt_tokens, self.number("sample.max_prompt_tokens"))
        self.control = 0.0 if facts.is_first else self.number("plan.control_share")
        self.per_prompt = int(self.number("plan.responses_per_prompt"))
        self.rollouts = int(self.number("ppo.prompts_per_step")) * ROLLOUTS_PER_PROMPT

    def number(self, path: str) -> float:
        return float(self.values[path])

    def write(self, rows: float) -> float:
        return self.costs.write_step_s * self.limit + self.costs.write_token_s * rows * self.length

    def tokens(self, responses: float, per_prompt: int) -> float:
        return responses * (self.length + self.prompt / per_prompt)

    def write_and_read(self, rows: float, per_prompt: int) -> float:
        return self.write(rows) + self.tokens(rows, per_prompt) * self.costs.read_token_s

    def phases(self) -> dict[str, float]:
        costs, number = self.costs, self.number
        ratings, steps = number("plan.ratings"), number("ppo.steps")
        own = ratings * max(0.0, 1 - self.control - number("plan.holdout_share"))
        of_ratings = self.tokens(own, self.per_prompt)
        passes = number("ppo.people_epochs")
        on_ratings = of_ratings * (costs.read_token_s + passes * costs.train_token_s) if passes else 0.0
        of_step = self.tokens(self.rollouts, ROLLOUTS_PER_PROMPT)
        step = self.write(self.rollouts) + self.write(WATCHED)
        step += of_step * (costs.read_token_s + float(self.values.get("ppo.epochs", 1)) * costs.train_token_s)
        # The reference alone reads, which is half of both; at most: what people rated first was read meanwhile
        reading = self.tokens(ratings, self.per_prompt) * costs.read_token_s / 2
        evaluated = self.facts.holdout * MEASURED_PER_PROMPT
        return {
            READING: reading,
            ON_RATINGS: on_ratings,
            ON_ROLLOUTS: steps * step,
            EVALUATING: self.write_and_read(evaluated, MEASURED_PER_PROMPT),
            PUBLISHING: self.write(self.facts.holdout) if self.facts.holdout else 0.0,
        }

    def writing_s(self) -> float:
        """One prompt's responses first, then those of several prompts at a time: with a control arm in three goes, of
        prompts that the version has to itself, of those that it shares with the one before, and by that one."""
        prompts = count_prompts(int(self.number("plan.ratings")), self.per_prompt, self.facts.paired)
        chunks = 1 + math.ceil((prompts - 1) / PROMPTS_A_CHUNK)
        rows = prompts * self.per_prompt
        goes = 3 * chunks if self.control else chunks
        begun = (goes - 1) * self.costs.write_step_s * self.limit
        return begun + self.write_and_read(rows, self.per_prompt)

    def peak(self) -> int:
        """Bytes: the most of what writing holds, and of what training holds."""
        costs, longest = self.costs, self.prompt + self.limit
        written = min(max(self.rollouts, self.facts.holdout * MEASURED_PER_PROMPT), costs.rows_limit)
        more_held = costs.cache_token * (written * longest - costs.held_tokens)
        tokens = min(float(costs.microbatch_limit), self.rollouts * longest)
        group = self.prompt + ROLLOUTS_PER_PROMPT * self.limit
        # Of one prompt all responses are read together while they fit, and one is read in any case
        tokens = max(min(tokens, group * max(1, tokens // group)), longest)
        training = costs.train_peak + costs.microbatch_token * (tokens - costs.microbatch)
        kept = max(self.rollouts, self.number("plan.ratings")) * self.limit
        training += costs.state_token * (kept - costs.sampled_tokens)
        if costs.device == "cpu":  # what writing has freed is still held while what was written is read
            training += more_held
        return int(max(costs.rest, costs.write_peak + more_held, training))
