"""What the trainer may do without being asked: the operator's choices."""

from __future__ import annotations

import gradio as gr

from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import DIRECT, html, require_operator, run_for_notice
from app.console.panels.elements import section
from app.console.state.settings_change import SWITCHES, Switch, change_switch, is_on


def lay_out(page: LivePage) -> None:
    html(section("By itself", "What the trainer does without being asked. It is logged under History."))
    for switch in SWITCHES:
        _lay_out_switch(page, switch)


def _lay_out_switch(page: LivePage, switch: Switch) -> None:
    with gr.Row(elem_classes="ops-form"):
        choice = gr.Checkbox(label=switch.label, info=switch.meaning, elem_classes="ops-tick")

    def load(request: gr.Request) -> bool:
        require_operator(page.guard, request)
        return is_on(page.store, switch)

    def change(wanted: bool, request: gr.Request) -> str:
        user = require_operator(page.guard, request)
        return run_for_notice(lambda: change_switch(page.store, user.name, switch, wanted))

    page.blocks.load(load, **DIRECT, outputs=[choice])
    choice.input(change, **DIRECT, inputs=[choice], outputs=[page.notice])
