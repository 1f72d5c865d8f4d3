"""The operator's console: its head, its tabs, and the parts on each of them.

A new panel is a function in panels/ and one line here; what it needs of the store is a property of
state/console_state.py.
"""

from __future__ import annotations

import gradio as gr

from app.access.auth import Guard
from app.console.forms import (
    guidelines,
    people,
    plots,
    prompts,
    rater_notes,
    rating_questions,
    round_actions,
    settings,
    unattended,
    versions,
)
from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import html
from app.console.panels import (
    edit_panel,
    export_panel,
    history_panel,
    round_panels,
    training_panels,
    verdict_panel,
    what_next_panel,
)
from app.console.panels.elements import section
from app.console.panels.page_header import navigation
from app.console.state.round_verdicts import RoundVerdicts
from app.console.state.training_health import check_rules, engine_check
from app.static_files import stylesheet_links
from app.trainer.supervisor import Supervisor
from rater_data.store import Store


def head(version: str) -> str:
    """What the page needs before Gradio has started."""
    return stylesheet_links(version, "operator")


def build(store: Store, guard: Guard, supervisor: Supervisor, verdicts: RoundVerdicts) -> gr.Blocks:
    return build_page(store, guard, supervisor, verdicts).blocks


def build_page(store: Store, guard: Guard, supervisor: Supervisor, verdicts: RoundVerdicts) -> LivePage:
    with gr.Blocks(title="Console · Rateloop", analytics_enabled=False) as blocks:
        page = LivePage(store, guard, supervisor, verdicts, blocks)
        html(navigation("../static"))
        with gr.Column(elem_classes="ops"):
            round_actions.lay_out(page)
            with gr.Tabs(elem_classes="ops-tabs"):
                for title, lay_out in TABS.items():
                    with gr.Tab(title):
                        lay_out(page)
        page.connect()
    return page


def lay_out_round(page: LivePage) -> None:
    verdict = page.add_html(
        "verdict",
        lambda state: verdict_panel.verdict(state.judgement, state.scale, state.is_training),
        js_on_load=versions.ROLL_BACK_JS,
    )
    versions.add_roll_back(page, verdict)
    rater_notes.lay_out(page)
    page.add_html("tiles", lambda state: round_panels.tiles(state.overview, state.summary, state.scale))
    page.add_html("what_next", lambda state: what_next_panel.what_next(state.what_next))
    page.add_html("job", lambda state: training_panels.job_progress(state.overview.job))
    page.add_html("set_aside", lambda state: round_panels.set_aside(state.prompts_set_aside))
    page.add_html(
        "checks",
        lambda state: training_panels.rule_checks(
            [*check_rules(state.steps), *engine_check(state.engine_report)]
        ),
    )
    _lay_out_training(page)
    html(section("Ratings"))
    with gr.Row(elem_classes="ops-plots"):
        plots.add_score_histogram(page, page.store.scale())
        page.add_html(
            "strata",
            lambda state: (
                round_panels.strata(state.overview.progress)
                + round_panels.score_counts(state.overview.progress, state.scale)
            ),
        )

    page.add_html("better_answers", lambda state: edit_panel.better_answers(state.better_answers))


def _lay_out_training(page: LivePage) -> None:
    """Open while there is something to watch; afterwards the curves of the past fold away."""
    with gr.Accordion("Training", open=False, visible=False, elem_classes="ops-fold") as fold:
        page.add_html("curves_title", lambda state: training_panels.training_heading(state.trained_round))
        with gr.Row(elem_classes="ops-plots"):
            plots.add_curves(page)
        page.add_html("steps", lambda state: training_panels.steps_table(state.steps))
        page.add_html(
            "samples_by_step",
            lambda state: training_panels.samples_by_step(
                state.steps, state.trained_on_continuations, state.answers_before
            ),
        )
    page.add(
        "training",
        fold,
        lambda state: {
            "label": training_panels.training_title(state.trained_round, state.is_training),
            "open": state.is_training,
            "visible": state.trained_round is not None,
        },
    )


def lay_out_settings(page: LivePage) -> None:
    settings.lay_out(page)
    unattended.lay_out(page)
    rating_questions.lay_out(page)
    guidelines.lay_out(page)


def lay_out_data(page: LivePage) -> None:
    html(section("Take the ratings away", export_panel.SENTENCE))
    html(export_panel.export_form(), elem_classes="rl", js_on_load=export_panel.SCRIPT)


def lay_out_history(page: LivePage) -> None:
    page.add_html(
        "history",
        lambda state: (
            history_panel.trainer_state(state.worker)
            + history_panel.trainers(state.overview.trainers)
            + history_panel.event_log(state.events)
        ),
    )


TABS = {
    "Round": lay_out_round,
    "Versions": versions.lay_out,
    "People": people.lay_out,
    "Prompts": prompts.lay_out,
    "Settings": lay_out_settings,
    "Data": lay_out_data,
    "History": lay_out_history,
}
