"""What stands beside a verdict: the way back, what it is overall, the head's expectation and the KL."""

from __future__ import annotations

from dataclasses import replace

from app.console.panels import verdict_panel
from app.console.state.round_verdicts import Judgement
from rater_data.overview.verdict_words import JudgedRound, verdict_line, verdict_sentence
from rater_data.scales import SCALES
from rater_data.statistics.intervals import Interval
from rater_data.statistics.learning_curve import CurvePoint
from rater_data.statistics.round_verdict import RoundVerdict

SCALE = SCALES["score_1_10"]
HURT = RoundVerdict(word="hurt", blind=20, planned=24, gain=Interval(mean=-1.5, low=-2.3, high=-0.7, n=18))
OPEN = replace(HURT, word="open", gain=Interval(mean=0.2, low=-0.6, high=1.0, n=18), more=9)
JUDGED = JudgedRound(number=3, version=2, parent=1, in_use=True, verdict=HURT)
CURVE = tuple(
    CurvePoint(round_number=n + 1, version=n, value=Interval(mean=m, low=m - 0.5, high=m + 0.5, n=20 * n))
    for n, m in enumerate((0.0, 1.0, -0.5))
)


def test_where_it_hurt_there_is_a_button_back() -> None:
    shown = verdict_panel.verdict(Judgement(rounds=(JUDGED,)), SCALE)
    assert '<button type="button" class="rl-button" data-roll-back="1">Use version 1 again</button>' in shown
    assert "18 blind ratings; 95 %, however often you look" in shown
    assert "disabled" in verdict_panel.verdict(Judgement(rounds=(JUDGED,)), SCALE, is_training=True)
    for without in (replace(JUDGED, in_use=False), replace(JUDGED, verdict=OPEN)):
        assert "data-roll-back" not in verdict_panel.verdict(Judgement(rounds=(without,)), SCALE)


def test_overall_is_said_in_words_from_the_second_version_on() -> None:
    shown = verdict_panel.verdict(Judgement(rounds=(JUDGED,), curve=CURVE), SCALE)
    assert "Overall: version 2 is −0.5 points (−1.0 … 0.0) from the first one" in shown
    assert "Overall" not in verdict_panel.verdict(Judgement(rounds=(JUDGED,), curve=CURVE[:2]), SCALE)
    paired = tuple(replace(p, value=Interval(mean=0.6, low=0.5, high=0.7, n=9)) for p in CURVE)
    shown = verdict_panel.verdict(Judgement(rounds=(JUDGED,), curve=paired), SCALES["pair"])
    assert "60 % (50 % … 70 %) would prefer version 2 to the first one" in shown


def test_the_heads_expectation_and_the_kl_stand_beside_peoples_curve() -> None:
    expected = {n: Interval(mean=0.7 * n, low=0.5 * n, high=0.9 * n, n=0) for n in (1, 2)}
    judgement = Judgement(rounds=(JUDGED,), curve=CURVE, expected=expected, kl={0: 0.0, 1: 2.5, 2: 4.0})
    shown = verdict_panel.verdict(judgement, SCALE)
    assert shown.count('<circle class="head"') == 2 and shown.count('<circle class="people"') == 3 + 3
    assert "Round 3, version 2: +1.4 (+1.0 … +1.8), expected by the reward head" in shown
    assert "Round 2, version 1: 2.5 nats" in shown
    plain = verdict_panel.verdict(replace(judgement, expected={}, kl={}), SCALE)
    assert "reward head" not in plain and "nats" not in plain
    assert "the reward head, on holdout prompts" in shown
    for without, says in (
        ((1, 2), "training prompts"),
        ((2,), "holdout (or, without any, training) prompts"),
    ):
        told = verdict_panel.verdict(replace(judgement, on_training_prompts=frozenset(without)), SCALE)
        assert f"the reward head, on {says}" in told


def test_rounds_of_one_version_are_no_curve() -> None:
    first = tuple(replace(CURVE[0], round_number=n) for n in (1, 2))
    assert "<figure" not in verdict_panel.verdict(
        Judgement(rounds=(JUDGED,), curve=first, kl={0: 0.0}), SCALE
    )
    assert "<figure" in verdict_panel.verdict(
        Judgement(rounds=(JUDGED,), curve=CURVE[:2], kl={0: 0.0}), SCALE
    )


def test_a_round_that_has_ended_promises_no_more_ratings() -> None:
    judged = replace(JUDGED, verdict=OPEN)
    assert verdict_sentence(judged, SCALE).endswith(
        "A larger control arm, under Settings, tells more in the next."
    )
    ended = verdict_sentence(replace(judged, is_open=False), SCALE)
    assert (
        ended == "About 9 more blind ratings would settle it, but this round has ended: none come any more."
    )


def test_what_never_gets_a_verdict_says_which_setting_to_raise() -> None:
    few = replace(OPEN, gain=None, more=None, blind=1, planned=3)
    assert verdict_sentence(replace(JUDGED, verdict=few), SCALE) == (
        "Only 3 of this round's ratings are with version 1, and so small a control arm never gets a verdict. "
        "It takes 4: raise Control arm or Ratings per round under Settings."
    )
    last = verdict_sentence(replace(JUDGED, verdict=replace(few, blind=3, planned=5, is_last=True)), SCALE)
    assert last == (
        "Only 3 of 5 planned blind ratings with version 1 came in: too few for a verdict, and no more are looked at. "
        "To get one in the next round, raise Control arm or Ratings per round under Settings."
    )
    for planned in (0, 3):
        early = replace(JUDGED, verdict=replace(few, blind=0, planned=planned), is_written=False)
        assert verdict_sentence(early, SCALE).startswith("Its responses are still being written")


def test_after_the_last_look_none_are_left() -> None:
    judged = replace(JUDGED, verdict=replace(OPEN, more=3))
    assert verdict_sentence(judged, SCALE).endswith("4 are still to come in this round.")
    last = verdict_sentence(replace(judged, verdict=replace(judged.verdict, is_last=True)), SCALE)
    assert "in this round none is left" in last


def test_the_verdict_in_a_line() -> None:
    assert verdict_line(JUDGED, SCALE) == "Version 2 hurt: −1.5 points (−2.3 … −0.7)."
    assert verdict_line(replace(JUDGED, verdict=OPEN), SCALE) == (
        "No evidence yet between versions 1 and 2: +0.2 points (−0.6 … +1.0); "
        "about 9 more blind ratings would settle it."
    )
    few = replace(JUDGED, verdict=replace(OPEN, gain=None, more=None, blind=3))
    assert verdict_line(few, SCALE) == (
        "No evidence yet on version 2: 3 of 24 blind ratings with version 1 are in: too few to tell."
    )
    assert verdict_line(None, SCALE) == "" == verdict_line(replace(JUDGED, parent=None), SCALE)
