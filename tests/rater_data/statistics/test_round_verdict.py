"""A round's verdict: its words, its numbers by hand, what it does at the edges, and how often it is wrong."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from rater_data.scales import SCALES
from rater_data.statistics import verdict_error
from rater_data.statistics.round_verdict import HELPED, HURT, OPEN, round_verdict
from rater_data.statistics.stated_looks import FINAL_BOUND, LOOKS, Look, look_due, margin, thresholds
from rater_data.statistics.verdict_error import World, error_rates, first_word, simulated_round, words

POINTS = SCALES["score_1_10"]


def round_of(old, new, *, length=(100.0, 100.0), raters=1):
    """A frame of one old and one new score a prompt, with the traits of the responses."""
    rows = []
    for p, scores in enumerate(zip(old, new, strict=True)):
        for is_new, score in enumerate(scores):
            stratum = "train" if is_new else "control"
            rows.append((2 * p + is_new, p % raters, p, stratum, score, np.nan, length[is_new] + p))
    columns = ["response_id", "rater_id", "prompt_id", "stratum", "score", "other_id", "length"]
    frame = pd.DataFrame(rows, columns=columns).astype({"score": "float64"}).assign(paired=False)
    return frame.drop(columns="length"), frame[["response_id", "stratum", "length"]]


@pytest.mark.parametrize(("shift", "word"), [(3, HELPED), (0, OPEN), (-3, HURT)])
@pytest.mark.parametrize("raters", [1, 3])
def test_it_helped_did_nothing_or_hurt(shift, word, raters):
    old = [4, 5, 6, 5, 4, 6, 5, 5, 7, 5, 6, 4]
    jitter = [0, 1, -1, 0, 0, 0, 1, -1, 0, 0, 1, -1]
    frame, traits = round_of(old, [s + shift + j for s, j in zip(old, jitter, strict=True)], raters=raters)
    found = round_verdict(frame, traits, POINTS, planned=12)
    assert found.word == word
    assert (found.gain.mean, found.gain.n) == (pytest.approx(shift, abs=0.05), 12)
    assert found.gain.low < found.plain.low < found.plain.high < found.gain.high
    assert found.more is None or word == OPEN
    won = {HELPED: 1.0, OPEN: 0.5, HURT: 0.0}[word]
    assert found.win_rate.mean == pytest.approx(won, abs=0.02)
    assert 0 <= found.win_rate.low < found.win_rate.high <= 1


def test_an_early_look_has_to_show_more():
    frame, traits = round_of([4, 5, 6, 5, 4, 6], [6, 6, 8, 7, 5, 8])
    late = round_verdict(frame, traits, POINTS, planned=6)
    early = round_verdict(frame, traits, POINTS, planned=24)
    assert (late.word, early.word) == (HELPED, OPEN)
    assert early.plain == late.plain
    assert early.more in (6, 12), "as it looks, not all of the plan is needed"


def test_the_bound_holds_over_all_looks_and_a_single_looks_bound_does_not():
    """Sums of a hundred thousand rounds at the four looks."""
    steps = np.random.default_rng(0).normal(0, np.sqrt(1 / LOOKS), (100_000, LOOKS))
    sums, shares = steps.cumsum(1), np.arange(1, LOOKS + 1) / LOOKS
    assert (np.abs(sums) > FINAL_BOUND).any(1).mean() == pytest.approx(0.05, abs=0.002)
    naive = (np.abs(sums) > 1.96 * np.sqrt(shares)).any(1).mean()
    assert naive > 0.1
    assert margin(1.0, 1e9, 0.25) == pytest.approx(2 * FINAL_BOUND, rel=1e-3)
    assert margin(1.0, 5, 1.0) > margin(1.0, 50, 1.0) > margin(1.0, 1e9, 1.0)
    assert thresholds(22) == [6, 11, 17, 22] and thresholds(0) == [0, 0, 0, 0]


@pytest.mark.parametrize("share", [0.76, 0.9, 0.5, 0.3])
def test_a_last_look_at_fewer_ratings_is_not_wrong_more_often(share):
    """Sums of rounds that are full with a share of the control ratings, by the bound of the last look."""
    sums, shares = _sums((*(look for look in (0.25, 0.5, 0.75) if look < share), share), 100_000)
    bounds = FINAL_BOUND / np.sqrt([*shares[:-1], 1.0])
    assert (np.abs(sums) > bounds * np.sqrt(shares)).any(1).mean() < 0.0505


def test_who_ends_a_round_for_what_it_shows_is_not_wrong_more_often():
    """After the second or third look where it nearly crosses. By the bound of a full round they would be."""
    sums, shares = _sums((0.25, 0.5, 0.55, 0.75, 0.8, 1.0), 100_000)
    z = np.abs(sums) / np.sqrt(shares)
    wrong = {}
    for name, at_the_end in (("full", np.ones(2)), ("share", shares[[2, 4]])):
        found = z[:, 0] > FINAL_BOUND / np.sqrt(0.25)
        on = ~found
        for look, end, bound in zip((1, 3), (2, 4), FINAL_BOUND / np.sqrt(at_the_end), strict=True):
            crossed = z[:, look] > FINAL_BOUND / np.sqrt(shares[look])
            ended = on & ~crossed & (z[:, look] > 1.9)
            found |= on & crossed | ended & (z[:, end] > bound)
            on &= ~crossed & ~ended
        wrong[name] = (found | on & (z[:, -1] > FINAL_BOUND)).mean()
    assert wrong["share"] < 0.0505 < 0.06 < wrong["full"]


def _sums(shares, rounds):
    steps = np.random.default_rng(1).normal(0, np.sqrt(np.diff(shares, prepend=0)), (rounds, len(shares)))
    return steps.cumsum(1), np.array(shares)


def test_which_look_is_due():
    assert [look_due(18, now).ratings for now in (0, 4, 5, 13, 14, 17, 18, 20)] == [
        0,
        0,
        5,
        9,
        14,
        14,
        18,
        18,
    ]
    assert look_due(18, 16) == Look(14, 14 / 18)
    assert look_due(18, 16, share_in=1.0) == Look(16, 1.0, is_last=True), "all ratings of the round are in"
    assert look_due(18, 16, share_in=0.9, is_over=True) == Look(16, 0.9, is_last=True)
    assert look_due(18, 9, share_in=0.4, is_over=True) == Look(9, 0.5, is_last=True)
    assert look_due(18, 20) == look_due(18, 18, 0.9, is_over=True) == Look(18, 1.0, is_last=True)
    assert look_due(0, 0).ratings == 0


def test_the_last_look_is_reached_with_fewer_control_ratings_than_planned():
    """One rater of the four whom the round was planned for: 13 of 16 come in, and the round has its ratings."""
    frame, traits = simulated_round(World(control=16, gain=1.0, raters=1), seed=0)
    full, before = (
        round_verdict(frame.iloc[:n], traits, POINTS, 16, quota=len(frame)) for n in (None, len(frame) - 1)
    )
    assert (full.blind, full.gain.n, full.is_last) == (13, 13, True)
    assert (before.gain.n, before.is_last) == (12, False)
    ended = round_verdict(frame, traits, POINTS, 16, quota=2 * len(frame), is_over=True)
    assert ended.gain.mean == full.gain.mean and ended.is_last
    assert ended.gain.high - ended.gain.mean > full.gain.high - full.gain.mean, "it was not full"
    more, more_traits = round_of([3.0] * 8, [9.0] * 8)
    more, more_traits = (f.assign(response_id=f["response_id"] + 1000) for f in (more, more_traits))
    later = round_verdict(
        pd.concat([frame, more.assign(prompt_id=more["prompt_id"] + 1000)]),
        pd.concat([traits, more_traits]),
        POINTS,
        16,
        quota=len(frame),
    )
    assert later == full, "what comes when the round has its ratings is not looked at"


def test_between_two_looks_the_verdict_stays():
    """Whatever comes in, and however often somebody looks."""
    frame, traits = simulated_round(World(control=24, gain=2.0), seed=4)
    control = (frame["stratum"] == "control").cumsum()
    seen = [round_verdict(frame[control <= n], traits, POINTS, planned=24) for n in range(10, 25)]
    means = [found.gain.mean for found in seen]
    assert len(set(means)) == len({found.gain.n for found in seen}) == 4
    assert [found.gain.n for found in seen][:3] == [6, 6, 12]
    assert [found.blind for found in seen] == list(range(10, 25))
    later = round_verdict(frame, traits, POINTS, planned=12)
    assert later.gain.n == 12, "what comes after the last look is not looked at"


def test_what_length_explains_is_told_apart():
    """Two points for a hundred characters, within each version too; and a gain that length has no part in."""
    random = np.random.default_rng(0)
    frame, traits = round_of([5.0] * 30, [5.0] * 30)
    length = np.where(traits["stratum"] == "control", 100.0, 150.0) + random.normal(0, 40, 60)
    noise = random.normal(0, 0.3, 60)
    by_length = frame.assign(score=3 + length / 50 + noise)
    found = round_verdict(by_length, traits.assign(length=length), POINTS, planned=30)
    assert found.word == HELPED
    assert found.length.difference == pytest.approx(50, abs=20)
    assert found.length.explained.mean == pytest.approx(found.gain.mean, abs=0.35)
    assert found.length.explained.low < found.gain.mean < found.length.explained.high + 0.35
    by_version = frame.assign(score=5 + (frame["stratum"] == "train") + noise)
    found = round_verdict(by_version, traits.assign(length=length), POINTS, planned=30)
    assert abs(found.length.explained.mean) < 0.25


def test_edges():
    frame, traits = round_of([7] * 8, [7] * 8)
    alike = round_verdict(frame, traits, POINTS, planned=8)
    assert (alike.word, alike.gain.mean) == (OPEN, pytest.approx(0, abs=1e-6))
    assert alike.win_rate.mean == 0.5
    new_only = frame[frame["stratum"] == "train"]
    for few in (new_only, frame.iloc[:4], frame.iloc[:0], frame[frame["stratum"] == "control"]):
        found = round_verdict(few, traits, POINTS, planned=8)
        assert (found.word, found.gain, found.more) == (OPEN, None, None)
    anchors = frame.assign(stratum="anchor", score=1.0, response_id=frame["response_id"] + 100)
    assert round_verdict(pd.concat([frame, anchors]), traits, POINTS, planned=8).gain == alike.gain


@pytest.mark.parametrize("scale", ["thumbs", "pair", "score_1_5"])
def test_every_scale_gives_a_verdict(scale):
    world = World(control=32, gain=4.0, scale=scale, between=0.5)
    for gain, word in ((world.gain, HELPED), (-world.gain, HURT)):
        shifted = dataclasses.replace(world, gain=gain)
        frame, traits = simulated_round(shifted, seed=3)
        found = round_verdict(frame, traits, SCALES[scale], planned=32)
        assert found.word == word, found
        assert (found.win_rate.mean > 0.5) == (word == HELPED)


def test_a_few_comparisons_that_all_go_one_way_are_a_sign_test():
    """Four of four do by chance in one round of eight, six of six in one of thirty-two; ties make neither surer."""

    def word(wins, ties):
        pairs = np.arange(wins + ties)
        frame = pd.DataFrame(
            {
                "response_id": 2 * pairs,
                "rater_id": 0,
                "prompt_id": pairs,
                "stratum": "control",
                "paired": True,
            }
        ).assign(score=(pairs < wins).astype(float), other_id=2.0 * pairs + 1)
        traits = pd.DataFrame({"response_id": np.arange(2 * len(pairs)), "length": 100.0})
        traits = traits.assign(stratum=np.where(traits["response_id"] % 2, "train", "control"))
        return round_verdict(frame, traits, SCALES["pair"], planned=len(pairs)).word

    assert [word(4, 0), word(4, 1), word(4, 12)] == [OPEN] * 3
    assert [word(6, 0), word(8, 4), word(16, 0)] == [HELPED] * 3


def test_a_comparison_turned_round_says_the_same():
    frame, traits = simulated_round(World(control=16, gain=1.0, scale="pair"), seed=1)
    turned = frame.assign(
        response_id=frame["other_id"].astype(int), other_id=frame["response_id"].astype(float)
    )
    turned = turned.assign(
        score=-frame["score"], stratum=turned["response_id"].map(traits.set_index("response_id")["stratum"])
    )
    anchors = turned.assign(stratum="anchor", response_id=turned["response_id"] + 1000, score=1.0)
    more_traits = traits.assign(stratum="anchor", response_id=traits["response_id"] + 1000)
    with_anchors = round_verdict(
        pd.concat([frame, anchors]), pd.concat([traits, more_traits]), SCALES["pair"], 16
    )
    assert with_anchors == round_verdict(frame, traits, SCALES["pair"], 16), "an anchor is of neither arm"
    here, there = (round_verdict(f, traits, SCALES["pair"], planned=16) for f in (frame, turned))
    assert here.gain.mean == pytest.approx(there.gain.mean, abs=0.02)
    assert here.win_rate.mean == pytest.approx(there.win_rate.mean)


def test_it_is_seldom_wrong_and_finds_a_large_gain():
    """A small run of what `verdict-error` measures; docs/operating.md has the large one."""
    rates = error_rates(World(control=16, gain=2.0), rounds=3, seed=0)
    assert rates.wrong_without_effect == rates.wrong_with_gain == 0
    assert rates.found >= 2 / 3
    assert first_word(World(control=8, gain=8.0), seed=0) == HELPED


@pytest.mark.parametrize(("raters", "looks"), [(4, {4, 8, 12, 16}), (1, {4, 8, 12, 13})])
def test_a_simulated_round_is_looked_at_whenever_a_look_is_due(monkeypatch, raters, looks):
    seen = []
    monkeypatch.setattr(verdict_error, "measure_gain", lambda one, scale: seen.append(one))
    for seed in range(3):
        seen.clear()
        list(words(World(control=16, raters=raters), seed))
        assert {one.look.ratings for one in seen} == looks
        assert [one.look.ratings for one in seen] == sorted(one.look.ratings for one in seen)
        assert seen[-1].look.is_last
