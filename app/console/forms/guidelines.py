"""The form of the raters' guidelines, with a preview."""

from __future__ import annotations

import gradio as gr

from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import DIRECT, html, require_operator, run_for_notice
from app.console.panels.elements import quiet, section
from app.safe_html import render_markdown


def lay_out(page: LivePage) -> None:
    store, guard = page.store, page.guard
    html(section("Guidelines", "Markdown. Raters are told that there is a new version; ratings keep theirs."))
    with gr.Row(elem_classes="ops-plots ops-guidelines"):
        text = gr.Textbox(label="Text", lines=16, max_lines=40, elem_classes="ops-name ops-wide")
        preview = html(elem_classes="rl")
    with gr.Row(elem_classes="ops-form"):
        save = gr.Button("Put this version in force", elem_classes="ops-button")

    def render_preview(markdown: str) -> str:
        version, _ = store.guideline()
        intro = quiet(f"As raters see it. In force: version {version}.")
        return f'<div class="rate-prose ops-preview">{intro}{render_markdown(markdown)}</div>'

    def load(request: gr.Request) -> list[str]:
        require_operator(guard, request)
        _, markdown = store.guideline()
        return [markdown, render_preview(markdown)]

    def look(markdown: str, request: gr.Request) -> str:
        require_operator(guard, request)
        return render_preview(markdown or "")

    def change(markdown: str, request: gr.Request) -> list[str]:
        user = require_operator(guard, request)

        def act() -> str:
            if (markdown or "").strip() == store.guideline()[1].strip():
                return "Nothing was changed."
            return f"Version {store.set_guideline(markdown, user.name)} of the guidelines is in force."

        return [run_for_notice(act), render_preview(markdown or "")]

    page.blocks.load(load, **DIRECT, outputs=[text, preview])
    text.change(look, **DIRECT, inputs=[text], outputs=[preview])
    save.click(change, **DIRECT, inputs=[text], outputs=[page.notice, preview])
