"""The head's report: how far it agrees with people on prompts it has not seen, and whether that is chance."""

from dataclasses import dataclass, replace

import numpy as np

from ppo.reward.evaluation.agreement import Agreement, Estimate, Pairs, agree
from ppo.reward.evaluation.gate import (
    HELD_OUT_LEVEL,
    LEVEL,
    MOST_JUDGEMENTS,
    chance_probability,
    held_out_probability,
)
from ppo.reward.evaluation.held_out import HeldOut
from ppo.reward.evaluation.learning_curve import Advice, CurvePoint, learning_curve
from ppo.reward.evaluation.people import PeoplesValues, values_of_people
from ppo.reward.features import EXTRAS, Standard, block_edges
from ppo.reward.influence import judgement_weights
from ppo.reward.judgements import WORSE_THAN_USUAL, Judgements
from ppo.reward.reward_head import MINIMUM, MOST_EXACT, Unit, drawn_prompts, learn_hyperparameters

Ceiling = dict[str, float | int | None] | None


@dataclass(frozen=True)
class HeadReport:
    """Agreement with people on prompts that the head was not fitted on, with 95 % intervals over prompts.

    `spearman` and `pearson` over all responses; `pair_accuracy` within a prompt, of pairs that people told apart;
    `length_pair_accuracy` what "the longer one is better" reaches. `favourite_gain`: how much better than its
    prompt's mean the head's favourite is, in points (of thumbs and comparisons in logits). `calibration`: slope of
    people on the head's predictions, 1 when it promises what it keeps. `ceiling`: how one rater foretells the others
    (`human_ceiling` of rater_data), None where no two saw the same. `curve` and `advice`: what more ratings bought
    and should buy. `passed`: shuffled answers are told by features as well with a probability `p_value` of at most
    the gate's level; to that of the evidence comes, at twice the level, that of predictions on unseen prompts, and
    the larger counts. `reason` says it in a sentence.
    """

    pearson: float
    p_value: float
    spearman: float
    spearman_ci: tuple[float, float]
    pair_accuracy: float
    pair_ci: tuple[float, float]
    favourite_gain: float
    favourite_ci: tuple[float, float]
    calibration: float
    calibration_ci: tuple[float, float]
    length_pair_accuracy: float
    length_ci: tuple[float, float]
    ceiling: Ceiling
    curve: tuple[CurvePoint, ...]
    advice: tuple[Advice, ...]
    responses: int
    prompts: int
    passed: bool
    reason: str


def cross_validate(
    features: np.ndarray,
    judgements: Judgements,
    prompts: np.ndarray,
    folds: int,
    seed: int,
    depths: int = 1,
    ceiling: Ceiling = None,
) -> HeadReport:
    """Fits on all prompts but a fold, says what the held-out ones get, and compares with people.

    features (N, F) of N judged responses and their prompts (N,).
    """
    if refusal := _nothing_to_learn(judgements, prompts):
        return _refused(len(prompts), len(np.unique(prompts)), refusal)
    part = judgements.take(drawn_prompts(judgements, prompts, MOST_EXACT))
    standard, edges, unit = Standard.of(features), block_edges(features.shape[1], depths), Unit.of(part)
    rows, answers = standard.apply(features), unit.answers(part)
    h = learn_hyperparameters(rows, edges, part, prompts)
    held_out = HeldOut(rows, edges, part, answers, h, judgement_weights(part, h))
    predicted = unit.one * held_out.cross_validated(prompts, folds)
    people = values_of_people(part, answers, h)
    people = PeoplesValues(unit.one * people.known, unit.one * people.said)
    pairs = pairs_of(part, people.known, prompts)
    agreement = agree(predicted, people, prompts, pairs, seed)
    longer = agree(rows[:, -EXTRAS], people, prompts, pairs, seed)
    few = drawn_prompts(part, prompts, MOST_JUDGEMENTS)
    p_value = max(
        chance_probability(rows, edges, part.take(few), answers[few], prompts, seed),
        held_out_probability(predicted, people.known, seed) * LEVEL / HELD_OUT_LEVEL,
    )
    grown = learning_curve(held_out, part, people, prompts, folds, seed)
    report = _report(agreement, longer.pairs, p_value, len(prompts), len(np.unique(prompts)))
    return replace(report, ceiling=ceiling, curve=grown.points, advice=grown.advice)


def pairs_of(judgements: Judgements, people: np.ndarray, prompts: np.ndarray) -> Pairs:
    """What people told apart: the comparisons themselves where there are any, else values (N,) within a prompt."""
    told = judgements.compared & (judgements.said != 0)
    if not judgements.compared.any():
        return Pairs.within_prompts(people, prompts)
    first, second = judgements.row[told], judgements.other[told]
    ahead = judgements.said[told] > 0
    return Pairs(np.where(ahead, first, second), np.where(ahead, second, first))


def _nothing_to_learn(judgements: Judgements, prompts: np.ndarray) -> str:
    """Why, and what to do; "" where there is something."""
    if len(prompts) < MINIMUM:
        return "there are too few ratings. Collect more ratings."
    if len(np.unique(prompts)) < 2:
        return (
            "all ratings are of one prompt, so nothing tells how a head would do on another. Rate answers to at least "
            "one more prompt."
        )
    said = judgements.said[judgements.kind != WORSE_THAN_USUAL]
    return (
        "all ratings are equal. Collect more ratings."
        if np.ptp(said) == 0 and not (judgements.compared & (judgements.said != 0)).any()
        else ""
    )


def _refused(responses: int, prompts: int, why: str) -> HeadReport:
    reason = f"Nothing can be learned from {responses} responses: {why}"
    nothing = Estimate(0.0, 0.0, 0.0)
    agreement = Agreement(0.0, Estimate(0, -1, 1), Estimate(0.5, 0, 1), nothing, nothing)
    report = _report(agreement, Estimate(0.5, 0, 1), 1.0, responses, prompts)
    return replace(report, reason=reason)


def _report(
    agreement: Agreement, longer: Estimate, p_value: float, responses: int, prompts: int
) -> HeadReport:
    rho = agreement.spearman
    reason = (
        f"On prompts it has not seen, the head ranks responses as people do with a correlation of {rho.value:.2f} "
        f"(95 % interval {rho.low:.2f} to {rho.high:.2f}; {responses} responses; chance alone does as well "
        f"with a probability of {p_value:.3f})"
    )
    passed = p_value <= LEVEL
    reason += (
        "." if passed else ": that cannot be told from chance. Collect more ratings, or look at agreement."
    )
    return HeadReport(
        pearson=agreement.pearson,
        p_value=p_value,
        spearman=rho.value,
        spearman_ci=rho.interval,
        pair_accuracy=agreement.pairs.value,
        pair_ci=agreement.pairs.interval,
        favourite_gain=agreement.gain.value,
        favourite_ci=agreement.gain.interval,
        calibration=agreement.slope.value,
        calibration_ci=agreement.slope.interval,
        length_pair_accuracy=longer.value,
        length_ci=longer.interval,
        ceiling=None,
        curve=(),
        advice=(),
        responses=responses,
        prompts=prompts,
        passed=passed,
        reason=reason,
    )
