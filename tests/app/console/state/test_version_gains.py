"""The gain of a version over its parent follows the ratings, and a page never waits for it."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from app.console.panels import version_panels
from app.console.state import background_cache, version_gains
from app.console.state.version_gains import VersionGains
from rater_data.records import User
from rater_data.statistics.intervals import Interval
from rater_data.statistics.version_gain import version_gain
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import rate_all, submit, work
from tests.app.helpers import wait_until
from tests.rater_data.store_world import make_world, publish, rate_next, start_round

PROMPTS = 4


def open_round_of_version_1(store: Store) -> int:
    """A round with an answer of version 0 and one of version 1 to each prompt, for two raters each."""
    fake_worker.generate(store, {"quota": 4})
    rate_all(store, 4)
    store.start_training(1, "op")
    work(store)
    number = store.start_round({"quota": 2 * PROMPTS}, 1).number
    answers = [
        replace(fake_worker.response(p.id, number, by, 2 * i + by, f"{i} by {by}", 2), stratum=stratum)
        for i, p in enumerate(store.prompts()[:PROMPTS])
        for by, stratum in ((0, "control"), (1, "train"))
    ]
    store.add_responses(answers)
    store.set_round_state(number, "rating")
    return number


def rate(store: Store, rater: User, gain: float, cards: int = 2 * PROMPTS) -> None:
    """Scores the answers of version 1 higher than those of version 0."""
    for _ in range(cards):
        card = store.next_card(rater.id)
        assert card is not None
        submit(store, rater, card, 5.0 + (gain if card.text.endswith("by 1") else 0.0) + (card.text < "1"))


def test_raters_who_are_excluded_do_not_count(store: Store) -> None:
    gains = VersionGains()
    assert gains.latest(store) == {}
    open_round_of_version_1(store)
    assert gains.latest(store) == {}
    assert "too few ratings yet" in version_panels.versions_table(store.versions(), False, {}, {})
    ann, bob = (store.add_user(name, "rater") for name in ("ann", "bob"))
    rate(store, ann, 3.0)
    rate(store, bob, -3.0)
    assert gains.latest(store)[1].mean == pytest.approx(0.0, abs=1e-9)
    store.set_excluded(bob.id, True, "op")
    gain = gains.latest(store)[1]
    assert (gain.mean, gain.n) == (pytest.approx(3.0), PROMPTS)
    assert "+3.0 (" in version_panels.versions_table(store.versions(), False, {1: gain}, {})
    store.set_excluded(bob.id, False, "op")
    assert gains.latest(store)[1].mean == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("states", [("sealed",), ("sealed", "training"), ("sealed", "training", "refused")])
def test_ratings_after_the_seal_count(store: Store, states: tuple[str, ...]) -> None:
    """Cards go on being dealt then, and what raters say of a version does not freeze."""
    number = open_round_of_version_1(store)
    gains = VersionGains()
    ann, bob = (store.add_user(name, "rater") for name in ("ann", "bob"))
    rate(store, ann, 2.0)
    store.seal(number, "op")
    for state in states[1:]:
        store.set_round_state(number, state)
    assert store.round(number).state == states[-1]
    assert gains.latest(store)[1].mean == pytest.approx(2.0)
    rate(store, bob, 4.0)
    assert gains.latest(store)[1].mean == pytest.approx(3.0)
    store.undo(bob.id)
    rate(store, bob, 0.0, cards=1)
    assert gains.latest(store)[1].mean != pytest.approx(3.0)
    store.purge(bob.id, "op", ratings=True)
    assert gains.latest(store)[1].mean == pytest.approx(2.0)


def test_without_a_change_of_its_ratings_a_round_is_not_computed_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_round_of_version_1(store)
    ann = store.add_user("ann", "rater")
    rate(store, ann, 2.0)
    gains, computed = VersionGains(), []
    compute = version_gains.compute_gain
    monkeypatch.setattr(
        version_gains, "compute_gain", lambda *given: computed.append(given[1]) or compute(*given)
    )
    for _ in range(3):
        gains.latest(store)
    store.log("op", "did something else")
    gains.latest(store)
    assert computed == [2]


@pytest.mark.parametrize("scale", ["score_1_10", "pair"])
def test_a_page_does_not_wait_and_the_newest_round_is_there_first(tmp_path, monkeypatch, scale) -> None:
    store = two_rounds_with_control(tmp_path, scale)
    expected = {2: version_gain(store.rated(3), 3), 1: version_gain(store.rated(2), 2)}
    assert VersionGains().latest(store) == expected
    monkeypatch.setattr(background_cache, "FIRST_WAIT", 0.0)
    compute, go = version_gains.compute_gain, {2: threading.Event(), 3: threading.Event()}

    def slow(store: Store, number: int, excluded: frozenset[int]) -> Interval | None:
        assert go[number].wait(30)
        return compute(store, number, excluded)

    monkeypatch.setattr(version_gains, "compute_gain", slow)
    gains = VersionGains()
    assert gains.latest(store) == {}, "nothing was waited for"
    go[3].set()
    wait_until(lambda: gains.latest(store), "the newest round")
    assert gains.latest(store) == {2: expected[2]}
    go[2].set()
    wait_until(lambda: gains.latest(store) == expected, "the other round")
    store.close()


def two_rounds_with_control(home, scale: str) -> Store:
    world = make_world(home / "home", prompts=4, k=2)
    store = world.store
    store.choose_scale(scale)
    publish_rated(store, world, scale)
    for _ in range(2):
        start_round(store, 4, 2)
        with store.writing() as connection:  # half of what is rated comes from the version before
            connection.exec_driver_sql(
                "UPDATE responses SET version_number = version_number - 1, stratum = 'control'"
                " WHERE slot % 2 = 1 AND round_number = (SELECT max(number) FROM rounds)"
            )
        publish_rated(store, world, scale)
    return store


def publish_rated(store: Store, world, scale: str) -> None:
    for turn in range(8):
        score = (2 + turn % 7) if scale == "score_1_10" else (-1, 0, 1)[turn % 3]
        rate_next(store, world.rater, float(score), scale=scale)
    publish(store)
