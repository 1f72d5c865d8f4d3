"""The operator's console: what is on the page and when it is looked at anew. Widgets only.

What they show and do is in operating.py and its neighbours, how it looks in the panels, the forms in
operator_forms.py. One timer asks every two seconds. The page sends back the marks of what it shows, and only
what changed is sent again, so nothing flickers and nothing is kept on the server for a page. Every handler asks
the guard.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from app.access.auth import Guard
from app.console.forms import people as people_forms
from app.console.forms import prompts as operator_forms
from app.console.forms.prompts import QUICK, asked_by, html, told, whole
from app.console.panels import export_panel, people_panels, round_panels, version_panels
from app.console.panels import training_panels as elements
from app.console.state import next_step as operating
from app.console.state import plot_data, prompt_trials, version_list
from app.console.state.round_summary import Glances
from app.console.state.version_gains import Helped
from app.sample_comparison import compare_samples
from app.static_files import stylesheet_links
from app.trainer.supervisor import Supervisor
from rater_data.lifecycle import RoundProgress
from rater_data.records import User
from rater_data.scales import Scale
from rater_data.store import Store

EVERY = 2.0  # seconds
CURVES = {
    "reward": "Reward",
    "kl": "KL to the base, nats a response",
    "clip_frac": "Share of clipped tokens",
    "entropy": "Entropy, nats per token",
    "explained_variance": "Explained variance of the critic",
}
PLOTS = {*CURVES, "scores"}
ONCE = "+"  # at the mark of a plot that was sent once
VERSIONS_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-roll-back]');
  if (!button) return;
  const to = Number(button.dataset.rollBack);
  const question = `Use version ${to} again? The next responses come from it. Nothing is deleted.`;
  if (confirm(question)) trigger('roll_back', {to});
});
element.addEventListener('change', (event) => {
  const {note} = event.target.dataset;
  if (note !== undefined) trigger('note', {version: Number(note), text: event.target.value});
});
"""
NOTICE_JS = """
let timer;
new MutationObserver(() => {
  clearTimeout(timer);
  const said = element.querySelector('.ops-notice:not(.bad):not([hidden])');
  if (said) timer = setTimeout(() => { said.hidden = true; }, 20000);
}).observe(element, {childList: true, subtree: true});
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
    curves: dict[str, gr.LinePlot]
    steps: gr.HTML
    watched: gr.HTML
    scores: gr.BarPlot
    strata: gr.HTML
    versions: gr.HTML
    left: gr.Dropdown
    right: gr.Dropdown
    tried: gr.HTML
    samples: gr.HTML
    people: gr.HTML
    tokens: gr.HTML
    log: gr.HTML

    def by_name(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "curves"} | self.curves


@dataclass
class Seen:
    """What is costly to count, kept for all pages."""

    helped: Helped = field(default_factory=Helped)
    glances: Glances = field(default_factory=Glances)


def head(version: str) -> str:
    return stylesheet_links(version, "operator")


def plot(kind: type, title: str, x: str, y: str, x_title: str, **kwargs: Any) -> Any:
    return kind(x=x, y=y, title=title, x_title=x_title, y_title=" ", height=230, min_width=340, **kwargs)


def build(store: Store, guard: Guard, supervisor: Supervisor) -> gr.Blocks:
    with gr.Blocks(title="Console · Rateloop", analytics_enabled=False) as blocks:
        html(elements.top("/static"))
        with gr.Column(elem_classes="ops"):
            parts = lay_out_top()
            notice = parts.pop("notice")
            with gr.Tabs(elem_classes="ops-tabs"):
                with gr.Tab("Round"):
                    parts |= lay_out_round(store.scale())
                with gr.Tab("Versions"):
                    parts |= lay_out_versions(store, guard, notice)
                with gr.Tab("People"):
                    parts |= people_forms.lay_out(store, guard, notice)
                with gr.Tab("Prompts"):
                    operator_forms.prompts(store, guard, notice, blocks)
                with gr.Tab("Settings"):
                    operator_forms.settings(store, guard, notice, blocks)
                    operator_forms.asked(store, guard, notice, blocks)
                    operator_forms.guidelines(store, guard, notice, blocks)
                with gr.Tab("Data"):
                    html(elements.section("Take the ratings away", export_panel.SENTENCE))
                    html(export_panel.exports(), elem_classes="rl", js_on_load=export_panel.SCRIPT)
                with gr.Tab("History"):
                    parts["log"] = html()
        seen = gr.Textbox("{}", visible="hidden")
        wire(store, guard, supervisor, blocks, Page(**parts), notice, seen)
    return blocks


def lay_out_top() -> dict[str, Any]:
    with gr.Row(elem_classes="ops-head"):
        heading = html()
        with gr.Row(elem_classes="ops-actions"):
            cancel = gr.Button("Cancel training", visible=False, elem_classes="ops-button")
            again = gr.Button("Train anyway", visible=False, elem_classes="ops-button")
            main = gr.Button("…", interactive=False, variant="primary", elem_classes="ops-button")
    return {
        "heading": heading,
        "cancel": cancel,
        "again": again,
        "main": main,
        "notice": html(elem_classes="rl ops-said", js_on_load=NOTICE_JS),
    }


def lay_out_round(scale: Scale) -> dict[str, Any]:
    parts = {"tiles": html(), "work": html(), "curves_title": html()}
    with gr.Row(elem_classes="ops-plots"):
        parts["curves"] = {
            name: plot(gr.LinePlot, title, "step", "value", "PPO step", visible=False)
            for name, title in CURVES.items()
        }
    parts |= {"steps": html(), "watched": html()}
    html(elements.section("Ratings"))
    with gr.Row(elem_classes="ops-plots"):
        marks = [scale.mark(point) for point in scale.points]
        parts["scores"] = plot(gr.BarPlot, "Scores this round", "score", "ratings", "Score", sort=marks)
        parts["strata"] = html()
    return parts


def lay_out_versions(store: Store, guard: Guard, notice: gr.HTML) -> dict[str, Any]:
    html(elements.section("Versions"))
    parts = {"versions": html(js_on_load=VERSIONS_JS)}
    html(elements.section("Side by side"))
    with gr.Row(elem_classes="ops-form"):
        parts["left"] = gr.Dropdown(
            [], label="Left", allow_custom_value=True, elem_classes="ops-name ops-short"
        )
        parts["right"] = gr.Dropdown(
            [], label="Right", allow_custom_value=True, elem_classes="ops-name ops-short"
        )
    operator_forms.try_it(store, guard, notice, parts["left"], parts["right"])
    parts |= {"tried": html(), "samples": html()}
    return parts


def look(
    store: Store, supervisor: Supervisor, seen: Seen, chosen: tuple[int | None, int | None] = (None, None)
) -> dict[str, dict[str, Any]]:
    """What each component of the page shows now, by name, as properties."""
    now = operating.overview(store, supervisor.status)
    trained, steps = operating.last_trained(store)
    busy = now.job is not None and now.job.kind == "train"
    scale, versions = store.scale(), store.versions()
    known = version_panels.Known(seen.helped.of(store), version_list.learned_from(store))
    numbers = [(f"Version {v.number}", v.number) for v in reversed(versions)]
    comparison = compare_samples(store, *chosen)
    glance = seen.glances.of(store, now.progress)
    return {
        "heading": {"value": elements.heading(now)},
        "main": {"value": now.next.label, "interactive": now.next.possible},
        "again": {"value": now.next.again or "", "visible": now.next.again is not None},
        "cancel": {"visible": now.next.cancel},
        "tiles": {"value": round_panels.tiles(now, glance, scale)},
        "work": {"value": elements.training(now)},
        "curves_title": {"value": elements.training_heading(trained)},
        **{name: curve(steps, name) for name in CURVES},
        "steps": {"value": elements.steps_table(steps) + elements.lights(operating.health(steps))},
        "watched": {"value": round_panels.watched(steps)},
        "scores": bars(now.progress, scale),
        "strata": {"value": elements.strata(now.progress) + round_panels.score_numbers(now.progress, scale)},
        "versions": {"value": version_panels.versions(versions, busy, known)},
        "left": {"choices": numbers},
        "right": {"choices": numbers},
        "tried": {"value": version_panels.tried(prompt_trials.tried(store))},
        "samples": {"value": version_panels.samples(comparison, chosen)},
        "people": {"value": people_panels.people(seen.helped.raters(store), store.users())},
        "tokens": {"value": people_panels.tokens(store.tokens())},
        "log": {"value": elements.trainer(now.worker) + elements.log(store.events(limit=50))},
    }


def bars(progress: RoundProgress | None, scale: Scale) -> dict[str, Any]:
    frame = plot_data.scores(progress, scale)
    return {"value": frame, "y_lim": [0, max(4, int(frame["ratings"].max()))]}


def curve(steps: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    frame = plot_data.curve(steps, metric)
    axes = {"x_lim": plot_data.step_axis(steps), "y_lim": plot_data.value_axis(frame)}
    return {"value": frame, "visible": not frame.empty} | axes


def mark(properties: dict[str, Any]) -> str:
    text = json.dumps(properties, default=lambda frame: frame.to_json())
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def changed(now: dict[str, dict[str, Any]], marks: str) -> tuple[dict[str, dict[str, Any]], str]:
    """Of what the page shows now, only what differs from the marks it sent; and its new marks.

    A plot is sent twice, with two looks: Gradio draws it anew when its axes arrive, with the numbers from before.
    """
    try:
        old = json.loads(marks)
    except ValueError:
        old = {}
    known = old if isinstance(old, dict) else {}
    new, differs = {}, {}
    for name, properties in now.items():
        new[name] = mark(properties)
        if known.get(name) == new[name]:
            continue
        differs[name] = properties
        if name in PLOTS and known.get(name) != new[name] + ONCE:
            new[name] += ONCE
    return differs, json.dumps(new)


def wire(
    store: Store,
    guard: Guard,
    supervisor: Supervisor,
    blocks: gr.Blocks,
    page: Page,
    notice: gr.HTML,
    marks: gr.Textbox,
) -> None:
    kept, parts = Seen(), page.by_name()

    def fresh(old: str, left: object, right: object) -> dict[Any, Any]:
        chosen = (number_of(left), number_of(right))
        differs, new = changed(look(store, supervisor, kept, chosen), old)
        return {parts[name]: gr.update(**p) for name, p in differs.items()} | {marks: new}

    def tick(old: str, left: object, right: object, request: gr.Request) -> dict[Any, Any]:
        guard.require_operator(request.request)
        return fresh(old, left, right)

    def acting(act: Callable[[User], str]) -> Callable:
        """A handler that does one thing, says what came of it and shows the page as it is then."""

        def handler(old: str, left: object, right: object, request: gr.Request) -> dict[Any, Any]:
            user = guard.require_operator(request.request)
            return {notice: told(lambda: act(user))} | fresh(old, left, right)

        return handler

    def again(user: User) -> str:
        step = operating.overview(store, supervisor.status).next
        return operating.train(store, user, override=step.again_override)

    quick = QUICK | {"inputs": [marks, page.left, page.right], "outputs": [*parts.values(), notice, marks]}
    gr.Timer(EVERY).tick(tick, **quick)
    blocks.load(tick, **quick)
    for dropdown in (page.left, page.right):
        dropdown.input(tick, **quick)
    page.main.click(acting(lambda user: operating.press(store, user, supervisor.status)), **quick)
    page.again.click(acting(again), **quick)
    page.cancel.click(acting(lambda user: operating.cancel(store, user)), **quick)

    def roll_back(user: User, event: gr.EventData) -> str:
        return operating.roll_back(store, user, whole(event.to))

    def note(user: User, event: gr.EventData) -> str:
        return version_list.note(store, user, event.version, event.text)

    def access(user: User, event: gr.EventData) -> str:
        return people_forms.change_access(store, user, event)

    def take_back(user: User, event: gr.EventData) -> str:
        return people_forms.take_back(store, user, event)

    page.versions.roll_back(asked_by(guard, notice, roll_back, fresh), **quick)
    page.versions.note(asked_by(guard, notice, note, fresh), **quick)
    page.people.access(asked_by(guard, notice, access, fresh), **quick)
    page.tokens.take_back(asked_by(guard, notice, take_back, fresh), **quick)


def number_of(value: object) -> int | None:
    """A version's number as a dropdown sends it."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
