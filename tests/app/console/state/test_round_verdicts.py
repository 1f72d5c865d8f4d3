"""The verdict on a version follows the ratings, a page never waits for it, and it is said in words."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from app.console.panels import verdict_panel, version_panels
from app.console.state import background_cache
from app.console.state.round_verdicts import RoundVerdicts, judgement_as_json
from rater_data.records import User
from rater_data.scales import SCALES
from rater_data.statistics.round_verdict import RoundVerdict
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import rate_all, submit, work
from tests.app.console.judged_home import judged_home
from tests.app.helpers import wait_until
from tests.rater_data.store_world import make_world, publish, rate_next, start_round

PROMPTS = 4


def open_round_of_version_1(store: Store) -> int:
    """A round with an answer of version 0 and one of version 1 to each prompt, for two raters each."""
    fake_worker.generate(store, {"quota": 4})
    rate_all(store, 4)
    store.start_training(1, "op")
    work(store)
    number = store.start_round({"quota": 4 * PROMPTS}, 1).number
    answers = [
        replace(fake_worker.response(p.id, number, by, 2 * i + by, f"{i} by {by}", 2), stratum=stratum)
        for i, p in enumerate(store.prompts()[:PROMPTS])
        for by, stratum in ((0, "control"), (1, "train"))
    ]
    store.add_responses(answers)
    store.set_round_state(number, "rating")
    return number


def gain_now(verdicts: RoundVerdicts, store: Store) -> float:
    return verdicts.read(store).latest.verdict.gain.mean


def rate(store: Store, rater: User, gain: float, cards: int = 2 * PROMPTS) -> None:
    """Scores the answers of version 1 higher than those of version 0."""
    for _ in range(cards):
        card = store.next_card(rater.id)
        assert card is not None
        submit(store, rater, card, 5.0 + (gain if card.text.endswith("by 1") else 0.0) + (card.text < "1"))


def test_raters_who_are_excluded_do_not_count(store: Store) -> None:
    verdicts = RoundVerdicts()
    assert verdicts.read(store).latest is None
    open_round_of_version_1(store)
    latest = verdicts.read(store).latest
    assert (latest.version, latest.parent, latest.verdict.gain, latest.verdict.planned) == (
        1,
        0,
        None,
        2 * PROMPTS,
    )
    assert "too few ratings yet" in version_panels.versions_table(store.versions(), False, {}, {})
    ann, bob = (store.add_user(name, "rater") for name in ("ann", "bob"))
    rate(store, ann, 3.0)
    rate(store, bob, -3.0)
    assert gain_now(verdicts, store) == pytest.approx(0.0, abs=1e-6)
    without = verdicts.read(store).without
    assert {rater: round(one.verdict.gain.mean, 6) for rater, one in without.items()} == {
        ann.id: -3.0,
        bob.id: 3.0,
    }
    store.set_excluded(bob.id, True, "op")
    assert gain_now(verdicts, store) == pytest.approx(3.0)
    by_version = verdicts.read(store).by_version()
    assert by_version[1].gain.n == PROMPTS
    assert "+3.0 (" in version_panels.versions_table(store.versions(), False, by_version, {})
    store.set_excluded(bob.id, False, "op")
    assert gain_now(verdicts, store) == pytest.approx(0.0, abs=1e-6)


def test_what_the_head_was_asked_about_is_told_by_what_a_version_was_published_with(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without holdout prompts it is measured on training prompts, and there are no samples."""
    publish = store.publish
    judged_home(store, [1.0], prompts=4)
    monkeypatch.setattr(store, "publish", lambda *given, **named: publish(*given, **named | {"samples": []}))
    judged_home(store, [1.0], prompts=4)
    found = RoundVerdicts().read(store)
    assert (set(found.expected), found.on_training_prompts) == ({1, 2}, {2})


@pytest.mark.parametrize("states", [("sealed",), ("sealed", "training"), ("sealed", "training", "refused")])
def test_ratings_after_the_seal_count(store: Store, states: tuple[str, ...]) -> None:
    """Cards go on being dealt then, and what raters say of a version does not freeze."""
    number = open_round_of_version_1(store)
    verdicts = RoundVerdicts()
    ann, bob = (store.add_user(name, "rater") for name in ("ann", "bob"))
    rate(store, ann, 2.0)
    store.seal(number, "op")
    for state in states[1:]:
        store.set_round_state(number, state)
    assert store.round(number).state == states[-1]
    assert gain_now(verdicts, store) == pytest.approx(2.0)
    rate(store, bob, 4.0)
    assert gain_now(verdicts, store) == pytest.approx(3.0)
    store.undo(bob.id)
    rate(store, bob, 0.0, cards=1)
    assert gain_now(verdicts, store) != pytest.approx(3.0)
    store.purge(bob.id, "op", ratings=True)
    assert gain_now(verdicts, store) == pytest.approx(2.0)


def test_a_refused_round_has_its_last_look_when_the_next_one_begins(store: Store) -> None:
    number, verdicts = open_round_of_version_1(store), RoundVerdicts()
    rate(store, store.add_user("ann", "rater"), 2.0)
    store.seal(number, "op")
    for state in ("training", "refused"):
        store.set_round_state(number, state)
    assert not verdicts.read(store).latest.verdict.is_last
    store.start_round({"quota": 8}, 1)
    assert {r.number: r.verdict.is_last for r in verdicts.read(store).rounds if r.verdict}[number]


def test_without_a_change_of_its_ratings_a_round_is_not_computed_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_round_of_version_1(store)
    ann = store.add_user("ann", "rater")
    rate(store, ann, 2.0)
    verdicts, computed = RoundVerdicts(), []
    compute = store.round_verdict
    monkeypatch.setattr(store, "round_verdict", lambda number: computed.append(number) or compute(number))
    for _ in range(3):
        verdicts.read(store)
    store.log("op", "did something else")
    verdicts.read(store)
    assert computed == [2]


@pytest.mark.parametrize("scale", ["score_1_10", "pair"])
def test_a_page_does_not_wait_and_the_newest_round_is_there_first(tmp_path, monkeypatch, scale) -> None:
    store = two_rounds_with_control(tmp_path, scale)
    expected = {2: store.round_verdict(2), 3: store.round_verdict(3)}
    assert all(verdict.gain is not None for verdict in expected.values())
    assert verdicts_of(RoundVerdicts(), store) == expected
    monkeypatch.setattr(background_cache, "FIRST_WAIT", 0.0)
    compute, go = store.round_verdict, {2: threading.Event(), 3: threading.Event()}

    def slow(number: int) -> RoundVerdict:
        assert go[number].wait(30)
        return compute(number)

    monkeypatch.setattr(store, "round_verdict", slow)
    verdicts = RoundVerdicts()
    assert verdicts_of(verdicts, store) == {}, "nothing was waited for"
    go[3].set()
    wait_until(lambda: verdicts_of(verdicts, store), "the newest round")
    assert verdicts_of(verdicts, store) == {3: expected[3]}
    go[2].set()
    wait_until(lambda: verdicts_of(verdicts, store) == expected, "the other round")
    store.close()


def verdicts_of(verdicts: RoundVerdicts, store: Store) -> dict[int, RoundVerdict]:
    return {r.number: r.verdict for r in verdicts.read(store).rounds if r.verdict is not None}


@pytest.mark.parametrize("scale", ["score_1_10", "pair"])
def test_it_is_said_in_words_numbers_and_a_curve(store: Store, scale: str) -> None:
    """A round that helped much, one that changed nothing, and one that hurt."""
    store.choose_scale(scale)
    verdicts, told = RoundVerdicts(), []
    for gain in (5.0, 0.0, -5.0):
        judged_home(store, [gain], seed=3, prompts=10)
        judgement = verdicts.read(store)
        told.append(
            judgement_as_json(judgement, SCALES[scale])
            | {"html": verdict_panel.verdict(judgement, SCALES[scale])}
        )
    helped, nothing, hurt = (one["verdict"] for one in told)
    assert [v["word"] for v in (helped, nothing, hurt)] == ["helped", "open", "hurt"]
    assert [v["title"] for v in (helped, hurt)] == ["Version 1 helped", "Version 3 hurt"]
    assert nothing["more"] is None or "more blind" in nothing["sentence"]
    assert helped["planned"] == helped["gain"]["n"] == (19 if scale == "pair" else 9), (
        "by the quota; the anchors are more"
    )
    assert helped["gain"]["low"] > 0 > hurt["gain"]["high"]
    assert helped["win_rate"]["mean"] > 0.7 > 0.3 > hurt["win_rate"]["mean"]
    curve = [point["value"]["mean"] for point in told[-1]["learning_curve"]]
    start = 0.5 if scale == "pair" else 0.0
    assert curve[0] == start and curve[1] > start and curve[3] < curve[2], "down again with the last"
    assert 'class="helped">Version 1 helped' in told[0]["html"] and "<svg" in told[0]["html"]
    assert ("Mean difference" in told[2]["html"]) == (scale != "pair")


def test_without_a_parent_or_a_control_arm_it_says_so(store: Store) -> None:
    judged_home(store, [], prompts=4)
    verdicts = RoundVerdicts()
    first = judgement_as_json(verdicts.read(store), store.scale())
    assert first["verdict"]["title"] == "Nothing to compare yet"
    assert [p["value"]["mean"] for p in first["learning_curve"]] == [0.0]
    judged_home(store, [1.0], prompts=4, share=0.0)
    second = judgement_as_json(verdicts.read(store), store.scale())
    assert "no control arm" in second["verdict"]["sentence"]
    assert second["learning_curve"][-1]["value"] is None, "how far it is above the first is not known"


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
        rate_next(store, world.raters[turn % 2], float(score), scale=scale)
    publish(store)
