"""What a round asks raters to rate: which prompts, from which version, how often. Decided before a token is drawn.

The plan follows from what is recorded with the round alone: its number, the seed, the settings and how many raters
there were when it began. So a worker that died in the middle goes on with the same one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ppo.config import Config, PlanConfig
from rater_data.errors import BadInput
from rater_data.planning.estimate import count_prompts
from rater_data.records import Prompt

RATERS, PAIRED = "raters", "paired"  # how many there were when the round began, and whether they compared
BESIDE_SETTINGS = ("quota", RATERS, PAIRED, "expected_responses")


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
    raters: int,
    paired: bool = False,
) -> list[Slot]:
    """Slots for at least `config.plan.ratings` ratings, grouped by prompt, K responses each, for so many raters.

    There are as many responses as wanted ratings although some are rated more than once: a single rater, whom
    no overlap can help, must be able to fill the round alone. Who compares (`paired`) compares two responses once,
    and so rates a prompt with two once, and one with three twice at least.
    """
    plan, draw = config.plan, random.Random(f"{config.seed}:{number}")
    if not train:
        raise BadInput(
            "There is no prompt to train on. Import some with `python -m rater_data import-prompts FILE`."
        )
    k, wanted = plan.responses_per_prompt, _count_prompts(plan, paired)
    held = min(len(holdout), round(wanted * plan.holdout_share))
    control = 0 if previous is None else min(wanted - held, round(wanted * plan.control_share * 2))
    overlap = min(plan.overlap, raters)
    calibration = _calibration(wanted, plan.calibration_share, overlap)
    chosen = _draw(train, wanted - held, draw)
    # What several raters see are pairs of the control arm first: their ratings tell of raters and of versions
    groups = [_Group(p, control=i < control, shared=i < calibration) for i, p in enumerate(chosen)]
    groups += [_Group(p, held_out=True) for p in _draw(holdout, held, draw)]
    draw.shuffle(groups)
    slots: list[Slot] = []
    for group in groups:
        share = held / len(holdout) if group.held_out else len(chosen) / len(train)
        for i in range(k):
            old = group.control and i >= (k + 1) // 2
            writer = previous if old and previous is not None else version
            raters_wanted = overlap if group.shared else 1
            slot = Slot(len(slots), group.prompt, writer, group.stratum(old), raters_wanted, min(1.0, share))
            slots.append(slot)
    return slots


def planned_by(plan: PlanConfig, raters: int, paired: bool) -> dict[str, Any]:
    """What a round's config holds beside the engine's settings, whatever changes while it is written."""
    responses = _count_prompts(plan, paired) * plan.responses_per_prompt
    return {"quota": plan.ratings, RATERS: raters, PAIRED: paired, "expected_responses": responses}


def _count_prompts(plan: PlanConfig, paired: bool) -> int:
    return count_prompts(plan.ratings, plan.responses_per_prompt, paired)


@dataclass(frozen=True)
class _Group:
    """A prompt's responses: with the version before beside the new one, for several raters, or never trained on."""

    prompt: Prompt
    control: bool = False
    shared: bool = False
    held_out: bool = False

    def stratum(self, old: bool) -> str:
        """Of a response, by the version before (`old`) or by the new one."""
        if self.held_out:
            return "holdout"
        return "control" if old else "calibration" if self.shared else "train"


def _calibration(wanted: int, share: float, overlap: int) -> int:
    """Prompts whose responses go to several raters: one at least where any are wanted, and no more than their share
    of the *ratings*, since each takes `overlap` times as many as another. None where one rater is alone."""
    return max(1, round(wanted * share / overlap)) if share > 0 and overlap > 1 else 0


def _draw(prompts: Sequence[Prompt], count: int, draw: random.Random) -> list[Prompt]:
    """`count` prompts without repetition while there are enough, then over again."""
    picked: list[Prompt] = []
    while len(picked) < count:
        picked += draw.sample(list(prompts), min(len(prompts), count - len(picked)))
    return picked
