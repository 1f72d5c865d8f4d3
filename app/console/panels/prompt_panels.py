"""The console's panel about prompts, as HTML. Every text from outside passes `h()`, as in panels.py."""

from __future__ import annotations

from app.console.panels.training_panels import h, quiet, table
from app.console.state.prompt_list import Found
from rater_data.records import Prompt

LONGEST = 300


def prompts(found: Found) -> str:
    if not found.total:
        return quiet("There is no such prompt.")
    head = "".join(f"<th>{h(x)}</th>" for x in ("Used for", "Tags", "From", ""))
    last = found.begin + len(found.prompts)
    shown = quiet(f"{found.begin + 1}–{last} of {found.total}, the newest first.")
    return shown + table("Prompt", head, [row(p) for p in found.prompts], "wide")


def row(prompt: Prompt) -> str:
    used = (
        "retired"
        if prompt.retired_at is not None
        else {"train": "training", "holdout": "checking"}[prompt.split]
    )
    turns = f" <small>({len(prompt.messages)} messages)</small>" if len(prompt.messages) > 1 else ""
    text = prompt.text if len(prompt.text) <= LONGEST else prompt.text[:LONGEST] + " …"
    back = prompt.retired_at is not None
    return (
        f'<tr><th dir="auto">{h(text)}{turns}</th><td>{h(used)}</td>'
        f'<td><input class="ops-inline" data-tags="{prompt.id}" value="{h(", ".join(prompt.tags))}" maxlength="300" '
        f'aria-label="Tags of {h(text[:60])}" placeholder="Add tags"></td><td>{h(prompt.source)}</td>'
        f'<td><button type="button" class="rl-button" data-retire="{prompt.id}" data-back="{int(back)}">'
        f"{'Ask again' if back else 'Retire'}</button></td></tr>"
    )
