"""A round in which two versions answered the same prompts, for the tests of what people say of the newer one."""

import dataclasses

from rater_data.records import Prompt
from rater_data.store import Store
from tests.rater_data.store_world import publish, rate_next, response, version

PROMPTS = 6


def open_two_arms(store: Store, state: str = "rating") -> int:
    """A round of version 1 with an answer of version 0 beside each of its own; the home is begun where it is new."""
    if not store.versions():
        store.add_prompts([Prompt.of(f"prompt {i}", split="train") for i in range(PROMPTS)])
        store.add_version(version(0, status="current"))
        store.add_user("ann", "rater")
        store.start_round({"quota": 1}, 0)
        store.add_responses([response(store.prompts()[0].id, 0)])
        store.set_round_state(1, "rating")
        rate_next(store, _rater(store))
        publish(store)
    number = store.start_round({"quota": 2 * PROMPTS}, 1).number
    store.add_responses(
        [
            dataclasses.replace(
                response(prompt.id, 2 * i + new),
                round_number=number,
                version_number=new,
                stratum="train" if new else "control",
                overlap=1,
            )
            for i, prompt in enumerate(store.prompts()[:PROMPTS])
            for new in (0, 1)
        ]
    )
    if state != "generating":
        store.set_round_state(number, state)
    return number


def rate_arms(store: Store, *, new: float, old: float) -> None:
    """Everything in the open round, by one rater."""
    strata = {r.id: r.stratum for r in store.responses(store.round().number)}
    while (card := store.next_card(_rater(store).id)) is not None:
        rate_next(store, _rater(store), old if strata[card.response_id] == "control" else new)


def _rater(store: Store):
    return next(user for user in store.users() if user.role == "rater")
