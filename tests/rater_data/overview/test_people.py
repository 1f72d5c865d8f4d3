"""What is said of raters: only what their ratings bear, on every scale, and the same wherever it is shown."""

import pytest

from rater_data.overview import people, rater_words
from rater_data.overview.people import read_rater_figures
from rater_data.round_settings import RATER_REVIEW
from rater_data.scales import SCALES
from rater_data.statistics.intervals import Interval, share_interval
from tests.rater_data.store_world import make_world, rate_next, rating

TEN, THUMBS, PAIR = (SCALES[name] for name in ("score_1_10", "thumbs", "pair"))


def interval(low: float, high: float, n: int = 9) -> Interval:
    return Interval(mean=(low + high) / 2, low=low, high=high, n=n)


@pytest.mark.parametrize(
    ("offset", "ratings", "others", "scale", "says"),
    [
        (None, 30, 0, TEN, "Nobody else has rated: how strict Ana is cannot be said."),
        (interval(-3, 3), 1, 2, TEN, "From 1 rating nothing can be said of how strict Ana is."),
        (None, 30, 2, TEN, ""),
        (
            interval(-1.4, 0.9),
            9,
            2,
            TEN,
            "From 9 ratings nothing can be said of how strict Ana is: between 1.4 points stricter and 0.9 milder than "
            "the others.",
        ),
        (interval(-1.6, -0.4), 40, 2, TEN, "Stricter than the others by 0.4 to 1.6 points."),
        (interval(0.4, 1.6), 40, 2, TEN, "Milder than the others by 0.4 to 1.6 points."),
        (
            interval(-0.3, 0.4),
            400,
            2,
            TEN,
            "Hardly stricter or milder than the others: between 0.3 points stricter and 0.4 milder.",
        ),
        (interval(-0.16, -0.04), 40, 2, THUMBS, "Stricter than the others by 4 to 16 of 100 thumbs."),
        (None, 40, 2, PAIR, ""),
    ],
)
def test_how_strict_somebody_is(offset, ratings, others, scale, says):
    assert rater_words.strictness("Ana", offset, ratings, others, scale) == says


def test_answers_that_nobody_else_has_seen_are_said_to_be_so():
    said = rater_words.strictness("Ana", interval(0.4, 1.6), 40, 2, TEN, alone=True)
    assert said == "Milder than the others by 0.4 to 1.6 points, on answers that nobody else has seen."


@pytest.mark.parametrize(
    ("found", "shared", "says"),
    [
        (None, 0, "None of these responses was judged by anybody else"),
        (None, 1, "Only 1 of these responses was judged by others, too: too few"),
        (None, 4, "Only 4 of these responses were judged"),
        (None, 6, "Either this rater or the others gave all 6 shared responses one score"),
        (interval(0.1, 0.8), 12, "Agrees with the others on 12 shared responses more than chance would."),
        (interval(-0.2, 0.8), 12, "Whether they agree with the others cannot be told from 12"),
        (interval(-0.8, -0.1), 12, "Says the opposite of the others on 12"),
    ],
)
def test_how_far_somebody_agrees(found, shared, says):
    assert rater_words.agreement(found, shared, TEN).startswith(says)


@pytest.mark.parametrize(
    ("near", "times", "by_chance", "scale", "says"),
    [
        (0, 0, 0.3, TEN, "No response was rated twice yet."),
        (0, 0, 0.3, PAIR, ""),
        (5, 6, 0.3, TEN, "5 of 6 responses got the same score or one beside it: more than by chance (30 %)."),
        (5, 6, 0.6, TEN, "5 of 6 responses got the same score or one beside it, which may be chance (60 %)."),
        (6, 6, 0.5, THUMBS, "6 of 6 responses got the same score: more than by chance (50 %)."),
        (3, 6, 0.5, PAIR, "3 of 6 pairs got the same answer, which may be chance (50 %)."),
    ],
)  # fmt: skip
def test_whether_somebody_says_the_same_again(near, times, by_chance, scale, says):
    assert (
        rater_words.repeats(share_interval(near, times), by_chance, scale).removeprefix("Seen again, ")
        == says
    )


EFFECT = {"with": 0.41, "without": 0.52, "low": 0.02, "high": 0.24, "responses": 38, "ratings": 9}


def test_what_leaving_out_does_is_told_with_how_sure_it_is():
    assert rater_words.leaving_out(EFFECT) == (
        "The reward head agrees with the others at 0.41 with these 9 ratings and at 0.52 without: "
        "+0.11 (+0.02 … +0.24)."
    )
    few = rater_words.leaving_out(EFFECT | {"ratings": 7})
    assert few.startswith("Too little is rated to say"), "two ratings looked like proof"
    worse = EFFECT | {"without": -0.3, "low": -0.9, "high": 0.001, "ratings": 18}
    assert rater_words.leaving_out(worse).endswith(
        "with these 18 ratings and at −0.30 without: −0.71 (−0.90 … 0.00), which may be chance."
    )
    assert rater_words.leaving_out({"with": None, "without": None, "ratings": 3}).startswith(
        "Too little is rated"
    )
    assert rater_words.leaving_out(None) == ""


@pytest.fixture
def world(tmp_path):
    """Two who rate nine responses each, the second two points higher; a third with two ratings."""
    made = make_world(tmp_path / "home", prompts=3, k=3, overlap=3, raters=3)
    scores = {}
    for rater, more, count in zip(made.raters, (0, 2, 1), (9, 9, 2), strict=True):
        for _ in range(count):
            card = made.store.next_card(rater.id)
            score = scores.setdefault(card.response_id, 1 + (card.response_id * 3) % 8) + more
            made.store.submit(rating(card.response_id, rater.id, float(min(score, 10))))
    yield made
    made.store.close()


def test_everybody_has_figures_with_intervals(world):
    strict, mild, few = read_rater_figures(world.store)
    assert strict.offset.high < 0 < mild.offset.low
    assert strict.says.startswith("Stricter than the others by ") and mild.says.startswith("Milder ")
    assert strict.agreement.low > 0 and strict.stats.shared == 9
    assert (strict.pace.mean, strict.pace.low, strict.pace.high) == (4.0, 4.0, 4.0)
    assert strict.spread.low < strict.stats.sd < strict.spread.high
    assert (few.offset, few.spread, few.agreement, few.pace, few.repeats) == (None,) * 5
    assert few.says == (
        "From 2 ratings nothing can be said of how strict Rater 2 is. Only 2 of these responses were judged by others, "
        "too: too few to say how far they agree. No response was rated twice yet."
    )


def test_equal_scores_are_not_equal_for_certain(tmp_path):
    made = make_world(tmp_path / "home", prompts=6, raters=1)
    rater = made.raters[0]
    for _ in range(6):
        made.store.submit(rating(made.store.next_card(rater.id).response_id, rater.id, 7.0))
    spread = read_rater_figures(made.store)[0].spread
    made.store.close()
    assert (spread.mean, spread.low) == (0.0, 0.0)
    assert 0.5 < spread.high < 1


def test_who_does_not_count_is_compared_with_nobody(world):
    world.store.set_excluded(world.raters[1].id, True, "op")
    _, excluded, few = read_rater_figures(world.store)
    assert excluded.offset is None and "stricter" not in excluded.says
    world.store.set_excluded(few.stats.user.id, True, "op")
    alone = read_rater_figures(world.store)[0]
    assert alone.offset is None and alone.says.startswith("Nobody else has rated")


def test_the_trainers_look_goes_before_while_it_is_of_most_ratings(world):
    """It knows a reward head, too, and says who is strange."""
    ids = [rater.id for rater in world.raters]
    given = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    numbers = {"ratings": 9, "shared": 9, "by_head": 0, "reversed": 0.9, "at_random": 0.0}
    usual = {"usual": 3.0, "usual_count": 4, "usual_chance": 0.5}
    habits = dict.fromkeys(("offset", "slope", "noise", "direction"), given)
    finding = {"rater_id": ids[0], "kind": "reversed", "says": "seems to be turned", "others": []}
    raters = [{"rater_id": i} | habits | numbers | usual for i in ids]
    raters[2]["shared"] = 3
    review = {"raters": raters, "findings": [finding], "head": {str(ids[0]): EFFECT}}
    world.store.set_setting(RATER_REVIEW, review | {"ratings": 20})
    assert [one.offset for one in read_rater_figures(world.store)] == [Interval(**given)] * 3
    turned, other, few = read_rater_figures(world.store)
    assert turned.slope == turned.noise == turned.direction == Interval(**given)
    assert turned.says.startswith("Seems to be turned. Milder than the others")
    assert (turned.leaving_out, other.leaving_out) == (rater_words.leaving_out(EFFECT), "")
    assert (few.slope, few.noise, few.direction) == (None,) * 3, "three tell nothing"
    world.store.set_setting(RATER_REVIEW, review | {"ratings": 9})
    old = read_rater_figures(world.store)[0]
    assert old.offset != Interval(**given) and old.direction == Interval(**given), (
        "too old for what is known anew"
    )
    world.store.set_setting(RATER_REVIEW, review | {"raters": raters[:1]})
    assert read_rater_figures(world.store)[0].direction is None, "alone there is nothing to go by"
    world.store.set_setting(RATER_REVIEW, review)
    world.store.set_excluded(ids[0], True, "op")
    told = [one.direction is not None for one in read_rater_figures(world.store)]
    assert told == [False, True, False], "nothing of who does not count"


def test_of_two_points_the_direction_alone_is_told():
    given = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    row = {"rater_id": 1, "shared": 5, "by_head": 0, "slope": given, "noise": given, "direction": given}
    review = {"raters": [row, row | {"rater_id": 2}]}
    assert people._traits(review, [], THUMBS)[1].keys() == {"direction"}
    assert people._traits(review, [], TEN)[2].keys() == {"slope", "noise", "direction"}


def test_nobody_and_one_alone(tmp_path):
    world = make_world(tmp_path / "empty")
    assert read_rater_figures(world.store) == []
    rate_next(world.store, world.rater)
    (alone,) = read_rater_figures(world.store)
    assert alone.says.startswith("Nobody else has rated")
    world.store.close()
