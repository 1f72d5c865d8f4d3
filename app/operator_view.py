"""The operator's console: widgets only. What they show and do is in operating.py, how it looks in panels.py.

One timer asks every two seconds. The page sends back the marks of what it shows, and only what changed is
sent again, so nothing flickers and nothing is kept on the server for a page. Every handler asks the guard.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from app import charts, inviting, operating, panels, people_panels
from app.auth import Guard
from app.helping import Helped
from app.rater_view import styles
from app.supervisor import Supervisor
from rater_data.errors import RateloopError
from rater_data.records import User
from rater_data.scales import Scale
from rater_data.store import Store

EVERY = 2.0  # seconds
ROLL_BACK_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-roll-back]');
  if (!button) return;
  const to = Number(button.dataset.rollBack);
  const question = `Use version ${to} again? The next responses come from it. Nothing is deleted.`;
  if (confirm(question)) trigger('roll_back', {to});
});
"""
ACCESS_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-access]');
  if (!button) return;
  const {access, who, name} = button.dataset;
  const question = {
    off: `Keep ${name} out? Their links stop working; their ratings stay.`,
    exclude: `Leave the ratings of ${name} out of this round and the next training?`,
  }[access];
  if (!question || confirm(question)) trigger('access', {what: access, who: Number(who)});
});
"""
COPY_JS = """
element.addEventListener('click', (event) => {
  if (!event.target.closest('[data-copy]')) return;
  const field = element.querySelector('input');
  field.select();
  navigator.clipboard?.writeText(field.value).then(() => { event.target.textContent = 'Copied'; });
});
"""


@dataclass
class Page:
    """The components that change, by name."""

    heading: gr.HTML
    main: gr.Button
    again: gr.Button
    cancel: gr.Button
    tiles: gr.HTML
    work: gr.HTML
    curves_title: gr.HTML
    reward: gr.LinePlot
    kl: gr.LinePlot
    steps: gr.HTML
    scores: gr.BarPlot
    strata: gr.HTML
    samples: gr.HTML
    versions: gr.HTML
    people: gr.HTML
    log: gr.HTML

    def all(self) -> list[Any]:
        return list(vars(self).values())


def head(version: str) -> str:
    return styles(version, "operator")


def html(value: str = "", **kwargs: Any) -> gr.HTML:
    kwargs.setdefault("js_on_load", None)
    return gr.HTML(value, apply_default_css=False, **kwargs)


def plot(kind: type, title: str, x: str, y: str, x_title: str, **kwargs: Any) -> Any:
    return kind(x=x, y=y, title=title, x_title=x_title, y_title=" ", height=230, min_width=340, **kwargs)


def build(store: Store, guard: Guard, supervisor: Supervisor) -> gr.Blocks:
    with gr.Blocks(title="Console · Rateloop", analytics_enabled=False) as blocks:
        html(panels.top("/static"))
        with gr.Column(elem_classes="ops"):
            page, notice, name, invite, link = lay_out(store.scale())
        seen = gr.Textbox("{}", visible="hidden")
        wire(store, guard, supervisor, blocks, page, notice, seen)
        wire_invite(store, guard, notice, name, invite, link)
    return blocks


def lay_out(scale: Scale) -> tuple[Page, gr.HTML, gr.Textbox, gr.Button, gr.HTML]:
    with gr.Row(elem_classes="ops-head"):
        heading = html()
        with gr.Row(elem_classes="ops-actions"):
            cancel = gr.Button("Cancel training", visible=False, elem_classes="ops-button")
            again = gr.Button("Train anyway", visible=False, elem_classes="ops-button")
            main = gr.Button("…", interactive=False, variant="primary", elem_classes="ops-button")
    notice, tiles, work = html(elem_classes="rl"), html(), html()
    curves_title = html()
    with gr.Row(elem_classes="ops-plots"):
        reward = plot(gr.LinePlot, "Reward", "step", "value", "PPO step", visible=False)
        kl = plot(
            gr.LinePlot, "KL to the base model, nats per response", "step", "value", "PPO step", visible=False
        )
    steps = html()
    html(panels.section("Ratings"))
    with gr.Row(elem_classes="ops-plots"):
        bars = {"sort": [scale.mark(point) for point in scale.points], "y_lim": [0, None]}
        scores = plot(gr.BarPlot, "Scores this round", "score", "ratings", "Score", **bars)
        strata = html()
    html(panels.section("Before and after"))
    samples = html()
    html(panels.section("Versions"))
    versions = html(js_on_load=ROLL_BACK_JS)
    html(panels.section("Raters"))
    people = html(js_on_load=ACCESS_JS)
    with gr.Row(elem_classes="ops-invite"):
        name = gr.Textbox(label="Invite a rater", placeholder="Name", max_lines=1, elem_classes="ops-name")
        invite = gr.Button("Make a personal link", elem_classes="ops-button")
    link = html(js_on_load=COPY_JS)
    html(panels.section("What happened"))
    log = html()
    page = Page(
        heading=heading,
        main=main,
        again=again,
        cancel=cancel,
        tiles=tiles,
        work=work,
        curves_title=curves_title,
        reward=reward,
        kl=kl,
        steps=steps,
        scores=scores,
        strata=strata,
        samples=samples,
        versions=versions,
        people=people,
        log=log,
    )
    return page, notice, name, invite, link


def look(store: Store, supervisor: Supervisor, helped: Helped) -> dict[str, dict[str, Any]]:
    """What each component of the page shows now, by name, as properties."""
    seen = operating.overview(store, supervisor.status)
    trained, steps = operating.last_trained(store)
    busy = seen.job is not None and seen.job.kind == "train"
    return {
        "heading": {"value": panels.heading(seen)},
        "main": {"value": seen.next.label, "interactive": seen.next.possible},
        "again": {"value": seen.next.again or "", "visible": seen.next.again is not None},
        "cancel": {"visible": seen.next.cancel},
        "tiles": {"value": panels.tiles(seen)},
        "work": {"value": panels.training(seen)},
        "curves_title": {"value": panels.training_heading(trained)},
        "reward": curve(steps, "reward"),
        "kl": curve(steps, "kl"),
        "steps": {"value": panels.steps_table(steps) + panels.lights(operating.health(steps))},
        "scores": {"value": charts.scores(seen.progress, store.scale())},
        "strata": {"value": panels.strata(seen.progress)},
        "samples": {"value": panels.samples(operating.sides(store))},
        "versions": {"value": panels.versions(store.versions(), busy, helped.of(store))},
        "people": {"value": people_panels.people(helped.raters(store), store.users())},
        "log": {"value": panels.trainer(seen.worker) + panels.log(store.events(limit=12))},
    }


def curve(steps: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    frame = charts.curve(steps, metric)
    axes = {"x_lim": charts.step_axis(steps), "y_lim": charts.value_axis(frame)}
    return {"value": frame, "visible": not frame.empty} | axes


def mark(properties: dict[str, Any]) -> str:
    text = json.dumps(properties, default=lambda frame: frame.to_json())
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def changed(now: dict[str, dict[str, Any]], marks: str) -> tuple[dict[str, dict[str, Any]], str]:
    """Of what the page shows now, only what differs from the marks it sent; and its new marks."""
    try:
        old = json.loads(marks)
    except ValueError:
        old = {}
    new = {name: mark(properties) for name, properties in now.items()}
    known = old if isinstance(old, dict) else {}
    return {name: now[name] for name in now if known.get(name) != new[name]}, json.dumps(new)


def wire(
    store: Store,
    guard: Guard,
    supervisor: Supervisor,
    blocks: gr.Blocks,
    page: Page,
    notice: gr.HTML,
    seen: gr.Textbox,
) -> None:
    helped = Helped()

    def fresh(marks: str) -> dict[Any, Any]:
        differs, marks = changed(look(store, supervisor, helped), marks)
        return {getattr(page, name): gr.update(**p) for name, p in differs.items()} | {seen: marks}

    def tick(marks: str, request: gr.Request) -> dict[Any, Any]:
        guard.operator(request.request)
        return fresh(marks)

    def acting(act: Callable[[User], str]) -> Callable:
        """A handler that does one thing, says what came of it and shows the page as it is then."""

        def handler(marks: str, request: gr.Request) -> dict[Any, Any]:
            user = guard.operator(request.request)
            return {notice: told(lambda: act(user))} | fresh(marks)

        return handler

    def again(user: User) -> str:
        step = operating.overview(store, supervisor.status).next
        return operating.train(store, user, override=step.again_override)

    def roll_back(marks: str, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        user = guard.operator(request.request)
        return {notice: told(lambda: operating.roll_back(store, user, int(event.to)))} | fresh(marks)

    def access(marks: str, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        user = guard.operator(request.request)
        wish = partial(inviting.change_access, store, user, int(event.who), str(event.what))
        return {notice: told(wish)} | fresh(marks)

    outputs = [*page.all(), notice, seen]
    quick = {
        "inputs": [seen],
        "outputs": outputs,
        "queue": False,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    gr.Timer(EVERY).tick(tick, **quick)
    blocks.load(tick, **quick)
    page.main.click(acting(lambda user: operating.press(store, user, supervisor.status)), **quick)
    page.again.click(acting(again), **quick)
    page.cancel.click(acting(lambda user: operating.cancel(store, user)), **quick)
    page.versions.roll_back(roll_back, **quick)
    page.people.access(access, **quick)


def wire_invite(
    store: Store, guard: Guard, notice: gr.HTML, name: gr.Textbox, invite: gr.Button, link: gr.HTML
) -> None:
    def make(wanted: str, request: gr.Request) -> dict[Any, Any]:
        user = guard.operator(request.request)
        try:
            made = inviting.invite(store, user, wanted or "", str(request.request.headers["origin"]))
        except RateloopError as error:
            return {notice: panels.notice(str(error), bad=True), link: ""}
        return {notice: "", link: people_panels.invited(" ".join(wanted.split()), made), name: ""}

    quick = {"inputs": [name], "outputs": [notice, link, name], "queue": False, "show_progress": "hidden"}
    invite.click(make, **quick, api_visibility="private")
    name.submit(make, **quick, api_visibility="private")


def told(act: Callable[[], str]) -> str:
    try:
        return panels.notice(act())
    except RateloopError as error:
        return panels.notice(str(error), bad=True)
