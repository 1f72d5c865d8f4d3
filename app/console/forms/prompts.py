"""The console's forms: each is laid out and wired in one function. Widgets only; every handler asks the guard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app.access.auth import Guard
from app.console.panels import prompt_panels
from app.console.panels import training_panels as elements
from app.console.state import prompt_list, prompt_trials
from app.rating import questions
from app.safe_html import render_markdown
from rater_data.errors import BadInput, RateloopError
from rater_data.records import User
from rater_data.round_settings import ROUND_SETTINGS, apply_changes, current_values
from rater_data.setting_names import ROUND_CONFIG
from rater_data.store import Store

QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
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
FILE_JS = """
element.addEventListener('change', async (event) => {
  const file = event.target.files?.[0];
  if (!file) return;
  if (file.size > 150000) {
    trigger('chosen', {name: '', text: ''});
  } else {
    trigger('chosen', {name: file.name, text: await file.text()});
  }
  event.target.value = '';
});
"""
FILE = (
    '<label class="rl-button ops-file">Choose a file'
    '<input type="file" accept=".txt,.jsonl,.csv" class="rl-hidden-text"></label>'
)


def html(value: str = "", **kwargs: Any) -> gr.HTML:
    kwargs.setdefault("js_on_load", None)
    return gr.HTML(value, apply_default_css=False, **kwargs)


def told(act: Callable[[], str]) -> str:
    """What came of a wish, as a notice."""
    try:
        return elements.notice(act())
    except RateloopError as error:
        return elements.notice(str(error), bad=True)


def asked_by(
    guard: Guard,
    notice: gr.HTML,
    act: Callable[[User, gr.EventData], str],
    fresh: Callable[..., dict[Any, Any]],
) -> Callable:
    """A handler for a wish that a panel's own script sends: says what came of it, and shows the page as it is then."""

    def handler(event: gr.EventData, request: gr.Request, *inputs: Any) -> dict[Any, Any]:
        user = guard.require_operator(request.request)
        return {notice: told(lambda: act(user, event))} | fresh(*inputs)

    handler.__name__ = act.__name__  # what the route that runs it is called
    return handler


def whole(value: object) -> int:
    """A number that a page's script sent. Raises BadInput for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise BadInput("The page asked for something that is not there: load it anew.")
    return value


def try_it(store: Store, guard: Guard, notice: gr.HTML, left: gr.Dropdown, right: gr.Dropdown) -> None:
    with gr.Row(elem_classes="ops-form"):
        prompt = gr.Textbox(
            label="Try a prompt on both (on the newest two where none are chosen)",
            placeholder="What would you ask it?",
            lines=2,
            elem_classes="ops-name ops-wide",
        )
        button = gr.Button("Try it", elem_classes="ops-button")

    def ask(text: str, first: object, second: object, request: gr.Request) -> str:
        user = guard.require_operator(request.request)

        def act() -> str:
            chosen = [n for n in (first, second) if isinstance(n, int)]
            known = [v.number for v in store.versions() if v.status != "candidate"]
            current = store.current_version()
            if not chosen and current is not None:
                parent = current.parent
                chosen = [current.number] if parent is None else [parent, current.number]
            if not chosen or not set(chosen) <= set(known):
                raise BadInput("There is no such version to try a prompt on yet.")
            return prompt_trials.ask(store, user, text, chosen)

        return told(act)

    button.click(ask, inputs=[prompt, left, right], outputs=[notice], **QUICK)


def prompts(store: Store, guard: Guard, notice: gr.HTML, blocks: gr.Blocks) -> None:
    html(elements.section("Prompts"))
    with gr.Row(elem_classes="ops-form"):
        wanted = gr.Textbox(label="Find", placeholder="Words or a tag", max_lines=1, elem_classes="ops-name")
        back = gr.Button("Newer", elem_classes="ops-button")
        on = gr.Button("Older", elem_classes="ops-button")
    page = gr.Number(0, visible="hidden")
    shown = html(js_on_load=PROMPTS_JS)
    html(elements.section("Add prompts", "One a line, or a file: text, JSON lines or CSV of up to 150 kB."))
    with gr.Row(elem_classes="ops-form"):
        text = gr.Textbox(label="Prompts, one a line", lines=3, elem_classes="ops-name ops-wide")
        add = gr.Button("Add them", elem_classes="ops-button")
        file = html(FILE, js_on_load=FILE_JS, elem_classes="rl")

    def found(words: str, number: float) -> dict[Any, Any]:
        at = prompt_list.find(store, words, int(number))
        return {shown: prompt_panels.prompts(at), page: at.begin // prompt_list.PAGE}

    def look(step: int) -> Callable:
        def handler(words: str, number: float, request: gr.Request) -> dict[Any, Any]:
            guard.require_operator(request.request)
            return found(words, number + step if step else 0)

        return handler

    def add_lines(words: str, number: float, lines: str, request: gr.Request) -> dict[Any, Any]:
        user = guard.require_operator(request.request)
        try:
            sentence = prompt_list.add(store, user, lines, prompt_list.TYPED)
        except RateloopError as error:
            return {notice: elements.notice(str(error), bad=True)}
        return {notice: elements.notice(sentence), text: ""} | found(words, 0)

    def add_file(user: User, event: gr.EventData) -> str:
        if event.name == "":
            raise BadInput("This file is long: add it with `python -m rater_data import-prompts FILE`.")
        return prompt_list.add(store, user, str(event.text), str(event.name))

    quick = QUICK | {"inputs": [wanted, page], "outputs": [notice, shown, page]}
    blocks.load(look(0), **quick)
    wanted.change(look(0), **quick)
    back.click(look(-1), **quick)
    on.click(look(1), **quick)
    add.click(add_lines, **QUICK, inputs=[wanted, page, text], outputs=[notice, shown, page, text])

    def retire(user: User, event: gr.EventData) -> str:
        return prompt_list.retire(store, user, whole(event.prompt), event.back is True)

    def tag(user: User, event: gr.EventData) -> str:
        return prompt_list.tag(store, user, whole(event.prompt), str(event.text))

    shown.retire(asked_by(guard, notice, retire, found), **quick)
    shown.tag(asked_by(guard, notice, tag, found), **quick)
    file.chosen(asked_by(guard, notice, add_file, found), **quick)


def settings(store: Store, guard: Guard, notice: gr.HTML, blocks: gr.Blocks) -> None:
    boxes: dict[str, gr.Number] = {}
    html(elements.section("Settings of the round", "Changes count from the next round that is begun."))
    for group in dict.fromkeys(setting.group for setting in ROUND_SETTINGS):
        html(f'<h3 class="ops-group">{elements.h(group)}</h3>')
        with gr.Row(elem_classes="ops-settings"):
            for setting in (s for s in ROUND_SETTINGS if s.group == group):
                unit = f"{setting.unit}; " if setting.unit else ""
                info = f"{unit}{setting.low:g} to {setting.high:g}, by default {setting.default:g}"
                boxes[setting.path] = gr.Number(
                    label=setting.label, info=info, min_width=200, elem_classes="ops-name ops-setting"
                )
    with gr.Row(elem_classes="ops-form"):
        save = gr.Button("Keep these settings", variant="primary", elem_classes="ops-button")
        default = gr.Button("Back to the defaults", elem_classes="ops-button")

    def kept() -> dict[Any, Any]:
        values = current_values(store.setting(ROUND_CONFIG, {}))
        return {boxes[path]: value for path, value in values.items()}

    def load(request: gr.Request) -> dict[Any, Any]:
        guard.require_operator(request.request)
        return kept()

    def change(user: User, values: dict[str, object]) -> str:
        before = store.setting(ROUND_CONFIG, {})
        after = apply_changes(values, before)
        if after == before:
            return "Nothing was changed."
        store.set_setting(ROUND_CONFIG, after)
        old, new = current_values(before), current_values(after)
        store.log(user.name, "changed the settings", **{k: new[k] for k in new if new[k] != old[k]})
        return "Kept: the next round is begun with these settings."

    def on_save(values: dict[Any, object], request: gr.Request) -> str:
        user = guard.require_operator(request.request)
        return told(lambda: change(user, {path: values[box] for path, box in boxes.items()}))

    def defaults(request: gr.Request) -> dict[Any, Any]:
        user = guard.require_operator(request.request)
        values = {setting.path: setting.default for setting in ROUND_SETTINGS}
        return {notice: told(lambda: change(user, values))} | kept()

    blocks.load(load, **QUICK, outputs=list(boxes.values()))
    save.click(on_save, **QUICK, inputs=set(boxes.values()), outputs=[notice])
    default.click(defaults, **QUICK, outputs=[notice, *boxes.values()])


def asked(store: Store, guard: Guard, notice: gr.HTML, blocks: gr.Blocks) -> None:
    html(
        elements.section(
            "What raters are asked", "Beside the score; words with commas between. Empty: nothing."
        )
    )
    with gr.Row(elem_classes="ops-form"):
        qualities = gr.Textbox(
            label="Further qualities, answered from 1 to 5",
            placeholder="helpful, truthful, harmless",
            max_lines=1,
            elem_classes="ops-name",
        )
        flags = gr.Textbox(label="Flags to tick", max_lines=1, elem_classes="ops-name")
        save = gr.Button("Ask this", elem_classes="ops-button")

    def load(request: gr.Request) -> list[str]:
        guard.require_operator(request.request)
        now = questions.load_questions(store)
        return [", ".join(now.attributes), ", ".join(now.flags)]

    def change(names: str, ticks: str, request: gr.Request) -> str:
        user = guard.require_operator(request.request)
        return told(lambda: questions.save_questions(store, user, names or "", ticks or ""))

    blocks.load(load, **QUICK, outputs=[qualities, flags])
    save.click(change, **QUICK, inputs=[qualities, flags], outputs=[notice])


def guidelines(store: Store, guard: Guard, notice: gr.HTML, blocks: gr.Blocks) -> None:
    html(
        elements.section(
            "Guidelines", "Markdown. Raters are told that there is a new version; ratings keep theirs."
        )
    )
    with gr.Row(elem_classes="ops-plots ops-guidelines"):
        text = gr.Textbox(label="Text", lines=16, max_lines=40, elem_classes="ops-name ops-wide")
        preview = html(elem_classes="rl")
    with gr.Row(elem_classes="ops-form"):
        save = gr.Button("Put this version in force", elem_classes="ops-button")

    def shown(markdown: str) -> str:
        version, _ = store.guideline()
        said = elements.quiet(f"As raters see it. In force: version {version}.")
        return f'<div class="rate-prose ops-preview">{said}{render_markdown(markdown)}</div>'

    def load(request: gr.Request) -> list[str]:
        guard.require_operator(request.request)
        _, markdown = store.guideline()
        return [markdown, shown(markdown)]

    def look(markdown: str, request: gr.Request) -> str:
        guard.require_operator(request.request)
        return shown(markdown or "")

    def change(markdown: str, request: gr.Request) -> list[str]:
        user = guard.require_operator(request.request)

        def act() -> str:
            if (markdown or "").strip() == store.guideline()[1].strip():
                return "Nothing was changed."
            return f"Version {store.set_guideline(markdown, user.name)} of the guidelines is in force."

        return [told(act), shown(markdown or "")]

    blocks.load(load, **QUICK, outputs=[text, preview])
    text.change(look, **QUICK, inputs=[text], outputs=[preview])
    save.click(change, **QUICK, inputs=[text], outputs=[notice, preview])
