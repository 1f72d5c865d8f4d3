"""A small world for the tests of the store: prompts, a base version, a round with responses, some raters."""

import functools
import tempfile
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from rater_data.lifecycle import Version
from rater_data.records import Card, Prompt, RatedResponse, Rating, Response, User
from rater_data.store import DATABASE, Store
from rater_data.store.database import schema as t
from rater_data.store.rounds.snapshots import rated_response_of, rated_responses_query


@dataclass
class World:
    """A store with round 1 open, and its raters."""

    store: Store
    raters: list[User]

    @property
    def rater(self) -> User:
        return self.raters[0]


def version(number: int, parent: int | None = None, status: str = "candidate") -> Version:
    return Version(
        number=number,
        parent=parent,
        folder=f"versions/{number:04d}" if number else "",
        sha256="ab" * 32,
        base_model="tiny",
        base_revision="1",
        metrics={},
        status=status,
        created_at=1.0,
    )


def response(prompt_id: int, slot: int, **changes) -> Response:
    made = Response(
        prompt_id=prompt_id,
        round_number=1,
        version_number=0,
        slot=slot,
        text=f"response {slot}",
        prompt_ids=(1, 2),
        token_ids=(3, 4, 5),
        logprobs=(-0.1, -0.2, -0.3),
        seed=slot,
        temperature=0.7,
        finish_reason="eos",
        stratum="train",
    )
    return replace(made, **changes)


def rating(response_id: int, rater_id: int, score: float | None = 5.0, **changes) -> Rating:
    made = Rating(
        response_id=response_id,
        rater_id=rater_id,
        score=score if changes.get("verdict", "rated") == "rated" else None,
        verdict=changes.get("verdict", "rated"),
        scale=changes.get("scale", "score_1_10"),
        shown_at=100.0,
        submitted_at=105.0,
        active_ms=4000,
        position=1,
        guideline_version=1,
        key=str(uuid.uuid4()),
    )
    return replace(made, **changes)


def rate(store: Store, rater: User, card: Card, score: float | None = 5.0, **changes) -> Rating:
    """Submits a rating of a card that was just dealt."""
    return store.submit(rating(card.response_id, rater.id, score, position=card.position, **changes))


def rate_next(store: Store, rater: User, score: float | None = 5.0, **changes) -> Rating:
    card = store.next_card(rater.id)
    assert card is not None, "there is no card left for this rater"
    return rate(store, rater, card, score, **changes)


def all_revisions(store: Store) -> list[RatedResponse]:
    """Ratings of every revision, by id, with what they are about."""
    with store.reading() as connection:
        rows = connection.execute(rated_responses_query().order_by(t.ratings.c.id)).mappings()
        return [rated_response_of(row) for row in rows]


def address_of(home: Path) -> str | None:
    """Where the store of a home is kept; the fixture `backend` puts another answer here."""
    return None


def open_store(home: Path) -> Store:
    """The store of a home on the database that is being tested; the same home again is the same store."""
    address = address_of(home)
    return file_store(home) if address is None else Store.open(home, address)


def file_store(home: Path) -> Store:
    """The store of a home that keeps it in a file; a new one begins as a copy of `just_made`."""
    if not (home / DATABASE).exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / DATABASE).write_bytes(just_made())
    return Store.open(home)


@functools.cache
def just_made() -> bytes:
    """A new store's file. The migrations that make it take longer than most tests of what comes after them."""
    with tempfile.TemporaryDirectory() as folder:
        Store.open(folder).close()
        return (Path(folder) / DATABASE).read_bytes()


def make_world(
    home: Path, *, prompts: int = 3, k: int = 4, raters: int = 2, overlap: int = 1, quota: int = 12
) -> World:
    """Round 1 in rating: `k` responses of version 0 to each prompt, for `overlap` raters each."""
    store = open_store(home)
    store.add_prompts([Prompt.of(f"Question {i}?", split="train") for i in range(prompts)])
    store.add_version(version(0, status="current"))
    people = [store.add_user(f"Rater {i}", "rater") for i in range(raters)]
    start_round(store, prompts, k, overlap, quota)
    return World(store=store, raters=people)


def start_round(
    store: Store, prompts: int, k: int, overlap: int = 1, quota: int = 12, sample: dict | None = None
) -> int:
    """The next round of the version in use, open for rating; `sample` as in its settings."""
    by = store.current_version().number
    found = store.start_round({"quota": quota} | ({"sample": sample} if sample else {}), by)
    store.add_responses(
        [
            response(
                p.id,
                i * k + j,
                round_number=found.number,
                version_number=by,
                overlap=overlap,
                text=f"round {found.number}, prompt {i}, response {j}",
            )
            for i, p in enumerate(store.prompts()[:prompts])
            for j in range(k)
        ]
    )
    store.set_round_state(found.number, "rating")
    return found.number


def publish(world_or_store: World | Store, number: int | None = None) -> None:
    """Takes the open round all the way to a published version."""
    store = world_or_store.store if isinstance(world_or_store, World) else world_or_store
    found = store.round(number)
    if store.count_ratings() == 0:
        rate_next(store, store.users()[0])
    store.seal(found.number, "operator")
    store.set_round_state(found.number, "training")
    new = version(store.next_version_number(), parent=found.version_number)
    store.publish(found.number, new, gate={"passed": True}, decision="It learned.", samples=[])
