"""The form of a round's settings: presets, fields, and what a round with them takes before they are kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import DIRECT, html, require_operator, run_for_notice
from app.console.panels.elements import h, notice, quiet, section
from app.console.state.console_state import ConsoleState
from app.console.state.settings_change import (
    change_settings,
    default_settings,
    describe_open_round,
    describe_setting,
    preview_settings,
    read_settings,
    unkept_settings,
)
from rater_data.planning.presets import PRESETS, Preset
from rater_data.round_settings import ROUND_SETTINGS, RoundSetting, TextSetting

MAX_NAMED = 3  # settings that are not kept yet and called by their names


def lay_out(page: LivePage) -> None:
    store, guard = page.store, page.guard
    inputs: dict[str, gr.components.Component] = {}
    html(section("Settings of the round", "Changes count from the next round that is begun."))
    page.add_html("begun_with", lambda _: _if_any(describe_open_round(store)))
    fills = _lay_out_presets(page)
    for group in dict.fromkeys(setting.group for setting in ROUND_SETTINGS):
        html(f'<h3 class="ops-group">{h(group)}</h3>')
        with gr.Row(elem_classes="ops-settings"):
            for setting in ROUND_SETTINGS:
                if setting.group == group:
                    inputs[setting.path] = _input(setting)
    with gr.Column(elem_classes="ops-keep"):  # in view for as long as the form differs from what is kept
        line = html(elem_classes="rl")
        with gr.Row(elem_classes="ops-form"):
            save = gr.Button("Keep these settings", variant="primary", elem_classes="ops-button")
            reset = gr.Button("Back to the defaults", elem_classes="ops-button")
    is_filled = gr.Checkbox(False, visible="hidden")
    components = list(inputs.values())

    def current_values() -> dict[Any, Any]:
        return {inputs[path]: value for path, value in read_settings(store).items()}

    def load(request: gr.Request) -> dict[Any, Any]:
        require_operator(guard, request)
        return current_values()

    def look(values: dict[Any, object], request: gr.Request) -> str:
        require_operator(guard, request)
        given = {path: values[field] for path, field in inputs.items()}
        return _unkept_line(unkept_settings(store, given)) + _preview_line(*preview_settings(store, given))

    def first_look(values: dict[Any, object], request: gr.Request) -> dict[Any, Any]:
        return {line: look(values, request), is_filled: True}

    def look_again(values: dict[Any, object], request: gr.Request) -> object:
        require_operator(guard, request)
        return look(values, request) if values[is_filled] is True else gr.skip()

    def on_save(values: dict[Any, object], request: gr.Request) -> dict[Any, Any]:
        user = require_operator(guard, request)
        kept = read_settings(store)  # what somebody left as it is was chosen by nobody
        settings = {path: values[field] for path, field in inputs.items() if values[field] != kept[path]}
        said = run_for_notice(lambda: change_settings(store, user.name, settings))
        return {page.notice: said, line: look(values, request)}

    def defaults(request: gr.Request) -> dict[Any, Any]:
        user = require_operator(guard, request)
        said = run_for_notice(lambda: change_settings(store, user.name, default_settings(store)))
        return {page.notice: said} | current_values()

    def filling(preset: Preset) -> Callable[[gr.Request], dict[Any, Any]]:
        def fill(request: gr.Request) -> dict[Any, Any]:
            require_operator(guard, request)
            said = notice(f"“{preset.name}” is filled in, and not kept yet: look it over, then keep it.")
            return {page.notice: said} | {inputs[path]: value for path, value in preset.values.items()}

        return fill

    loaded = page.blocks.load(load, **DIRECT, outputs=components)
    # fields report their first value one after the other: until then the form is half filled, and nothing is said of it
    loaded.then(first_look, **DIRECT, inputs=set(components), outputs=[line, is_filled])
    save.click(on_save, **DIRECT, inputs=set(components), outputs=[page.notice, line])
    reset.click(defaults, **DIRECT, outputs=[page.notice, *components])
    for preset, button in fills:
        button.click(filling(preset), **DIRECT, outputs=[page.notice, *components])
    # However a field got its value; while one answer is awaited, of all further changes the last one alone is asked
    changes = [component.change for component in components]  # type: ignore[attr-defined]  # gradio makes them
    watched = {*components, is_filled}
    gr.on(changes, look_again, **DIRECT, inputs=watched, outputs=[line], trigger_mode="always_last")


def _if_any(sentence: str) -> str:
    return quiet(sentence) if sentence else ""


def _lay_out_presets(page: LivePage) -> list[tuple[Preset, gr.Button]]:
    """A card for each preset, and the buttons that fill the form with it."""
    buttons = []
    with gr.Row(elem_classes="ops-presets"):
        for number, preset in enumerate(PRESETS):
            with gr.Column(min_width=250, elem_classes="ops-preset rl-panel"):
                page.add_html(f"preset_{number}", partial(_preset_card, preset), elem_classes="rl")
                button = gr.Button(f"Fill in “{preset.name}”", elem_classes="ops-button")
                buttons.append((preset, button))
    page.add_html("cost_basis", lambda state: quiet(state.plan.describe_basis()))
    return buttons


def _preset_card(preset: Preset, state: ConsoleState) -> str:
    plan = state.plan
    changes = [(label, f"{now:g}", f"{then:g}") for label, now, then in plan.differences(preset)]
    same = "" if changes else quiet("Changes nothing: these are the settings that are kept.")
    costs = plan.costs_of(preset)
    return (
        f"<h3>{h(preset.name)}</h3><p>{h(preset.meant_for)}</p><p>{h(preset.why)}</p>"
        f"{same}{_now_and_then(changes)}{_now_and_then(costs)}"
    )


def _now_and_then(rows: list[tuple[str, str, str]]) -> str:
    """Label, now, then; one value where both are the same."""
    lines = [
        f"<div><dt>{h(label)}</dt><dd>{'' if now == then else h(now) + ' → '}<b>{h(then)}</b></dd></div>"
        for label, now, then in rows
    ]
    return f"<dl>{''.join(lines)}</dl>" if lines else ""


def _unkept_line(labels: list[str]) -> str:
    if not labels:
        return ""
    named = (
        labels if len(labels) <= MAX_NAMED + 1 else [*labels[:MAX_NAMED], f"{len(labels) - MAX_NAMED} more"]
    )
    *others, last = named
    which = f"{', '.join(others)} and {last}" if others else last
    return f'<p class="ops-unkept"><b>Not kept yet:</b> {h(which)}.</p>'


def _preview_line(sentence: str, is_fine: bool) -> str:
    kind = "ops-cost" if is_fine else "ops-cost bad"
    return f'<p class="{kind}" role="status">{h(sentence)}</p>'


def _input(setting: RoundSetting | TextSetting) -> gr.components.Component:
    told: dict[str, Any] = {"label": setting.label, "info": describe_setting(setting)}
    if isinstance(setting, RoundSetting):
        return gr.Number(**told, min_width=200, elem_classes="ops-name ops-setting")
    if setting.choices:
        choices = [(choice.capitalize(), choice) for choice in setting.choices]
        return gr.Radio(choices, **told, elem_classes="ops-name ops-setting")
    return gr.Textbox(
        **told,
        lines=3,
        max_lines=12,
        max_length=setting.longest,
        elem_classes="ops-name ops-setting ops-wide ops-across",
    )
