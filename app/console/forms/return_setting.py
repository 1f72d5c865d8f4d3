"""The operator's choice whether a version that hurt goes out of use by itself."""

from __future__ import annotations

import gradio as gr

from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import DIRECT, html, require_operator, run_for_notice
from app.console.panels.elements import section
from app.console.state.settings_change import change_return_when_hurt, returns_when_hurt


def lay_out(page: LivePage) -> None:
    html(
        section(
            "When a version hurt",
            "Once the verdict under Round is that the version in use hurt, the version before is put in use again. "
            "Nothing is deleted: Versions takes it back.",
        )
    )
    with gr.Row(elem_classes="ops-form"):
        choice = gr.Checkbox(label="Return to the version before by itself", elem_classes="ops-tick")

    def load(request: gr.Request) -> bool:
        require_operator(page.guard, request)
        return returns_when_hurt(page.store)

    def change(wanted: bool, request: gr.Request) -> str:
        user = require_operator(page.guard, request)
        return run_for_notice(lambda: change_return_when_hurt(page.store, user.name, wanted))

    page.blocks.load(load, **DIRECT, outputs=[choice])
    choice.input(change, **DIRECT, inputs=[choice], outputs=[page.notice])
