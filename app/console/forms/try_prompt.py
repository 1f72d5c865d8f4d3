"""The form that tries an operator's own prompt on the versions seen side by side."""

from __future__ import annotations

import gradio as gr

from app.console.forms.live_page import LivePage, parse_version
from app.console.forms.toolkit import DIRECT, require_operator, run_for_notice
from app.console.state.prompt_trials import try_prompt


def lay_out(page: LivePage) -> None:
    """After the dropdowns of the versions, which it reads."""
    with gr.Row(elem_classes="ops-form"):
        prompt = gr.Textbox(
            label="Try a prompt on both (on the two newest versions, where none are chosen beside)",
            placeholder="What would you ask it?",
            lines=2,
            elem_classes="ops-name ops-wide",
        )
        button = gr.Button("Try it", elem_classes="ops-button")

    def ask(text: str, left: object, right: object, request: gr.Request) -> str:
        user = require_operator(page.guard, request)
        selected = (parse_version(left), parse_version(right))
        return run_for_notice(lambda: try_prompt(page.store, user, text, selected))

    button.click(ask, inputs=[prompt, page.left, page.right], outputs=[page.notice], **DIRECT)
