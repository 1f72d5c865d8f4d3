"""A home with rounds whose versions are truly better or worse than the ones before, for tests and for pictures.

As a program: `python -m tests.app.console.judged_home --home HOME --gains 1.2,0,-1.5`.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rater_data.records import Rating, User
from rater_data.scales import SCALES
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import work

OFFSETS = (-1.0, 0.0, 0.4, 0.6)
RATERS = len(OFFSETS)


def judged_home(
    store: Store, gains: Sequence[float], *, prompts: int = 12, share: float = 0.5, seed: int = 0
) -> None:
    """Rounds after a first one, each written by a version that is `gains` points better than its parent.

    Called again, it goes on there.

    Each has `prompts` prompts of four answers, of which a `share` has two of the version before. The last round stays
    open. Anchors: two answers of round 1, again in every later round.
    """
    draw = random.Random(seed)
    raters = [user for user in store.users() if user.role == "rater"]
    raters = raters or [store.add_user(f"rater {i + 1}", "rater") for i in range(RATERS)]
    begun = store.round() is not None
    if not begun:
        fake_worker.generate(store, {"prompts": prompts, "overlap": 1, "quota": 4 * prompts})
    usual = {prompt.id: draw.gauss(5.5, 1.0) for prompt in store.prompts()}
    quality = {version.number: 0.0 for version in store.versions()}
    if not begun:
        _rate(store, raters, usual, quality, draw)
    for gain in gains:
        parent = store.current_version().number
        store.start_training(store.round().number, "op")
        work(store)
        if store.active_job() is not None:  # the writing of the next round: these tests write it themselves
            store.cancel(store.active_job().id, "op")
        version = store.current_version().number
        quality[version] = quality[parent] + gain
        _write(store, parent, version, prompts, share)
        _rate(store, raters, usual, quality, draw)


def _write(store: Store, parent: int, version: int, prompts: int, share: float) -> None:
    number = store.start_round({"quota": 4 * prompts}, version).number
    answers = []
    for place, prompt in enumerate(store.prompts()[:prompts]):
        for k in range(4):
            old = place < share * prompts and k >= 2
            by = parent if old else version
            text = f"Answer {k} of version {by}" + " and so on" * (by + k)
            answer = fake_worker.response(prompt.id, number, by, 4 * place + k, text, 1)
            answers.append(replace(answer, stratum="control" if old else "train"))
    anchors = [r for r in store.responses(1) if r.stratum == "train"][:2]
    slots = range(4 * prompts, 4 * prompts + len(anchors))
    answers += [
        replace(a, id=None, round_number=number, slot=slot, stratum="anchor")
        for a, slot in zip(anchors, slots, strict=True)
    ]
    store.add_responses(answers)
    store.set_round_state(number, "rating")


def _rate(
    store: Store,
    raters: Sequence[User],
    usual: dict[int, float],
    quality: dict[int, float],
    draw: random.Random,
) -> None:
    """All cards of the open round, in turn."""
    scale, position = store.scale(), 0
    by_text = {(r.prompt_id, r.text): r for r in store.responses(store.round().number)}
    while True:
        rater = raters[position // 4 % RATERS]
        card = store.next_card(rater.id)
        if card is None:
            break
        felt = [
            usual[r.prompt_id] + quality[r.version_number] + draw.gauss(0, 1) + draw.gauss(0, 1)
            for r in (
                by_text[card.prompt.id, text] for text in (card.text, card.other_text) if text is not None
            )
        ]
        if scale.paired:
            score = float((felt[1] > felt[0] + 0.5) - (felt[0] > felt[1] + 0.5))
        elif scale.name == "thumbs":
            score = float(felt[0] + OFFSETS[raters.index(rater)] > 5.5)
        else:
            score = float(min(scale.high, max(scale.low, round(felt[0] + OFFSETS[raters.index(rater)]))))
        now = time.time()
        store.submit(
            Rating(
                response_id=card.response_id,
                rater_id=rater.id,
                score=score,
                scale=scale.name,
                shown_at=now - 3,
                submitted_at=now,
                active_ms=3000,
                position=card.position,
                guideline_version=1,
                key=f"{rater.id} on {card.response_id}",
            )
        )
        position += 1


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--home", type=Path, required=True)
    arguments.add_argument("--gains", required=True, help="points, parted by commas")
    arguments.add_argument("--prompts", type=int, default=12)
    arguments.add_argument("--scale", default="score_1_10", choices=SCALES)
    given = arguments.parse_args()
    store = Store.open(given.home)
    store.choose_scale(given.scale)
    judged_home(store, [float(gain) for gain in given.gains.split(",")], prompts=given.prompts)
    store.close()


if __name__ == "__main__":
    main()
