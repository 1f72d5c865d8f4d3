"""Whoever rates unlike the others, on the first page, and what to do about it: leave out, train anew."""

from __future__ import annotations

import gradio as gr

from app.access import accounts
from app.console.forms.live_page import LivePage
from app.console.forms.people import ACCESS_JS
from app.console.forms.toolkit import parse_id
from app.console.panels import rater_panels
from app.console.state import actions
from rater_data.records import User

ANEW_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-anew]');
  if (!button) return;
  const {before, name} = button.dataset;
  if (confirm(`Go back to version ${before} and train it with what the others said, without ${name}?`)) {
    trigger('anew', {});
  }
});
"""


def lay_out(page: LivePage) -> None:
    notes = page.add_html(
        "rater_notes",
        lambda state: rater_panels.rater_notes(state.rater_review, state.users, state.lessons_of_excluded),
        js_on_load=ACCESS_JS + ANEW_JS,
    )

    def access(user: User, event: gr.EventData) -> str:
        return accounts.change_access(page.store, user, parse_id(event.who), str(event.what))

    def anew(user: User, event: gr.EventData) -> str:
        return actions.train_anew(page.store, user)

    page.add_action(notes.access, access)
    page.add_action(notes.anew, anew)
