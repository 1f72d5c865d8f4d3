"""The tab of prompts: search, tag, retire, add."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import gradio as gr

from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import DIRECT, action_handler, html, parse_id, require_operator
from app.console.panels.elements import notice, section
from app.console.panels.prompt_panels import prompts_table
from app.console.state import prompt_list
from rater_data.errors import BadInput, RateloopError
from rater_data.records import User

PROMPTS_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-retire]');
  if (button) trigger('retire', {prompt: Number(button.dataset.retire), back: button.dataset.back === '1'});
});
element.addEventListener('change', (event) => {
  const {tags} = event.target.dataset;
  if (tags !== undefined) trigger('tag', {prompt: Number(tags), text: event.target.value});
});
"""
MAX_FILE_BYTES = 140_000  # what a page may send at once, in base64; longer files are for the command line
FILE_JS = (
    f"const maxBytes = {MAX_FILE_BYTES};"
    + """
element.addEventListener('change', async (event) => {
  const file = event.target.files?.[0];
  if (!file) return;
  if (file.size > maxBytes) {
    trigger('chosen', {name: '', content: ''});
  } else {
    const bytes = Array.from(new Uint8Array(await file.arrayBuffer()));
    trigger('chosen', {name: file.name, content: btoa(bytes.map((byte) => String.fromCharCode(byte)).join(''))});
  }
  event.target.value = '';
});
"""
)
FILE_BUTTON = (
    '<label class="rl-button ops-file">Choose a file'
    f'<input type="file" accept="{",".join(prompt_list.FILE_TYPES)}" class="rl-hidden-text"></label>'
)


def decode_file(content: object) -> bytes:
    """The bytes of a file that FILE_JS sent. Raises BadInput for anything else."""
    try:
        return base64.b64decode(str(content), validate=True)
    except ValueError:
        raise BadInput("The page sent no file: load it anew.") from None


def lay_out(page: LivePage) -> None:
    store, guard = page.store, page.guard
    html(section("Prompts"))
    with gr.Row(elem_classes="ops-form"):
        words = gr.Textbox(label="Find", placeholder="Words or a tag", max_lines=1, elem_classes="ops-name")
        newer = gr.Button("Newer", elem_classes="ops-button")
        older = gr.Button("Older", elem_classes="ops-button")
    page_number = gr.Number(0, visible="hidden")
    table = html(js_on_load=PROMPTS_JS)
    html(
        section(
            "Add prompts",
            f"One a line, or a file of up to {MAX_FILE_BYTES // 1000} kB: text, JSON, CSV, Excel, Parquet.",
        )
    )
    with gr.Row(elem_classes="ops-form"):
        text = gr.Textbox(label="Prompts, one a line", lines=3, elem_classes="ops-name ops-wide")
        add_button = gr.Button("Add them", elem_classes="ops-button")
        file = html(FILE_BUTTON, js_on_load=FILE_JS, elem_classes="rl")

    def refresh(query: str, number: float) -> dict[Any, Any]:
        results = prompt_list.search_prompts(store, query, int(number))
        return {table: prompts_table(results), page_number: results.number}

    def turn(step: int) -> Callable[..., dict[Any, Any]]:
        """A handler that shows the page `step` further on, or with 0 the first one."""

        def look(query: str, number: float, request: gr.Request) -> dict[Any, Any]:
            require_operator(guard, request)
            return refresh(query, number + step if step else 0)

        return look

    def add_lines(query: str, number: float, lines: str, request: gr.Request) -> dict[Any, Any]:
        user = require_operator(guard, request)
        try:
            typed = (lines or "").encode(errors="replace")
            sentence = prompt_list.add_prompts(store, user, typed, prompt_list.TYPED_FILE_NAME)
        except RateloopError as error:
            return {page.notice: notice(str(error), bad=True)}
        return {page.notice: notice(sentence), text: ""} | refresh(query, 0)

    def add_file(user: User, event: gr.EventData) -> str:
        if event.name == "":
            raise BadInput("This file is long: add it with `python -m rater_data import-prompts FILE`.")
        return prompt_list.add_prompts(store, user, decode_file(event.content), str(event.name))

    def retire(user: User, event: gr.EventData) -> str:
        return prompt_list.retire_prompt(store, user, parse_id(event.prompt), event.back is True)

    def tag(user: User, event: gr.EventData) -> str:
        return prompt_list.tag_prompt(store, user, parse_id(event.prompt), str(event.text))

    options = DIRECT | {"inputs": [words, page_number], "outputs": [page.notice, table, page_number]}
    page.blocks.load(turn(0), **options)
    words.change(turn(0), **options)
    newer.click(turn(-1), **options)
    older.click(turn(1), **options)
    add_button.click(
        add_lines,
        **DIRECT,
        inputs=[words, page_number, text],
        outputs=[page.notice, table, page_number, text],
    )
    for event, action in ((table.retire, retire), (table.tag, tag), (file.chosen, add_file)):
        event(action_handler(guard, page.notice, action, refresh), **options)
