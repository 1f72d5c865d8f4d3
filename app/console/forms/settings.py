"""The form of a round's settings."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.console.forms.live_page import LivePage
from app.console.forms.toolkit import DIRECT, html, require_operator, run_for_notice
from app.console.panels.elements import h, section
from app.console.state.settings_change import (
    change_settings,
    default_settings,
    describe_setting,
    read_settings,
)
from rater_data.round_settings import ROUND_SETTINGS, RoundSetting, TextSetting


def lay_out(page: LivePage) -> None:
    store, guard = page.store, page.guard
    inputs: dict[str, gr.components.Component] = {}
    html(section("Settings of the round", "Changes count from the next round that is begun."))
    for group in dict.fromkeys(setting.group for setting in ROUND_SETTINGS):
        html(f'<h3 class="ops-group">{h(group)}</h3>')
        with gr.Row(elem_classes="ops-settings"):
            for setting in ROUND_SETTINGS:
                if setting.group == group:
                    inputs[setting.path] = _input(setting)
    with gr.Row(elem_classes="ops-form"):
        save = gr.Button("Keep these settings", variant="primary", elem_classes="ops-button")
        reset = gr.Button("Back to the defaults", elem_classes="ops-button")

    def current_values() -> dict[Any, Any]:
        return {inputs[path]: value for path, value in read_settings(store).items()}

    def load(request: gr.Request) -> dict[Any, Any]:
        require_operator(guard, request)
        return current_values()

    def on_save(values: dict[Any, object], request: gr.Request) -> str:
        user = require_operator(guard, request)
        kept = read_settings(store)  # what somebody left as it is was chosen by nobody
        settings = {path: values[field] for path, field in inputs.items() if values[field] != kept[path]}
        return run_for_notice(lambda: change_settings(store, user.name, settings))

    def defaults(request: gr.Request) -> dict[Any, Any]:
        user = require_operator(guard, request)
        settings = default_settings(store)
        return {
            page.notice: run_for_notice(lambda: change_settings(store, user.name, settings))
        } | current_values()

    components = list(inputs.values())
    page.blocks.load(load, **DIRECT, outputs=components)
    save.click(on_save, **DIRECT, inputs=set(components), outputs=[page.notice])
    reset.click(defaults, **DIRECT, outputs=[page.notice, *components])


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
