"""The console's tab of people: who there is, whom to invite, and tokens. Widgets only; every handler asks the guard."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.access import accounts
from app.access.auth import Guard
from app.console.forms.prompts import QUICK, html, whole
from app.console.panels import people_panels
from app.console.panels import training_panels as elements
from rater_data.errors import BadInput, RateloopError
from rater_data.records import User
from rater_data.store import Store

INVITE = "Make a personal link"
COPY_JS = """
element.addEventListener('click', (event) => {
  if (!event.target.closest('[data-copy]')) return;
  const field = element.querySelector('input');
  field.select();
  navigator.clipboard?.writeText(field.value).then(() => { event.target.textContent = 'Copied'; });
});
"""
ACCESS_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-access]');
  if (!button) return;
  const {access, who, name} = button.dataset;
  const question = {
    off: `Keep ${name} out? Their sessions end and their links and tokens do not work; their ratings stay.`,
    signout: `Sign ${name} out on every device? Their links stop working too; invite them anew afterwards.`,
    exclude: `Leave the ratings of ${name} out of this round and the next training?`,
  }[access];
  if (!question || confirm(question)) trigger('access', {what: access, who: Number(who)});
});
"""
TOKENS_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-token]');
  if (!button) return;
  const {token, name} = button.dataset;
  if (confirm(`Take a token of ${name} back? Scripts that use it stop at once.`)) {
    trigger('take_back', {token: Number(token)});
  }
});
"""


def lay_out(store: Store, guard: Guard, notice: gr.HTML) -> dict[str, gr.HTML]:
    """The whole tab; returns what the console's timer looks at anew."""
    html(elements.section("People"))
    parts = {"people": html(js_on_load=ACCESS_JS)}
    invite(store, guard, notice)
    html(
        elements.section(
            "Tokens for scripts", "Whoever has a token may do what its owner may, over the JSON routes."
        )
    )
    parts["tokens"] = html(js_on_load=TOKENS_JS)
    make_token(store, guard, notice)
    return parts


def invite(store: Store, guard: Guard, notice: gr.HTML) -> None:
    with gr.Row(elem_classes="ops-form"):
        name = gr.Textbox(label="Invite somebody", placeholder="Name", max_lines=1, elem_classes="ops-name")
        role = gr.Dropdown(
            [("Rater", "rater"), ("Operator", "operator")],
            value="rater",
            label="As",
            elem_classes="ops-name ops-short",
        )
        button = gr.Button(INVITE, elem_classes="ops-button")
    link = html(js_on_load=COPY_JS)

    def send_link(wanted: str, as_role: str, pressed: str, request: gr.Request) -> dict[Any, Any]:
        user = guard.require_operator(request.request)
        url = str(request.request.headers["origin"])
        known = accounts.find_active_name(store, wanted or "")
        again = f"Yes, a new link for {known}"
        if known is not None and pressed != again:
            return {notice: elements.notice(signs_out(known)), link: "", button: gr.update(value=again)}
        try:
            made = accounts.invite(store, user.name, wanted or "", url, as_role or "rater")
        except RateloopError as error:
            told = {notice: elements.notice(str(error), bad=True), link: ""}
        else:
            shown = people_panels.invited(" ".join(wanted.split()), as_role, made)
            told = {notice: "", link: shown, name: "", role: "rater"}
        return told | {button: gr.update(value=INVITE)}

    # what the button says when it is pressed tells whether the question was asked for this name
    quick = QUICK | {"inputs": [name, role, button], "outputs": [notice, link, name, role, button]}
    button.click(send_link, **quick)
    name.submit(send_link, **quick)


def signs_out(name: str) -> str:
    return (
        f"{name} is here already. A new link ends their older links, tokens and sessions: whoever is at work under "
        "that name has to open the new one. Press again to make it."
    )


def make_token(store: Store, guard: Guard, notice: gr.HTML) -> None:
    with gr.Row(elem_classes="ops-form"):
        name = gr.Textbox(label="Make a token for", placeholder="Name", max_lines=1, elem_classes="ops-name")
        days = gr.Number(
            accounts.DEFAULT_TOKEN_DAYS,
            label="Works for, days",
            elem_classes="ops-name ops-short",
            min_width=120,
        )
        button = gr.Button("Make a token", elem_classes="ops-button")
    shown = html(js_on_load=COPY_JS)

    def new_token(wanted: str, lasts: object, request: gr.Request) -> dict[Any, Any]:
        user = guard.require_operator(request.request)
        try:
            if isinstance(lasts, bool) or not isinstance(lasts, int | float):
                raise BadInput("A token needs a number of days that it works for.")
            role = accounts.find_role(store, wanted or "")
            made = accounts.create_token(store, user.name, wanted or "", role=role, days=lasts)
        except RateloopError as error:
            return {notice: elements.notice(str(error), bad=True), shown: ""}
        return {notice: "", shown: people_panels.new_token(" ".join(wanted.split()), role, made), name: ""}

    quick = QUICK | {"inputs": [name, days], "outputs": [notice, shown, name]}
    button.click(new_token, **quick)
    name.submit(new_token, **quick)


def change_access(store: Store, user: User, event: gr.EventData) -> str:
    return accounts.change_access(store, user, whole(event.who), str(event.what))


def take_back(store: Store, user: User, event: gr.EventData) -> str:
    return accounts.revoke_token(store, user.name, whole(event.token))
