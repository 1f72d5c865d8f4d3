"""The tab of people: who rates, links for whom is invited, tokens for scripts."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.access import accounts
from app.access.public_address import address_of
from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import DIRECT, html, parse_id, require_operator
from app.console.panels import people_panels
from app.console.panels.elements import notice, section
from rater_data.errors import BadInput, RateloopError
from rater_data.records import User

INVITE_LABEL = "Make a personal link"
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
  const {access, who, name, effect} = button.dataset;
  const question = {
    off: `Keep ${name} out? Their sessions end and their links and tokens do not work; their ratings stay.`,
    signout: `Sign ${name} out on every device? Their links stop working too; invite them anew afterwards.`,
    exclude: `Leave the ratings of ${name} out of this round and all trainings to come, until you count them ` +
      `again? ${effect}`.trim(),
  }[access];
  if (!question || confirm(question)) trigger('access', {what: access, who: Number(who)});
});
"""
SORT_JS = """
let by = 'joined';
const value = (person) => {
  const key = person.dataset[by] ?? '';
  return by === 'name' || key === '' ? key : Number(key);
};
const sort = () => {
  const select = element.querySelector('[data-sort]');
  if (!select) return;
  select.value = by;
  const people = [...element.querySelectorAll('table.people > tbody')];
  const sorted = [...people].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === '' || y === '') return (x === '') - (y === '');
    return (typeof x === 'string' ? x.localeCompare(y) : x - y) || a.dataset.joined - b.dataset.joined;
  });
  if (sorted.some((person, i) => person !== people[i])) sorted[0].parentNode.append(...sorted);
};
element.addEventListener('change', (event) => {
  if (!event.target.matches('[data-sort]')) return;
  by = event.target.value;
  sort();
});
new MutationObserver(sort).observe(element, {childList: true, subtree: true});
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


def lay_out(page: LivePage) -> None:
    html(section("People"))
    people = page.add_html(
        "people",
        lambda state: people_panels.people_table(
            state.rater_figures, state.users, state.scale, state.judgement.without, state.rater_review
        ),
        js_on_load=ACCESS_JS + SORT_JS,
    )
    lay_out_invitation(page)
    html(
        section("Tokens for scripts", "Whoever has a token may do what its owner may, over the JSON routes.")
    )
    tokens = page.add_html(
        "tokens", lambda state: people_panels.tokens_table(state.tokens), js_on_load=TOKENS_JS
    )
    lay_out_new_token(page)

    def access(user: User, event: gr.EventData) -> str:
        return accounts.change_access(page.store, user, parse_id(event.who), str(event.what))

    def take_back(user: User, event: gr.EventData) -> str:
        return accounts.revoke_token(page.store, user.name, parse_id(event.token))

    page.add_action(people.access, access)
    page.add_action(tokens.take_back, take_back)


def lay_out_invitation(page: LivePage) -> None:
    store, guard = page.store, page.guard
    with gr.Row(elem_classes="ops-form"):
        name = gr.Textbox(label="Invite somebody", placeholder="Name", max_lines=1, elem_classes="ops-name")
        role = gr.Dropdown(
            [("Rater", "rater"), ("Operator", "operator")],
            value="rater",
            label="As",
            elem_classes="ops-name ops-short",
        )
        button = gr.Button(INVITE_LABEL, elem_classes="ops-button")
    link = html(js_on_load=COPY_JS)

    def send_link(invited: str, invited_role: str, pressed_label: str, request: gr.Request) -> dict[Any, Any]:
        user = require_operator(guard, request)
        assert request.request is not None, "every event comes over HTTP"
        url = address_of(request.request)
        known = accounts.find_active_name(store, invited or "")
        confirm_label = f"Yes, a new link for {known}"
        # what the button said when it was pressed tells whether the question was asked for this name
        if known is not None and pressed_label != confirm_label:
            question = notice(new_link_question(known))
            return {page.notice: question, link: "", button: gr.update(value=confirm_label)}
        try:
            made = accounts.invite(store, user.name, invited or "", url, invited_role or "rater")
        except RateloopError as error:
            updates: dict[Any, Any] = {page.notice: notice(str(error), bad=True), link: ""}
        else:
            panel = people_panels.new_link(" ".join(invited.split()), invited_role, made)
            updates = {page.notice: "", link: panel, name: "", role: "rater"}
        return updates | {button: gr.update(value=INVITE_LABEL)}

    options = DIRECT | {"inputs": [name, role, button], "outputs": [page.notice, link, name, role, button]}
    button.click(send_link, **options)
    name.submit(send_link, **options)


def new_link_question(name: str) -> str:
    return (
        f"{name} is here already. A new link ends their older links, tokens and sessions: whoever is at work under "
        "that name has to open the new one. Press again to make it."
    )


def lay_out_new_token(page: LivePage) -> None:
    store, guard = page.store, page.guard
    with gr.Row(elem_classes="ops-form"):
        name = gr.Textbox(label="Make a token for", placeholder="Name", max_lines=1, elem_classes="ops-name")
        days = gr.Number(
            accounts.DEFAULT_TOKEN_DAYS,
            label="Works for, days",
            elem_classes="ops-name ops-short",
            min_width=120,
        )
        button = gr.Button("Make a token", elem_classes="ops-button")
    panel = html(js_on_load=COPY_JS)

    def new_token(owner: str, valid_days: object, request: gr.Request) -> dict[Any, Any]:
        user = require_operator(guard, request)
        try:
            if isinstance(valid_days, bool) or not isinstance(valid_days, int | float):
                raise BadInput("A token needs a number of days that it works for.")
            role = accounts.find_role(store, owner or "")
            token = accounts.create_token(store, user.name, owner or "", role=role, days=valid_days)
        except RateloopError as error:
            return {page.notice: notice(str(error), bad=True), panel: ""}
        shown = people_panels.new_token(" ".join(owner.split()), role, token)
        return {page.notice: "", panel: shown, name: ""}

    options = DIRECT | {"inputs": [name, days], "outputs": [page.notice, panel, name]}
    button.click(new_token, **options)
    name.submit(new_token, **options)
