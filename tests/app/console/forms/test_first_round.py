"""A new home's console is looked at after everything that happens in its first round: no wrong or meaningless number.

More often than every second: a real first round of the embedded model takes minutes, and nothing happens between these.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from app.startup import prepare_home
from rater_data.records import User
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.forms.test_live_page import page_of
from tests.app.console.helpers import submit

QUOTA = 8
MEANINGLESS = re.compile(
    r"\b(None(?! yet| of)|nan|NaN|inf|Infinity|undefined|null|0 of 0|(?<!round )1 ratings|1 raters)\b|[{}]|[−-]0\.0\b"
)
NUMBERED = re.compile(r"(\d+) of (\d+)")


def _life(store: Store) -> Iterator[str]:
    """What happens in a home from its first second to the second round's first card."""
    yield "before the server has begun"
    prepare_home(store)
    yield "the trainer starts"
    job = store.claim("fake")
    yield "claimed"
    for done in (0, 1):
        store.job_heartbeat(job.id, "fake", _at("Loading the model", done, 1))
        yield "loading"
    yield from _written(store, job.id)
    store.finish(job.id, "fake", {"round": 1})
    ann, ben = store.add_user("ann", "rater"), store.add_user("ben", "rater")
    yield "invited"
    yield from _rated(store, [ann, ben])
    store.start_training(1, "op")
    yield "sealed"
    yield from _trained(store, [ann, ben])
    yield "published"
    job = store.claim("fake")
    yield "the next is claimed"
    yield from _written(store, job.id)
    store.finish(job.id, "fake", {"round": 2})
    yield "the next round"


def _at(phase: str, done: int, total: int) -> dict[str, Any]:
    return {"phase": phase, "done": done, "total": total, "eta_s": 5.0 if done else None, "note": ""}


def _written(store: Store, job: int) -> Iterator[str]:
    """The round is begun, and its responses come in portions."""
    if store.current_version() is None:
        store.add_version(fake_worker.version(0, None, "current"))
    version = store.current_version().number
    prompts = store.prompts("train")[:4]
    round_ = store.start_round({"quota": QUOTA, "expected_responses": 8}, version)
    yield "begun"
    for slot in range(8):
        if slot % 3 == 0:
            store.job_heartbeat(job, "fake", _at("Generating responses", slot, 8))
            yield "writing"
        prompt, text = prompts[slot // 2], f"Answer {slot}."
        store.add_responses([fake_worker.response(prompt.id, round_.number, version, slot, text, 2)])
        yield "a response more"
    store.set_round_state(round_.number, "rating")
    yield "open"


def _rated(store: Store, raters: list[User]) -> Iterator[str]:
    for i in range(QUOTA + 2):
        rater = raters[i % 2]
        card = store.next_card(rater.id)
        yield "a card is out"
        submit(store, rater, card, 1.0 + i)
        yield "rated"


def _trained(store: Store, raters: list[User]) -> Iterator[str]:
    job = store.claim("fake")
    yield "claimed"
    for phase in ("Computing reward features", "PPO on ratings"):
        store.job_heartbeat(job.id, "fake", _at(phase, 0, 8))
        yield phase
    card = store.next_card(raters[0].id)
    if card is not None:
        submit(store, raters[0], card, 5.0)
        yield "rated beside the training"
    looks: list[str] = []
    fake_worker.train(store, job, "fake", {"pause": 0}, lambda *_: looks.append("step"))
    yield "trained"


def test_every_look_at_the_first_round(store: Store) -> None:
    page, looks = page_of(store), 0
    for what in _life(store):
        for _ in range(2):  # what is computed beside the page comes with the second look
            parts = page.read_parts()
            looks += 1
            for name, properties in parts.items():
                text = _text(properties)
                assert not MEANINGLESS.search(text), (what, name, text)
                for part, whole in NUMBERED.findall(text):
                    assert int(part) <= int(whole) or name == "tiles", (what, name, text)
        _numbers_agree(store, {name: _text(p) for name, p in parts.items()}, what)
    assert looks > 100


def _text(properties: dict[str, Any]) -> str:
    """What people read of a part: its texts, without tags and what only scripts read."""
    shown = [value for value in properties.values() if isinstance(value, str)]
    shown += [json.dumps(properties.get("choices"))] if properties.get("choices") else []
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", " ".join(shown)))).strip()


def _numbers_agree(store: Store, shown: dict[str, str], what: str) -> None:
    progress = store.round_progress()
    tiles, heading = shown["tiles"], shown["heading"]
    if progress is None:
        assert "of" not in tiles and "Getting ready" in heading, what
        return
    number = progress.round.number
    assert f"Round {number} " in heading, what
    assert f"{progress.ratings} of {QUOTA} Ratings this round" in tiles, (what, tiles)
    by_stratum = [int(given) for given, _ in NUMBERED.findall(shown["strata"])]
    assert sum(by_stratum) == progress.ratings, (what, shown["strata"])
    scores = shown["strata"].rpartition(" of ")[2]  # the number behind, then 1: 0 2: 1 … as far as they go
    counts = [int(count) for count in re.findall(r"\b\d+:? (\d+)\b", scores.partition(" ")[2])]
    if progress.ratings:
        assert sum(counts) == progress.ratings, (what, shown["strata"])
    if progress.round.state == "rating" and progress.ratings < QUOTA:
        assert f"{QUOTA - progress.ratings} more rating" in heading, (what, heading)
    over = "Rating of this round is over" in tiles
    assert over is (progress.round.state == "published"), (what, tiles)
    assert ("Nothing to compare yet" in shown["verdict"]) is (number == 1), (what, shown["verdict"])
    if progress.round.state == "generating":
        assert f"{progress.responses} of 8 responses are written" in heading, (what, heading)


def test_what_is_meaningless_is_found() -> None:
    for text in ("α None", "nan", "0 of 0", "{name}", "−0.0 points", "1 raters", "1 ratings"):
        assert MEANINGLESS.search(text), text
    for text in ("11 ratings", "None yet", "information", "10 of 10"):
        assert not MEANINGLESS.search(text), text
