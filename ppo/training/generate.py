"""The responses of a round: sampled, scored, and put into records."""

import time
from collections import Counter
from dataclasses import replace

from ppo.config import Config, seed_of
from ppo.training.engine import Engine
from ppo.training.plan import Slot
from rater_data.records import Response, stored_id
from rater_data.round_settings import FIRST_RESPONSES, Told
from rater_data.store import Store

FIRST_KEPT = 5  # rounds whose first responses are kept the time of


def split_slots(slots: list[Slot], per_prompt: int, prompts: int) -> list[list[Slot]]:
    """Slots in portions that are written and offered together: one prompt's, then those of `prompts` at a time."""
    rest = slots[per_prompt:]
    size = per_prompt * prompts
    return [slots[:per_prompt], *(rest[i : i + size] for i in range(0, len(rest), size))]


def write_slots(
    store: Store, engine: Engine, config: Config, number: int, slots: list[Slot]
) -> list[Response]:
    """Samples the responses of some slots, each from its own version, with the log-probabilities of scoring."""
    written: list[Response] = []
    for version in sorted({s.version for s in slots}):
        engine.load_version(store, version)
        own = [s for s in slots if s.version == version]
        seed = seed_of(config.seed, number, own[0].slot) + version
        drawn = engine.write_responses([s.prompt for s in own], config, seed)
        for slot, response in zip(own, drawn, strict=True):
            written.append(
                Response(
                    prompt_id=stored_id(slot.prompt),
                    round_number=number,
                    version_number=version,
                    slot=slot.slot,
                    text=response.text,
                    prompt_ids=tuple(response.prompt_ids),
                    token_ids=tuple(response.token_ids),
                    logprobs=tuple(response.logprobs),
                    seed=seed,
                    temperature=config.sample.temperature,
                    finish_reason="eos" if response.ended else "length",
                    stratum=slot.stratum,
                    overlap=slot.overlap,
                    propensity=slot.propensity,
                    ref_logprob=response.ref_logprob,
                )
            )
    return written


def keep_first_responses(store: Store) -> None:
    """Keeps how long the first responses of a round took since they were asked for: whoever waits for the next ones is
    told. Not of a job that was begun anew, which says nothing of others."""
    job = store.active_job("generate")
    if job is not None and job.attempts == 1:
        times = [*store.setting(FIRST_RESPONSES, []), round(time.time() - job.created_at, 3)]
        store.set_setting(FIRST_RESPONSES, times[-FIRST_KEPT:])


def anchor_responses(
    store: Store, config: Config, number: int, first_slot: int, paired: bool = False
) -> list[Response]:
    """The same few responses of round 1, rated anew in every later round: do raters drift?

    Those that were shown before come first, then one of each prompt: two of one prompt tell less than two of two. None
    where raters compare (`paired`): drift is of scores. None where the model is told something else by now: their cards
    would say what was not so, and tell them apart.
    """
    first = store.round(1)
    if number == 1 or paired or first is None or Told.of(first.config) != Told.of(config.to_dict()):
        return []
    shown = {
        (r.prompt_id, r.text)
        for earlier in range(2, number)
        for r in store.responses(earlier, stratum="anchor")
    }
    of_prompt: Counter[int] = Counter()
    order = []
    for r in store.responses(1, stratum="train"):  # by slot
        order.append(((r.prompt_id, r.text) not in shown, of_prompt[r.prompt_id], r.slot, r))
        of_prompt[r.prompt_id] += 1
    known = [r for *_, r in sorted(order, key=lambda place: place[:3])[: config.plan.anchors]]
    return [
        replace(
            r,
            id=None,
            round_number=number,
            slot=first_slot + i,
            stratum="anchor",
            overlap=1,
            head_score=None,  # that of round 1 said it; this round's will too
        )
        for i, r in enumerate(known)
    ]
