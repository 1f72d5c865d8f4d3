"""Panels: hostile text stays text, numbers read as numbers."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html import escape
from typing import Any

import pytest

from app.console.panels import (
    elements,
    history_panel,
    page_header,
    people_panels,
    rater_panels,
    round_panels,
    training_panels,
    verdict_panel,
    version_panels,
)
from app.console.panels.elements import format_number
from app.console.state.console_state import ConsoleCaches, ConsoleState
from app.console.state.prompt_trials import PromptTrial
from app.console.state.round_summary import RoundSummary
from app.console.state.round_verdicts import JudgedRound, Judgement, RoundVerdicts
from app.console.state.training_health import check_rules, engine_check
from app.safe_html import render_markdown
from app.sample_comparison import SampleComparison
from app.startup import prepare_home
from rater_data.lifecycle import Lessons, Worker
from rater_data.overview.next_step import decide_next_step
from rater_data.overview.people import RaterFigures
from rater_data.overview.round_overview import RoundOverview
from rater_data.overview.trainer_status import WorkerStatus
from rater_data.records import RaterStats, Token, User
from rater_data.round_settings import Told
from rater_data.scales import SCALES
from rater_data.statistics.intervals import Interval, share_interval
from rater_data.statistics.learning_curve import CurvePoint
from rater_data.statistics.round_verdict import LengthEffect, RoundVerdict
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import DOWN, HOSTILE, OFF, UP, job, progress, rate_all, work


def trainer(**changes: object) -> Worker:
    """Heard of just now, however long ago these tests were collected."""
    fields = {
        "name": "a:1:1",
        "host": "gpu-7",
        "device": "NVIDIA H100",
        "release": "0.1.0",
        "same_release": True,
    }
    return Worker(**fields | {"seen_at": time.time() + 3600} | changes)


EFFECT = {"with": 0.41, "without": 0.52, "low": -0.02, "high": 0.24, "responses": 38, "ratings": 18}
EFFECT_TOLD = (
    "The reward head agrees with the others at 0.41 with these 18 ratings and at 0.52 without: +0.11 (−0.02 … +0.24), "
    "which may be chance."
)


def review(rater: int, others: tuple[int, ...] = (), says: str = "rates strangely") -> dict[str, Any]:
    """What the trainer keeps of its look at the raters."""
    interval = {"mean": -0.6, "low": -0.9, "high": -0.2, "n": 14}
    habits = dict.fromkeys(("offset", "slope", "noise", "direction"), interval)
    numbers = {"ratings": 20, "shared": 14, "by_head": 6, "reversed": 0.97, "at_random": 0.02}
    usual = {"usual": 3.0, "usual_count": 4, "usual_chance": 0.5}
    return {
        "raters": [{"rater_id": rater} | habits | numbers | usual],
        "findings": [{"rater_id": rater, "kind": "reversed", "says": says, "others": others}],
        "head": {str(rater): EFFECT},
    }


def hostile_figures(user: User) -> RaterFigures:
    """Of somebody who has rated six times, of whose offset nothing is known."""
    stats = RaterStats(
        user=user, ratings=6, median_s=4.0, mean=5.0, sd=1.0, last_seen=1.0, agreement=-0.6, shared=14
    )
    return RaterFigures(
        stats=stats,
        agreement=Interval(mean=-0.6, low=-0.9, high=-0.2, n=14),
        repeats=share_interval(5, 6),
        says=HOSTILE,
    )


def lessons(*names: str) -> Lessons:
    return Lessons(version=2, before=1, names=names)


def test_hostile_text_is_text_in_every_panel(store: Store) -> None:
    prepare_home(store)
    work(store, texts=[HOSTILE])
    user = store.add_user(HOSTILE[:60], "rater")
    store.log(HOSTILE, HOSTILE, note=HOSTILE)
    comparison = SampleComparison(older=0, newer=1, rows=((HOSTILE, HOSTILE, HOSTILE),))
    hurt = job("train")
    hurt = replace(hurt, progress={"phase": HOSTILE, "note": HOSTILE, "done": 1, "total": 2, "eta_s": 1.0})
    worker = replace(DOWN, last_words=HOSTILE)
    seen = RoundOverview(
        progress=progress("refused", gate={"reason": HOSTILE}),
        job=hurt,
        last_error=HOSTILE,
        worker=worker,
        trainers=(trainer(host=HOSTILE, device=HOSTILE, release=HOSTILE, same_release=False),),
        next_step=decide_next_step(progress("refused", gate={"reason": HOSTILE}), None, HOSTILE),
    )
    shown = [
        page_header.heading(seen),
        history_panel.trainers(seen.trainers),
        training_panels.job_progress(seen.job),
        version_panels.samples_side_by_side(comparison, (0, 1)),
        people_panels.people_table([hostile_figures(user)], store.users(), SCALES["score_1_10"], {}, {}),
        rater_panels.rater_notes(review(user.id, says=HOSTILE), store.users(), lessons(HOSTILE)),
        history_panel.event_log(store.events()),
        elements.notice(HOSTILE),
        people_panels.new_link(user.name, "rater", HOSTILE),
        people_panels.new_token(user.name, "rater", HOSTILE),
        people_panels.tokens_table([Token(id=1, user=user, created_at=0.0, expires_at=1.0)]),
        version_panels.versions_table(
            [
                replace(
                    fake_worker.version(1, 0, "kept"),
                    metrics={"kl": HOSTILE, "sample": {"system": HOSTILE}},
                    notes=HOSTILE,
                )
            ],
            False,
            {},
            {},
        ),
        round_panels.strata(replace(progress("rating", 1), by_stratum={HOSTILE: (1, 2)})),
        round_panels.set_aside({"round": 1, "prompts": {"1": {"text": HOSTILE, "why": HOSTILE}}}),
        training_panels.rule_checks(engine_check({"says": HOSTILE, "notes": [HOSTILE]})),
        training_panels.rule_checks([{"rule": HOSTILE, "says": HOSTILE, "ok": False, "step": HOSTILE}]),
    ]
    for panel in shown:
        assert "<img src=x" not in panel
        assert "<script" not in panel


def test_a_broken_rule_comes_first_and_stays_broken() -> None:
    def light(rule: str, ok: bool) -> dict[str, Any]:
        return {"rule": rule, "ok": ok, "value": 0.0, "limit": 0.0, "says": f"{rule} is {ok}."}

    steps = [
        {"step": 1, "lights": [light("a", True), light("b", True)]},
        {"step": 2, "lights": [light("a", True), light("b", False)]},
        {"step": 3, "lights": [light("a", True), light("b", True)]},
    ]
    found = check_rules(steps)
    assert [(f["rule"], f["ok"], f["step"]) for f in found] == [("b", False, 2), ("a", True, 3)]
    shown = training_panels.rule_checks(found)
    assert "1 of 2 training checks need attention" in shown
    assert "(Step 2.)" in shown
    assert "All training checks pass" in training_panels.rule_checks(check_rules(steps[:1]))
    assert training_panels.rule_checks(check_rules([{"step": 1}])) == ""


def test_the_model_in_memory_has_a_light_and_says_what_it_leaves_alone() -> None:
    assert engine_check({}) == []
    report = {
        "path": "plain",
        "says": "Slower: unknown layers.",
        "notes": ["The experts are left as they are."],
    }
    found = engine_check(report)
    shown = training_panels.rule_checks(found)
    assert "Reads as the model does" in shown and 'class="good"' in shown
    assert "Slower: unknown layers. The experts are left as they are." in shown
    assert "<summary" in shown and "plain path, which is slower</summary>" in shown, (
        "said before it is opened"
    )
    assert "training checks" not in shown, "nothing was trained yet"
    rule = {"rule": "a", "ok": True, "says": "a is fine.", "step": 1}
    shown = training_panels.rule_checks([rule, *engine_check(report | {"path": "fast"})])
    assert "All training checks pass · The model reads as it should</summary>" in shown


def test_writing_that_stopped_is_not_called_writing() -> None:
    def chip(state: str | None, error: str | None) -> str:
        seen = RoundOverview(
            progress=progress(state) if state else None,
            job=None,
            last_error=error,
            worker=UP,
            trainers=(),
            next_step=decide_next_step(progress(state) if state else None, None, error),
        )
        return page_header.heading(seen)

    for state in (None, "generating"):
        assert "Writing stopped" in chip(state, "It is full.") and "Writing responses" in chip(state, None)
    assert "Open for rating" in chip("rating", "It is full.")


def test_prompts_set_aside_are_counted_and_listed_up_to_a_number() -> None:
    assert round_panels.set_aside({}) == "" == round_panels.set_aside({"round": 2, "prompts": {}})
    many = {str(i): {"text": f"And {i}?", "why": "It opens with the model."} for i in range(23)}
    shown = round_panels.set_aside({"round": 2, "prompts": many})
    assert "23 prompts are set aside in round 2" in shown and "… and 3 more." in shown
    assert shown.count("<li ") == 20
    one = round_panels.set_aside({"round": 2, "prompts": {"1": many["1"]}})
    assert "One prompt is set aside in round 2" in one


def test_a_version_says_what_the_model_was_told() -> None:
    def name_of(sample: dict[str, Any]) -> str:
        version = replace(fake_worker.version(1, 0, "current"), metrics={"sample": sample})
        return version_panels.versions_table([version], False, {}, {})

    assert "told: Be brief." in name_of({"system": "Be brief.", "prompt_format": "chat"})
    assert "continues texts" in name_of({"system": "Be brief.", "prompt_format": "plain"})
    assert "ops-told" not in name_of({"system": ""})
    assert f"told: {'x' * 60} …" in name_of({"system": "x" * 90})


def test_a_long_system_prompt_can_be_read_to_its_end() -> None:
    system = f"{'x' * 90} <b>end</b>"
    version = replace(fake_worker.version(1, 0, "current"), metrics={"sample": {"system": system}})
    shown = version_panels.versions_table([version], False, {}, {})
    assert "<summary>" in shown and "&lt;b&gt;end&lt;/b&gt;</details>" in shown


def texts_of(shown: str) -> list[str]:
    """What the paragraphs of texts say, the words for screen readers left out."""
    found = re.findall(r'<p class="ops-text" dir="auto">(.*?)</p>', shown, re.DOTALL)
    return [
        re.sub(r"<[^>]*>", "", re.sub(r'<span class="rl-hidden-text">.*?</span>', "", text)) for text in found
    ]


def test_continuations_stand_with_what_they_go_on_from() -> None:
    rows = (("The film\nbegins", " well.", ", they <say>,\n badly."),)
    compared = SampleComparison(older=1, newer=2, rows=rows, older_continues=True, newer_continues=True)
    shown = version_panels.samples_side_by_side(compared, (1, 2))
    assert texts_of(shown) == ["The film\nbegins well.", "The film\nbegins, they &lt;say&gt;,\n badly."]
    assert "<h3" not in shown, "the prompt is told once"
    mixed = replace(compared, older_continues=False)
    shown = version_panels.samples_side_by_side(mixed, (1, 2))
    assert texts_of(shown) == [" well.", "The film\nbegins, they &lt;say&gt;,\n badly."] and "<h3" in shown
    trial = PromptTrial(
        prompt=HOSTILE,
        waiting="",
        answers=((1, HOSTILE, False), (2, " ", True)),
        error=None,
        told=Told("", True),
    )
    shown = version_panels.prompt_trial(trial)
    assert "continues texts" in shown and "<h3" not in shown and "Version 1, cut off" in shown
    assert texts_of(shown) == [escape(HOSTILE) * 2, f"{escape(HOSTILE)} (the model wrote nothing)"]
    steps = [{"step": 1, "samples": [{"prompt": "The film", "text": " ends."}]}]
    assert texts_of(training_panels.samples_by_step(steps, True)) == ["The film ends."]
    assert texts_of(training_panels.samples_by_step(steps, False)) == [" ends."]


def test_beneath_the_steps_stands_what_was_answered_before(store: Store) -> None:
    store.enqueue("generate", {})
    work(store, quota=8)
    rate_all(store, 8)
    store.start_training(1, "op")
    work(store)
    state = ConsoleState(store, UP, ConsoleCaches(RoundVerdicts()))
    assert state.steps[-1]["samples"], "the training watched some prompts"
    watched = [sample["prompt"] for sample in state.steps[-1]["samples"]]
    version, before = state.answers_before
    assert version == 0 and before == dict.fromkeys(watched, "Before.")
    shown = training_panels.samples_by_step(state.steps, False, state.answers_before)
    assert shown.count("Before<small>version 0</small>") == len(watched)
    assert shown.index("Step ") < shown.index("Before<small>"), "the newest first"
    assert "Before<small>" not in training_panels.samples_by_step(state.steps, False), "where there is none"


def test_of_a_long_text_its_end_is_shown_before_the_continuation() -> None:
    (text,) = texts_of(elements.continued_text("a" * 2000 + "b", " c"))
    assert text.startswith("… aaa") and text.endswith("ab c") and len(text) < 1300


def test_history_calls_settings_as_the_form_does(store: Store) -> None:
    store.log("op", "changed the settings", **{"sample.system": "Be <b>brief</b>.", "ppo.steps": 4})
    store.log("op", "changed the settings", **{"sample.system": "", "sample.prompt_format": "plain"})
    shown = history_panel.event_log(store.events())
    assert "System prompt “Be &lt;b&gt;brief&lt;/b&gt;.”, PPO steps 4" in shown
    assert "System prompt none, Prompt format plain" in shown


def test_history_says_no_word_of_the_program(store: Store) -> None:
    store.log("op", "started the training of round 1", override=True)
    store.log("op", "made a token", name="ann", days=30.0)
    shown = history_panel.event_log(store.events())
    assert "<small>whatever the gate says</small>" in shown and "<small>name ann, days 30</small>" in shown


def test_zero_has_no_sign() -> None:
    assert format_number(-0.001, "{:+.2f}") == "0.00"
    assert format_number(-0.01, "{:+.2f}") == "-0.01"
    assert format_number(None, "{:.2f}") == "–"


def test_guidelines_are_cleaned_last() -> None:
    hostile = "**ok** <script>x</script> [a](javascript:x) ![b](http://evil.example/i.png)\n\n<p style='x' id='y'>z</p>"
    html = render_markdown(hostile)
    assert "<strong>ok</strong>" in html
    assert set(re.findall(r"<[^>]*>", html)) == {"<p>", "</p>", "<strong>", "</strong>"}, (
        "no tag has attributes"
    )
    assert "<td>7</td>" in render_markdown("| | |\n|--|--|\n| 7 | good |")


@pytest.mark.parametrize(
    ("worker", "waiting", "trainers", "told"),
    [
        (OFF, True, (), "There is no trainer"),
        (OFF, True, (trainer(seen_at=time.time() - 100),), "The last, on gpu-7, was heard of at"),
        (OFF, True, (trainer(), trainer(seen_at=1.0)), ""),
        (OFF, False, (), "python -m ppo work starts one"),
        (OFF, False, (trainer(),), ""),
        (UP, True, (), ""),
        (UP, False, (trainer(same_release=False),), "A trainer is of another release"),
        (UP, False, (trainer(same_release=False, seen_at=1.0),), ""),
    ],
)
def test_trainers_elsewhere_are_missed_and_told_apart(
    worker: WorkerStatus, waiting: bool, trainers: tuple[Worker, ...], told: str
) -> None:
    seen = RoundOverview(
        progress=progress("rating"),
        job=job("generate") if waiting else None,
        last_error=None,
        worker=worker,
        trainers=trainers,
        next_step=decide_next_step(progress("rating"), None, None),
    )
    shown = page_header.heading(seen)
    assert ("ops-alarm" in shown, told in shown) == (bool(told), True)


def test_who_trained_is_in_the_history() -> None:
    shown = history_panel.trainers((trainer(), trainer(host="old", seen_at=1.0)))
    assert "Trainer on gpu-7 (NVIDIA H100), release 0.1.0: at work or ready, last seen" in shown
    assert "Trainer on old (NVIDIA H100), release 0.1.0: not heard of any more" in shown


def test_the_head_is_said_to_be_of_some_ratings_where_there_are_more() -> None:
    rated = progress("rating")
    seen = RoundOverview(
        progress=rated,
        job=None,
        last_error=None,
        worker=UP,
        trainers=(),
        next_step=decide_next_step(rated, None, None),
    )
    for known, says in (
        (5000, "Reward head: ready<"),
        (12_345, "Reward head: ready, by 5,000 of 12,345 ratings<"),
    ):
        summary = RoundSummary(readiness={"spearman": 0.5, "passed": True, "ratings": 5000, "of": known})
        assert says in round_panels.tiles(seen, summary, SCALES["score_1_10"])


def test_raters_to_look_at_are_named_until_they_do_not_count(store: Store) -> None:
    ada, ben = (store.add_user(name, "rater") for name in ("Ada", "Ben"))
    assert rater_panels.rater_notes({}, store.users(), None) == ""
    shown = rater_panels.rater_notes(review(ada.id), store.users(), None)
    assert "<b>Ada</b> rates strangely." in shown
    assert f"rates strangely. {EFFECT_TOLD}</span>" in shown
    assert f'data-access="exclude" data-who="{ada.id}" data-name="Ada" data-effect="{EFFECT_TOLD}"' in shown
    both = rater_panels.rater_notes(review(ada.id, (ben.id,)), store.users(), None)
    assert "<b>Ada and Ben</b>" in both and "data-access" not in both, "which of them is wrong is not known"
    store.set_excluded(ada.id, True, "op")
    assert rater_panels.rater_notes(review(ada.id), store.users(), None) == ""
    anew = rater_panels.rater_notes({}, store.users(), lessons("Ada"))
    assert "Version 2 has learned from Ada, who does not count any more." in anew
    assert 'data-anew data-before="1"' in anew


def test_people_have_figures_with_intervals_and_what_they_say(store: Store) -> None:
    people = [store.add_user(name, "rater") for name in ("Ada", "Ben", "Cy", "Dee")]
    figures = replace(hostile_figures(people[0]), says="Nothing can be said.", leaving_out=EFFECT_TOLD)
    scale = SCALES["score_1_10"]
    shown = people_panels.people_table([figures], people, scale, {}, {})
    assert '<td data-label="Agreement">−0.60 <small>−0.90 … −0.20</small></td>' in shown
    assert '<td data-label="Repeats">83 % <small>44 … 97 of 6</small></td>' in shown
    assert '<td data-label="Pace">4.0 s</td>' in shown, "without an interval"
    assert f"<p>Nothing can be said. {EFFECT_TOLD}</p>" in shown, "what leaving out does, before it is done"
    assert f'data-name="Ada" data-effect="{EFFECT_TOLD}">Do not count' in shown
    assert "the same score or one beside it" in shown
    assert shown.count('data-label="Offset" class="unknown">–</td>') == 4, "of nobody anything is known"
    assert "data-sort" not in shown, "four need no sorting"
    more = [*people, store.add_user("Eve", "rater")]
    sortable = people_panels.people_table([figures], more, scale, {}, {})
    assert "<select data-sort>" in sortable and 'data-joined="4" data-name="eve"' in sortable
    assert 'data-agreement="-0.6"' in sortable
    for name, _ in people_panels.SORTS[2:]:
        assert (f"data-{name}=" in sortable) == (name != "offset"), "of what is known"


def test_what_the_trainer_knows_of_people_is_shown_and_explained(store: Store) -> None:
    """Nothing of those whom its look lacks, and no column where it lacks everybody."""
    people = [store.add_user(name, "rater") for name in ("Ada", "Ben")]
    known = Interval(mean=0.8, low=0.6, high=1.0, n=20)
    traits = {"slope": known, "noise": known, "direction": replace(known, mean=-0.8, low=-0.95, high=-0.5)}
    figures = [
        replace(hostile_figures(people[0]), says="", **traits),
        replace(hostile_figures(people[1]), says=""),
    ]
    scale, looked = SCALES["score_1_10"], {"ratings": 5000, "of": 12_345}
    shown = people_panels.people_table(figures, people, scale, {}, looked)
    assert '<td data-label="Slope">0.8 <small>0.6 … 1.0</small></td>' in shown
    assert '<td data-label="Direction">−0.80 <small>−0.95 … −0.50</small></td>' in shown
    assert '<td data-label="Direction" class="unknown">–</td>' in shown, "Ben is not in the look"
    assert "look, at 5,000 of 12,345 ratings: Slope: how many points" in shown and "Noise: by how" in shown
    assert shown.count(f'colspan="{len(people_panels.HEADINGS) + 1}"') == 2
    without = people_panels.people_table(figures[1:], people, scale, {}, {"ratings": 9})
    assert "Slope" not in without and "last look" not in without
    coarse = people_panels.people_table(
        [replace(figures[0], slope=None, noise=None)], people, scale, {}, {"ratings": 9, "of": 9}
    )
    assert "<th>Direction</th>" in coarse and "Noise" not in coarse
    assert "look, at 9 ratings: Direction:" in coarse


@pytest.mark.parametrize(
    ("scale", "wanted"),
    [
        (
            "score_1_10",
            [
                "+1.2 points (+0.2 … +2.2)",
                "75 % of the time (50 … 90)",
                "+0.3 points",
                "40 characters longer",
            ],
        ),
        ("thumbs", ["+120 % thumbs up (+20 … +220)"]),
        ("pair", ["of the time", "9 comparisons"]),
    ],
)
def test_a_verdict_in_the_units_of_its_scale(scale: str, wanted: list[str]) -> None:
    def interval(mean: float, wide: float) -> Interval:
        return Interval(mean=mean, low=mean - wide, high=mean + wide, n=9)

    found = RoundVerdict(
        word="helped",
        gain=interval(1.2, 1.0),
        win_rate=Interval(mean=0.75, low=0.5, high=0.9, n=6),
        length=LengthEffect(explained=interval(0.3, 0.1), difference=40.0),
        blind=9,
        planned=12,
    )
    judged = JudgedRound(number=2, version=1, parent=0, in_use=True, verdict=found)
    values = (None, interval(0.0, 0.0), interval(1.2, 0.7))
    curve = tuple(CurvePoint(round_number=i, version=i, value=value) for i, value in enumerate(values))
    shown = verdict_panel.verdict(
        Judgement(rounds=(judged,), curve=curve, drift=interval(-0.4, 0.5)), SCALES[scale]
    )
    for text in (*wanted, "Version 1 helped", "9 anchors read again"):
        assert text in shown, text
    assert shown.count("<circle") == 2, "what was not measured is no point"
    assert "nan" not in shown.lower()
    assert verdict_panel.verdict(Judgement(), SCALES[scale]) == "", "before there is a round"
