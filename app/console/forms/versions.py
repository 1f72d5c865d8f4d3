"""The tab of versions: the table with its buttons and notes, two of them side by side, a prompt tried on both."""

from __future__ import annotations

import gradio as gr

from app.console.forms import try_prompt
from app.console.forms.live_page import LivePage, Properties
from app.console.forms.toolkit import html, parse_id
from app.console.panels import version_panels
from app.console.panels.elements import section
from app.console.state import actions, version_list
from app.console.state.console_state import ConsoleState
from rater_data.records import User

ROLL_BACK_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-roll-back]');
  if (!button) return;
  const to = Number(button.dataset.rollBack);
  const question = `Use version ${to} again? The open round ends, its ratings go on counting, and version ${to} ` +
    'writes the next responses. Nothing is deleted.';
  if (confirm(question)) trigger('roll_back', {to});
});
"""
"""Of a panel with a button that puts a version in use again."""
VERSIONS_JS = (
    ROLL_BACK_JS
    + """
element.addEventListener('change', (event) => {
  const {note} = event.target.dataset;
  if (note !== undefined) trigger('note', {version: Number(note), text: event.target.value});
});
"""
)


def lay_out(page: LivePage) -> None:
    html(section("Versions"))
    table = page.add_html(
        "versions",
        lambda state: version_panels.versions_table(
            state.versions, state.is_training, state.judgement.by_version(), state.ratings_trained_on
        ),
        js_on_load=VERSIONS_JS,
    )
    html(section("Side by side"))
    with gr.Row(elem_classes="ops-form"):
        page.left, page.right = (
            page.add(name, _version_dropdown(label), _version_choices)
            for name, label in (
                ("left", "Left, else the version before"),
                ("right", "Right, else the one in use"),
            )
        )
    try_prompt.lay_out(page)
    page.add_html("trial", lambda state: version_panels.prompt_trial(state.latest_trial))
    page.add_html(
        "samples",
        lambda state: version_panels.samples_side_by_side(state.sample_comparison, state.selected_versions),
    )

    def note(user: User, event: gr.EventData) -> str:
        return version_list.note_version(page.store, user, event.version, event.text)

    add_roll_back(page, table)
    page.add_action(table.note, note)


def add_roll_back(page: LivePage, panel: gr.HTML) -> None:
    """Lets the buttons of a panel, whose script is ROLL_BACK_JS, put a version in use again."""

    def roll_back(user: User, event: gr.EventData) -> str:
        return actions.roll_back(page.store, user, parse_id(event.to))

    page.add_action(panel.roll_back, roll_back)


def _version_dropdown(label: str) -> gr.Dropdown:
    return gr.Dropdown([], label=label, allow_custom_value=True, elem_classes="ops-name ops-short")


def _version_choices(state: ConsoleState) -> Properties:
    return {"choices": [(f"Version {v.number}", v.number) for v in reversed(state.versions)]}
