"""The queue: what a rater sees next, and that nobody sees what is somebody else's."""

import threading
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
import sqlalchemy as sa

from rater_data.errors import AlreadyRated, BadInput, LeaseExpired, Missing, NotYours
from rater_data.records import Message, Prompt
from rater_data.store.cards.ratings import insert_rating
from rater_data.store.database import schema as t
from rater_data.verify.relation_checks import check_comparisons, check_leases, check_revisions
from tests.rater_data.store_world import (
    make_world,
    open_store,
    publish,
    rate,
    rate_next,
    rating,
    response,
    start_round,
    version,
)

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home")
    yield made
    made.store.close()


def deal(store, rater, **changes):
    """Rates until there is nothing left; the cards in order."""
    cards = []
    while (card := store.next_card(rater.id)) is not None:
        rate(store, rater, card, **changes)
        cards.append(card)
    return cards


def test_a_card_shows_nothing_but_what_is_rated(world):
    card = world.store.next_card(world.rater.id)
    shown = {name: getattr(card, name) for name in card.__slots__}
    assert set(shown) == {
        "response_id", "prompt", "text", "round_number", "position", "of", "lease_until", "shown_at",
        "other_id", "other_text", "swapped", "system", "continuation",
    }  # fmt: skip
    assert card.text == world.store.response(card.response_id).text


def test_a_card_tells_what_the_model_was_told(tmp_path):
    store = open_store(tmp_path / "home")
    own = (Message(role="system", content="Be a pirate."), Message(role="user", content="Hello?"))
    store.add_prompts([Prompt.of("What is rain?", split="train"), Prompt(messages=own, split="train")])
    store.add_version(version(0, status="current"))
    rater = store.add_user("ann", "rater")
    start_round(store, 2, 2, sample={"system": "Be brief.", "prompt_format": "chat"})
    cards = deal(store, rater)
    assert {(c.prompt.text, c.system) for c in cards} == {
        ("What is rain?", "Be brief."),
        ("Hello?", "Be a pirate."),
    }
    assert not any(card.continuation for card in cards)
    publish(store)
    start_round(store, 1, 2, sample={"system": "Be brief.", "prompt_format": "plain"})
    assert {(c.system, c.continuation) for c in deal(store, rater)} == {("", True)}
    publish(store)
    start_round(store, 1, 2)  # as an earlier release began rounds
    assert {(c.system, c.continuation) for c in deal(store, rater)} == {("", False)}
    store.close()


def test_one_rater_sees_everything_once_and_prompts_back_to_back(world):
    cards = deal(world.store, world.rater)
    assert len({card.response_id for card in cards}) == len(cards) == 12
    assert [card.position for card in cards] == [1, 2, 3, 4] * 3
    assert {card.of for card in cards} == {4}
    prompts = [card.prompt.id for card in cards]
    assert all(len(set(prompts[i : i + 4])) == 1 for i in range(0, 12, 4))
    assert world.store.next_card(world.rater.id) is None


def test_orders_differ_between_raters_and_stay_the_same_for_one(tmp_path):
    orders = []
    for attempt in range(2):
        world = make_world(tmp_path / str(attempt), prompts=5, k=2, raters=3, overlap=3)
        orders.append([[card.response_id for card in deal(world.store, rater)] for rater in world.raters])
        world.store.close()
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders[0]}) == 3


def test_first_places_are_fair(tmp_path):
    """Over many raters, every prompt and every place within a prompt comes first about equally often."""
    world = make_world(tmp_path / "home", prompts=4, raters=120, overlap=120)
    firsts = [world.store.next_card(rater.id).response_id for rater in world.raters]
    counts = Counter((number - 1) // 4 for number in firsts), Counter((number - 1) % 4 for number in firsts)
    for count in counts:
        # binomial(120, 1/4): 30 ± 4 standard deviations
        assert len(count) == 4
        assert all(11 <= n <= 49 for n in count.values()), count
    world.store.close()


def test_raters_begin_different_prompts(tmp_path):
    world = make_world(tmp_path / "home", prompts=3, raters=3)
    firsts = [world.store.next_card(rater.id).prompt.id for rater in world.raters]
    assert len(set(firsts)) == 3
    world.store.close()


def test_a_rater_without_new_prompts_helps_with_those_begun(world):
    one, two = world.raters
    begun = world.store.next_card(one.id)
    rate(world.store, one, begun)
    others = deal(world.store, two)
    assert [card.prompt.id for card in others[-3:]] == [begun.prompt.id] * 3
    assert len(others) == 11
    assert world.store.next_card(one.id) is None


def test_calibration_comes_early_enough_to_overlap(tmp_path):
    """Three raters give 64 ratings on 64 responses: the two prompts that want all three get all three."""
    world = make_world(tmp_path / "home", prompts=16, k=1, raters=3)
    store = world.store
    store.set_round_state(1, "rolled_back")
    store.start_round({"quota": 64}, 0)
    shared = (3, 9)
    made = [
        response(p.id, i * 4 + j, round_number=2, stratum="calibration" if i in shared else "train",
                 overlap=3 if i in shared else 1)
        for i, p in enumerate(store.prompts()) for j in range(4)
    ]  # fmt: skip
    store.add_responses(made)
    store.set_round_state(2, "rating")
    for turn in range(64):
        rate_next(store, world.raters[turn % 3])
    assert store.round_progress().by_stratum["calibration"] == (24, 24)
    store.close()


def test_the_same_card_comes_back_until_it_is_answered(world):
    first = world.store.next_card(world.rater.id, now=1000.0)
    again = world.store.next_card(world.rater.id, now=1005.0)
    assert (again.response_id, again.shown_at) == (first.response_id, 1000.0)
    assert again.lease_until == 1605.0


def test_two_raters_are_never_on_one_card(world):
    one, two = world.raters
    seen = world.store.next_card(one.id)
    for _ in range(11):
        card = world.store.next_card(two.id)
        assert card.response_id != seen.response_id
        rate(world.store, two, card)
    assert world.store.next_card(two.id) is None
    world.store.release(one.id)
    assert world.store.next_card(two.id).response_id == seen.response_id


def test_a_second_lease_on_a_full_card_is_refused_everywhere(world):
    one, two = world.raters
    card = world.store.next_card(one.id, now=1000.0)
    with pytest.raises(NotYours):
        world.store.submit(rating(card.response_id, two.id), now=1000.0)
    with pytest.raises(Missing):
        world.store.heartbeat(two.id, card.response_id, now=1000.0)
    assert world.store.recent(two.id) == []


def test_a_card_held_too_long_goes_to_another(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=1)
    one, two = world.raters
    card = world.store.next_card(one.id, now=1000.0, lease_s=60)
    assert world.store.next_card(two.id, now=1059.0) is None
    assert world.store.next_card(two.id, now=1061.0).response_id == card.response_id
    with pytest.raises(LeaseExpired, match="too long"):
        world.store.submit(rating(card.response_id, one.id), now=1062.0)
    with pytest.raises(Missing):
        world.store.heartbeat(one.id, card.response_id, now=1062.0)
    assert world.store.next_card(one.id, now=1062.0) is None
    world.store.submit(rating(card.response_id, two.id), now=1062.0)
    world.store.close()


def test_a_card_held_too_long_that_nobody_took_is_still_accepted(world):
    card = world.store.next_card(world.rater.id, now=1000.0, lease_s=60)
    assert world.store.submit(rating(card.response_id, world.rater.id), now=5000.0).id


def test_a_heartbeat_keeps_the_card(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=1)
    one, two = world.raters
    card = world.store.next_card(one.id, now=1000.0, lease_s=60)
    world.store.heartbeat(one.id, card.response_id, lease_s=60, now=1050.0)
    assert world.store.next_card(two.id, now=1100.0) is None
    assert world.store.next_card(two.id, now=1111.0) is not None
    world.store.close()


def test_submit_twice_with_one_key_stores_once(world):
    card = world.store.next_card(world.rater.id)
    first = world.store.submit(rating(card.response_id, world.rater.id, 8, key="click"))
    again = world.store.submit(rating(card.response_id, world.rater.id, 2, key="click"))
    assert again == first
    assert world.store.count_ratings(current=False) == 1
    other = world.store.next_card(world.rater.id)
    with pytest.raises(BadInput, match="key"):
        world.store.submit(rating(other.response_id, world.rater.id, key="click"))


def test_a_second_submit_with_another_key_is_refused(world):
    card = world.store.next_card(world.rater.id)
    rate(world.store, world.rater, card, 8)
    with pytest.raises(AlreadyRated):
        rate(world.store, world.rater, card, 2)
    assert [r.rating.score for r in world.store.rated()] == [8]


def test_a_second_current_rating_is_refused_even_past_the_lease(world):
    given = rate_next(world.store, world.rater, 8)
    with pytest.raises(AlreadyRated), world.store.writing() as connection:
        insert_rating(connection, rating(given.response_id, world.rater.id, 2), 1.0)


def test_who_is_not_there_or_kept_out_gets_nothing(world):
    with pytest.raises(Missing):
        world.store.next_card(99)
    with pytest.raises(Missing):
        rate_next(world.store, world.rater)  # keeps a card
        world.store.submit(rating(999, world.rater.id))
    card = world.store.next_card(world.rater.id)
    world.store.set_active(world.rater.id, False, "op")
    with pytest.raises(NotYours):
        world.store.next_card(world.rater.id)
    with pytest.raises(NotYours):
        rate(world.store, world.rater, card)


def test_a_skipped_card_goes_to_others_and_is_retired_after_three(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=1, raters=4)
    for i, verdict in enumerate(("skip", "cannot_judge", "skip")):
        rate_next(world.store, world.raters[i], verdict=verdict)
        assert world.store.next_card(world.raters[i].id) is None
    assert world.store.next_card(world.raters[3].id) is None
    assert world.store.round_progress().set_aside == 3
    world.store.close()


def test_broken_fills_the_card_and_skip_does_not(tmp_path):
    world = make_world(tmp_path / "home", prompts=2, k=1, raters=2)
    one, two = world.raters
    skipped = rate_next(world.store, one, verdict="skip").response_id
    rate_next(world.store, one, verdict="broken")
    assert [card.response_id for card in deal(world.store, two)] == [skipped]
    world.store.close()


def test_what_an_excluded_rater_said_is_rated_again(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=2)
    one, two = world.raters
    deal(world.store, one)
    assert world.store.next_card(two.id) is None
    world.store.set_excluded(one.id, True, "op")
    assert len(deal(world.store, two)) == 2
    assert world.store.round_progress().ratings == 2
    world.store.close()


def test_cards_come_from_the_latest_round_in_every_state_that_is_open(world):
    store, rater = world.store, world.rater
    rate_next(store, rater)
    store.seal(1, "operator")
    assert rate_next(store, rater).id  # counts for the next snapshot
    store.set_round_state(1, "training")
    assert rate_next(store, rater).id
    assert len(store.snapshot(1)) == 1
    store.set_round_state(1, "failed")
    assert store.next_card(rater.id) is None
    store.set_round_state(1, "sealed")
    held = store.next_card(rater.id)
    store.set_round_state(1, "training")
    store.set_round_state(1, "refused")
    assert store.next_card(rater.id).response_id == held.response_id
    start_round(store, 1, 2)
    assert store.next_card(rater.id).response_id == held.response_id  # what is held may be finished
    rate(store, rater, held)
    assert store.next_card(rater.id).round_number == 2


def test_a_card_of_a_round_that_closed_is_not_shown_again_but_may_be_sent(world):
    store, rater = world.store, world.rater
    rate_next(store, world.raters[1])
    held = store.next_card(rater.id)
    publish(world)
    assert rate(store, rater, held).id
    assert store.next_card(rater.id) is None


def test_undo_gives_the_card_back(world):
    store, rater = world.store, world.rater
    first, last = rate_next(store, rater, 3), rate_next(store, rater, 9)
    card = store.undo(rater.id)
    assert (card.response_id, card.position, card.of) == (last.response_id, 2, 4)
    assert store.next_card(rater.id).response_id == last.response_id
    again = rate(store, rater, card, 4)
    assert again.revision == 2
    assert [r.rating.score for r in store.recent(rater.id)] == [4, 3]
    assert store.count_ratings(current=False) == 3
    store.undo(rater.id)
    assert store.undo(rater.id).response_id == first.response_id
    with pytest.raises(BadInput, match="nothing to undo"):
        store.undo(rater.id)


def test_undo_stops_at_the_seal(world):
    rate_next(world.store, world.rater)
    world.store.seal(1, "operator")
    with pytest.raises(BadInput, match="sealed"):
        world.store.undo(world.rater.id)
    assert world.store.count_ratings() == 1


def test_undoing_a_skip_does_not_take_the_card_from_who_has_it(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=1)
    one, two = world.raters
    rate_next(world.store, one, verdict="skip")
    card = world.store.next_card(two.id)
    with pytest.raises(BadInput, match="Another rater"):
        world.store.undo(one.id)
    rate(world.store, two, card)
    skip = world.store.recent(one.id)[0].rating
    with pytest.raises(BadInput, match="Another rater"):
        world.store.revise(skip.id, one.id, score=4)
    assert {r.rating.verdict for r in world.store.rated()} == {"skip", "rated"}
    world.store.close()


@pytest.mark.parametrize("stores", ["one", "two"])
def test_fifty_raters_at_once(tmp_path, stores):
    """Threads on one store, or on two as in two processes.

    Nobody holds what somebody else holds, every card is rated as often as it wants, none is lost.
    """
    world = make_world(tmp_path / "home", prompts=10, k=4, raters=50, overlap=2)
    other = open_store(tmp_path / "home") if stores == "two" else world.store
    if stores == "two":
        other._lock = (
            threading.Lock()
        )  # a lock of another process is not ours: only the database keeps them apart
    held, told, errors, guard = defaultdict(set), set(), [], threading.Lock()
    start = threading.Barrier(50)

    def work(rater, store):
        try:
            start.wait(60)
            while (card := store.next_card(rater.id)) is not None:
                with guard:
                    held[card.response_id].add(rater.id)
                    assert len(held[card.response_id]) <= 2, "more raters on a card than it wants"
                given = rate(store, rater, card, 1 + rater.id % 10)
                with guard:
                    told.add((given.id, given.response_id, rater.id))
        except Exception as error:
            errors.append(error)

    pairs = zip(world.raters, [world.store, other] * 25, strict=True)
    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    kept = [r.rating for r in world.store.rated()]
    assert {(r.id, r.response_id, r.rater_id) for r in kept} == told, (
        "a rating was lost, or came from nowhere"
    )
    given = Counter(r.response_id for r in kept)
    # a rater may find nothing while others hold the last cards; whoever is left finishes
    for rater in world.raters:
        given.update(card.response_id for card in deal(world.store, rater))
    assert set(given.values()) == {2}
    assert len(given) == 40
    if other is not world.store:
        other.close()
    world.store.close()


# ---- pairs


@pytest.fixture
def pairs(tmp_path):
    world = make_world(tmp_path / "pairs", prompts=2, k=4, raters=2)
    world.store.choose_scale("pair")
    yield world
    world.store.close()


def compare(store, rater, shown: float):
    """Answers the next card: below 0 the one that was shown first is better."""
    card = store.next_card(rater.id)
    score = -shown if card.swapped else shown
    return card, rate(store, rater, card, score, scale="pair")


def test_every_response_is_the_first_of_one_comparison(pairs):
    store, rater = pairs.store, pairs.rater
    given = [compare(store, rater, -1.0) for _ in range(8)]
    assert store.next_card(rater.id) is None
    assert len({rated.response_id for _, rated in given}) == 8
    by_prompt = {}
    for card, rated in given:
        assert card.other_text == store.response(rated.other_id).text != card.text
        assert store.response(rated.other_id).prompt_id == store.response(rated.response_id).prompt_id
        assert rated.swapped == card.swapped
        by_prompt.setdefault(card.prompt.id, []).append(rated.other_id)
    assert all(len(set(others)) == 4 for others in by_prompt.values())
    assert {card.swapped for card, _ in given} == {True, False}


def test_two_versions_are_compared_with_each_other(tmp_path):
    store = make_world(tmp_path, prompts=0).store
    store.add_prompts([Prompt.of("Old or new?", split="train")])
    store.add_version(version(1, parent=0))
    store.choose_scale("pair")
    store.add_responses(
        [
            response(1, slot, version_number=by, stratum=kind)
            for slot, (by, kind) in enumerate([(1, "train"), (1, "train"), (0, "control"), (0, "control")])
        ]
    )
    rater = store.users()[0]
    given = [compare(store, rater, 1.0)[1] for _ in range(4)]
    assert len({frozenset((rated.response_id, rated.other_id)) for rated in given}) == 4
    for rated in given:
        assert {store.response(i).version_number for i in (rated.response_id, rated.other_id)} == {0, 1}
    store.close()


@pytest.mark.parametrize(("k", "cards"), [(2, 1), (3, 2), (4, 4), (5, 5)])
def test_nobody_compares_the_same_two_twice(tmp_path, backend, k, cards):
    """Alone a rater gets at least so many cards of a prompt: what rounds are planned by."""
    world = make_world(tmp_path, prompts=3, k=0, raters=2)
    store = world.store
    store.add_version(version(1, parent=0))
    store.choose_scale("pair")
    places = [(prompt, i) for prompt in range(3) for i in range(k)]
    store.add_responses(
        [response(1 + p, p * k + i, version_number=int(i >= (k + 1) // 2)) for p, i in places]
    )
    for rater in world.raters:
        seen, rated = [], []
        while (card := store.next_card(rater.id)) is not None:
            assert card.position <= card.of <= k * (k - 1) // 2
            assert store.next_card(rater.id).of == card.of
            rated.append(rate(store, rater, card, 1.0, scale="pair"))
            seen.append(card.prompt.id)
        pairs = [frozenset((one.response_id, one.other_id)) for one in rated]
        assert len(pairs) == len(set(pairs))
        if rater is world.rater:
            assert min(seen.count(prompt) for prompt in (1, 2, 3)) >= cards
    assert store.count_ratings() <= 3 * k
    with store.writing() as connection, pytest.raises(AlreadyRated):
        first = store.rated()[0].rating
        turned = {"response_id": first.other_id, "other_id": first.response_id, "key": "turned"}
        insert_rating(connection, replace(first, id=None, **turned), 1.0)
    with store.reading() as connection:
        for check in (check_revisions, check_comparisons, check_leases):
            assert list(check(connection)) == []
    store.close()


def test_a_pair_that_was_answered_elsewhere_is_held_no_longer(pairs):
    """As when an import brings what a rater said of the two that they are looking at."""
    store, rater = pairs.store, pairs.rater
    card = store.next_card(rater.id)
    with store.reading() as connection:
        other = connection.scalar(sa.select(t.leases.c.other_id))
    with store.writing() as connection:
        brought = rating(other, rater.id, 1.0, scale="pair", other_id=card.response_id)
        insert_rating(connection, brought, 1.0)
    again = store.next_card(rater.id)
    assert (again.response_id, again.other_text) != (card.response_id, card.other_text)
    rate(store, rater, again, 1.0, scale="pair")


def test_undo_gives_the_same_pair_again(pairs):
    store, rater = pairs.store, pairs.rater
    card, _ = compare(store, rater, 1.0)
    again = store.undo(rater.id)
    assert (again.response_id, again.other_text, again.swapped) == (
        card.response_id, card.other_text, card.swapped
    )  # fmt: skip


def test_a_lone_response_waits_for_another(tmp_path):
    world = make_world(tmp_path, prompts=1, k=1)
    world.store.choose_scale("pair")
    assert world.store.next_card(world.rater.id) is None
    world.store.close()


def test_a_card_of_another_scale_is_dealt_anew(tmp_path):
    world = make_world(tmp_path, prompts=1, k=2)
    store = world.store
    single = store.next_card(world.rater.id)
    store.choose_scale("pair")
    with pytest.raises(NotYours, match="another scale"):
        rate(store, world.rater, single, 1.0, scale="pair")
    assert store.next_card(world.rater.id).other_text is not None
    store.close()
