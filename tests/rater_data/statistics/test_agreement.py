"""Agreement against closed forms, published values and simulated raters whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from rater_data.statistics import agreement
from rater_data.statistics.score_frame import score_frame
from rater_data.store.database import schema as t
from tests.rater_data.statistics.rated_world import rated, simulated
from tests.rater_data.store_world import make_world, rate


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
    frame = score_frame(simulated(5))
    if paired:
        frame = frame.assign(other_id=frame["response_id"] + 10_000, score=frame["score"] % 3 - 1)
    found = agreement.alpha_of_frame(frame)
    assert found.low < found.mean < found.high
    for seed in range(5):
        other = agreement.alpha_of_frame(renumbered(frame, seed))
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
    found = agreement.krippendorff_alpha(rows)
    assert found.mean == pytest.approx(0.849, abs=0.0005)
    assert found.low < found.mean < found.high <= 1
    assert found.n == 11
    assert agreement.krippendorff_alpha([row.rating for row in rows]) == found


def test_alpha_of_chance_is_about_0_and_of_one_voice_1():
    random = np.random.default_rng(0)
    chance = [rated(i, j, random.integers(1, 11)) for i in range(1, 200) for j in (1, 2)]
    found = agreement.krippendorff_alpha(chance)
    assert found.low < 0 < found.high
    one_voice = [rated(i, j, 1 + i % 10) for i in range(1, 20) for j in (1, 2)]
    assert agreement.krippendorff_alpha(one_voice).mean == 1


def test_nothing_to_say_is_none_and_never_an_error():
    assert agreement.krippendorff_alpha([]) is None
    assert agreement.krippendorff_alpha([rated(1, 1, 5), rated(1, 2, 6)]) is None
    assert agreement.krippendorff_alpha([rated(i, j, 5) for i in range(1, 9) for j in (1, 2)]) is None
    assert agreement.human_ceiling([rated(1, 1, 5)]) is None


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


def with_mean_of_others(frame):
    """(rater, score, mean of the other raters) for every rating of a response that two or more rated."""
    for _, group in frame.groupby("response_id"):
        for row in group.itertuples():
            others = group[group["rater_id"] != row.rater_id]["score"]
            if len(others):
                yield row.rater_id, row.score, others.mean()


def test_agreement_by_rater_finds_who_answers_at_random():
    random = np.random.default_rng(3)
    rows = []
    for i in range(1, 61):
        true = random.normal(5.5, 2)
        rows += [rated(i, j, np.clip(round(true + random.normal(0, 1)), 1, 10)) for j in (1, 2)]
        rows.append(rated(i, 3, random.integers(1, 11)))
    found = agreement.agreement_by_rater(with_mean_of_others(score_frame(rows)))
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
    with store.writing() as connection:  # as a rating that was taken away with its rater stays
        removed = t.ratings.update().where(t.ratings.c.id == gone)
        connection.execute(removed.values(verdict="removed", score=None))
    rated = [r for r in store.rated() if r.rating.id != gone]
    frame = score_frame(rated)
    pd.testing.assert_frame_equal(store.score_frame(), frame, check_dtype=False)
    pd.testing.assert_frame_equal(
        store.score_frame(1, {1}), frame[frame["rater_id"] != 1].reset_index(drop=True), check_dtype=False
    )
    by_rater, stats = agreement.agreement_by_rater(with_mean_of_others(frame)), store.rater_stats()
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
