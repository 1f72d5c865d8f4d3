"""The form that chooses what raters are asked beside the score."""

from __future__ import annotations

import gradio as gr

from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import DIRECT, html, require_operator, run_for_notice
from app.console.panels.elements import section
from app.rating.questions import load_questions, save_questions

REWRITE = "Raters may rewrite a response, beside its rating. It teaches the reward head. \u201cAsk this\u201d saves it."


def lay_out(page: LivePage) -> None:
    html(section("What raters are asked", "Beside the score; words with commas between. Empty: nothing."))
    edits = gr.Checkbox(label="Better answers", info=REWRITE, elem_classes="ops-tick")
    with gr.Row(elem_classes="ops-form"):
        qualities = gr.Textbox(
            label="Further qualities, answered from 1 to 5",
            placeholder="helpful, truthful, harmless",
            max_lines=1,
            elem_classes="ops-name",
        )
        flags = gr.Textbox(label="Flags to tick", max_lines=1, elem_classes="ops-name")
        save = gr.Button("Ask this", elem_classes="ops-button")

    def load(request: gr.Request) -> list[str | bool]:
        require_operator(page.guard, request)
        current = load_questions(page.store)
        return [", ".join(current.attributes), ", ".join(current.flags), current.edits]

    def change(attributes: str, ticks: str, rewrite: bool, request: gr.Request) -> str:
        user = require_operator(page.guard, request)
        return run_for_notice(
            lambda: save_questions(page.store, user, attributes or "", ticks or "", bool(rewrite))
        )

    page.blocks.load(load, **DIRECT, outputs=[qualities, flags, edits])
    save.click(change, **DIRECT, inputs=[qualities, flags, edits], outputs=[page.notice])
