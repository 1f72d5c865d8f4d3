"""The head of the console: the round, the main button, and what else can be done about its training."""

from __future__ import annotations

import gradio as gr

from app.console.forms.live_page import LivePage
from app.console.panels import page_header
from app.console.state import actions
from app.console.state.console_state import ConsoleState
from rater_data.overview.round_overview import read_overview
from rater_data.overview.verdict_words import verdict_line
from rater_data.records import User


def _in_use(state: ConsoleState) -> str:
    """The version in use and the verdict on the latest one, in a line; empty while there is but the base."""
    current = next((v.number for v in state.versions if v.status == "current"), None)
    if current is None or len(state.versions) < 2:
        return ""
    return f"Version {current} is in use. {verdict_line(state.judgement.latest, state.scale)}".strip()


def lay_out(page: LivePage) -> None:
    with gr.Row(elem_classes="ops-head"):
        page.add_html(
            "heading",
            lambda state: page_header.heading(state.overview, _in_use(state)),
            js_on_load=page_header.TITLE_JS,
        )
        with gr.Row(elem_classes="ops-actions"):
            cancel_button = gr.Button("Cancel training", visible=False, elem_classes="ops-button")
            alternative_button = gr.Button("Train anyway", visible=False, elem_classes="ops-button")
            main_button = gr.Button("…", interactive=False, variant="primary", elem_classes="ops-button")
    page.add("cancel", cancel_button, lambda state: {"visible": state.overview.next_step.can_cancel})
    page.add(
        "alternative",
        alternative_button,
        lambda state: {
            "value": state.overview.next_step.alternative or "",
            "visible": state.overview.next_step.alternative is not None,
        },
    )
    page.add(
        "main",
        main_button,
        lambda state: {
            "value": state.overview.next_step.label,
            "interactive": state.overview.next_step.enabled,
        },
    )

    def press(user: User, event: gr.EventData) -> str:
        return actions.press_main_button(page.store, user, page.supervisor.status)

    def train_anyway(user: User, event: gr.EventData) -> str:
        step = read_overview(page.store, page.supervisor.status).next_step
        return actions.train(page.store, user, override=step.alternative_overrides_gate)

    def cancel(user: User, event: gr.EventData) -> str:
        return actions.cancel_training(page.store, user)

    page.add_action(main_button.click, press)
    page.add_action(alternative_button.click, train_anyway)
    page.add_action(cancel_button.click, cancel)
    page.notice.render()
