"""Agreement against closed forms, published values and simulated raters whose truth is known."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rater_data.records import Prompt, RatedResponse
from rater_data.statistics import agreement
from rater_data.store.database import schema as t
from tests.rater_data.store_world import make_world, rate, rating, response

PROMPT = Prompt.of("p", split="train")


def rated(response_id, rater_id, score, **changes) -> RatedResponse:
    verdict = changes.pop("verdict", "rated")
    written = dataclasses.replace(response(changes.pop("prompt", 1), response_id), id=response_id, **changes)
    return RatedResponse(
        rating=rating(response_id, rater_id, float(score) if verdict == "rated" else None, verdict=verdict),
        response=written,
        prompt=PROMPT,
    )


def simulated(seed, *, shared=24, alone=40, bias=(-1.0, 0.0, 1.0), noise=1.0):
    """Raters with known habits on `shared` responses all of them rate and `alone` that one each rates."""
    random, rows = np.random.default_rng(seed), []
    for i in range(shared + alone):
        true = random.normal(5.5, 1.5)
        for j in range(len(bias)) if i < shared else [i % len(bias)]:
            score = np.clip(round(true + bias[j] + random.normal(0, noise)), 1, 10)
            rows.append(rated(i + 1, j + 1, score, prompt=i // 4 + 1))
    return rows


def renumbered(frame, seed):
    """The same judgements in another order, of responses and raters under other numbers."""
    random = np.random.default_rng(seed)
    numbers = np.unique(np.concatenate([frame["response_id"], frame["other_id"].dropna()]))
    new = dict(zip(numbers, random.permutation(len(numbers)) + 1000, strict=True))
    raters = dict(zip(frame["rater_id"].unique(), random.permutation(50), strict=False))
    return frame.assign(
        response_id=frame["response_id"].map(new),
        other_id=frame["other_id"].map(new),
        rater_id=frame["rater_id"].map(raters),
    ).sample(frac=1, random_state=seed)


@pytest.mark.parametrize("paired", [False, True])
def test_the_interval_does_not_depend_on_how_things_are_numbered(paired):
    frame = agreement.frame_of(simulated(5))
    if paired:
        frame = frame.assign(other_id=frame["response_id"] + 10_000, score=frame["score"] % 3 - 1)
    found = agreement.alpha_of(frame)
    assert found.low < found.mean < found.high
    for seed in range(5):
        other = agreement.alpha_of(renumbered(frame, seed))
        assert (other.mean, other.low, other.high) == pytest.approx(
            (found.mean, found.low, found.high), abs=1e-12
        )


def test_alpha_of_a_published_table():
    """Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), example C.

    Four observers, interval 0.849.
    """
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    rows = [
        rated(i + 1, j + 1, value)
        for j, line in enumerate(table)
        for i, value in enumerate(line)
        if value is not None
    ]
    found = agreement.alpha(rows)
    assert found.mean == pytest.approx(0.849, abs=0.0005)
    assert found.low < found.mean < found.high <= 1
    assert found.n == 11
    assert agreement.alpha([row.rating for row in rows]) == found


def test_alpha_of_chance_is_about_0_and_of_one_voice_1():
    random = np.random.default_rng(0)
    chance = [rated(i, j, random.integers(1, 11)) for i in range(1, 200) for j in (1, 2)]
    found = agreement.alpha(chance)
    assert found.low < 0 < found.high
    one_voice = [rated(i, j, 1 + i % 10) for i in range(1, 20) for j in (1, 2)]
    assert agreement.alpha(one_voice).mean == 1


def test_nothing_to_say_is_none_and_never_an_error():
    assert agreement.alpha([]) is None
    assert agreement.alpha([rated(1, 1, 5), rated(1, 2, 6)]) is None
    assert agreement.alpha([rated(i, j, 5) for i in range(1, 9) for j in (1, 2)]) is None
    assert agreement.rater_offsets([]) == agreement.corrected_scores([]) == agreement.weights([]) == {}
    assert agreement.rater_offsets([rated(1, 7, 5), rated(2, 7, 9)]) == {7: 0.0}
    assert agreement.noise_sd([rated(1, 1, 5)]) is None
    assert agreement.human_ceiling([rated(1, 1, 5)]) is None
    assert agreement.help_interval([], 1) is None


def test_offsets_are_found_and_beat_the_raw_mean():
    errors = {"offsets": [], "raw": [], "none": [], "flipped": []}
    for seed in range(25):
        rows = simulated(seed)
        offsets = agreement.rater_offsets(rows)
        means = {j: np.mean([r.rating.score for r in rows if r.rating.rater_id == j]) for j in (1, 2, 3)}
        total = np.mean([r.rating.score for r in rows])
        for j, true in ((1, -1.0), (2, 0.0), (3, 1.0)):
            errors["offsets"].append(offsets[j] - true)
            errors["raw"].append(means[j] - total - true)
            errors["none"].append(-true)
            errors["flipped"].append(-offsets[j] - true)
    size = {name: np.sqrt(np.mean(np.square(values))) for name, values in errors.items()}
    # noise 1 on 24 shared responses a rater: about 1 / sqrt(24) = 0.2 points
    assert size["offsets"] < 0.3
    assert size["offsets"] < size["raw"] < size["none"]
    # the wrong sign would not pass
    assert size["flipped"] > 1


def test_without_a_habit_offsets_are_shrunk_to_almost_nothing():
    found = [
        o for seed in range(20) for o in agreement.rater_offsets(simulated(seed, bias=(0, 0, 0))).values()
    ]
    assert np.sqrt(np.mean(np.square(found))) < 0.15


def test_a_newcomer_with_two_ratings_is_not_believed():
    rows = [*simulated(1, bias=(0.0, 0.0, 0.0)), rated(900, 9, 10), rated(901, 9, 10)]
    assert abs(agreement.rater_offsets(rows)[9]) < 1 < np.mean([10, 10]) - 5.5


def test_offsets_of_a_clean_table():
    """Shared responses without noise: the two-way means, and the noise is 0."""
    rows = [
        rated(i, j, base + bias)
        for i, base in enumerate((3, 5, 7, 4, 6, 8), 1)
        for j, bias in ((1, -1), (2, 1))
    ]
    assert agreement.rater_offsets(rows) == pytest.approx({1: -1.0, 2: 1.0}, abs=1e-4)
    assert agreement.noise_sd(rows) == pytest.approx(0, abs=1e-9)
    assert list(agreement.corrected_scores(rows).values()) == pytest.approx([3, 5, 7, 4, 6, 8], abs=1e-4)
    assert agreement.weights(rows) == dict.fromkeys(range(1, 7), 2)


def test_verdicts_count_as_what_they_mean_in_training():
    rows = [rated(1, 1, 0, verdict="broken"), rated(2, 1, 0, verdict="unsafe"), rated(3, 1, 0, verdict="skip"),
            rated(4, 1, 0, verdict="cannot_judge"), rated(5, 1, 8)]  # fmt: skip
    assert agreement.corrected_scores(rows) == {1: 1.0, 2: 1.0, 5: 8.0}


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 10)), max_size=18))
def test_any_ratings_give_finite_scores_whose_mean_stays(given_ratings):
    rows = [rated(i, j, s) for (i, j), s in {(i, j): s for i, j, s in given_ratings}.items()]
    offsets, scores = agreement.rater_offsets(rows), agreement.corrected_scores(rows)
    assert all(np.isfinite(list(offsets.values())))
    assert set(scores) == {r.rating.response_id for r in rows}
    # weighted by ratings, offsets cancel out
    assert sum(offsets[r.rating.rater_id] for r in rows) == pytest.approx(0, abs=1e-8)
    for found in (agreement.alpha(rows), agreement.noise_sd(rows), agreement.human_ceiling(rows)):
        assert found is None or found == found


def test_noise_is_what_was_put_in():
    found = [agreement.noise_sd(simulated(seed, shared=200, alone=0, noise=1.5)) for seed in range(5)]
    # rounding adds 1/12 to the variance, clipping takes some away
    assert np.mean(found) == pytest.approx(np.sqrt(1.5**2 + 1 / 12), rel=0.05)


def test_human_ceiling_by_hand():
    rows = [
        rated(i, j, s, prompt=1)
        for j, scores in ((1, (1, 5, 9)), (2, (2, 9, 5)))
        for i, s in enumerate(scores, 1)
    ]
    found = agreement.human_ceiling(rows)
    # of the three pairs of responses, both raters order two alike
    assert found["pair_accuracy"] == pytest.approx(2 / 3)
    assert found["n"] == 6


def test_did_it_help_by_hand():
    """New minus control, paired by prompt: gains 2, 4, 3 → 3 ± t(0.975, 2) · 1/√3."""
    rows = []
    for p, (old, new) in enumerate(((3, 5), (2, 6), (4, 7)), start=1):
        rows.append(rated(10 * p, 1, old, prompt=p, round_number=2, version_number=0, stratum="control"))
        rows.append(rated(10 * p + 1, 1, new, prompt=p, round_number=2, version_number=1))
    rows.append(rated(99, 1, 10, prompt=9, round_number=2, version_number=1))  # no control: not in it
    rows.append(rated(98, 1, 1, prompt=1, round_number=1, version_number=0))  # another round
    rows.append(rated(97, 1, 1, prompt=1, round_number=2, version_number=0, stratum="anchor"))
    found = agreement.help_interval(rows, 2)
    assert (found.mean, found.n) == (3.0, 3)
    assert found.high - 3 == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert found.low == pytest.approx(6 - found.high)
    assert agreement.help_interval(rows, 1) is None


def test_agreement_by_rater_finds_who_answers_at_random():
    random = np.random.default_rng(3)
    rows = []
    for i in range(1, 61):
        true = random.normal(5.5, 2)
        rows += [rated(i, j, np.clip(round(true + random.normal(0, 1)), 1, 10)) for j in (1, 2)]
        rows.append(rated(i, 3, random.integers(1, 11)))
    found = agreement.agreement_by_rater(agreement.frame_of(rows))
    assert found[3] < 0.2 < 0.4 < min(found[1], found[2])


def test_the_database_counts_what_the_records_say(tmp_path, backend):
    """Every number about raters, from the store's own queries, against the ratings read one by one."""
    world = make_world(tmp_path / "home", prompts=6, k=4, raters=4, overlap=3)
    store, random = world.store, np.random.default_rng(3)
    for turn in range(70):
        rater = world.raters[turn % 4]
        card = store.next_card(rater.id)
        if card is None:
            continue
        verdict = "rated" if turn % 9 else ("skip", "broken", "unsafe")[turn // 9 % 3]
        rate(
            store,
            rater,
            card,
            float(random.integers(1, 11)),
            verdict=verdict,
            active_ms=int(random.integers(9e4)),
        )
    store.undo(world.raters[1].id)
    store.revise(store.recent(world.rater.id, n=3)[-1].rating.id, world.rater.id, score=2)
    gone = store.recent(world.raters[2].id, n=1)[0].rating.id
    with store._write() as connection:  # as a rating that was taken away with its rater stays
        removed = t.ratings.update().where(t.ratings.c.id == gone)
        connection.execute(removed.values(verdict="removed", score=None))
    rated = [r for r in store.rated() if r.rating.id != gone]
    frame = agreement.frame_of(rated)
    pd.testing.assert_frame_equal(store.scored(), frame, check_dtype=False)
    pd.testing.assert_frame_equal(
        store.scored(1, {1}), frame[frame["rater_id"] != 1].reset_index(drop=True), check_dtype=False
    )
    by_rater, stats = agreement.agreement_by_rater(frame), store.rater_stats()
    assert [s.user for s in stats] == world.raters
    assert len(by_rater) == 4
    for one in stats:
        own = [r.rating for r in rated if r.rating.rater_id == one.user.id]
        scores = frame[frame["rater_id"] == one.user.id]["score"]
        assert (one.ratings, one.last_seen) == (len(own), max(r.submitted_at for r in own))
        assert one.median_s == pytest.approx(np.median([r.active_ms for r in own]) / 1000)
        assert (one.mean, one.sd) == (pytest.approx(scores.mean()), pytest.approx(scores.std()))
        assert one.agreement == pytest.approx(by_rater[one.user.id])
    store.close()
