"""The panel about prompts: a page of a search."""

from __future__ import annotations

from app.console.panels.elements import h, quiet, table
from app.console.state.prompt_list import PromptPage
from rater_data.records import Prompt

MAX_TEXT_LENGTH = 300
HEADINGS = ("Used for", "Tags", "From")
SPLIT_LABELS = {"train": "training", "holdout": "holdout"}


def prompts_table(page: PromptPage) -> str:
    if not page.total:
        return quiet("There is no such prompt.")
    last = page.begin + len(page.prompts)
    place = quiet(f"{page.begin + 1}–{last} of {page.total}, the newest first.")
    rows = [_prompt_row(prompt) for prompt in page.prompts]
    return place + table(("Prompt", *HEADINGS, ""), rows, "cards wide")


def _prompt_row(prompt: Prompt) -> str:
    is_retired = prompt.retired_at is not None
    use = "retired" if is_retired else SPLIT_LABELS[prompt.split]
    turns = f" <small>({len(prompt.messages)} messages)</small>" if len(prompt.messages) > 1 else ""
    text = prompt.text if len(prompt.text) <= MAX_TEXT_LENGTH else prompt.text[:MAX_TEXT_LENGTH] + " …"
    tags = (
        f'<input class="ops-inline" data-tags="{prompt.id}" value="{h(", ".join(prompt.tags))}" maxlength="300" '
        f'aria-label="Tags of {h(text[:60])}" placeholder="Add tags">'
    )
    cells = zip(HEADINGS, (h(use), tags, h(prompt.source)), strict=True)
    labelled = "".join(f'<td data-label="{heading}">{cell}</td>' for heading, cell in cells)
    return (
        f'<tr><th dir="auto">{h(text)}{turns}</th>{labelled}'
        f'<td><button type="button" class="rl-button" data-retire="{prompt.id}" data-back="{int(is_retired)}">'
        f"{'Ask again' if is_retired else 'Retire'}</button></td></tr>"
    )
