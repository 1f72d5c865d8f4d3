"""What a round asks raters to rate: which prompts, from which version, how often. Decided before a token is drawn.

The plan follows from the round's number, the seed and the settings alone, so that a worker that died in the
middle goes on with the same one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ppo.config import Config, PlanConfig
from rater_data.errors import BadInput
from rater_data.records import Prompt


@dataclass(frozen=True)
class Slot:
    """One response to be written: by which version, to which prompt, for whom."""

    slot: int
    prompt: Prompt
    version: int
    stratum: str
    overlap: int
    propensity: float


def plan_round(
    config: Config,
    number: int,
    version: int,
    previous: int | None,
    train: Sequence[Prompt],
    holdout: Sequence[Prompt],
) -> list[Slot]:
    """Slots for at least `config.plan.ratings` ratings, grouped by prompt, K responses each.

    There are as many responses as wanted ratings although some are rated more than once: a single rater, whom
    no overlap can help, must be able to fill the round alone.
    """
    plan, draw = config.plan, random.Random(f"{config.seed}:{number}")
    if not train:
        raise BadInput(
            "There is no prompt to train on. Import some with `python -m rater_data import-prompts FILE`."
        )
    k = plan.responses_per_prompt
    wanted = max(1, -(-plan.ratings // k))
    held = min(len(holdout), round(wanted * plan.holdout_share))
    control = 0 if previous is None else min(wanted - held, round(wanted * plan.control_share * 2))
    calibration = _calibration(wanted, plan)
    chosen = _draw(train, wanted - held, draw)
    kinds = ["control"] * control + ["calibration"] * calibration
    kinds = (kinds + ["train"] * len(chosen))[: len(chosen)]
    draw.shuffle(kinds)
    groups = [(p, kind) for p, kind in zip(chosen, kinds, strict=True)]
    groups += [(p, "holdout") for p in _draw(holdout, held, draw)]
    draw.shuffle(groups)
    slots: list[Slot] = []
    for prompt, kind in groups:
        share = len(chosen) / len(train) if kind != "holdout" else held / len(holdout)
        for i in range(k):
            old = kind == "control" and i >= (k + 1) // 2
            stratum = "control" if old else ("train" if kind == "control" else kind)
            overlap = plan.overlap if kind == "calibration" else 1
            writer = previous if old and previous is not None else version
            slots.append(Slot(len(slots), prompt, writer, stratum, overlap, min(1.0, share)))
    return slots


def _calibration(wanted: int, plan: PlanConfig) -> int:
    """Prompts whose responses go to several raters: one at least where any are wanted, and no more than their share
    of the *ratings*, since each takes `overlap` times as many as another."""
    share = plan.calibration_share
    return max(1, round(wanted * share / plan.overlap)) if share > 0 else 0


def _draw(prompts: Sequence[Prompt], count: int, draw: random.Random) -> list[Prompt]:
    """`count` prompts without repetition while there are enough, then over again."""
    picked: list[Prompt] = []
    while len(picked) < count:
        picked += draw.sample(list(prompts), min(len(prompts), count - len(picked)))
    return picked
