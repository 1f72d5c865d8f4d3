"""How often is a round's verdict wrong, and how often does it find a gain? Simulated rounds, looked at all the time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rater_data.round_settings import SETTING_OF_PATH
from rater_data.scales import DEFAULT_SCALE, SCALES
from rater_data.statistics.round_verdict import HELPED, HURT, OPEN, arms, look_at, measure_gain, word_of
from rater_data.statistics.stated_looks import Look

CONTROL_SHARE = float(SETTING_OF_PATH["plan.control_share"].default)
CALIBRATION_SHARE = float(SETTING_OF_PATH["plan.calibration_share"].default)
OVERLAP = int(SETTING_OF_PATH["plan.overlap"].default)


@dataclass(frozen=True, kw_only=True)
class World:
    """What is true in a simulated round; all in points of 1–10, which are stretched or cut to the scale's own.

    `between`, `within`: sd of quality between prompts and between responses to one; `by_prompt`: sd of the gain over
    prompts, around a mean `gain`; raters have offsets of sd `bias` and rate with `noise`. `control`: ratings that
    the control arm is to get; it gets fewer where there are fewer `raters` than are to read what several read.
    """

    control: int
    gain: float = 0.0
    between: float = 1.2
    within: float = 1.0
    by_prompt: float = 0.3
    noise: float = 1.0
    bias: float = 1.0
    raters: int = 4
    scale: str = DEFAULT_SCALE


@dataclass(frozen=True, kw_only=True)
class ErrorRates:
    """Shares of the rounds in which a verdict said so, the first that was not open; and the ratings of such a round."""

    ratings: int
    wrong_without_effect: float
    found: float
    wrong_with_gain: float


def error_rates(world: World, rounds: int, seed: int) -> ErrorRates:
    """`rounds` simulated without an effect and as many with `world.gain`, each looked at after every rating."""
    without = [first_word(replace(world, gain=0.0), seed + i) for i in range(rounds)]
    gained = [first_word(world, seed + rounds + i) for i in range(rounds)]
    return ErrorRates(
        ratings=len(simulated_round(world, seed)[0]),
        wrong_without_effect=sum(word != OPEN for word in without) / rounds,
        found=gained.count(HELPED) / rounds,
        wrong_with_gain=gained.count(HURT) / rounds,
    )


def first_word(world: World, seed: int) -> str:
    """The first verdict that is not open, for somebody who looks after every rating and acts on it."""
    for word in words(world, seed):
        if word != OPEN:
            return word
    return OPEN


def words(world: World, seed: int) -> Iterator[str]:
    """The verdicts of a round as its ratings come in: each that is drawn from something else than the one before."""
    (frame, traits), scale = simulated_round(world, seed), SCALES[world.scale]
    table, last = arms(frame, traits, scale), (Look(0, 0.0), 0)
    for ratings in range(1, len(frame) + 1):
        seen = look_at(table, scale, ratings, world.control, quota=len(frame))
        if (seen.look, len(seen.table)) != last:
            last = (seen.look, len(seen.table))
            measured = measure_gain(seen, scale)
            yield OPEN if measured is None else word_of(measured[1])


def simulated_round(world: World, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings in the order in which they come in, as `score_frame` makes them, and traits of the responses."""
    random = np.random.default_rng(seed)
    rows = list(_comparisons(world, random) if SCALES[world.scale].paired else _ratings(world, random))
    columns = ["response_id", "rater_id", "prompt_id", "stratum", "score", "other_id", "other_stratum"]
    frame = pd.DataFrame(rows, columns=columns).astype({"score": "float64", "other_id": "float64"})
    frame = frame.assign(round=2, paired=frame["other_id"].notna())
    others = frame[["other_id", "other_stratum"]].dropna().set_axis(["response_id", "stratum"], axis=1)
    traits = pd.concat([frame[["response_id", "stratum"]], others.astype({"response_id": "int64"})])
    traits = traits.drop_duplicates("response_id").assign(length=200.0)
    return frame.drop(columns="other_stratum"), traits


@dataclass(frozen=True)
class _SimulatedPrompt:
    """A prompt with its two responses, id, stratum and quality each, and how many raters each is for."""

    number: int
    responses: list[tuple[int, str, float]]
    raters: int


def _prompts(world: World, random: np.random.Generator) -> Iterator[_SimulatedPrompt]:
    """As a round of the default settings is planned: two responses a prompt, and what several see is control first."""
    several_per_prompt = CALIBRATION_SHARE / OVERLAP / (2 * CONTROL_SHARE)
    ratings_per_prompt = 1 + (OVERLAP - 1) * several_per_prompt
    several = max(1, round(world.control / ratings_per_prompt * several_per_prompt))
    with_control = max(2, world.control - (OVERLAP - 1) * several)
    kinds = [(True, i < several) for i in range(with_control)]
    kinds += [(False, False)] * (round(with_control / (2 * CONTROL_SHARE)) - with_control)
    random.shuffle(kinds)
    for number, (has_control, is_shared) in enumerate(kinds):
        usual, gain = random.normal(5.5, world.between), random.normal(world.gain, world.by_prompt)
        responses = []
        for i in random.permutation(2):
            old = bool(has_control and i == 1)
            quality = usual + random.normal(0, world.within) + (0.0 if old else gain)
            responses.append((2 * number + int(i), "control" if old else "train", quality))
        yield _SimulatedPrompt(number, responses, min(OVERLAP, world.raters) if is_shared else 1)


def _ratings(world: World, random: np.random.Generator) -> Iterator[tuple[object, ...]]:
    scale = SCALES[world.scale]
    offsets = random.normal(0, world.bias, world.raters)
    for prompt in _prompts(world, random):
        for rater in random.permutation(world.raters)[: prompt.raters]:
            for response, stratum, quality in prompt.responses:
                felt = quality + offsets[rater] + random.normal(0, world.noise)
                if scale.name == "thumbs":
                    score = float(felt > 5.5)
                else:
                    middle, points = (scale.low + scale.high) / 2, (scale.high - scale.low) / 9
                    score = float(np.clip(round(middle + points * (felt - 5.5)), scale.low, scale.high))
                yield response, int(rater), prompt.number, stratum, score, np.nan, ""


def _comparisons(world: World, random: np.random.Generator) -> Iterator[tuple[object, ...]]:
    """Who has compared the two of a prompt has compared them; either may be the first."""
    for prompt in _prompts(world, random):
        (first, stratum, quality), (other, other_stratum, other_quality) = prompt.responses
        for rater in random.permutation(world.raters)[: prompt.raters]:
            felt = other_quality - quality + random.normal(0, world.noise * np.sqrt(2))
            score = float(np.sign(felt) * (abs(felt) > 0.5))
            yield first, int(rater), prompt.number, stratum, score, other, other_stratum
