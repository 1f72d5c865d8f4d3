"""Answers of two versions to the same prompts, side by side: for the console, and for raters' news."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rater_data.round_settings import is_continuation, joined_text
from rater_data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleComparison:
    """`rows`: (prompt, answer of the older version, answer of the newer one).

    `older_continues`, `newer_continues`: its answers go on with the prompts' texts.
    """

    older: int
    newer: int
    rows: tuple[tuple[str, str, str], ...]
    older_continues: bool = False
    newer_continues: bool = False


def compare_samples(
    store: Store, older: int | None = None, newer: int | None = None, limit: int = 6
) -> SampleComparison | None:
    """Two versions on up to `limit` prompts that both have samples of; by default the one in use and its parent.

    None where there are no such prompts, or the version in use has no parent.
    """
    if older is None or newer is None:
        current = store.current_version()
        if current is None or current.parent is None:
            return None
        older, newer = current.parent, current.number
    old_texts: dict[tuple[int, int | None], str] = {
        (s.prompt_id, s.seed): s.text for s in store.samples(older)
    }
    old_texts |= {(prompt_id, None): text for (prompt_id, _), text in old_texts.items()}
    continues = [is_continuation(store.version(number).metrics) for number in (older, newer)]
    rows = []
    for sample in store.samples(newer):
        # the same seed where there is one, else any answer to the prompt
        old_text = old_texts.get((sample.prompt_id, sample.seed), old_texts.get((sample.prompt_id, None)))
        if old_text is not None:
            prompt = store.prompt(sample.prompt_id)
            rows.append((joined_text(prompt.chat) if any(continues) else prompt.text, old_text, sample.text))
    if not rows:
        return None
    return SampleComparison(
        older=older,
        newer=newer,
        rows=tuple(rows[:limit]),
        older_continues=continues[0],
        newer_continues=continues[1],
    )


def find_answers(store: Store, number: int, prompts: Collection[str]) -> dict[str, str]:
    """What a version's samples say to these prompts, by the prompt's text; without those that it has no sample of."""
    wanted, found = set(prompts), dict[str, str]()
    for sample in store.samples(number):
        if len(found) == len(wanted):
            break  # a look-up each, and those that a training watches come first
        prompt = store.prompt(sample.prompt_id).text
        if prompt in wanted:
            found.setdefault(prompt, sample.text)
    return found
